"""What Oura no longer has leaves the tables, and nothing else does."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.transform.conftest import Database, Dbt

DAYS = ("2026-03-01", "2026-03-02", "2026-03-03")
TABLE = "daily_stress_summaries"
FIRST, SECOND, THIRD = 40, 30, 20  # minutes ago


def stress(day: str, high: int = 600) -> dict[str, Any]:
    return {"id": f"stress of {day}", "day": day, "stress_high": high}


def days(database: Database) -> list[str]:
    rows = database("select day from healthhub.daily_stress_summaries order by day")
    return [str(row["day"]) for row in rows]


@pytest.fixture
def read_once(dbt: Dbt, database: Database) -> Database:
    database.load("daily_stress", *map(stress, DAYS), minutes_ago=FIRST)
    database.ask("daily_stress", DAYS[0], DAYS[2], minutes_ago=FIRST + 1)
    dbt.build(TABLE)
    assert days(database) == list(DAYS)
    return database


def test_a_document_that_a_later_reading_lacks_is_gone(
    dbt: Dbt, read_once: Database
) -> None:
    database = read_once
    database.load("daily_stress", stress(DAYS[0]), stress(DAYS[2]), minutes_ago=SECOND)
    database.ask("daily_stress", DAYS[0], DAYS[2], minutes_ago=SECOND + 1)
    dbt.build(TABLE)
    assert days(database) == [DAYS[0], DAYS[2]]
    dbt.build(TABLE, full_refresh=True)
    assert days(database) == [DAYS[0], DAYS[2]]


def test_other_readings_delete_nothing(dbt: Dbt, read_once: Database) -> None:
    for minutes, outcome in enumerate(("error", "missing_scope", "membership_lapsed")):
        window = ("daily_stress", DAYS[0], DAYS[2])
        read_once.ask(*window, minutes_ago=SECOND + minutes, outcome=outcome)
    read_once.ask("daily_stress", "2026-03-04", "2026-03-09", minutes_ago=SECOND)
    read_once.ask("daily_sleep", DAYS[0], DAYS[2], minutes_ago=SECOND)
    dbt.build(TABLE)
    assert days(read_once) == list(DAYS)


def test_a_document_may_come_back(dbt: Dbt, read_once: Database) -> None:
    database = read_once
    database.ask("daily_stress", DAYS[1], minutes_ago=SECOND)
    dbt.build(TABLE)
    assert days(database) == [DAYS[0], DAYS[2]]
    database.load("daily_stress", stress(DAYS[1], 1200), minutes_ago=THIRD)
    database.ask("daily_stress", DAYS[1], minutes_ago=THIRD + 1)
    dbt.build(TABLE)
    assert days(database) == list(DAYS)


def test_samples_and_whole_listings_are_deleted_too(
    dbt: Dbt, database: Database
) -> None:
    instants = ("2026-03-01T23:59:00Z", "2026-03-02T00:00:00Z", "2026-03-02T23:59:59Z")
    samples = [{"timestamp": instant, "bpm": 60} for instant in instants]
    another_day = {"timestamp": "2026-03-03T08:00:00Z", "bpm": 60}
    database.load_samples("heartrate", *samples, another_day, minutes_ago=FIRST)
    database.load("ring_configuration", {"id": "old"}, {"id": "new"}, minutes_ago=FIRST)
    dbt.build("heart_rate", "ring_configurations")
    database.load_samples("heartrate", samples[1], minutes_ago=SECOND)
    database.load("ring_configuration", {"id": "new"}, minutes_ago=SECOND)
    database.ask("heartrate", "2026-03-02", "2026-03-03", minutes_ago=SECOND + 1)
    database.ask(
        "ring_configuration", "2015-01-01", "2026-03-05", minutes_ago=SECOND + 1
    )
    dbt.build("heart_rate", "ring_configurations")
    rows = database("select timestamp::text from healthhub.heart_rate order by 1")
    assert [row["timestamp"] for row in rows] == [
        "2026-03-01 23:59:00+00",
        "2026-03-02 00:00:00+00",
    ]
    assert database("select day::text from healthhub.heart_rate_days order by 1") == [
        {"day": "2026-03-01"},
        {"day": "2026-03-02"},
    ]
    assert database.one("select count(*) from healthhub.ring_configurations") == {
        "count": 1
    }


def test_the_overview_and_the_revisions_follow(dbt: Dbt, read_once: Database) -> None:
    database = read_once
    dbt.build(TABLE, "document_revisions", "daily_overview")
    overview = "select day from healthhub.daily_overview order by day"
    assert len(database(overview)) == len(DAYS)
    database.ask("daily_stress", DAYS[0], minutes_ago=SECOND)
    dbt.build(TABLE, "document_revisions", "daily_overview")
    assert [str(row["day"]) for row in database(overview)] == list(DAYS[1:])
    gone = database.one(
        "select * from healthhub.document_revisions where deleted_at is not null"
    )
    assert gone["day"] == date(2026, 3, 1)
    assert gone["last_seen_at"] == gone["first_seen_at"]
    assert gone["content"]["stress_high"] == 600


def test_what_an_earlier_version_marked_as_deleted_stays_so(
    dbt: Dbt, read_once: Database
) -> None:
    """Once, deletions were marks in the raw tables and no table of their own."""
    database = read_once
    database.ask("daily_stress", DAYS[1], minutes_ago=SECOND)
    dbt.build(TABLE, "document_revisions")
    revisions = "select * from healthhub.document_revisions order by day"
    before = database(revisions)
    database("drop table healthhub.deleted_documents cascade")
    database(
        "update raw_oura.daily_stress set _sdc_deleted_at = now() where day = %s",
        DAYS[1],
    )
    database(
        "update healthhub_staging.models set checksum = 'another',"
        " read_at = now() + interval '1 day'"
    )
    dbt.build(TABLE, "document_revisions")
    assert days(database) == [DAYS[0], DAYS[2]]
    assert database(revisions) == before


def test_a_document_that_is_read_again_is_not_written_anew(
    dbt: Dbt, read_once: Database
) -> None:
    """Its deletion is still fresh when it comes back."""
    database = read_once
    rows = "select * from healthhub.daily_stress_summaries order by day"
    for minutes in (SECOND, THIRD):
        database.ask("daily_stress", DAYS[1], minutes_ago=minutes)
        dbt.build(TABLE)
        assert days(database) == [DAYS[0], DAYS[2]]
        database.load("daily_stress", stress(DAYS[1]), minutes_ago=minutes - 2)
        dbt.build(TABLE)
        assert days(database) == list(DAYS)
        back = database(rows)
        dbt.build(TABLE)
        assert database(rows) == back
    (gone,) = database("select * from healthhub.deleted_documents")
    assert (gone["stream"], str(gone["day"])) == ("daily_stress", DAYS[1])
    assert gone["deleted_at"] > gone["last_read_at"]
