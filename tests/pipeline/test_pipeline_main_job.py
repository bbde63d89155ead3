"""What the main job promises of the five summary tables."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest

from meltano_pipeline import USER_ID

if TYPE_CHECKING:
    from meltano_pipeline import Pipeline

ROUTES = (
    "daily_sleep",
    "daily_activity",
    "daily_readiness",
    "daily_stress",
    "daily_resilience",
)
Row = dict[str, Any]


def served(pipeline: Pipeline, route: str) -> dict[str, Row]:
    """What the sandbox has of a route, by day."""
    answer = httpx.get(
        f"{pipeline.sandbox.url}/v2/usercollection/{route}",
        params={"start_date": "2000-01-01", "end_date": "2100-01-01"},
        headers={"Authorization": f"Bearer {pipeline.sandbox.token}"},
    )
    return {document["day"]: document for document in answer.json()["data"]}


def stored(pipeline: Pipeline, route: str) -> dict[str, Row]:
    """What the summary table of a route has, by day."""
    rows = pipeline.query(f"select * from healthhub.{route}_summaries")
    return {str(row["day"]): row for row in rows}


def expected(document: Row, column: str) -> Any:  # noqa: ANN401
    """The value that a document gives a column of the design."""
    if column == "user_id":
        return UUID(USER_ID)
    if column == "document_id":
        return UUID(document["id"])
    if column == "source_timestamp":
        stamp = document.get("timestamp")
        return datetime.fromisoformat(stamp) if stamp else None
    if column.startswith("contributors_"):
        contributors = document["contributors"] or {}
        return contributors.get(column.removeprefix("contributors_"))
    return document.get(column)


def rounded(value: Any) -> Any:  # noqa: ANN401
    """As numeric(5,2) keeps a fraction."""
    if isinstance(value, float):
        return Decimal(str(value)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return value


def content(row: Row) -> Row:
    """A row without the times at which it was stored."""
    return {k: v for k, v in row.items() if k not in {"created_at", "updated_at"}}


def test_main_job(pipeline: Pipeline) -> None:
    pipeline.run()
    first = {route: stored(pipeline, route) for route in ROUTES}
    for route in ROUTES:
        documents = served(pipeline, route)
        oldest = min(first[route])
        assert set(first[route]) == {day for day in documents if day >= oldest}
        assert len(first[route]) >= 15
        for day, row in first[route].items():
            for column, value in content(row).items():
                if column == "day":
                    assert str(value) == day
                else:
                    wanted = rounded(expected(documents[day], column))
                    assert value == wanted, (route, day, column)

    pipeline.run()
    second = {route: stored(pipeline, route) for route in ROUTES}
    assert second == first

    day, row = max(first["daily_sleep"].items())
    control = f"{pipeline.sandbox.url}/_sandbox/documents/daily_sleep"
    change = {"score": 1, "contributors": {"timing": None}}
    httpx.patch(f"{control}/{row['document_id']}", json=change).raise_for_status()
    pipeline.run()
    third = {route: stored(pipeline, route) for route in ROUTES}
    changed = third["daily_sleep"].pop(day)
    unchanged = first["daily_sleep"].pop(day)
    assert third == first
    assert changed["score"] == 1
    assert changed["contributors_timing"] is None
    assert changed["created_at"] == unchanged["created_at"]
    assert changed["updated_at"] > unchanged["updated_at"]


def test_wiped_database_is_read_anew(pipeline: Pipeline) -> None:
    """Bookmarks that lived elsewhere would skip what is no longer there."""
    pipeline.run()
    before = {route: stored(pipeline, route) for route in ROUTES}
    pipeline.query(
        "drop schema raw_oura, healthhub, healthhub_staging, meltano cascade;"
        " create schema meltano"
    )
    pipeline.run()
    for route in ROUTES:
        after = stored(pipeline, route)
        assert {d: content(r) for d, r in after.items()} == {
            d: content(r) for d, r in before[route].items()
        }


@pytest.mark.parametrize("way", ["--full-refresh", "state clear"])
def test_full_refresh_reads_everything_and_keeps_when_it_was_first_seen(
    pipeline: Pipeline, way: str
) -> None:
    pipeline.run()
    before = stored(pipeline, "daily_stress")
    oldest = min(before)
    pipeline.query(
        "update healthhub.daily_stress_summaries set stress_high = -1"
        f" where day = '{oldest}'"
    )
    pipeline.query(f"delete from raw_oura.daily_stress where day = '{oldest}'")
    options = [way]
    if way == "state clear":
        result = pipeline.meltano(
            "state", "clear", "--force", "dev:tap-oura-to-target-postgres"
        )
        assert result.returncode == 0, result.stdout
        options = []
    pipeline.run(*options)
    after = stored(pipeline, "daily_stress")
    assert after[oldest]["stress_high"] == before[oldest]["stress_high"]
    assert after[oldest]["created_at"] == before[oldest]["created_at"]


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"OURA_PAT": ""}, "There is no token: set `access_token`"),
        ({"OURA_PAT": "wrong"}, f"The token of account {USER_ID} was refused (401)"),
        ({"TAP_OURA_API_URL": "http://127.0.0.1:9"}, "No connection to 127.0.0.1:9"),
        ({"TAP_OURA_START_DATE": "soon"}, "`start_date` is not a date: 'soon'"),
        ({"TAP_OURA_END_DATE": "2020-01-01"}, "`end_date` 2020-01-01 is before"),
    ],
)
def test_bad_input_is_one_sentence_and_loses_nothing(
    pipeline: Pipeline, environment: dict[str, str], sentence: str
) -> None:
    pipeline.run()
    before = stored(pipeline, "daily_stress")
    environment = {"TAP_OURA_MAX_TRIES": "1", **environment}
    result = pipeline.meltano("run", "tap-oura", "target-postgres", **environment)
    assert result.returncode != 0
    assert sentence in result.stdout
    assert "Traceback" not in result.stdout
    assert stored(pipeline, "daily_stress") == before
    pipeline.run()
    assert stored(pipeline, "daily_stress") == before


def test_today_is_the_sandbox_day(pipeline: Pipeline) -> None:
    """The look-back of these tests counts from the same day as the sandbox's."""
    days = served(pipeline, "daily_activity")
    assert max(days) <= datetime.now(UTC).date().isoformat()
