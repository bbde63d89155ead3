"""The project by dbt's own means: unit tests, docs, and what a person meets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.transform.conftest import Database, Dbt


def test_the_unit_tests_pass(dbt: Dbt, database: Database) -> None:
    answer = dbt("test", "--no-write-json", "--select", "test_type:unit")
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
    answer = dbt("docs", "generate")
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
