"""The data dictionary says what the contracts and the migrations say."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from healthhub.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator

TRANSFORM = Path(__file__).parents[2] / "transform"
SCRIPT = TRANSFORM / "scripts" / "generate_dictionary.py"


@pytest.fixture(scope="module")
def generator() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


@pytest.fixture(scope="module")
def migrated(
    server: dict[str, str], generator: dict[str, Any]
) -> Iterator[list[dict[str, Any]]]:
    address = {
        "host": server["PGHOST"],
        "port": server["PGPORT"],
        "user": server["PGUSER"],
        "password": server["PGPASSWORD"],
    }
    empty = Database({**address, "dbname": "migrated"})
    maintenance = Database({**address, "dbname": "postgres"})
    with maintenance.connect(autocommit=True) as connection:
        connection.execute("create database migrated")
        yield generator["migrated_tables"](empty)
        connection.execute("drop database migrated")


@pytest.fixture(scope="module")
def text(generator: dict[str, Any], migrated: list[dict[str, Any]]) -> str:
    return str(generator["dictionary"](migrated))


def test_it_is_current(generator: dict[str, Any], text: str) -> None:
    current = generator["DICTIONARY"].read_text(encoding="utf-8")
    assert current == text, f"Run {SCRIPT.name}."


def test_every_table_is_in_it(text: str) -> None:
    models = [path.stem for path in TRANSFORM.glob("models/healthhub/*/*.sql")]
    titles = [line[4:] for line in text.splitlines() if line.startswith("### ")]
    assert sorted(titles) == sorted([*models, "users", "job_runs"])


def test_a_column_says_where_it_comes_from(text: str) -> None:
    _, _, section = text.partition("### daily_sleep_summaries\n")
    score = "| `score` | smallint |  | points, 0-100 | `score` | Sleep score"
    assert score in section
    assert "`contributors.deep_sleep`" in section
    assert "睡眠スコア" in section


def test_every_column_is_described(migrated: list[dict[str, Any]]) -> None:
    for table in migrated:
        assert table["description"]
        for column in table["columns"]:
            assert column["description"], (table["name"], column["name"])
