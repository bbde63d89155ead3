"""The ledger of runs, `healthhub.job_runs`."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal

import psycopg
from psycopg.types.json import Jsonb

from healthhub.errors import HealthHubError
from healthhub.signals import Interrupted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

    from healthhub.database import Database

_START = """
insert into healthhub.job_runs
    (start_date, end_date, full_refresh, github_run_id, versions)
values (%s, %s, %s, %s, %s)
returning run_id, started_at
"""
_FINISH = """
update healthhub.job_runs
set finished_at = now(), status = %s, error_summary = %s, record_counts = %s
where run_id = %s
"""


@dataclass(frozen=True)
class Request:
    """What a run was asked for.

    Attributes:
        start_date: First day; none means where the last run ended.
        end_date: Last day; none means today.
        full_refresh: Whether to read everything again.
    """

    start_date: date | None = None
    end_date: date | None = None
    full_refresh: bool = False


@dataclass
class JobRun:
    """A row of the ledger while its run goes on.

    Attributes:
        run_id: Its key.
        started_at: When it began, by the database's clock.
        record_counts: What it did, per table.
    """

    run_id: int
    started_at: datetime
    record_counts: dict[str, Any] = field(default_factory=dict)


@contextmanager
def recorded_run(database: Database, request: Request) -> Iterator[JobRun]:
    """Write a row as soon as a run starts, and how it ended when it does."""
    run = _start(database, request)
    try:
        yield run
    except HealthHubError as error:
        _finish(database, run, "failed", str(error))
        raise
    except Interrupted as interruption:
        _finish(database, run, "interrupted", f"{interruption}")
        raise
    except BaseException as error:
        _finish(database, run, "failed", f"An unexpected {type(error).__name__}.")
        raise
    else:
        _finish(database, run, "success")


def _start(database: Database, request: Request) -> JobRun:
    """Insert the row."""
    versions = {name: version(name) for name in ("healthhub", "meltano")}
    parameters = (
        request.start_date,
        request.end_date,
        request.full_refresh,
        os.environ.get("GITHUB_RUN_ID"),
        Jsonb(versions),
    )
    with database.connect() as connection:
        run_id, started_at = connection.execute(_START, parameters).fetchone() or ()
    return JobRun(run_id, started_at)


def _finish(
    database: Database,
    run: JobRun,
    status: Literal["success", "failed", "interrupted"],
    error_summary: str | None = None,
) -> None:
    """Update the row; a database that is gone must not hide why."""
    parameters = (status, error_summary, Jsonb(run.record_counts), run.run_id)
    allowed = () if status == "success" else (HealthHubError, psycopg.Error)
    with suppress(*allowed), database.connect() as connection:
        connection.execute(_FINISH, parameters)
