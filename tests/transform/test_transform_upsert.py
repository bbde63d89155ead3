"""How the five summary tables follow the raw documents."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

if TYPE_CHECKING:
    from tests.transform.conftest import Database, Dbt

DAY, NEXT_DAY = date(2026, 3, 1), date(2026, 3, 2)
ID = "5f2c8b1e-0000-4000-8000-00000000000a"
OTHER_ID = "5f2c8b1e-0000-4000-8000-00000000000b"


def sleep(
    day: date = DAY,
    document: str | None = ID,
    score: int | None = 80,
    **fields: object,
) -> dict[str, Any]:
    return {
        "id": document,
        "day": day.isoformat(),
        "score": score,
        "timestamp": f"{day}T00:00:00+00:00",
        "contributors": {"deep_sleep": 70, "timing": None},
        **fields,
    }


TABLE = "daily_sleep_summaries"
SUMMARY = "select * from healthhub.daily_sleep_summaries order by user_id, day"


def test_a_document_becomes_a_typed_row(dbt: Dbt, database: Database) -> None:
    database.load("daily_sleep", sleep())
    dbt.build(TABLE)
    row = database.one(SUMMARY)
    assert row["day"] == DAY
    assert row["score"] == 80
    assert row["contributors_deep_sleep"] == 70
    assert row["contributors_timing"] is None
    assert row["contributors_rem_sleep"] is None
    assert row["source_timestamp"] == datetime(2026, 3, 1, tzinfo=UTC)
    assert row["document_id"] == UUID(ID)
    assert row["created_at"] == row["updated_at"]


def test_a_second_run_changes_nothing(dbt: Dbt, database: Database) -> None:
    database.load("daily_sleep", sleep(), sleep(NEXT_DAY, OTHER_ID))
    dbt.build(TABLE)
    before = database(SUMMARY.replace("*", "*, xmin"))
    database.load("daily_sleep", sleep(), sleep(NEXT_DAY, OTHER_ID))
    dbt.build(TABLE)
    assert database(SUMMARY.replace("*", "*, xmin")) == before


def test_a_revision_changes_its_row_only(dbt: Dbt, database: Database) -> None:
    database.load("daily_sleep", sleep(), sleep(NEXT_DAY, OTHER_ID))
    dbt.build(TABLE)
    first, second = database(SUMMARY)
    database.load("daily_sleep", sleep(score=81), sleep(NEXT_DAY, OTHER_ID))
    dbt.build(TABLE)
    changed, same = database(SUMMARY)
    assert changed["score"] == 81
    assert changed["created_at"] == first["created_at"]
    assert changed["updated_at"] > first["updated_at"]
    assert same == second


def test_an_older_document_never_overwrites(dbt: Dbt, database: Database) -> None:
    database.load("daily_sleep", sleep(timestamp="2026-03-01T08:00:00+02:00"))
    dbt.build(TABLE)
    before = database(SUMMARY)
    old = sleep(score=10, timestamp="2026-03-01T07:59:00+02:00")
    database.load("daily_sleep", old)
    dbt.build(TABLE)
    dbt.build(TABLE, full_refresh=True)
    assert database(SUMMARY) == before


def test_a_document_may_move_to_another_day(dbt: Dbt, database: Database) -> None:
    database.load("daily_sleep", sleep())
    dbt.build(TABLE)
    database.load("daily_sleep", sleep(NEXT_DAY))
    dbt.build(TABLE)
    assert [row["day"] for row in database(SUMMARY)] == [NEXT_DAY]


def test_two_days_may_swap_documents(dbt: Dbt, database: Database) -> None:
    database.load("daily_sleep", sleep(DAY, ID), sleep(NEXT_DAY, OTHER_ID))
    dbt.build(TABLE)
    before = database(SUMMARY)
    database.load("daily_sleep", sleep(DAY, OTHER_ID), sleep(NEXT_DAY, ID))
    dbt.build(TABLE)
    after = database(SUMMARY)
    assert [str(row["document_id"]) for row in after] == [OTHER_ID, ID]
    assert [row["created_at"] for row in after] == [row["created_at"] for row in before]


@pytest.mark.parametrize("older", [DAY, NEXT_DAY])
def test_a_day_that_its_document_left_takes_an_older_one(
    dbt: Dbt, database: Database, older: date
) -> None:
    newest = "2026-03-03T00:00:00+00:00"
    for day, document in ((DAY, ID), (NEXT_DAY, OTHER_ID)):
        database.load("daily_sleep", sleep(day, document, timestamp=newest))
    dbt.build(TABLE)
    for day, document in ((DAY, OTHER_ID), (NEXT_DAY, ID)):
        timestamp = "2026-03-02T00:00:00+00:00" if day == older else newest
        database.load("daily_sleep", sleep(day, document, timestamp=timestamp))
    dbt.build(TABLE)
    assert [str(row["document_id"]) for row in database(SUMMARY)] == [OTHER_ID, ID]


def test_of_two_rows_with_one_document_the_later_counts(
    dbt: Dbt, database: Database
) -> None:
    database.load("daily_sleep", sleep(NEXT_DAY))
    database.load("daily_sleep", sleep(DAY), minutes_ago=30)
    dbt.build(TABLE)
    assert database.one(SUMMARY)["day"] == NEXT_DAY
    dbt.build(TABLE, full_refresh=True)
    assert database.one(SUMMARY)["day"] == NEXT_DAY


@pytest.mark.parametrize("identifier", ["daily_sleep-1-2026-3-1", None])
def test_an_id_that_is_no_uuid_is_mapped(
    dbt: Dbt, database: Database, identifier: str | None
) -> None:
    database.load("daily_sleep", sleep(document=identifier))
    dbt.build(TABLE)
    first = database.one(SUMMARY)["document_id"]
    assert isinstance(first, UUID)
    database("truncate healthhub.daily_sleep_summaries")
    dbt.build(TABLE, full_refresh=True)
    assert database.one(SUMMARY)["document_id"] == first


def test_a_full_refresh_keeps_what_is_not_in_doubt(
    dbt: Dbt, database: Database
) -> None:
    database.load("daily_sleep", sleep(), sleep(NEXT_DAY, OTHER_ID))
    dbt.build(TABLE)
    kept, _ = database(SUMMARY)
    database("delete from raw_oura.daily_sleep where day = %s", NEXT_DAY)
    dbt.build(TABLE, full_refresh=True)
    assert database(SUMMARY) == [kept]


def test_a_run_reads_what_an_earlier_one_did_not(dbt: Dbt, database: Database) -> None:
    database.load("daily_sleep", sleep(), minutes_ago=90)
    dbt.build(TABLE)
    before = database(SUMMARY)
    database.load("daily_sleep", sleep(score=1), minutes_ago=90)
    dbt.build(TABLE)
    assert database(SUMMARY) == before, "loaded an hour before the last reading"
    dbt.build(TABLE, full_refresh=True)
    assert database.one(SUMMARY)["score"] == 1


def test_raw_tables_may_lack_what_never_arrived(dbt: Dbt, database: Database) -> None:
    database("drop table raw_oura.daily_stress cascade")
    database("alter table raw_oura.daily_sleep drop column score cascade")
    database.load("daily_sleep", sleep())
    dbt.succeed("build", "--select", f"+{TABLE}", "+daily_stress_summaries")
    assert database.one(SUMMARY)["score"] is None
