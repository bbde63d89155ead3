"""The one kind of error that a person is shown."""

from __future__ import annotations


class ReportError(Exception):
    """What a person can put right: one clear sentence that ends with the next step."""
