"""What a run did: to the tables, to each stream, and for each user."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import starmap
from operator import attrgetter
from typing import TYPE_CHECKING, LiteralString

from psycopg import sql
from psycopg.rows import class_row

from healthhub.database import has_relation
from healthhub.meltano_log import UNAUTHORIZED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from uuid import UUID

    import psycopg

Counts = dict[str, dict[str, int]]

_SCHEMA = "healthhub"

# Tables that say nothing about a user's health: the project's own, and those about how
# it was read. The latter are large.
_NOT_SHOWN = [
    *("alembic_version", "job_runs", "users"),
    *("document_revisions", "requested_days"),
]

# What says of which day a row is: the first of them that a table has.
_DAY_COLUMNS = ("day", "start_day", "timestamp")

_TABLES = """
select
    tables.table_name,
    array_agg(columns.column_name::text)
from information_schema.tables
inner join information_schema.columns using (table_schema, table_name)
where
    tables.table_schema = %s
    and tables.table_type = 'BASE TABLE'
    and tables.table_name <> all(%s)
group by tables.table_name
"""


@dataclass(frozen=True)
class TableSummary:
    """One table; None where its columns cannot tell.

    Attributes:
        samples: In all, of a table whose rows are days of samples.
        new: Rows first seen in the run.
        changed: Older rows whose content changed in the run.
    """

    name: str
    rows: int
    samples: int | None
    first_day: date | None
    last_day: date | None
    new: int | None
    changed: int | None


def summarize(
    connection: psycopg.Connection, run_began: datetime
) -> list[TableSummary]:
    """Look at every table that people read, all at once."""
    tables = connection.execute(_TABLES, (_SCHEMA, _NOT_SHOWN)).fetchall()
    if not tables:
        return []
    query = sql.SQL(" union all ").join(starmap(_figures, tables))
    with connection.cursor(row_factory=class_row(TableSummary)) as cursor:
        found = cursor.execute(query, {"began": run_began}).fetchall()
    return sorted(found, key=attrgetter("name"))


def _figures(name: str, columns: Sequence[str]) -> sql.Composed:
    """The query for a table's summary, by the columns that it has."""
    samples = "sum(sample_count)" if "sample_count" in columns else "null"
    first = last = "null::date"
    new = changed = "null"
    for column in _DAY_COLUMNS:
        if column in columns:
            first, last = f"min({column})::date", f"max({column})::date"
            break
    if "created_at" in columns:
        new = "count(*) filter (where created_at >= %(began)s)"
        if "updated_at" in columns:
            changed = (
                "count(*) filter "
                "(where updated_at >= %(began)s and created_at < %(began)s)"
            )
    figures = (
        f"{samples}::bigint as samples, {first} as first_day, {last} as last_day,"
        f" {new}::bigint as new, {changed}::bigint as changed"
    )
    return sql.SQL(
        "select {name} as name, count(*) as rows, {figures} from {table}"
    ).format(name=name, figures=sql.SQL(figures), table=sql.Identifier(_SCHEMA, name))


# An index serves the first condition.
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
    """Count what a run did with the streams that it has read, in documents.

    Of heart rate and the ring's battery, these are days: a row has the samples of one.

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


_OUTCOMES = """
select
    user_id::uuid as user_id,
    count(*) filter (where outcome = 'ok') as complete_windows,
    array_agg(distinct outcome) filter (
        where outcome not in ('ok', 'missing_scope')
    ) as failures,
    array_agg(distinct detail) filter (
        where outcome = 'missing_scope'
    ) as missing_scopes
from raw_oura.sync_windows
where
    -- By the first of them, an index finds what the run has written.
    _sdc_batched_at >= %(since)s at time zone 'UTC'
    and synced_at >= %(since)s at time zone 'UTC'
group by user_id
order by user_id
"""


@dataclass(frozen=True)
class UserOutcome:
    """One user in a run.

    Attributes:
        complete_windows: How much could be read.
        failures: Why something could not, in the tap's words; None if all could.
        missing_scopes: What the user does not share.
    """

    user_id: UUID
    complete_windows: int
    failures: list[str] | None
    missing_scopes: list[str] | None

    @property
    def needs_login(self) -> bool:
        """Whether the token was refused."""
        return UNAUTHORIZED in (self.failures or ())


def user_outcomes(connection: psycopg.Connection, since: datetime) -> list[UserOutcome]:
    """The users that were read since then, on this machine's clock."""
    if not has_relation(connection, "raw_oura.sync_windows"):
        return []
    with connection.cursor(row_factory=class_row(UserOutcome)) as cursor:
        return cursor.execute(_OUTCOMES, {"since": since}).fetchall()
