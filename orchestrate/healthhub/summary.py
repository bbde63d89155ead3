"""What is in the database now, and what a run changed there."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import starmap
from operator import attrgetter
from typing import TYPE_CHECKING

from psycopg import sql
from psycopg.rows import class_row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    import psycopg

SCHEMA = "healthhub"

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
        name: The table.
        rows: In all.
        samples: In all, of a table whose rows are days of samples.
        first_day: That it has something of.
        last_day: That it has something of.
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
    tables = connection.execute(_TABLES, (SCHEMA, _NOT_SHOWN)).fetchall()
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
    ).format(name=name, figures=sql.SQL(figures), table=sql.Identifier(SCHEMA, name))
