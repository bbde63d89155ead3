from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from alembic.script import ScriptDirectory

from healthhub import migrations
from healthhub.errors import HealthHubError
from healthhub.migrations import migrate, newest_revision

if TYPE_CHECKING:
    from healthhub.database import Database

_COLUMNS = """
select table_name, column_name, data_type, is_nullable = 'YES'
from information_schema.columns
where table_schema = 'healthhub' and table_name = any(%s)
order by table_name, ordinal_position
"""
_UNDOCUMENTED = """
select attrelid::regclass::text, attname
from pg_attribute
where
    attrelid in ('healthhub.users'::regclass, 'healthhub.job_runs'::regclass)
    and attnum > 0
    and col_description(attrelid, attnum) is null
"""


def test_creates_what_the_design_lists(database: Database) -> None:
    migrate(database)
    with database.connect() as connection:
        schemas = connection.execute(
            "select schema_name from information_schema.schemata"
        ).fetchall()
        users = connection.execute(_COLUMNS, (["users"],)).fetchall()
        undocumented = connection.execute(_UNDOCUMENTED).fetchall()
    assert {("healthhub",), ("raw_oura",), ("meltano",)} <= set(schemas)
    assert users == [
        ("users", "user_id", "uuid", False),
        ("users", "oura_pat_alias", "text", False),
        ("users", "timezone", "text", False),
        ("users", "is_active", "boolean", False),
        ("users", "created_at", "timestamp with time zone", False),
        ("users", "is_added", "boolean", False),
    ]
    assert undocumented == []


def test_a_run_needs_nothing_but_its_row(database: Database) -> None:
    migrate(database)
    with database.connect() as connection:
        row = connection.execute(
            "insert into healthhub.job_runs default values "
            "returning status, finished_at, started_at = now(), record_counts"
        ).fetchone()
        assert row == ("running", None, True, {})
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("update healthhub.job_runs set status = 'maybe'")


def test_again_changes_nothing(database: Database) -> None:
    migrate(database)
    with database.connect() as connection:
        connection.execute("insert into healthhub.users (oura_pat_alias) values ('a')")
    migrate(database)
    with database.connect() as connection:
        row = connection.execute("select count(*) from healthhub.users").fetchone()
    assert row == (1,)


def test_several_at_once_wait_for_each_other(database: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, [database] * 4))
    with database.connect() as connection:
        versions = connection.execute(
            "select version_num from healthhub.alembic_version"
        ).fetchall()
    assert versions == [(newest_revision(),)]


def test_files_tell_the_newest_revision() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert newest_revision() == scripts.get_current_head()


def test_database_of_a_newer_version_is_left_alone(database: Database) -> None:
    migrate(database)
    with database.connect() as connection:
        connection.execute("update healthhub.alembic_version set version_num = '9999'")
    with pytest.raises(HealthHubError, match=r"newer version of healthHub .+ Update"):
        migrate(database)


def test_user_without_the_right_is_told_so(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("create role reader login password 'reader'")
    reader = {**database.parameters, "user": "reader", "password": "reader"}
    with pytest.raises(HealthHubError, match="refuses: permission denied for database"):
        migrate(replace(database, parameters=reader))
    with database.connect() as connection:
        connection.execute("drop role reader")


def test_estimates_of_one_instant_become_one_row(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("create schema raw_oura")
        connection.execute(
            "create table raw_oura.vo2_max (user_id uuid, timestamp text,"
            " vo2_max bigint, _sdc_extracted_at timestamp,"
            " primary key (user_id, timestamp))"
        )
        for timestamp, vo2_max, day in (
            ("2026-03-01T10:00:00+02:00", 40, "2026-03-02"),
            ("2026-03-01T09:00:00+01:00", 41, "2026-03-03"),
            ("2026-03-01T10:00:00", 42, "2026-03-01"),
            ("soon", 43, "2026-03-01"),
        ):
            connection.execute(
                "insert into raw_oura.vo2_max values"
                " ('0a0a0a0a-0000-4000-8000-000000000001', %s, %s, %s)",
                (timestamp, vo2_max, day),
            )
    migrate(database)
    with database.connect() as connection:
        rows = connection.execute(
            "select timestamp_utc, timestamp, vo2_max from raw_oura.vo2_max"
            " order by vo2_max"
        ).fetchall()
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(
                "insert into raw_oura.vo2_max (user_id, timestamp_utc)"
                " select user_id, timestamp_utc from raw_oura.vo2_max limit 1"
            )
    assert rows == [
        ("2026-03-01T08:00:00+00:00", "2026-03-01T09:00:00+01:00", 41),
        ("2026-03-01T10:00:00", "2026-03-01T10:00:00", 42),
        ("soon", "soon", 43),
    ]
