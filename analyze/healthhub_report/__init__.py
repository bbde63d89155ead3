"""The report: the page that a user looks at."""
