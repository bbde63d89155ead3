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


#: How Oura may stamp a document: its `timestamp` is no time of a revision.
STAMPS = (
    "2026-03-01T04:00:00+01:00",
    "2026-03-01T04:00:00+09:00",  # an earlier instant
    "2026-03-01T04:00:00-11:00",
    None,
)
RESTAMPED = {
    f"{first} -> {second}": (first, second) for first in STAMPS for second in STAMPS
}


def test_what_was_extracted_later_wins(dbt: Dbt, database: Database) -> None:
    def version(number: int) -> list[dict[str, Any]]:
        return [
            {
                "id": f"0000000{place:x}-0000-4000-8000-000000000000",
                "day": f"2026-03-{place + 1:02}",
                "steps": 3000 + number,
                "score": number,
                "timestamp": stamps[number % 2],
            }
            for place, stamps in enumerate(RESTAMPED.values())
        ]

    def tags(number: int) -> list[dict[str, Any]]:
        return [
            {**document, "tags": [], "text": f"said {number}"}
            for document in version(number)
            if document["timestamp"]
        ]

    for number, minutes in enumerate((50, 40, 30)):
        for stream in ("daily_activity", "daily_readiness", "daily_sleep"):
            database.load(stream, *version(number), minutes_ago=minutes)
        database.load("tag", *tags(number), minutes_ago=minutes)
        tables = ("daily_activity_summaries", "daily_readiness_summaries", TABLE)
        dbt.build(*tables, "tags", "document_revisions")
        for table, column, expected in (
            ("daily_activity_summaries", "steps", 3000 + number),
            ("daily_readiness_summaries", "score", number),
            (TABLE, "score", number),
        ):
            rows = database(f"select {column} as found from healthhub.{table}")
            assert [row["found"] for row in rows] == [expected] * len(RESTAMPED)
        said = database("select document_id, comment from healthhub.tags")
        assert {str(row["document_id"]): row["comment"] for row in said}.items() >= {
            document["id"]: document["text"] for document in tags(number)
        }.items()
        assert not database(DISAGREEMENTS), "table and revisions name one current"


DISAGREEMENTS = """
    select * from (
        select document_id, day, source_timestamp from healthhub.daily_sleep_summaries
    ) as in_table
    full join (
        select
            document_id,
            day,
            (content ->> 'timestamp')::timestamptz as source_timestamp
        from healthhub.document_revisions
        where stream = 'daily_sleep' and last_seen_at is null
    ) as in_revisions using (document_id)
    where (in_table.day, in_table.source_timestamp)
        is distinct from (in_revisions.day, in_revisions.source_timestamp)
"""


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


def test_a_day_that_a_document_left_is_not_about_it(
    dbt: Dbt, database: Database
) -> None:
    both = (TABLE, "document_revisions")
    database.load("daily_sleep", sleep(DAY), minutes_ago=50)
    dbt.build(*both)
    database.load("daily_sleep", sleep(NEXT_DAY), minutes_ago=40)
    dbt.build(*both)
    database.ask("daily_sleep", str(DAY), minutes_ago=30)
    for full_refresh in (False, True):
        dbt.build(*both, full_refresh=full_refresh)
        assert database.one(SUMMARY)["day"] == NEXT_DAY
        assert not database(DISAGREEMENTS)


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


def test_no_page_that_is_not_new_is_looked_at(dbt: Dbt, database: Database) -> None:
    # More pages than autovacuum can be told of at once.
    database(
        "insert into raw_oura.daily_sleep (user_id, id, day, _sdc_batched_at)"
        " select gen_random_uuid(), repeat('x', 400), date '2026-01-01',"
        " now() at time zone 'UTC' from generate_series(1, 9000)"
    )
    dbt.build(TABLE)
    pages = database.one(
        "select brin_summarize_new_values('raw_oura.daily_sleep_batched_at') as new"
    )
    assert pages["new"] == 0


def test_raw_tables_may_lack_what_never_arrived(dbt: Dbt, database: Database) -> None:
    database("drop table raw_oura.daily_stress cascade")
    database("alter table raw_oura.daily_sleep drop column score cascade")
    database.load("daily_sleep", sleep())
    dbt.succeed("build", "--select", f"+{TABLE}", "+daily_stress_summaries")
    assert database.one(SUMMARY)["score"] is None
