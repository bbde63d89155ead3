"""How long a test waits for an answer that has to come."""

#: Seconds, for a machine that is far slower than any. That what is started comes to an
#: end at all, pytest's own timeout sees to (pyproject.toml).
PATIENCE = 300
