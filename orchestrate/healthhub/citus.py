"""Spreading the tables of a database over the machines of Citus, and gathering them.

New tables are spread as they are made, by the target and by dbt. This is for those that
were there before Citus was, or that a backup has brought back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from healthhub.errors import HealthHubError
from healthhub.job_runs import the_only_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from healthhub.database import Database

_HAS_CITUS = "select exists (select from pg_extension where extname = 'citus')"
# What is of a user has the user in its key. The list of users stays in one place.
_ON_ONE_MACHINE = """
select pg_class.oid::regclass::text
from pg_class
inner join pg_constraint
    on pg_constraint.conrelid = pg_class.oid and contype = 'p'
inner join pg_attribute
    on pg_attribute.attrelid = pg_class.oid
    and pg_attribute.attnum = any(conkey)
    and attname = 'user_id'
where
    relnamespace in (to_regnamespace('raw_oura'), to_regnamespace('healthhub'))
    and pg_class.oid is distinct from to_regclass('healthhub.users')
    and pg_class.oid not in (select logicalrelid from pg_dist_partition)
order by 1
"""
_SPREAD = """
select logicalrelid::text
from pg_dist_partition
inner join pg_class on pg_class.oid = logicalrelid
where relnamespace in (to_regnamespace('raw_oura'), to_regnamespace('healthhub'))
order by 1
"""


def has_citus(connection: psycopg.Connection) -> bool:
    """Whether the database can be on several machines."""
    return connection.execute(_HAS_CITUS).fetchone() == (True,)


def distribute(database: Database) -> Iterator[str]:
    """Spread each table that is on one machine by its users. Yields their names.

    A table is a transaction: what was spread when this is stopped, is not again.
    """
    yield from _move(
        database,
        _ON_ONE_MACHINE,
        "select create_distributed_table(%s, 'user_id')",
        "select truncate_local_data_after_distributing_table(%s)",
    )


def gather(database: Database) -> Iterator[str]:
    """Bring each table that is spread back to the first machine. Yields their names."""
    yield from _move(database, _SPREAD, "select undistribute_table(%s)")


def _move(database: Database, tables: str, *statements: str) -> Iterator[str]:
    """Run the statements on each table of a query, each in its own transaction."""
    with database.connect(autocommit=True) as connection:
        if not has_citus(connection):
            raise HealthHubError(
                f"The database at {database.address} is no Citus. Have its owner run "
                "`create extension citus` in it, see docs/citus.md."
            )
        with the_only_run(database):
            for (table,) in connection.execute(tables.encode()).fetchall():
                for statement in statements:
                    connection.execute(statement.encode(), (table,))
                yield table
