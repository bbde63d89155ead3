"""dbt's own options mean here what dbt's documentation says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.transform.test_transform_refresh import USER, content, read

if TYPE_CHECKING:
    from tests.transform.conftest import Database, Dbt

BUILD = ("build", "--exclude-resource-type", "unit_test")


def test_empty_and_sample_take_nothing_away(dbt: Dbt, database: Database) -> None:
    """And what was built empty is filled."""
    database(
        "drop schema healthhub cascade; drop schema healthhub_staging cascade;"
        " create schema healthhub"
    )
    read(database, range(5, 12), USER, minutes_ago=50)
    dbt.succeed(*BUILD, "--empty")
    assert not any(content(database).values())
    dbt.build()
    before = content(database)
    assert len(before["daily_overview"]) == 7
    read(database, range(5, 12), USER, minutes_ago=40, version=1)
    dbt.succeed(*BUILD, "--empty")
    assert content(database) == before, "no rows are read, and none are gone"
    dbt.succeed(*BUILD, "--sample", "1 hour")
    dbt.build()
    scores = database("select score from healthhub.daily_sleep_summaries order by day")
    assert [row["score"] for row in scores] == [61 + n for n in range(5, 12)]


def test_retry_goes_on_where_a_run_failed(dbt: Dbt, database: Database) -> None:
    read(database, range(5, 12), USER, minutes_ago=50)
    overview = "healthhub.daily_overview"
    database(f"alter table {overview} add column in_the_way text not null")
    assert not dbt(*BUILD, "--write-json")["success"]
    database(f"alter table {overview} drop column in_the_way")
    answer = dbt.succeed("retry")
    assert "daily_overview" in answer["statuses"]
    assert "daily_sleep_summaries" not in answer["statuses"]
    assert len(content(database)["daily_overview"]) == 7
