"""A real PostgreSQL, dbt itself, and raw documents to transform."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from citus_server import (
    close_database,
    create_database,
    drop_database,
    everywhere,
)
from long_lived_dbt import Dbt
from own_postgres import own_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

__all__ = ["USER", "Database", "Dbt"]

USER = "0a0a0a0a-0000-4000-8000-000000000001"


class Database:
    """The database under test."""

    def __init__(self, connection: psycopg.Connection[dict[str, Any]]) -> None:
        """Use a connection that commits each statement."""
        self.connection = connection

    def __call__(self, query: str, *parameters: object) -> list[dict[str, Any]]:
        """Run one statement and return its rows."""
        cursor = self.connection.execute(query.encode(), parameters)
        return cursor.fetchall() if cursor.description else []

    def one(self, query: str, *parameters: object) -> dict[str, Any]:
        """Run a query that has one row."""
        (row,) = self(query, *parameters)
        return row

    def load(
        self, stream: str, *documents: dict[str, Any], minutes_ago: int = 0
    ) -> None:
        """Upsert raw documents, as target-postgres does.

        Args:
            stream: The raw table.
            documents: What Oura sent; `user_id` is USER unless it says otherwise.
            minutes_ago: When they were extracted and loaded.
        """
        table = sql.Identifier("raw_oura", stream)
        columns = sql.SQL("jsonb_populate_record(null::{}, %s) as document")
        same = sql.SQL(" and ").join(
            sql.SQL("raw.{key} = document.{key}").format(key=sql.Identifier(key))
            for key in self._key(stream)
        )
        moment = self.moment(minutes_ago)
        names = ("_sdc_extracted_at", "_sdc_received_at", "_sdc_batched_at")
        times = dict.fromkeys(names, moment)
        statement = sql.SQL(
            "delete from {table} as raw using {columns} where {same};"
            "insert into {table} select document.* from {columns}",
        ).format(table=table, columns=columns.format(table), same=same)
        with psycopg.ClientCursor(self.connection) as cursor:
            for document in documents:
                record = json.dumps({"user_id": USER, **document, **times})
                cursor.execute(statement, (record, record))

    def load_samples(
        self, stream: str, *samples: dict[str, Any], minutes_ago: int = 0
    ) -> None:
        """Upsert the days that samples make, as the tap puts them together.

        Args:
            stream: The raw table.
            samples: Of whole days, in order; `user_id` as in `load`.
            minutes_ago: When they were extracted and loaded.
        """
        days: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for sample in samples:
            user = sample.get("user_id", USER)
            days.setdefault((user, sample["timestamp"][:10]), []).append(sample)
        for (user, day), found in days.items():
            names = dict.fromkeys(name for sample in found for name in sample)
            columns = {
                name: [sample.get(name) for sample in found]
                for name in names
                if name not in ("user_id", "unknown_fields")
            }
            unknown = [sample.get("unknown_fields", {}) for sample in found]
            odd = dict.fromkeys(name for fields in unknown for name in fields)
            document = {
                "user_id": user,
                "day": day,
                "samples": columns,
                "unknown_fields": {n: [f.get(n) for f in unknown] for n in odd} or None,
            }
            self.load(stream, document, minutes_ago=minutes_ago)

    def ask(
        self, stream: str, *days: str, minutes_ago: int = 0, **outcome: str
    ) -> None:
        """Note that a window was read, as the tap does.

        Args:
            stream: The route.
            days: The first and the last day.
            minutes_ago: When reading it began.
            outcome: `outcome` and `detail`, if it did not end well.
        """
        window = {
            "stream": stream,
            "window_start": days[0],
            "window_end": days[-1],
            "synced_at": self.moment(minutes_ago),
            "outcome": "ok",
            **outcome,
        }
        self.load("sync_windows", window, minutes_ago=minutes_ago)

    def moment(self, minutes_ago: int) -> str:
        """A moment by the database's clock, in UTC."""
        row = self.one(
            "select (clock_timestamp() - %s * interval '1 minute')"
            " at time zone 'UTC' as moment",
            minutes_ago,
        )
        moment: datetime = row["moment"]
        return moment.isoformat()

    def _key(self, stream: str) -> list[str]:
        rows = self(
            "select attname from pg_index join pg_attribute"
            " on attrelid = indrelid and attnum = any(indkey)"
            " where indisprimary and indrelid = to_regclass(%s)",
            f"raw_oura.{stream}",
        )
        return [row["attname"] for row in rows]


@pytest.fixture(scope="session")
def server() -> Iterator[dict[str, str]]:
    """An embedded PostgreSQL of its own, or Citus, by libpq's variables."""
    with own_postgres("transform") as database:
        yield {
            **database.environment,
            "MAINTENANCE": database.parameters["dbname"],
            "PGDATABASE": "healthhub",
            # A server far from UTC, so that no time is compared as if it were.
            "PGOPTIONS": "-c synchronous_commit=off -c timezone=Asia/Tokyo",
        }


@pytest.fixture(scope="session")
def dbt(
    server: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Dbt]:
    """dbt, started once; the database that it uses is fresh in every test."""
    dbt = Dbt(server, tmp_path_factory.mktemp("target"))
    try:
        yield dbt
    finally:
        dbt.close()


@pytest.fixture(scope="session")
def empty_database(server: dict[str, str], dbt: Dbt) -> str:
    """The name of a database in which everything was built of nothing."""
    with _connect(server, server["MAINTENANCE"]) as maintenance:
        drop_database(maintenance, "healthhub")
        drop_database(maintenance, "empty")
        create_database(maintenance, "healthhub")
        dbt.build()
        with _connect(server, "healthhub") as connection:
            connection.execute(
                "update healthhub_staging.models set read_at = '2000-01-01'"
            )
        close_database(maintenance, "healthhub")
        everywhere(maintenance, "alter database healthhub rename to empty")
    return "empty"


@pytest.fixture
def database(server: dict[str, str], empty_database: str) -> Iterator[Database]:
    """A database in which everything exists and is empty."""
    with _connect(server, server["MAINTENANCE"]) as maintenance:
        drop_database(maintenance, "healthhub")
        create_database(maintenance, "healthhub", empty_database)
    with _connect(server, "healthhub") as connection:
        yield Database(connection)


def _connect(server: dict[str, str], name: str) -> psycopg.Connection[dict[str, Any]]:
    return psycopg.connect(
        host=server["PGHOST"],
        port=server["PGPORT"],
        user=server["PGUSER"],
        password=server["PGPASSWORD"],
        dbname=name,
        autocommit=True,
        row_factory=dict_row,
    )
