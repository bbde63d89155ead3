"""The project by dbt's own means: unit tests, docs, and what a person meets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.transform.conftest import Database, Dbt


def test_the_unit_tests_pass(dbt: Dbt, database: Database) -> None:
    answer = dbt("test", "--select", "test_type:unit")
    assert answer["success"], "\n".join(answer["messages"])
    assert len(answer["statuses"]) > 8
    del database


def test_a_run_does_not_run_them(dbt: Dbt, database: Database) -> None:
    answer = dbt("list", "--resource-type", "unit_test")
    assert answer["success"]
    assert not any("unit_test:" in line for line in answer["messages"])
    del database


def test_the_docs_build_and_every_column_is_described(
    dbt: Dbt, database: Database
) -> None:
    dbt.build()
    answer = dbt("docs", "generate", "--write-json")
    assert answer["success"], "\n".join(answer["messages"])
    catalog = json.loads((dbt.target / "catalog.json").read_text())
    tables = [
        node
        for name, node in catalog["nodes"].items()
        if node["metadata"]["schema"] == "healthhub"
    ]
    assert len(tables) > 30
    for table in tables:
        assert table["metadata"]["comment"], table["metadata"]["name"]
        for column in table["columns"].values():
            assert column["comment"], (table["metadata"]["name"], column["name"])
    del database


def test_what_others_built_on_a_view_lasts(dbt: Dbt, database: Database) -> None:
    database("create view public.mine as select * from healthhub.rest_mode_episodes")
    dbt.build("rest_mode_episodes")
    assert database("select * from public.mine") == []


def test_a_view_that_is_not_as_built_is_built(dbt: Dbt, database: Database) -> None:
    database("drop view healthhub.rest_mode_episodes")
    database(
        "update healthhub_staging.views set checksum = 'another'"
        " where model = 'stg_oura__rest_mode_period'"
    )
    dbt.build("rest_mode_episodes")
    assert database("select * from healthhub.rest_mode_episodes") == []


def test_who_reads_a_view_sees_what_its_tables_show(database: Database) -> None:
    rows = database(
        "select relname, reloptions from pg_class"
        " where relnamespace = 'healthhub'::regnamespace and relkind = 'v'"
    )
    assert {row["relname"] for row in rows} >= {"coverage", "tag_effects"}
    assert all(row["reloptions"] == ["security_invoker=true"] for row in rows)
