"""The report: what people look at."""
