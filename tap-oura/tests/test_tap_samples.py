"""Samples: none is lost, in either grain."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fake_oura import USER_ID
from tap_oura.documents import in_utc

if TYPE_CHECKING:
    from fake_oura import FakeOura, Run, Runner

DAY = "2026-03-09"
RANGE: dict[str, Any] = {"start_date": DAY, "end_date": DAY}


def sample(time: str, bpm: object = 60, **fields: object) -> dict[str, Any]:
    return {
        "timestamp": f"{DAY}T{time}+00:00",
        "bpm": bpm,
        "source": "awake",
        **fields,
    }


def by_day(run: Runner, *streams: str, **config: Any) -> Run:  # noqa: ANN401
    return run(*(streams or ("heartrate",)), sample_grain="day", **(RANGE | config))


def test_a_day_is_one_record_with_its_samples_in_order(
    oura: FakeOura, run: Runner
) -> None:
    samples = [sample("08:00:05"), sample("08:00:00", 61), sample("23:59:59.9", None)]
    oura.answer_next("heartrate", (200, {"data": samples}))
    assert by_day(run).records("heartrate") == [
        {
            "user_id": USER_ID,
            "day": DAY,
            "samples": {
                "timestamp": [
                    f"{DAY}T08:00:00+00:00",
                    f"{DAY}T08:00:05+00:00",
                    f"{DAY}T23:59:59.9+00:00",
                ],
                "bpm": [61, 60, None],
                "source": ["awake"] * 3,
            },
        }
    ]


@pytest.mark.parametrize("grain", ["day", "sample"])
def test_samples_of_several_sources_at_one_instant_are_several(
    oura: FakeOura, run: Runner, grain: str
) -> None:
    sources = ["workout", "awake", "awake", "", None, 5]
    samples = [sample("08:00:00", n, source=s) for n, s in enumerate(sources)]
    del samples[3]["source"]
    oura.answer_next("heartrate", (200, {"data": samples}))
    records = run("heartrate", sample_grain=grain, **RANGE).records("heartrate")
    if grain == "day":
        columns = records[0]["samples"]
        found = dict(zip(columns["source"], columns["bpm"], strict=True))
    else:
        found = {record["source"]: record["bpm"] for record in records}
    # Of those that are alike, the last one sent counts.
    assert found == {"workout": 0, "awake": 2, "": 5}


def test_what_does_not_fit_stays_beside_its_sample(
    oura: FakeOura, run: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    samples = [
        sample("08:00:00"),
        sample("08:00:01", "fast"),
        sample("08:00:02", quality={"x": 1}),
        {"timestamp": "soon", "bpm": 1},
        {"timestamp": "2026-W11-1T08:00:00Z", "bpm": 1},
        {"timestamp": "0001-01-01T00:00:00+05:00", "bpm": 1},
    ]
    oura.answer_next("heartrate", (200, {"data": samples}))
    (record,) = by_day(run).records("heartrate")
    assert record["samples"]["bpm"] == [60, None, 60]
    assert record["unknown_fields"] == {
        "bpm": [None, "fast", None],
        "quality": [None, None, {"x": 1}],
    }
    assert "Unknown field `quality` in 1 documents" in caplog.text
    assert "Unexpected type of `bpm` in 1 documents" in caplog.text
    assert "Skipped 3 documents" in caplog.text


def test_a_day_is_emitted_only_when_all_of_it_was_asked_for(
    oura: FakeOura, run: Runner
) -> None:
    """Oura counts both bounds, and clocks may be ahead of ours."""
    for time in ("2026-03-08T23:59:59", "2026-03-12T00:00:00", "2026-03-13T08:00:00"):
        oura.documents["heartrate"].append({"timestamp": f"{time}+00:00", "bpm": 50})
    result = run("heartrate", sample_grain="day", start_date=DAY)
    assert result.days("heartrate") == []
    result = run("heartrate", sample_grain="day", start_date="2026-03-08")
    assert result.days("heartrate") == ["2026-03-08"]


def test_a_day_is_what_its_instants_are_in_utc(oura: FakeOura, run: Runner) -> None:
    instants = ["2026-03-10T01:00:00+02:00", f"{DAY}T08:00:00", f"{DAY}T09:00:00Z"]
    samples = [{"timestamp": instant, "bpm": 60} for instant in instants]
    oura.answer_next("heartrate", (200, {"data": samples}))
    (record,) = by_day(run).records("heartrate")
    assert record["day"] == DAY
    # A time without an offset is in UTC, and says so for whoever reads it.
    assert record["samples"]["timestamp"] == [
        f"{DAY}T08:00:00+00:00",
        f"{DAY}T09:00:00Z",
        "2026-03-10T01:00:00+02:00",
    ]


def test_the_battery_has_days_too(oura: FakeOura, run: Runner) -> None:
    levels = [
        {
            "timestamp": f"{DAY}T0{hour}:00:00+00:00",
            "level": 90 - hour,
            "charging": None,
        }
        for hour in (2, 1)
    ]
    oura.answer_next("ring_battery_level", (200, {"data": levels}))
    (record,) = by_day(run, "ring_battery_level").records("ring_battery_level")
    assert record["samples"] == {
        "timestamp": [f"{DAY}T01:00:00+00:00", f"{DAY}T02:00:00+00:00"],
        "level": [89, 88],
    }


@pytest.mark.parametrize(("before", "after"), [("sample", "day"), ("day", "sample")])
def test_a_bookmark_outlives_a_change_of_grain(
    oura: FakeOura, run: Runner, before: str, after: str
) -> None:
    for day in ("2026-02-20", DAY):
        oura.documents["heartrate"].append(
            {"timestamp": f"{day}T08:00:00+00:00", "bpm": 50, "source": "rest"}
        )
    period: dict[str, Any] = {"start_date": "2026-02-01"}
    first = run("heartrate", sample_grain=before, **period)
    oura.asked.clear()
    second = run("heartrate", sample_grain=after, state=first.state, **period)
    assert oura.bounds("heartrate")[0][0] == "2026-03-02T00:00:00+00:00"
    assert len(second.records("heartrate")) == 1
    mark = {"day": DAY, "sample": f"{DAY}T08:00:00+00:00"}
    assert (first.bookmark("heartrate"), second.bookmark("heartrate")) == (
        mark[before],
        mark[after],
    )


MOMENTS = st.datetimes(datetime(2026, 3, 1), datetime(2026, 3, 12, 23, 59))  # noqa: DTZ001
SAMPLES = st.lists(
    st.builds(
        lambda at, offset, **fields: {
            "timestamp": (at + timedelta(hours=offset)).isoformat()
            + (f"{offset:+03d}:00" if offset else "Z"),
            **fields,
        },
        at=MOMENTS,
        offset=st.sampled_from([0, 0, 0, 9, -11]),
        bpm=st.one_of(st.integers(30, 200), st.none(), st.text(max_size=3)),
        source=st.sampled_from(["awake", "rest", "live"]),
    ),
    max_size=20,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(SAMPLES, st.integers(1, 4))
def test_both_grains_say_the_same(
    oura: FakeOura, run: Runner, samples: list[dict[str, Any]], page_size: int
) -> None:
    oura.documents["heartrate"] = samples
    oura.page_size = page_size
    period: dict[str, Any] = {"start_date": "2026-03-03", "end_date": "2026-03-10"}
    rows = {
        (r["timestamp"], r["source"]): (
            r["timestamp"],
            r["source"],
            r.get("bpm"),
            r.get("unknown_fields"),
        )
        for r in run("heartrate", **period).records("heartrate")
    }
    days = run("heartrate", sample_grain="day", **period).records("heartrate")
    unfolded = []
    for record in days:
        columns, unknown = record["samples"], record.get("unknown_fields", {})
        assert date.fromisoformat(record["day"])
        count = len(columns["timestamp"])
        for i in range(count):
            odd = {n: v[i] for n, v in unknown.items() if v[i] is not None}
            bpm = columns.get("bpm", [None] * count)[i]
            unfolded.append(
                (
                    in_utc(columns["timestamp"][i]),
                    columns["source"][i],
                    bpm,
                    odd or None,
                )
            )
    assert sorted(map(json.dumps, unfolded)) == sorted(map(json.dumps, rows.values()))
    assert [d["day"] for d in days] == sorted({d["day"] for d in days})
