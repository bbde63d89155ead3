"""What several commands need."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

from healthhub.errors import HealthHubError
from healthhub.migrations import migrate
from healthhub.settings import Settings, load_settings, project_folder, using_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from healthhub.embedded import Lease


def settings() -> Settings:
    """The settings of the project around the current folder."""
    return load_settings(project_folder())


@contextmanager
def migrated_database() -> Iterator[Lease]:
    """The chosen database, with all that the migrations make."""
    with using_database(settings()) as lease:
        migrate(lease.database)
        yield lease


def day(option: str, text: str | None) -> date | None:
    """The day that an option names.

    Raises:
        HealthHubError: It is none.
    """
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = f"{option} {text!r} is not a day. Write it like 2026-01-31."
        raise HealthHubError(message) from None
