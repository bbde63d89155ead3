"""What the main job promises of the five summary tables."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest

import citus_server
from counting import counted
from meltano_pipeline import PIPELINE, USER_ID
from patience import PATIENCE

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

# What a run that finds nothing may take, for what nobody counts grows. Programs:
# Meltano, tap, target, and what looks whether dbt has to build. Requests: one a route,
# and ten pages of heart rate. Statements: four for each table that is loaded, and
# Meltano's; Citus has no log to count them in.
CEILINGS = {
    "programs": 4,
    "requests": 30,
    "statements": 100,
}


def served(pipeline: Pipeline, route: str) -> dict[str, Row]:
    """What the sandbox has of a route, by day."""
    answer = httpx.get(
        f"{pipeline.sandbox.url}/v2/usercollection/{route}",
        params={"start_date": "2000-01-01", "end_date": "2100-01-01"},
        headers={"Authorization": f"Bearer {pipeline.sandbox.token}"},
        timeout=PATIENCE,
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
    pipeline.ensure_loaded()
    first = {route: stored(pipeline, route) for route in ROUTES}
    for route in ROUTES:
        documents = served(pipeline, route)
        oldest = min(first[route])
        assert set(first[route]) == {day for day in documents if day >= oldest}
        assert len(first[route]) >= 15
        for day, row in first[route].items():
            assert str(row.pop("day")) == day
            for column, value in content(row).items():
                wanted = rounded(expected(documents[day], column))
                assert value == wanted, (route, day, column)

    with counted(pipeline) as counts:
        said = pipeline.run()
    second = {route: without_day(stored(pipeline, route)) for route in ROUTES}
    assert second == first
    assert "Running catalog discovery" not in said
    assert counts.keys() == CEILINGS.keys()
    assert {name: n for name, n in counts.items() if n > CEILINGS[name]} == {}, counts

    day, row = max(first["daily_sleep"].items())
    control = f"{pipeline.sandbox.url}/_sandbox/documents/daily_sleep"
    change = {"score": 1, "contributors": {"timing": None}}
    httpx.patch(f"{control}/{row['document_id']}", json=change).raise_for_status()
    pipeline.run()
    third = {route: without_day(stored(pipeline, route)) for route in ROUTES}
    changed = third["daily_sleep"].pop(day)
    unchanged = first["daily_sleep"].pop(day)
    assert third == first
    assert changed["score"] == 1
    assert changed["contributors_timing"] is None
    assert changed["created_at"] == unchanged["created_at"]
    assert changed["updated_at"] > unchanged["updated_at"]


def test_full_refresh_reads_everything_and_keeps_when_it_was_first_seen(
    pipeline: Pipeline,
) -> None:
    """Both ways of the README."""
    pipeline.ensure_loaded()
    before = stored(pipeline, "daily_stress")
    oldest = min(before)

    def damage() -> None:
        pipeline.query(
            "update healthhub.daily_stress_summaries set stress_high = 1"
            f" where day = '{oldest}';"
            f" delete from raw_oura.daily_stress where day = '{oldest}'"
        )

    damage()
    pipeline.run("--full-refresh")
    assert content(stored(pipeline, "daily_stress")[oldest]) == content(before[oldest])

    damage()
    job = "dev:tap-oura-to-target-postgres"
    cleared = pipeline.meltano("state", "clear", "--force", job)
    assert cleared.returncode == 0, cleared.stdout
    pipeline.run()
    after = stored(pipeline, "daily_stress")[oldest]
    assert content(after) == content(before[oldest])
    assert after["created_at"] == before[oldest]["created_at"]


def test_wiped_database_is_read_anew(pipeline: Pipeline) -> None:
    """Bookmarks that lived elsewhere would skip what is no longer there."""
    pipeline.ensure_loaded()
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


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"OURA_PAT": ""}, "There is no token: set `access_token`"),
        ({"OURA_PAT": "wrong"}, f"The token of user {USER_ID} was refused (401)"),
        ({"TAP_OURA_API_URL": "http://127.0.0.1:9"}, "No connection to 127.0.0.1:9"),
    ],
)
def test_bad_input_is_one_sentence_and_loses_nothing(
    pipeline: Pipeline, environment: dict[str, str], sentence: str
) -> None:
    pipeline.ensure_loaded()
    before = documents_and_bookmarks(pipeline)
    result = pipeline.meltano(
        *("run", "tap-oura", "target-postgres"),
        **{"TAP_OURA_MAX_TRIES": "1", **environment},
    )
    assert result.returncode != 0
    assert sentence in result.stdout
    assert "Traceback" not in result.stdout
    assert documents_and_bookmarks(pipeline) == before


@pytest.mark.skipif(
    citus_server.given() is not None, reason="Citus takes no trigger, which this needs"
)
def test_no_line_by_hand_shows_a_secret_or_a_value(pipeline: Pipeline) -> None:
    pipeline.ensure_loaded()
    users = '[{"user_id": "x", "access_token": "sesame"'
    result = pipeline.meltano("run", *PIPELINE, TAP_OURA_USERS=users)
    assert result.returncode != 0
    assert "sesame" not in result.stdout

    pipeline.query(
        "create function quote() returns trigger language plpgsql as $$ begin"
        " raise 'invalid input syntax for type uuid: \"sesame\"' using detail ="
        " 'Failing row contains (sesame)', hint = 'Think of \"sesame\".'; end $$;"
        " create trigger quote before insert or update on raw_oura.daily_stress"
        " for each row execute function quote()"
    )
    result = pipeline.meltano("run", "tap-oura", "target-postgres")
    pipeline.query("drop function quote cascade")
    assert result.returncode != 0
    assert "invalid input syntax for type uuid: (left out)" in result.stdout
    assert "sesame" not in result.stdout


def without_day(rows: dict[str, Row]) -> dict[str, Row]:
    """The rows as the first comparison left them."""
    return {day: {k: v for k, v in r.items() if k != "day"} for day, r in rows.items()}


def documents_and_bookmarks(pipeline: Pipeline) -> tuple[int, dict[str, str | None]]:
    """What a run that fails must leave as it was."""
    (count,) = pipeline.query("select count(*) as n from raw_oura.daily_stress")
    (state,) = pipeline.query("select completed_state from meltano.state")
    bookmarks = json.loads(state["completed_state"])["singer_state"]["bookmarks"]
    return count["n"], {
        stream: partition.get("replication_key_value")
        for stream, entry in bookmarks.items()
        for partition in entry.get("partitions", [])
    }
