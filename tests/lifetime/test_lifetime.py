"""Two users live for some days, and the database knows all that it can of them.

`make live DAYS=60 SEED=2` lives longer, and another life.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from healthhub.migrations import migrate
from lifetime import clock
from lifetime.clock import Clock
from lifetime.life import Life
from lifetime.oura import Oura
from long_lived_dbt import Dbt
from oura_sandbox.server import serving
from own_postgres import own_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from healthhub.database import Database

DAYS = int(os.environ.get("DAYS") or 3)
SEED = int(os.environ.get("SEED") or 1)
HISTORY = timedelta(days=20)
BIRTH = date(2026, 9, 1)
WORKER = Path(clock.__file__).with_name("worker_in_time.py")
ZONES = ("UTC", "Asia/Tokyo", "America/New_York")

#: What only the database that has lived can know: what was, and when it was asked.
PAST = (
    "coverage",
    "deleted_documents",
    "document_revisions",
    "job_runs",
    "requested_days",
)

Connection = psycopg.Connection[dict[str, Any]]


@pytest.fixture
def server() -> Iterator[Database]:
    """An embedded PostgreSQL of its own."""
    with own_postgres("lifetime") as database:
        yield database


def test_what_is_known_after_each_day_of_a_life(
    server: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = Random(SEED)  # noqa: S311 - nothing to guard
    oura = Oura(dice, SEED, since=BIRTH - HISTORY, today=BIRTH)
    time = Clock(tmp_path / "clock", monkeypatch)
    environment = {
        **server.environment,
        "LIFETIME_CLOCK": str(tmp_path / "clock"),
        "PGDATABASE": "healthhub",
        "PGOPTIONS": f"{clock.SEARCH_PATH} -c synchronous_commit=off"
        f" -c timezone={dice.choice(ZONES)}",
    }
    dbt = Dbt(environment, tmp_path / "target", WORKER)
    try:
        with serving(oura.state) as url:

            def begin(database: Connection) -> Life:
                return Life(oura, url, _target(environment), database, dbt, time)

            with _database(server) as lived:
                life = begin(lived)
                for day in range(DAYS):
                    if day:
                        oura.wake(
                            oura.today + timedelta(days=dice.choice([1, 1, 1, 2]))
                        )
                    life.run(dice.uniform(3, 22))
                    _assert_no(life.differences(), oura)
                oura.calm()
                life.run(23, end_date=str(oura.today + timedelta(days=1)))
                _assert_no(life.differences(), oura)
                known = _content(lived)
            _rename(server, "lived")

            with _database(server) as fresh:
                once = begin(fresh)
                once.run(23.5)
                assert _content(fresh) == known
    finally:
        dbt.close()


def _assert_no(differences: Iterator[str], oura: Oura) -> None:
    found = list(differences)
    assert not found, "\n".join([*oura.said, f"SEED={SEED}:", *found[:40]])


def _content(database: Connection) -> dict[str, Counter[str]]:
    """The rows of all tables and views, without when they were stored."""
    columns = database.execute(
        "select table_name, array_agg(quote_ident(column_name)) as columns"
        " from information_schema.columns where table_schema = 'healthhub'"
        " and column_name not in ('created_at', 'updated_at')"
        " and not table_name = any(%s) group by table_name",
        (list(PAST),),
    ).fetchall()
    return {
        each["table_name"]: Counter(
            row["content"]
            for row in database.execute(
                f"select row({', '.join(sorted(each['columns']))})::text as content"
                f" from healthhub.{each['table_name']}".encode()
            )
        )
        for each in columns
    }


@contextmanager
def _database(server: Database) -> Iterator[Connection]:
    """An empty database called healthhub, with a clock."""
    database = replace(server, parameters={**server.parameters, "dbname": "healthhub"})
    with server.connect() as maintenance:
        maintenance.autocommit = True
        maintenance.execute("create database healthhub")
    migrate(database)
    with psycopg.connect(
        database.url, autocommit=True, row_factory=dict_row
    ) as connection:
        connection.execute(clock.SCHEMA.encode())
        yield connection


def _rename(server: Database, name: str) -> None:
    with server.connect() as maintenance:
        maintenance.autocommit = True
        maintenance.execute(
            sql.SQL("alter database healthhub rename to {}").format(
                sql.Identifier(name)
            )
        )


def _target(environment: dict[str, str]) -> dict[str, Any]:
    """What meltano.yml tells the target."""
    return {
        "host": environment["PGHOST"],
        "port": int(environment["PGPORT"]),
        "user": environment["PGUSER"],
        "password": environment["PGPASSWORD"],
        "database": environment["PGDATABASE"],
        "default_target_schema": "raw_oura",
        "load_method": "upsert",
        "use_copy": True,
        "sanitize_null_text_characters": True,
        "validate_records": False,
        "batch_size_rows": 50000,
    }
