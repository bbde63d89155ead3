"""Every route, from what the real target stores to its table."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.transform.conftest import Database, Dbt

PROJECT = Path(__file__).parents[2]
CATALOGUE = PROJECT / "tap-oura" / "tests" / "catalogue"
LOADER = PROJECT / ".meltano/loaders/target-postgres"
TARGET = LOADER / "venv/bin/target-postgres-on-conflict"
USER = "0a0a0a0a-0000-4000-8000-000000000001"
ID = "5f2c8b1e-0000-4000-8000-00000000000a"
SAMPLE = {
    "interval": 300.0,
    "items": [1.5, None],
    "timestamp": "2026-03-01T23:00:00+01:00",
}

# Of each route a document, the table that it goes to, and what is in it then.
CASES: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "daily_spo2": (
        {"day": "2026-03-01", "spo2_percentage": {"average": 96.5}},
        "daily_spo2_summaries",
        {"day": "2026-03-01", "spo2_percentage_average": 96.5},
    ),
    "daily_cardiovascular_age": (
        {"day": "2026-03-01", "vascular_age": 35, "pulse_wave_velocity": 6.21},
        "daily_cardiovascular_age_summaries",
        {"vascular_age": 35, "pulse_wave_velocity": 6.21},
    ),
    "sleep_time": (
        {
            "day": "2026-03-01",
            "status": "optimal_found",
            "optimal_bedtime": {
                "day_tz": 3600,
                "start_offset": -4500,
                "end_offset": 900,
            },
        },
        "sleep_time_summaries",
        {
            "status": "optimal_found",
            "optimal_bedtime_start_offset": -4500,
            "optimal_bedtime_day_tz": 3600,
        },
    ),
    "daily_activity": (
        {"day": "2026-03-01", "timestamp": "2026-03-01T04:00:00+01:00", "met": SAMPLE},
        "daily_activity_series",
        {
            "starts_at": "2026-03-01T03:00:00+00:00",
            "starts_at_local": "2026-03-01T04:00:00",
            "starts_at_utc_offset": 60,
            "met": SAMPLE,
        },
    ),
    "daily_readiness": (
        {"day": "2026-03-01", "contributors": {"sleep_regularity": 88}},
        "daily_readiness_summaries",
        {"contributors_sleep_regularity": 88},
    ),
    "daily_resilience": (
        {"day": "2026-03-01", "level": "solid", "contributors": {"stress": 55.555}},
        "daily_resilience_summaries",
        {"level": "solid", "contributors_stress": 55.56, "source_timestamp": None},
    ),
    "daily_sleep": (
        {"day": "2026-03-01", "score": 80, "timestamp": "2026-03-01T00:00:00+00:00"},
        "daily_sleep_summaries",
        {"score": 80, "source_timestamp": "2026-03-01T00:00:00+00:00"},
    ),
    "daily_stress": (
        {"day": "2026-03-01", "day_summary": "restored", "recovery_high": 900},
        "daily_stress_summaries",
        {"day_summary": "restored", "recovery_high": 900, "stress_low": None},
    ),
    "sleep": (
        {
            "day": "2026-03-02",
            "bedtime_start": "2026-03-01T23:30:00+01:00",
            "type": "long_sleep",
            "time_in_bed": 28800,
            "hrv": SAMPLE,
            "heart_rate": None,
            "readiness": {"score": 75, "contributors": {"recovery_index": 90}},
        },
        "sleep_periods",
        {
            "bedtime_start": "2026-03-01T22:30:00+00:00",
            "bedtime_start_local": "2026-03-01T23:30:00",
            "bedtime_end": None,
            "time_in_bed": 28800,
            "hrv": SAMPLE,
            "heart_rate": None,
            "readiness_score": 75,
            "readiness_contributors": {"recovery_index": 90},
        },
    ),
    "workout": (
        {
            "day": "2026-03-01",
            "activity": "running",
            "start_datetime": "2026-03-01T10:00:00-05:30",
            "calories": 320.126,
            "source": "confirmed",
        },
        "workouts",
        {
            "activity": "running",
            "start_datetime_utc_offset": -330,
            "calories": 320.13,
            "source": "confirmed",
        },
    ),
    "session": (
        {
            "day": "2026-03-01",
            "type": "meditation",
            "start_datetime": "2026-03-01T10:00:00+01:00",
            "heart_rate": SAMPLE,
        },
        "sessions",
        {"type": "meditation", "heart_rate": SAMPLE, "mood": None},
    ),
    "tag": (
        {
            "day": "2026-03-01",
            "text": "sauna",
            "timestamp": "2026-03-01T19:00:00+01:00",
            "tags": ["tag_sauna"],
        },
        "tags",
        {"stream": "tag", "comment": "sauna", "tags": ["tag_sauna"]},
    ),
    "enhanced_tag": (
        {
            "start_day": "2026-03-01",
            "start_time": "2026-03-01T19:00:00",
            "tag_type_code": "custom",
            "custom_name": "Tea",
        },
        "tags",
        {
            "stream": "enhanced_tag",
            "day": "2026-03-01",
            "start_time": None,
            "start_time_local": "2026-03-01T19:00:00",
            "custom_name": "Tea",
        },
    ),
    "rest_mode_period": (
        {
            "start_day": "2026-03-01",
            "episodes": [{"tags": ["sick"], "timestamp": "2026-03-01T09:00:00+01:00"}],
        },
        "rest_mode_episodes",
        {
            "episode": 1,
            "timestamp": "2026-03-01T08:00:00+00:00",
            "timestamp_local": "2026-03-01T09:00:00",
            "tags": ["sick"],
        },
    ),
    "heartrate": (
        {
            "day": "2026-03-01",
            "samples": {
                "timestamp": ["2026-03-01T12:00:00+00:00"],
                "bpm": [61],
                "source": ["awake"],
            },
        },
        "heart_rate",
        {"timestamp": "2026-03-01T12:00:00+00:00", "bpm": 61, "source": "awake"},
    ),
    "ring_battery_level": (
        {
            "day": "2026-03-01",
            "samples": {
                "timestamp": ["2026-03-01T12:00:00+00:00"],
                "level": [55],
                "charging": [False],
            },
        },
        "ring_battery_levels",
        {"timestamp": "2026-03-01T12:00:00+00:00", "level": 55, "charging": False},
    ),
    "vo2_max": (
        {
            "timestamp": "2026-03-01T12:00:00+02:00",
            "timestamp_utc": "2026-03-01T10:00:00+00:00",
            "day": "2026-03-01",
            "vo2_max": 44,
        },
        "vo2_max",
        {
            "timestamp": "2026-03-01T10:00:00+00:00",
            "timestamp_local": "2026-03-01T12:00:00",
            "vo2_max": 44,
            "document_id": ID,
        },
    ),
    "ring_configuration": (
        {"hardware_type": "gen4", "size": 9, "set_up_at": "2024-12-01T09:30:00+00:00"},
        "ring_configurations",
        {"hardware_type": "gen4", "size": 9, "set_up_at": "2024-12-01T09:30:00+00:00"},
    ),
    "personal_info": (
        {"id": "oura-person", "age": 41, "weight": 70.5, "height": 1.75},
        "personal_info",
        {"oura_id": "oura-person", "age": 41, "weight": 70.5, "height": 1.75},
    ),
}


def messages() -> str:
    """What the tap would write, one document a stream."""
    lines: list[dict[str, Any]] = []
    for stream, (document, _, _) in CASES.items():
        entry = catalogue_entry(stream)
        known = entry["schema"]["properties"]
        record = {"user_id": USER, **({"id": ID} if "id" in known else {}), **document}
        lines += [
            {
                "type": "SCHEMA",
                "stream": stream,
                "schema": entry["schema"],
                "key_properties": entry["key_properties"],
            },
            {
                "type": "RECORD",
                "stream": stream,
                "record": record,
                "time_extracted": "2026-03-04T08:00:00.123456+00:00",
            },
        ]
    return "\n".join(map(json.dumps, lines))


def catalogue_entry(stream: str) -> dict[str, Any]:
    """A stream as the tap discovers it, samples by the day."""
    by_day = CATALOGUE / f"{stream}.day.json"
    file = by_day if by_day.exists() else CATALOGUE / f"{stream}.json"
    entry: dict[str, Any] = json.loads(file.read_text())
    return entry


def load(server: dict[str, str], folder: Path) -> None:
    config = folder / "target.json"
    config.write_text(
        json.dumps(
            {
                "host": server["PGHOST"],
                "port": int(server["PGPORT"]),
                "user": server["PGUSER"],
                "password": server["PGPASSWORD"],
                "database": server["PGDATABASE"],
                "default_target_schema": "raw_oura",
                "load_method": "upsert",
                "use_copy": True,
            }
        )
    )
    done = subprocess.run(
        [TARGET, "--config", config],
        input=messages(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


COLUMNS = (
    "select table_name, column_name, udt_name from information_schema.columns"
    " where table_schema = 'raw_oura' and table_name != 'sync_windows'"
    " order by table_name, column_name"
)


def test_every_route_reaches_its_table(
    dbt: Dbt, database: Database, server: dict[str, str], tmp_path: Path
) -> None:
    made_by_us = database(COLUMNS)
    database("drop schema raw_oura cascade")
    load(server, tmp_path)
    assert database(COLUMNS) == made_by_us, "what the target makes"
    dbt.build()
    assert database("select * from healthhub.set_aside_documents") == []
    nights = "select 1 from healthhub.sleep_periods where heart_rate is null"
    assert database(nights), "JSON's null is SQL's"
    for _, table, expected in CASES.values():
        assert expected in [
            {name: row["row"][name] for name in expected}
            for row in database(f"select to_jsonb(t) as row from healthhub.{table} t")
        ]


def test_every_stream_has_its_source(database: Database) -> None:
    tables = {row["table_name"] for row in database(COLUMNS)}
    streams = {path.name.partition(".")[0] for path in CATALOGUE.glob("*.json")}
    assert tables == streams - {"sync_windows"} == set(CASES)


def test_documents_that_gave_their_place_are_read_where_they_are_kept(
    database: Database,
) -> None:
    kept = database(
        "select table_name from information_schema.columns"
        " where table_schema = 'raw_oura' and column_name = 'displaced'"
        " order by table_name"
    )
    read = database(
        "select replace(table_name, 'stg_oura__', '') as table_name"
        " from information_schema.columns"
        " inner join information_schema.views using (table_schema, table_name)"
        " where table_schema = 'healthhub_staging' and column_name = 'displaced'"
        " and view_definition !~* 'null::jsonb as displaced'"
        " order by table_name"
    )
    assert kept
    assert read == kept
