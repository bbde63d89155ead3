"""Many accounts from a few that were read, and days that pass between two runs.

Both know of the database only that raw tables have a `user_id`, and the names of the
columns that say when something was loaded.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from psycopg import sql

from api import TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

USER = "0a0a0a0a-0000-4000-8000-{:012d}"

# Account by account, as they would have been read.
COPY = """
    insert into {table} (user_id, {columns})
    select cast(
        '0a0a0a0a-0000-4000-8000-' || lpad(number::text, 12, '0') as {type}
    ), {columns}
    from generate_series({first}, {last}) as number
    inner join {table} as original on original.user_id = cast(
        '0a0a0a0a-0000-4000-8000-'
        || lpad(((number - 1) % {people} + 1)::text, 12, '0') as {type}
    )
"""
COLUMNS = """
    select
        relation.relname,
        column_.attname,
        format_type(column_.atttypid, column_.atttypmod)
    from pg_class as relation
    inner join pg_attribute as column_ on column_.attrelid = relation.oid
    where
        relation.relkind = 'r' and relation.relnamespace = to_regnamespace(%s)
        and column_.attnum > 0
        and not column_.attisdropped and column_.attgenerated = ''
"""

# Everything that was loaded today was loaded yesterday.
AGE = "update {table} set {changes} where {column} > {since}"
LOADED = ("_sdc_extracted_at", "_sdc_received_at", "_sdc_batched_at", "synced_at")
AGED = {
    "raw_oura": LOADED,
    "healthhub_staging": ("read_at",),
    "healthhub": (*LOADED, "updated_at"),
}


def users(number: int) -> str:
    """The tap's setting for so many accounts."""
    return json.dumps(
        [
            {
                "user_id": USER.format(n),
                "access_token": TOKEN if n == 1 else f"{TOKEN}-{n}",
            }
            for n in range(1, number + 1)
        ]
    )


def multiply(connection: psycopg.Connection[Any], people: int, accounts: int) -> None:
    """Let the accounts up to a number be copies of the first ones."""
    for table, columns in _tables(connection, "raw_oura"):
        if "user_id" not in columns:
            continue
        statement = sql.SQL(COPY).format(
            table=sql.Identifier("raw_oura", table),
            columns=sql.SQL(", ").join(
                sql.Identifier(name) for name in columns if name != "user_id"
            ),
            type=sql.SQL(columns["user_id"]),
            first=people + 1,
            last=accounts,
            people=people,
        )
        connection.execute(statement)
    bookmarks = connection.execute("select * from meltano.state")
    names = [column.name for column in bookmarks.description or ()]
    for row in bookmarks.fetchall():
        found = dict(zip(names, row, strict=True))
        for name in ("partial_state", "completed_state"):
            state = found[name]
            if not state:
                continue
            decoded = json.loads(state) if isinstance(state, str) else state
            connection.execute(
                sql.SQL("update meltano.state set {} = %s where state_id = %s").format(
                    sql.Identifier(name)
                ),
                (
                    json.dumps(_multiplied(decoded, people, accounts)),
                    found["state_id"],
                ),
            )


def let_days_pass(
    connection: psycopg.Connection[Any], days: int = 1, *, but_for_reading: bool = False
) -> None:
    """Let what was loaded since the last time have been loaded days earlier.

    A run reads again what was loaded in the hour before the last one. For the runs of
    ordinary days, a first load has to lie further back than that: `but_for_reading`.
    """
    for schema, aged in AGED.items():
        if but_for_reading and schema == "healthhub_staging":
            continue
        for table, columns in _tables(connection, schema):
            if schema == "healthhub" and table != "document_revisions":
                continue
            for column in set(aged) & columns.keys():
                connection.execute(
                    sql.SQL(AGE).format(
                        table=sql.Identifier(schema, table),
                        column=sql.Identifier(column),
                        changes=sql.SQL("{0} = {0} - {1} * interval '1 day'").format(
                            sql.Identifier(column), days
                        ),
                        since=sql.SQL(
                            "now() at time zone 'UTC' - {} * interval '1 hour'"
                        ).format(48 if but_for_reading else 20),
                    )
                )
    # As if it had never been moved: no holes for the next load to fill, and no page of
    # which BRIN knows both moments.
    connection.execute("vacuum (full, analyze)")


def _tables(
    connection: psycopg.Connection[Any], schema: str
) -> Iterator[tuple[str, dict[str, str]]]:
    """The tables of a schema, with the types of their columns."""
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(COLUMNS, (schema,)):
        tables.setdefault(table, {})[column] = kind
    yield from tables.items()


def _multiplied(state: Any, people: int, accounts: int) -> Any:  # noqa: ANN401 - JSON
    """Bookmarks, with those of further accounts beside those of the first ones."""
    if isinstance(state, list):
        return [_multiplied(each, people, accounts) for each in state]
    if not isinstance(state, dict):
        return state
    result = {name: _multiplied(each, people, accounts) for name, each in state.items()}
    if isinstance(partitions := result.get("partitions"), list):
        known = {p["context"]["user_id"]: p for p in partitions}
        for number in range(people + 1, accounts + 1):
            partition = known.get(USER.format((number - 1) % people + 1))
            if partition:
                added = copy.deepcopy(partition)
                added["context"]["user_id"] = USER.format(number)
                partitions.append(added)
    return result
