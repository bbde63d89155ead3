"""Runs: one at a time, on whatever machine, and the ledger `healthhub.job_runs`."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal

import psycopg
from psycopg.types.json import Jsonb

from healthhub.errors import HealthHubError, Interrupted, as_failure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime
    from pathlib import Path

    from healthhub.database import Database

Status = Literal["success", "partial", "failed", "interrupted"]

_START = """
insert into healthhub.job_runs
    (start_date, end_date, full_refresh, github_run_id, versions)
values (%s, %s, %s, %s, %s)
returning run_id, started_at
"""
_FINISH = """
update healthhub.job_runs
set
    finished_at = now(),
    status = %s,
    error_summary = %s,
    record_counts = %s,
    alerts = %s
where run_id = %s
"""
_LAST_SUCCESS = """
select started_at at time zone 'UTC'
from healthhub.job_runs
where status = 'success'
order by run_id desc
limit 1
"""
_NOT_ENDED = """
select run_id, started_at
from healthhub.job_runs
where status = 'running' and run_id < %s
order by run_id
"""
_CLOSE = """
update healthhub.job_runs set status = %s, error_summary = %s where run_id = %s
"""
_KILLED = ("abandoned", "The run was killed, or lost its database.")
_ALERTED = """
select exists (
    select from healthhub.job_runs
    where %s = any(alerts) and started_at > now() - interval '7 days'
)
"""

# Any number that nothing else in this database locks.
_LOCK = 4_207_119_386

_UNDER_WAY = """
select run_id, started_at at time zone 'UTC'
from healthhub.job_runs
where status = 'running' and run_id is distinct from %s
order by run_id
limit 1
"""

# A machine that vanished must not hold the lock for hours.
_NOTICE_THE_DEAD = """
set local tcp_keepalives_idle = 60;
set local tcp_keepalives_interval = 20;
set local tcp_keepalives_count = 3;
set local idle_in_transaction_session_timeout = 0
"""


@dataclass(frozen=True)
class RunRequest:
    """What a run was asked for.

    Attributes:
        start_date: First day; none means where the last run ended.
        end_date: Last day; none means today.
        users: Aliases or ids of those to read; none means all.
    """

    start_date: date | None = None
    end_date: date | None = None
    full_refresh: bool = False
    users: tuple[str, ...] = ()


@dataclass
class JobRun:
    """A row of the ledger while its run goes on.

    Attributes:
        started_at: When it began, by the database's clock.
        last_success: A sentence about the last run before it that succeeded.
        alerts: Keys of what was told, and need not be told again soon.
        is_partial: Whether something was loaded although it failed.
    """

    run_id: int
    started_at: datetime
    last_success: str
    record_counts: dict[str, Any] = field(default_factory=dict)
    alerts: list[str] = field(default_factory=list)
    is_partial: bool = False


@contextmanager
def recorded_run(
    database: Database, request: RunRequest, logs: Path
) -> Iterator[JobRun]:
    """Write a row as soon as a run starts, and how it ended when it does.

    Into a file among the logs, if the ledger is gone by then.
    """
    run = _start(database, request)
    try:
        yield run
    except BaseException as error:
        error.add_note(f"Number of the run: {run.run_id}. {run.last_success}")
        status: Status = "partial" if run.is_partial else "failed"
        if isinstance(error, Interrupted):
            status = "interrupted"
        end = (status, str(as_failure(error)))
        try:
            _finish(database, run, *end)
        except (HealthHubError, psycopg.Error):
            with suppress(OSError):  # it is not to hide why
                _note(logs, run.run_id, run.started_at).write_text(json.dumps(end))
        raise
    else:
        _finish(database, run, "success")


def close_the_killed(database: Database, run: JobRun, logs: Path) -> list[int]:
    """Give runs left as `running` their outcome: from their note, or `abandoned`.

    The caller holds the lock of runs, so none before it is still under way.

    Returns:
        The numbers of those that were killed, which no alert has reported.
    """
    killed = []
    with database.connect() as connection:
        for run_id, started_at in connection.execute(_NOT_ENDED, (run.run_id,)):
            note = _note(logs, run_id, started_at)
            try:
                status, summary = json.loads(note.read_text())
            except (OSError, ValueError):
                status, summary = _KILLED
                killed.append(run_id)
            connection.execute(_CLOSE, (status, summary, run_id))
            note.unlink(missing_ok=True)
    return killed


def _note(logs: Path, run_id: int, started_at: datetime) -> Path:
    """Where it is kept how a run ended that lost its database."""
    began = started_at.astimezone(UTC)
    return logs / f"{began:%Y-%m-%dT%H-%M-%S.%fZ}-end-{run_id}.json"


def was_alerted(connection: psycopg.Connection, key: str) -> bool:
    """Whether a run of the last seven days has told of something."""
    return connection.execute(_ALERTED, (key,)).fetchone() == (True,)


def _start(database: Database, request: RunRequest) -> JobRun:
    days = (request.start_date, request.end_date, request.full_refresh)
    versions = {name: version(name) for name in ("healthhub", "meltano")}
    parameters = (*days, os.environ.get("GITHUB_RUN_ID"), Jsonb(versions))
    with database.connect() as connection:
        last = connection.execute(_LAST_SUCCESS).fetchone()
        run_id, started_at = connection.execute(_START, parameters).fetchone() or ()
    last_success = (
        f"The last one that succeeded began on {last[0]:%Y-%m-%d at %H:%M} UTC."
        if last
        else "None has succeeded yet."
    )
    return JobRun(run_id, started_at, last_success)


def _finish(
    database: Database, run: JobRun, status: Status, error: str | None = None
) -> None:
    counts = Jsonb(run.record_counts)
    with database.connect() as connection:
        connection.execute(_FINISH, (status, error, counts, run.alerts, run.run_id))


@contextmanager
def the_only_run(database: Database, run_id: int | None = None) -> Iterator[None]:
    """Hold the lock of runs; the database drops it when this process dies.

    It belongs to a transaction, as a pooler may give each transaction another session.
    """
    with database.connect() as connection:
        connection.execute(_NOTICE_THE_DEAD)
        lock = connection.execute(f"select pg_try_advisory_xact_lock({_LOCK})")
        if lock.fetchone() != (True,):
            raise HealthHubError(_who_runs(connection, run_id))
        try:
            yield
        finally:
            _let_go(connection)


def _who_runs(connection: psycopg.Connection, run_id: int | None) -> str:
    """Name the run that has the lock: the first that is `running`."""
    if row := connection.execute(_UNDER_WAY, (run_id,)).fetchone():
        other, started_at = row
        return (
            f"Run {other} is under way since {started_at:%Y-%m-%d %H:%M} UTC. "
            "Wait for it to end."
        )
    return "Another run is just starting. Wait for it to end."


def _let_go(connection: psycopg.Connection) -> None:
    """End the transaction; a connection that is lost has let go already."""
    try:
        connection.rollback()
    except psycopg.OperationalError:
        connection.close()
