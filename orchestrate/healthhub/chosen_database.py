"""The database that the settings choose."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from healthhub.embedded import EmbeddedPostgres, Lease

if TYPE_CHECKING:
    from collections.abc import Iterator

    from healthhub.settings import Settings


@contextmanager
def using_database(settings: Settings) -> Iterator[Lease]:
    """Have the chosen database ready: a person's own, else the embedded one."""
    if external := settings.external_database:
        yield Lease(external)
    else:
        with EmbeddedPostgres(settings.healthhub_home).using() as lease:
            yield lease
