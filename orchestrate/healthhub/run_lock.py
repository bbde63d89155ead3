"""One run at a time, on whatever machine."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

from healthhub.errors import HealthHubError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from healthhub.database import Database

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


@contextmanager
def the_only_run(database: Database, run_id: int | None = None) -> Iterator[None]:
    """Hold the lock of runs; the database drops it when this process dies.

    It belongs to a transaction, as a pooler may give each transaction another session.

    Args:
        database: With the lock.
        run_id: The run that asks for it, if one does.
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
    """Name the run that has the lock: whoever began later is only about to hear so."""
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
