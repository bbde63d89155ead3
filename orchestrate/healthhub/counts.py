"""What a run did, per stream: documents fetched, new, changed and deleted.

Of heart rate and the ring's battery, these are days: a row holds the samples of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

from psycopg import sql

if TYPE_CHECKING:
    from datetime import datetime

    import psycopg

Counts = dict[str, dict[str, int]]

# What tells them. By its first condition, an index finds what the run has written.
_FETCHED: LiteralString = """
select stream, 'fetched', sum(document_count)::bigint
from raw_oura.sync_windows
where
    _sdc_batched_at >= %(here)s at time zone 'UTC'
    and synced_at >= %(here)s at time zone 'UTC'
group by stream
"""
# A document's revisions are rows that are written once.
_REVISED: LiteralString = """
select stream, case when revision = 1 then 'new' else 'changed' end, count(*)
from healthhub.document_revisions
where updated_at >= %(there)s and created_at >= %(there)s
group by 1, 2
"""
_DELETED: LiteralString = """
select stream, 'deleted', count(*)
from healthhub.deleted_documents
where updated_at >= %(there)s
group by stream
"""
# Days of samples have no revisions.
_WRITTEN: LiteralString = """
select
    {stream}, case when created_at >= %(there)s then 'new' else 'changed' end, count(*)
from {table}
where updated_at >= %(there)s
group by 2
"""
_TOLD_BY = {
    "raw_oura.sync_windows": sql.SQL(_FETCHED),
    "healthhub.document_revisions": sql.SQL(_REVISED),
    "healthhub.deleted_documents": sql.SQL(_DELETED),
} | {
    f"healthhub.{table}": sql.SQL(_WRITTEN).format(
        stream=stream, table=sql.Identifier("healthhub", table)
    )
    for stream, table in {
        "heartrate": "heart_rate_days",
        "ring_battery_level": "ring_battery_level_days",
    }.items()
}
_THERE_ARE = """
select name from unnest(%s::text[]) as name where to_regclass(name) is not null
"""


def stream_counts(
    connection: psycopg.Connection, since_here: datetime, since_there: datetime
) -> Counts:
    """Count what a run did with the streams that it has read.

    Args:
        connection: To the database.
        since_here: When the run began, by this machine's clock, as the tap has it.
        since_there: The same by the database's clock, as the tables have it.
    """
    tables = [name for (name,) in connection.execute(_THERE_ARE, (list(_TOLD_BY),))]
    told = sql.SQL(" union all ").join(_TOLD_BY[table] for table in tables)
    since = {"here": since_here, "there": since_there}
    rows = connection.execute(told, since).fetchall() if tables else []
    counts: Counts = {
        stream: dict.fromkeys(("fetched", "new", "changed", "deleted"), 0)
        for stream, what, _ in rows
        if what == "fetched"
    }
    for stream, what, count in rows:
        if stream in counts:
            counts[stream][what] = count
    return counts
