"""The report, where the package that writes it is installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from healthhub.errors import HealthHubError

if TYPE_CHECKING:
    from pathlib import Path

    from healthhub.database import Database

FILE = "report.html"


def can_report() -> bool:
    """Whether the package is installed."""
    return find_spec("healthhub_report") is not None


def write_report(
    database: Database,
    path: Path,
    *,
    user_id: str | None = None,
    language: str | None = None,
    made_of: str | None = None,
) -> Path:
    """Write it, unless it is made of that already. Returns the file to open."""
    if not can_report():
        raise HealthHubError("The report is not installed. Run `make setup`.")
    from healthhub_report import errors, report  # noqa: PLC0415 (optional)

    options = {"user_id": user_id, "language": language, "made_of": made_of}
    try:
        return report.write_report(database.url, path, **options)
    except errors.ReportError as error:
        raise HealthHubError(str(error)) from None
