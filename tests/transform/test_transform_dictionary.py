"""The data dictionary says what the contracts say."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

TRANSFORM = Path(__file__).parents[2] / "transform"
SCRIPT = TRANSFORM / "scripts" / "generate_dictionary.py"


@pytest.fixture(scope="module")
def generator() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


def test_it_is_current(generator: dict[str, Any]) -> None:
    text = generator["DICTIONARY"].read_text(encoding="utf-8")
    assert generator["dictionary"]() == text, f"Run {SCRIPT.name}."


def test_every_model_is_in_it(generator: dict[str, Any]) -> None:
    text = generator["dictionary"]()
    models = sorted(path.stem for path in TRANSFORM.glob("models/healthhub/*/*.sql"))
    titles = sorted(
        line.removeprefix("### ") for line in text.splitlines() if line[:4] == "### "
    )
    assert titles == models


def test_a_column_says_where_it_comes_from(generator: dict[str, Any]) -> None:
    text = generator["dictionary"]()
    _, _, section = text.partition("### daily_sleep_summaries\n")
    score = "| `score` | smallint |  | points, 0-100 | `score` | Sleep score"
    assert score in section
    assert "`contributors.deep_sleep`" in section
    assert "睡眠スコア" in section
