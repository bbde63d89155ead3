"""The project by dbt's own means: unit tests, freshness, and what a user meets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.transform.conftest import Database, Dbt


pytestmark = pytest.mark.usefixtures("database")


def test_the_unit_tests_pass(dbt: Dbt) -> None:
    answer = dbt.succeed("test", "--select", "test_type:unit")
    assert len(answer["statuses"]) > 8


def test_a_run_does_not_run_them(dbt: Dbt) -> None:
    answer = dbt.succeed("list", "--resource-type", "unit_test")
    assert not any("unit_test:" in line for line in answer["messages"])


def test_sources_are_fresh_when_something_was_read(
    dbt: Dbt, database: Database
) -> None:
    database.ask("daily_sleep", "2026-03-01", minutes_ago=60 * 37)
    answer = dbt.succeed("source", "freshness")
    assert answer["statuses"]["sync_windows"] == "warn"
    database.ask("daily_sleep", "2026-03-01", minutes_ago=60)
    answer = dbt.succeed("source", "freshness")
    assert answer["statuses"]["sync_windows"] == "pass"


def test_what_others_built_on_a_view_lasts(dbt: Dbt, database: Database) -> None:
    database("create view public.mine as select * from healthhub.rest_mode_episodes")
    dbt.succeed("build", "--select", "+rest_mode_episodes")
    assert database("select * from public.mine") == []


def test_a_view_that_is_not_as_built_is_built(dbt: Dbt, database: Database) -> None:
    database("drop view healthhub.rest_mode_episodes")
    database(
        "update healthhub_staging.models set checksum = 'another'"
        " where model = 'stg_oura__rest_mode_period'"
    )
    dbt.succeed("build", "--select", "+rest_mode_episodes")
    assert database("select * from healthhub.rest_mode_episodes") == []


def test_a_table_that_is_not_as_its_contract_says_is_mended(
    dbt: Dbt, database: Database
) -> None:
    table = "healthhub.daily_sleep_summaries"
    database(f"alter table {table} drop column score")
    database(f"comment on table {table} is null")
    database(
        "update healthhub_staging.models set checksum = 'another', contract = 'another'"
    )
    database.load("daily_sleep", {"id": "night", "day": "2026-03-01", "score": 80})
    dbt.build("daily_sleep_summaries")
    assert database.one(f"select score from {table}") == {"score": 80}
    comment = database.one(f"select obj_description('{table}'::regclass) as text")
    assert comment["text"].startswith("Sleep score of a day")


def test_access_is_given_after_a_run(dbt: Dbt, database: Database) -> None:
    dbt.succeed("build", "--select", "stg_oura__tag")
    database("create table public.given (run text default 'one')")
    database(
        "create function healthhub.apply_access() returns void language sql"
        " begin atomic insert into public.given default values; end"
    )
    dbt.succeed("build", "--select", "stg_oura__tag")
    assert database.one("select run from public.given") == {"run": "one"}


def test_who_reads_a_view_sees_what_its_tables_show(database: Database) -> None:
    rows = database(
        "select relname, reloptions from pg_class"
        " where relnamespace = 'healthhub'::regnamespace and relkind = 'v'"
    )
    assert {row["relname"] for row in rows} >= {"coverage", "tag_effects"}
    assert all(row["reloptions"] == ["security_invoker=true"] for row in rows)


def test_what_should_not_be_is_found(dbt: Dbt, database: Database) -> None:
    document = "00000000-0000-4000-8000-00000000000"
    database.load(
        "sleep",
        *(
            {
                "id": f"{document}{n}",
                "day": "2026-03-01",
                "type": "long_sleep",
                "bedtime_start": f"2026-02-28T23:0{n}:00Z",
                "bedtime_end": "2026-03-01T07:00:00Z",
            }
            for n in range(2)
        ),
    )
    dbt.build("sleep_periods", "document_revisions", "daily_overview")
    database("update healthhub.document_revisions set last_seen_at = null")
    database(
        "insert into healthhub.document_revisions select user_id, stream, document_id,"
        " revision + 1, day, content, first_seen_at from healthhub.document_revisions"
    )
    database(f"update healthhub.daily_overview set main_sleep_id = '{document}9'")
    answer = dbt("test", "--select", "test_type:data")
    found = {name.split("_")[0]: status for name, status in answer["statuses"].items()}
    expected = {"no": "warn", "one": "fail", "relationships": "fail"}
    assert found.items() >= expected.items()
