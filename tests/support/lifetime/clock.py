"""One clock for the tap, the target, dbt and the database, that can be set."""

from __future__ import annotations

import datetime as dt
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg
    import pytest

#: Who reads the clock as `datetime`, and who as `datetime.datetime`.
READERS = ("tap_oura.client", "tap_oura.prefetch", "tap_oura.run")
READERS_OF_MODULE = ("singer_sdk.sinks.batch", "singer_sdk.sinks.core")

#: Stands before pg_catalog in the search path, so that its now() is the one.
SCHEMA = """
create schema clock;
create table clock.ahead (seconds double precision);
insert into clock.ahead values (0);
create function clock.now() returns timestamptz language sql stable as
$$ select pg_catalog.now() + make_interval(secs => seconds) from clock.ahead $$
"""
SEARCH_PATH = "-c search_path=clock,pg_catalog,public"


class Clock:
    """The time it is, and how far that is ahead of the machine's own."""

    def __init__(self, file: Path, patch: pytest.MonkeyPatch) -> None:
        """Take over from the machine's own; the file tells dbt."""
        self._file = file
        file.write_text("0")
        self._ahead = dt.timedelta()
        clock = self

        class OfAnyDatetime(type):
            def __instancecheck__(cls, value: object) -> bool:
                return isinstance(value, dt.datetime)

        class Datetime(dt.datetime, metaclass=OfAnyDatetime):
            @classmethod
            def now(cls, tz: dt.tzinfo | None = None) -> Any:  # noqa: ANN401
                return dt.datetime.now(tz) + clock._ahead

        module = ModuleType(dt.__name__)
        vars(module).update(vars(dt), datetime=Datetime)
        for name in READERS:
            patch.setattr(import_module(name), "datetime", Datetime)
        for name in READERS_OF_MODULE:
            patch.setattr(import_module(name), "datetime", module)

    def set(
        self, moment: dt.datetime, *databases: psycopg.Connection[dict[str, Any]]
    ) -> None:
        """Let it be some moment, from which on time goes by as usual."""
        self._ahead = moment - dt.datetime.now(dt.UTC)
        seconds = self._ahead.total_seconds()
        self._file.write_text(str(seconds))
        for database in databases:
            database.execute("update clock.ahead set seconds = %s", (seconds,))
