"""What is in the database now, and what a run changed there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    import psycopg

SCHEMA = "healthhub"

# Tables of the project itself, which say nothing about a person's health.
_OWN_TABLES = ["alembic_version", "job_runs", "users"]

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
order by tables.table_name
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
    """Look at every table that people read."""
    tables = connection.execute(_TABLES, (SCHEMA, _OWN_TABLES)).fetchall()
    return [
        _summarize_table(connection, name, columns, run_began)
        for name, columns in tables
    ]


def _summarize_table(
    connection: psycopg.Connection,
    name: str,
    columns: Sequence[str],
    run_began: datetime,
) -> TableSummary:
    """Count, by the columns that the table has."""
    samples = "sum(sample_count)" if "sample_count" in columns else "null"
    first = last = new = changed = "null"
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
    query = sql.SQL("select count(*), {figures} from {table}").format(
        figures=sql.SQL(f"{samples}, {first}, {last}, {new}, {changed}"),
        table=sql.Identifier(SCHEMA, name),
    )
    row = connection.execute(query, {"began": run_began}).fetchone()
    return TableSummary(name, *(row or ()))
