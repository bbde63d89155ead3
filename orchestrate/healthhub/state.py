"""What everything was made of that a run shows: the same, and it still is true."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from pathlib import Path

# How build_if_new.py knows, too, whether the tables are as they were.
_TABLES = "transform/scripts/state.sql"

# What it does not say of the users: names, and the day that it is at their homes.
_USERS = """
select user_id, oura_pat_alias, timezone, (now() at time zone timezone)::date
from healthhub.users
order by user_id
"""

# Each day is another state, so what was refused earlier cannot be news.
_REFUSED = """
select exists (
    select from raw_oura.sync_windows
    where
        _sdc_batched_at > (now() at time zone 'UTC') - interval '2 days'
        and outcome <> 'ok'
)
"""


def state(connection: psycopg.Connection, project: Path) -> str | None:
    """A word for it, without a look at what was stored before; None when in doubt.

    In doubt is what Oura refused of late: it is shown with when that was.
    """
    try:
        with connection.transaction():
            return _state(connection, (project / _TABLES).read_bytes())
    except (psycopg.Error, OSError):
        return None


def _state(connection: psycopg.Connection, tables: bytes) -> str | None:
    found = connection.execute(tables).fetchone() or (None,) * 5
    made, moment, is_built, uncounted, _ = found
    if not is_built or uncounted or connection.execute(_REFUSED).fetchone() == (True,):
        return None
    users = connection.execute(_USERS).fetchall()
    return sha256(repr((made, moment, users)).encode()).hexdigest()
