"""What there is to export: tables and views, as the database describes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from healthhub_export.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Collection

    import psycopg

#: What says to which year a row belongs, the first that a table has.
_TIMES = ("day", "start_day", "week", "month", "timestamp", "started_at")

_NOT_FOR_PEOPLE = ("alembic_version",)

# A view that unfolds samples has a function that asks it by time.
_RELATIONS = """
select
    relname,
    coalesce(obj_description(pg_class.oid, 'pg_class'), ''),
    to_regprocedure(format(
        'healthhub.%%I(timestamptz, timestamptz)', relname || '_between'
    )) is not null,
    array(
        select attname::text
        from pg_attribute
        inner join pg_index on indrelid = attrelid and indisprimary
        where attrelid = pg_class.oid and attnum = any(indkey)
        order by array_position(indkey::int2[], attnum)
    ),
    array_agg(
        array[
            attname::text,
            format_type(atttypid, atttypmod),
            coalesce(col_description(pg_class.oid, attnum), '')
        ]
        order by attnum
    )
from pg_class
inner join pg_attribute
    on attrelid = pg_class.oid and attnum > 0 and not attisdropped
where relnamespace = to_regnamespace('healthhub')
    and relkind in ('r', 'p', 'v')
    and relname != all(%s)
group by pg_class.oid, relname
order by relname
"""


class Column(NamedTuple):
    """A column, its type as PostgreSQL writes it, and what it means."""

    name: str
    type: str
    description: str

    @property
    def is_array(self) -> bool:
        """Whether it holds several values."""
        return self.type.endswith("[]")


@dataclass(frozen=True)
class Relation:
    """A table or view of `healthhub`.

    Attributes:
        has_rows_of_samples: Whether it only unfolds what another table has by the day.
        key: The columns of its primary key; a view has none.
    """

    name: str
    description: str
    has_rows_of_samples: bool
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def has(self, name: str) -> bool:
        """Whether it has a column."""
        return any(column.name == name for column in self.columns)

    @property
    def time(self) -> Column | None:
        """The column that says to which year a row belongs."""
        columns = {column.name: column for column in self.columns}
        found = (columns[name] for name in _TIMES if name in columns)
        return next(found, None)

    @property
    def order(self) -> tuple[str, ...]:
        """Columns that tell its rows apart, so that files come out the same twice."""
        return self.key or tuple(
            c.name for c in self.columns if not c.is_array and c.type != "jsonb"
        )


def relations(
    connection: psycopg.Connection, names: Collection[str] = ()
) -> list[Relation]:
    """The tables and views to export: those that are named.

    By default all but the views that unfold samples, whose tables by the day are there.
    """
    rows = connection.execute(_RELATIONS, (list(_NOT_FOR_PEOPLE),)).fetchall()
    there = {
        name: Relation(
            name, description, by_time, tuple(key), tuple(Column(*c) for c in columns)
        )
        for name, description, by_time, key, columns in rows
    }
    if unknown := set(names) - set(there):
        raise ExportError(
            f"There is no table {', '.join(sorted(unknown))}. "
            f"There are {', '.join(there)}."
        )
    if "daily_overview" not in there:
        raise ExportError("There is nothing to export yet. Run `healthhub run`.")
    if names:
        return [there[name] for name in dict.fromkeys(names)]
    return [each for each in there.values() if not each.has_rows_of_samples]
