"""What a run did, per stream: documents fetched, new, changed and deleted.

Of heart rate and the ring's battery, these are days: a row holds the samples of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from datetime import datetime

    import psycopg

Counts = dict[str, dict[str, int]]

_FETCHED = """
select stream, sum(document_count)::bigint
from raw_oura.sync_windows
where synced_at >= %s at time zone 'UTC'
group by stream
"""

# A document's revisions are rows that are written once.
_REVISED = """
select
    stream,
    count(*) filter (where revision = 1),
    count(*) filter (where revision > 1)
from healthhub.document_revisions
where created_at >= %s
group by stream
"""

# Days of samples have no revisions.
_SAMPLES: dict[str, LiteralString] = {
    "heartrate": "heart_rate_days",
    "ring_battery_level": "ring_battery_level_days",
}
_CHANGED = """
select
    count(*) filter (where created_at >= %(since)s),
    count(*) filter (where created_at < %(since)s)
from healthhub.{table}
where updated_at >= %(since)s
"""

_DELETED = """
select stream, count(*)
from healthhub.deleted_documents
where updated_at >= %s
group by stream
"""


def stream_counts(
    connection: psycopg.Connection, since_here: datetime, since_there: datetime
) -> Counts:
    """Count what a run did.

    Args:
        connection: To the database.
        since_here: When the run began, by this machine's clock, as the tap has it.
        since_there: The same by the database's clock, as the tables have it.
    """
    if not _exists(connection, "raw_oura.sync_windows"):
        return {}
    counts: Counts = {
        stream: {"fetched": fetched, "new": 0, "changed": 0, "deleted": 0}
        for stream, fetched in connection.execute(_FETCHED, (since_here,))
    }
    for stream, new, changed in _revised(connection, counts, since_there):
        counts[stream] |= {"new": new, "changed": changed}
    if _exists(connection, "healthhub.deleted_documents"):
        for stream, deleted in connection.execute(_DELETED, (since_there,)):
            if stream in counts:
                counts[stream]["deleted"] = deleted
    return counts


def _revised(
    connection: psycopg.Connection, streams: Container[str], since: datetime
) -> Iterator[tuple[str, int, int]]:
    """New and changed ones, of the streams that were read."""
    if _exists(connection, "healthhub.document_revisions"):
        for stream, new, changed in connection.execute(_REVISED, (since,)):
            if stream in streams:
                yield stream, new, changed
    for stream, table in _SAMPLES.items():
        if stream in streams and _exists(connection, f"healthhub.{table}"):
            query = sql.SQL(_CHANGED).format(table=sql.Identifier(table))
            for new, changed in connection.execute(query, {"since": since}):
                yield stream, new, changed


def _exists(connection: psycopg.Connection, name: str) -> bool:
    row = connection.execute("select to_regclass(%s) is not null", (name,)).fetchone()
    return row == (True,)
