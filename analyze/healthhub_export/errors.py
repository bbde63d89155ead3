"""The one kind of error that a user is shown."""

from __future__ import annotations


class ExportError(Exception):
    """What a user can put right: one clear sentence that ends with the next step."""
