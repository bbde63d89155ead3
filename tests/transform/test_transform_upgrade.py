"""A database whose samples are rows becomes one of days, and loses nothing."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row

import citus_server
from healthhub.database import Database as Address
from healthhub.embedded.programs import packaged_programs
from healthhub.errors import HealthHubError
from healthhub.migrations import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.transform.conftest import Database, Dbt

#: Made by the version before, by `pg_dump --no-owner`, with odd samples put in by hand.
DUMP = Path(__file__).with_name("samples_as_rows.sql.gz")
MIGRATE = """
import sys
from healthhub.database import Database
from healthhub.migrations import migrate
migrate(Database.from_url(sys.argv[1]))
"""
RAW = {
    "heartrate": ("timestamp_unix", "bpm", "source"),
    "ring_battery_level": ("timestamp_unix", "charging", "in_charger", "level"),
}
VIEWS = {
    "heart_rate": "timestamp, bpm, source",
    "ring_battery_levels": "timestamp, level, charging, in_charger",
}


@pytest.fixture
def address(server: dict[str, str], database: Database) -> Iterator[Address]:
    """The database as the version before has left it."""
    if citus_server.given():
        pytest.skip("that version knew one machine only; `db distribute` is for it")
    address = Address(
        {
            "host": server["PGHOST"],
            "port": server["PGPORT"],
            "user": server["PGUSER"],
            "password": server["PGPASSWORD"],
            "dbname": "healthhub",
        }
    )
    database(
        "drop schema healthhub, healthhub_staging, raw_oura cascade",
    )
    subprocess.run(
        [packaged_programs() / "psql", "--quiet", "--set=ON_ERROR_STOP=1"],
        input=gzip.decompress(DUMP.read_bytes()),
        env={**os.environ, **server},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    yield address
    database("drop schema meltano, healthhub_tokens cascade")


def raw_samples(database: Database, stream: str) -> list[dict[str, Any]]:
    """What was read before, as a day's columns would have it."""
    return database(
        f"select user_id, timestamp::date as day,"
        " (to_jsonb(timestamp) #>> '{}') || '+00:00' as timestamp,"
        f" {', '.join(RAW[stream])}, unknown_fields from raw_oura.{stream}"
        " where _sdc_deleted_at is null order by user_id, timestamp"
    )


def test_everything_is_there_as_it_was(
    dbt: Dbt, database: Database, address: Address
) -> None:
    raw = {stream: raw_samples(database, stream) for stream in RAW}
    views = {
        view: database(f"select {columns} from healthhub.{view} order by 1")
        for view, columns in VIEWS.items()
    }
    size = "select pg_total_relation_size('raw_oura.heartrate') as size"
    before = database.one(size)["size"]
    first_written = database(
        "select (timestamp at time zone 'UTC')::date as day, min(created_at) as first"
        " from healthhub.heart_rate group by 1 order by 1"
    )
    known = "select user_id, day, stream, created_at from healthhub"
    asked = database(f"{known}.asked_days")
    database("create view public.mine as select kind from healthhub.sleep_samples")
    database(
        "create view public.my_deviations as"
        " select temperature_deviation_deviation, routes from healthhub.daily_overview"
    )
    migrate(address)
    for stream, samples in raw.items():
        found = [
            {
                "user_id": day["user_id"],
                "day": day["day"],
                **{
                    name: values[n] if (values := day["samples"].get(name)) else None
                    for name in ("timestamp", *RAW[stream])
                },
                "unknown_fields": {
                    name: values[n]
                    for name, values in (day["unknown_fields"] or {}).items()
                    if values[n] is not None
                },
            }
            for day in database(f"select * from raw_oura.{stream} order by 1, 2")
            for n in range(len(day["samples"]["timestamp"]))
        ]
        for sample in samples:
            sample["unknown_fields"] = sample["unknown_fields"] or {}
            if "source" in sample:
                sample["source"] = sample["source"] or ""
        assert found == samples
        assert len(found) > 100

    dbt.build()
    for view, columns in VIEWS.items():
        assert (
            database(f"select {columns} from healthhub.{view} order by 1")
            == (views[view])
        )
    assert (
        database(
            "select day, created_at as first from healthhub.heart_rate_days order by 1"
        )
        == first_written
    )
    (odd,) = database("select * from healthhub.set_aside_documents")
    assert odd["table_name"] == "heart_rate_days"
    assert odd["content"]["bpm"] == "fast"
    assert database.one(size)["size"] < before / 5

    requested = database(f"{known}.requested_days")
    assert asked
    assert all(row in requested for row in asked)
    assert database("select kind from public.mine limit 1")
    assert database("select * from public.my_deviations limit 1")
    assert not database(
        "select from pg_attribute where attname in ('routes', 'route_count')"
        " and attrelid = 'healthhub.daily_overview'::regclass"
    )
    left = (
        "healthhub.asked_days",
        "healthhub_staging.int_oura__accounts",
        "raw_oura.sleep_deleted_at",
    )
    assert not any(
        database.one("select to_regclass(%s) as it", name)["it"] for name in left
    )


def test_a_killed_conversion_has_changed_nothing(
    database: Database, address: Address, server: dict[str, str]
) -> None:
    before = raw_samples(database, "heartrate")
    url = (
        f"postgresql://{server['PGUSER']}:{server['PGPASSWORD']}"
        f"@{server['PGHOST']}:{server['PGPORT']}/healthhub"
    )
    with psycopg.connect(url, row_factory=dict_row) as reader:
        reader.execute("select from raw_oura.ring_battery_level limit 1")
        process = subprocess.Popen([sys.executable, "-c", MIGRATE, url])
        waiting = (
            "select exists (select from pg_locks where not granted"
            " and relation = 'raw_oura.ring_battery_level'::regclass) as waits"
        )
        while not database.one(waiting)["waits"]:
            assert process.poll() is None
        process.kill()
        process.wait()
    assert raw_samples(database, "heartrate") == before
    migrate(address)
    days = database.one("select count(*) as days from raw_oura.heartrate")
    assert days["days"] == len({row["day"] for row in before})


@pytest.mark.parametrize("table", ["healthhub.heart_rate", "raw_oura.heartrate"])
def test_what_others_have_built_is_named_and_not_dropped(
    database: Database, address: Address, table: str
) -> None:
    database(f"create view public.mine as select * from {table}")
    with pytest.raises(HealthHubError, match=rf"Your view mine reads {table}"):
        migrate(address)
    assert database("select user_id from mine limit 1")
    database("drop view public.mine")
    migrate(address)
