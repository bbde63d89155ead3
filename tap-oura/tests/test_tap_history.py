"""Which days are asked for over the life of a state: all, each for a reason."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fake_oura import TODAY, USER_ID
from tap_oura.streams import STREAMS as EVERY_STREAM

if TYPE_CHECKING:
    from fake_oura import FakeOura, Run, Runner

ALL = [each.name for each in EVERY_STREAM]
STREAMS = ("daily_activity", "daily_stress", "sleep", "heartrate")
EARLIEST = date(2025, 1, 1)


def days(first: date, last: date) -> list[str]:
    return [str(first + timedelta(n)) for n in range((last - first).days + 1)]


def worn(oura: FakeOura, *worn_days: str) -> None:
    """Have documents and a sample of these days."""
    oura.daily("daily_activity", *worn_days)
    oura.daily("daily_stress", *worn_days)
    oura.daily("sleep", *worn_days)
    samples(oura, *worn_days)


def samples(oura: FakeOura, *sampled_days: str) -> None:
    oura.documents["heartrate"] += [
        {"timestamp": f"{day}T12:00:00+00:00", "bpm": 60, "source": "awake"}
        for day in sampled_days
    ]


def found(stream: str, *runs: Run) -> set[str]:
    """The days of a stream's records."""
    return {
        str(record.get("day") or record["timestamp"])[:10]
        for run in runs
        for record in run.records(stream)
    }


# A first run


@pytest.mark.parametrize("years", [1, 5, 10])
def test_a_first_run_asks_for_the_years_with_a_ring(
    oura: FakeOura, run: Runner, years: int
) -> None:
    """It asks once for most routes, and for samples in as many windows as it must."""
    oura.page_size = 10_000
    age = 365 * years
    first = TODAY - timedelta(age)
    worn(oura, *days(first, TODAY))
    oura.documents["workout"].append({"id": "before", "day": str(first)})
    result = run(*ALL)
    for stream in STREAMS:
        assert found(stream, result) == set(days(first, TODAY))
    asked = Counter(route for route, _ in oura.asked)
    assert asked.pop("heartrate") < 6 + age / 10
    assert asked.pop("ring_battery_level") < 4 + age / 30
    assert sum(asked.values()) <= 50


def test_a_ring_that_was_never_worn_takes_a_request_or_two_a_route(
    oura: FakeOura, run: Runner
) -> None:
    first = run(*ALL)
    assert len(oura.asked) < 65
    assert "ok" in {r["outcome"] for r in first.records("sync_windows")}
    oura.asked.clear()
    worn(oura, *days(TODAY - timedelta(3), TODAY))
    later = run(*ALL, state=first.state)
    assert len(oura.asked) < 35
    assert len(found("heartrate", later)) == 4


@pytest.mark.parametrize("streams", [("heartrate",), STREAMS])
def test_samples_without_documents_are_asked_for_from_the_first_ring_on(
    oura: FakeOura, run: Runner, streams: tuple[str, ...]
) -> None:
    samples(oura, "2016-01-01", "2026-03-09")
    assert found("heartrate", run(*streams)) == {"2016-01-01", "2026-03-09"}


def test_where_activity_was_refused_other_documents_prove_nothing(
    oura: FakeOura, run: Runner
) -> None:
    worn(oura, "2026-03-09")
    samples(oura, "2016-01-01")
    detail = "Token is not authorized access daily scope."
    oura.answer_next("daily_activity", (401, {"detail": detail}))
    assert found("heartrate", run(*STREAMS)) == {"2016-01-01", "2026-03-09"}


def test_samples_long_before_all_documents_come_a_month_a_run(
    oura: FakeOura, run: Runner
) -> None:
    worn(oura, "2026-03-09")
    samples(oura, "2025-12-01", "2025-11-01")
    runs = [run(*STREAMS, start_date="2025-10-01")]
    for _ in range(6):
        state = runs[-1].state
        oura.asked.clear()
        runs.append(run(*STREAMS, state=state, start_date="2025-10-01"))
    assert [len(found("heartrate", *runs[:n])) for n in (1, 2, 4, 7)] == [1, 1, 2, 3]
    assert len([r for r, _ in oura.asked if r == "heartrate"]) == 1
    (mark,) = runs[-1].state["bookmarks"]["heartrate"]["partitions"]
    assert mark["asked_from"] == "2025-10-01"


def test_an_older_document_brings_the_samples_after_it_at_once(
    oura: FakeOura, run: Runner
) -> None:
    worn(oura, "2026-03-09")
    first = run(*STREAMS)
    samples(oura, *days(date(2022, 5, 1), date(2022, 5, 9)))
    late = {"id": "import", "day": "2022-05-01"}
    oura.documents["daily_stress"].append(late)
    range_: dict[str, Any] = {"start_date": "2022-05-01", "end_date": "2022-05-01"}
    ranged = run("daily_stress", state=first.state, **range_)
    assert found("heartrate", ranged) == set()
    assert len(found("heartrate", run(*STREAMS, state=ranged.state))) == 10


# Ranges, and a state of any origin

DAYS = st.dates(EARLIEST, TODAY)
RANGES = st.tuples(DAYS, DAYS).map(
    lambda two: {"start_date": str(min(two)), "end_date": str(max(two))}
)
SETTINGS: st.SearchStrategy[dict[str, str]] = st.one_of(
    RANGES,
    st.just({}),
    DAYS.map(lambda day: {"start_date": str(day)}),
    DAYS.map(lambda day: {"end_date": str(day)}),
)


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(DAYS.map(str), min_size=1, max_size=5, unique=True),
    st.lists(st.tuples(SETTINGS, st.integers(0, 9)), min_size=1, max_size=4),
)
def test_whatever_ran_before_a_run_without_dates_asks_for_the_rest(
    oura: FakeOura,
    run: Runner,
    worn_days: list[str],
    before: list[tuple[dict[str, str], int]],
) -> None:
    """Ranges and start dates in any order, each of them perhaps killed."""
    oura.documents.clear()
    worn(oura, *worn_days)
    runs: list[Run] = []
    state = None
    for config, killed_after in before:
        runs.append(asking(oura, run, state, config))
        state = runs[-1].states[-1 - killed_after % len(runs[-1].states)]
    runs.append(asking(oura, run, state, {}))
    for stream in STREAMS:
        assert found(stream, *runs) == set(worn_days), stream
    # Then all is asked for, but for samples before everything.
    oura.asked.clear()
    asking(oura, run, runs[-1].state, {})
    for stream in ("daily_activity", "daily_stress", "sleep"):
        assert min(oura.bounds(stream))[0] > str(TODAY - timedelta(50))


def asking(
    oura: FakeOura, run: Runner, state: dict[str, Any] | None, config: dict[str, Any]
) -> Run:
    """A run, whose windows on record are those that it asked for."""
    oura.asked.clear()
    known = json.dumps(state or {})
    result = run(*STREAMS, state=state, **config)
    for window in result.records("sync_windows"):
        assert window["outcome"] == "ok"
        if window["synced_at"] in known:  # of a run before this one
            continue
        asked = {
            day
            for start, end in oura.bounds(window["stream"])
            for day in days(
                date.fromisoformat(start[:10]), date.fromisoformat(end[:10])
            )
        }
        first, last = (
            date.fromisoformat(window[f"window_{e}"]) for e in ("start", "end")
        )
        assert asked.issuperset(days(first, last))
    return result


@pytest.mark.parametrize(
    ("noted", "first"),
    [({"reconciled_on": "2026-03-09"}, "2026-02-28"), ({}, "2014-12-30")],
)
def test_a_state_of_an_earlier_version_is_gone_on_with(
    oura: FakeOura, run: Runner, noted: dict[str, str], first: str
) -> None:
    """Without a whole run on record, it may be of a range alone."""
    mark = {"replication_key": "day", "replication_key_value": "2026-03-09", **noted}
    partition = {"context": {"user_id": USER_ID}, **mark}
    state = {"bookmarks": {"daily_stress": {"partitions": [partition]}}}
    run("daily_stress", state=state)
    assert oura.bounds("daily_stress")[0][0] == first
