from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fake_oura import USER_ID
from tap_oura.streams import STREAMS
from tap_oura.tap import TapOura

if TYPE_CHECKING:
    from fake_oura import FakeOura, Runner

SNAPSHOTS = Path(__file__).parent / "catalogue"

DAYS = ("2026-03-08", "2026-03-09", "2026-03-10")
MIDNIGHT = {"timestamp": "2026-03-09T00:00:00+00:00"}


def catalogue() -> dict[str, Any]:
    """Every stream, and those of samples a second time as they are by the day."""
    entries = _entries()
    by_day = {
        f"{name}.day": entry
        for name, entry in _entries(sample_grain="day").items()
        if entry != entries[name]
    }
    return entries | by_day


def _entries(**config: str) -> dict[str, Any]:
    entries = TapOura(config=config, validate_config=False).catalog_dict["streams"]
    return {entry["tap_stream_id"]: entry for entry in entries}


def test_there_is_a_stream_for_each_route_and_one_for_what_was_asked() -> None:
    assert len(STREAMS) == 19
    assert set(_entries()) == {each.name for each in STREAMS} | {"sync_windows"}


@pytest.mark.parametrize("name", sorted(catalogue()))
def test_catalogue_is_as_it_was(name: str, request: pytest.FixtureRequest) -> None:
    """A changed schema, key or replication key must be a visible diff."""
    file = SNAPSHOTS / f"{name}.json"
    text = json.dumps(catalogue()[name], indent=1, sort_keys=True) + "\n"
    if request.config.getoption("--update-catalogue"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert file.read_text() == text


def test_only_keys_are_required_and_no_value_is_limited() -> None:
    for entry in catalogue().values():
        schema = entry["schema"]
        assert set(schema["required"]) == set(entry["key_properties"])
        assert "enum" not in json.dumps(schema)


def test_padding_is_asked_for_and_not_emitted(oura: FakeOura, run: Runner) -> None:
    oura.daily("daily_stress", "2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02")
    result = run("daily_stress", start_date="2026-02-28", end_date="2026-03-01")
    assert oura.bounds("daily_stress") == [("2026-02-26", "2026-03-03")]
    assert result.days("daily_stress") == ["2026-02-28", "2026-03-01"]


def test_a_night_that_began_before_the_window_belongs_to_its_day(
    oura: FakeOura, run: Runner
) -> None:
    oura.documents["sleep"].append(
        {
            "id": "night",
            "day": "2026-03-01",
            "bedtime_start": "2026-02-28T12:30:00+14:00",
        }
    )
    result = run("sleep", start_date="2026-03-01", end_date="2026-03-01")
    assert [record["id"] for record in result.records("sleep")] == ["night"]
    assert result.records("sleep")[0]["bedtime_start"] == "2026-02-28T12:30:00+14:00"


def test_pages_are_followed_to_the_end(oura: FakeOura, run: Runner) -> None:
    oura.page_size = 2
    oura.daily("daily_stress", *DAYS)
    result = run("daily_stress", start_date="2026-03-01")
    assert result.days("daily_stress") == list(DAYS)
    (page, next_page) = [query for route, query in oura.asked if route != "x"]
    assert next_page == page | {"next_token": "2"}


def test_time_series_may_leave_out_the_token(oura: FakeOura, run: Runner) -> None:
    sample = {"timestamp": "2026-03-09T10:00:00+00:00", "bpm": 60, "source": "awake"}
    oura.answer_next("heartrate", (200, {"data": [sample]}))
    result = run("heartrate", start_date="2026-03-09", end_date="2026-03-09")
    assert result.records("heartrate") == [sample | {"user_id": USER_ID}]


def test_a_repeated_page_token_ends_the_stream(oura: FakeOura, run: Runner) -> None:
    page = (200, {"data": [], "next_token": "again"})
    oura.answer_next("daily_stress", *[page] * 9)
    result = run("daily_stress", start_date="2026-03-09", end_date="2026-03-09")
    assert result.exit_code == 1
    assert len(oura.asked) == 2


def test_time_series_are_asked_for_by_instant_in_bounded_windows(
    oura: FakeOura, run: Runner
) -> None:
    run("ring_battery_level", start_date="2026-01-01", end_date="2026-02-05")
    assert oura.bounds("ring_battery_level") == [
        ("2026-01-01T00:00:00+00:00", "2026-01-31T00:00:00+00:00"),
        ("2026-01-31T00:00:00+00:00", "2026-02-06T00:00:00+00:00"),
    ]


def test_a_sample_on_the_bound_belongs_to_one_window(
    oura: FakeOura, run: Runner
) -> None:
    instant = "2026-01-31T00:00:00+00:00"
    oura.documents["ring_battery_level"].append({"timestamp": instant, "level": 50})
    result = run("ring_battery_level", start_date="2026-01-01", end_date="2026-02-05")
    assert len(result.records("ring_battery_level")) == 1


def test_routes_without_dates_are_asked_for_without(
    oura: FakeOura, run: Runner
) -> None:
    oura.documents["ring_configuration"].append({"id": "old"})
    result = run("personal_info", "ring_configuration")
    assert [query for _, query in oura.asked] == [{}, {}]
    assert result.records("personal_info") == [
        {"id": "someone", "age": 40, "user_id": USER_ID}
    ]
    assert result.records("ring_configuration") == [{"id": "old", "user_id": USER_ID}]


def test_path_of_vo2_max_has_its_own_spelling(oura: FakeOura, run: Runner) -> None:
    oura.documents["vO2_max"].append(
        {"id": "a", "day": "2026-03-09", "timestamp": "2026-03-09T08:00:00+09:00"}
    )
    result = run("vo2_max", start_date="2026-03-09")
    assert [r["timestamp"] for r in result.records("vo2_max")] == [
        "2026-03-09T08:00:00+09:00"
    ]


def test_bookmark_is_the_newest_day_not_the_end_of_the_window(
    oura: FakeOura, run: Runner
) -> None:
    oura.daily("daily_stress", "2026-03-01", "2026-03-04")
    assert run("daily_stress").bookmark("daily_stress") == "2026-03-04"


def test_next_run_reads_from_the_bookmark_less_the_lookback(
    oura: FakeOura, run: Runner
) -> None:
    oura.daily("daily_stress", "2026-03-04")
    first = run("daily_stress")
    run.today = run.today.replace(day=12)
    oura.asked.clear()
    run("daily_stress", state=first.state, lookback_days=3)
    assert oura.bounds("daily_stress") == [("2026-02-27", "2026-03-14")]


def test_reconcile_comes_round(oura: FakeOura, run: Runner) -> None:
    oura.daily("daily_stress", "2026-03-04")
    first = run("daily_stress")
    run.today = run.today.replace(day=17)
    oura.asked.clear()
    second = run("daily_stress", state=first.state)
    assert oura.bounds("daily_stress")[0][0] == "2026-01-31"
    oura.asked.clear()
    run("daily_stress", state=second.state)
    assert oura.bounds("daily_stress")[0][0] == "2026-02-23"


def test_explicit_range_does_not_move_the_bookmark_backwards(
    oura: FakeOura, run: Runner
) -> None:
    oura.daily("daily_stress", "2024-01-05", "2026-03-09")
    first = run("daily_stress")
    again = run(
        "daily_stress",
        state=first.state,
        start_date="2024-01-05",
        end_date="2024-01-06",
    )
    assert again.days("daily_stress") == ["2024-01-05"]
    assert again.bookmark("daily_stress") == "2026-03-09"


def test_explicit_range_beyond_the_bookmark_leaves_no_hole(
    oura: FakeOura, run: Runner
) -> None:
    oura.daily("daily_stress", "2025-01-01", "2026-03-09")
    first = run("daily_stress", start_date="2025-01-01", end_date="2025-01-01")
    later = run(
        "daily_stress",
        state=first.state,
        start_date="2026-03-01",
        end_date="2026-03-10",
    )
    assert later.days("daily_stress") == ["2026-03-09"]
    assert later.bookmark("daily_stress") == "2025-01-01"


def test_a_day_in_the_far_future_does_not_carry_the_bookmark_away(
    oura: FakeOura, run: Runner
) -> None:
    oura.documents["daily_activity"].append(
        {"id": "odd", "day": "2099-01-01", "timestamp": "2026-03-10T04:00:00+00:00"}
    )
    result = run("daily_activity")
    assert result.days("daily_activity") == ["2099-01-01"]
    assert result.bookmark("daily_activity") == "2026-03-11"


@pytest.mark.parametrize(
    "odd",
    [
        {"replication_key_value": "2099-01-01"},
        {"replication_key_value": "tomorrow"},
        {"replication_key_value": 5},
        {"asked_from": "?"},
        {"reconciled_on": "2099-01-01"},
        {"pending_windows": "none"},
        {"context": {}},
    ],
    ids=str,
)
def test_a_bookmark_that_cannot_be_true_is_none(
    oura: FakeOura, run: Runner, odd: dict[str, object]
) -> None:
    oura.daily("daily_stress", "2024-01-05", "2026-03-09")
    state = run("daily_stress").state
    whole = json.loads(json.dumps(state))
    (bookmark,) = state["bookmarks"]["daily_stress"]["partitions"]
    bookmark.update(odd)
    again = run("daily_stress", state=state)
    assert again.days("daily_stress") == ["2024-01-05", "2026-03-09"]
    assert again.state == whole


def test_state_follows_each_window(oura: FakeOura, run: Runner) -> None:
    oura.daily("sleep", "2022-01-10", "2023-05-10", "2024-09-10")
    result = run("sleep", start_date="2022-01-01", end_date="2024-09-30")
    marks: list[str] = []
    for message in result.messages:
        if message["type"] == "RECORD" and message["stream"] == "sleep":
            marks.append(message["record"]["day"])
        elif message["type"] == "STATE" and "sleep" in message["value"].get(
            "bookmarks", {}
        ):
            (user,) = message["value"]["bookmarks"]["sleep"]["partitions"]
            marks.append(f"state {user.get('replication_key_value')}")
    first = marks.index("2022-01-10")
    assert marks[first + 1] == "state 2023-01-01"
    assert marks.index("2023-05-10") > first + 1


def test_windows_are_on_record_after_their_documents(
    oura: FakeOura, run: Runner
) -> None:
    oura.daily("sleep", *DAYS)
    result = run("sleep", start_date="2025-01-01")
    assert [
        (r["stream"], r["window_start"], r["window_end"], r["outcome"])
        for r in result.records("sync_windows")
    ] == [
        ("sleep", "2025-01-01", "2026-01-01", "ok"),
        ("sleep", "2026-01-02", "2026-03-11", "ok"),
    ]
    assert [r["document_count"] for r in result.records("sync_windows")] == [0, 3]
    streams = [m["stream"] for m in result.messages if m["type"] == "RECORD"]
    assert streams == ["sleep"] * 3 + ["sync_windows"] * 2


KEY = {"user_id": USER_ID, "stream": "sleep", "outcome": "ok", "detail": None}


@pytest.mark.parametrize("more", [{}, KEY], ids=["as now", "of a former version"])
def test_windows_of_a_killed_run_come_on_record_with_the_next(
    oura: FakeOura, run: Runner, more: dict[str, Any]
) -> None:
    oura.daily("sleep", "2022-01-10", "2023-05-10", *DAYS)
    first = run("sleep", start_date="2022-01-01")
    killed = next(state for state in first.states if "2024-01-02" in str(state))
    (user,) = killed["bookmarks"]["sleep"]["partitions"]
    (pending,) = user["pending_windows"]
    assert not KEY.keys() & pending.keys()  # or a state is a third larger
    pending |= more
    second = run("sleep", state=killed, start_date="2022-01-01")
    for record in second.records("sync_windows"):
        assert KEY.items() <= record.items()
    windows = [
        (r["window_start"], r["window_end"], r["document_count"])
        for r in second.records("sync_windows")
    ]
    assert windows[0] == ("2022-01-01", "2024-01-02", 2)
    assert windows[-1][1] == "2026-03-11"
    third = run("sleep", state=second.state, start_date="2022-01-01")
    assert len(third.records("sync_windows")) == 1
    assert "pending" not in str(second.state)


def test_an_empty_window_moves_the_bookmark_of_the_state_too(
    oura: FakeOura, run: Runner
) -> None:
    result = run("sleep", start_date="2022-01-01", end_date="2024-06-30")
    assert [s for s in result.states if "2023-01-01" in str(s)]
    assert result.bookmark("sleep") == "2024-06-30"
    assert len(oura.asked) == 3


def test_concurrency_changes_nothing_of_the_output(oura: FakeOura, run: Runner) -> None:
    oura.daily("daily_stress", *DAYS)
    oura.daily("daily_spo2", "2025-01-01", *DAYS)
    one = run("daily_stress", "daily_spo2", concurrency=1)
    many = run("daily_stress", "daily_spo2", concurrency=16)
    for stream in ("daily_stress", "daily_spo2"):
        assert one.records(stream) == many.records(stream)
    assert one.state == many.state


def test_deselected_properties_and_stream_maps_are_obeyed(
    oura: FakeOura, run: Runner
) -> None:
    oura.daily("daily_stress", "2026-03-09", stress_high=7, recovery_high=8)
    maps = {"daily_stress": {"stress_high": "stress_high * 2"}}
    (record,) = run("daily_stress", stream_maps=maps).records("daily_stress")
    assert record["stress_high"] == 14
    catalog = TapOura(config={}, validate_config=False).catalog_dict
    for entry in catalog["streams"]:
        for item in entry["metadata"]:
            if item["breadcrumb"] == ["properties", "recovery_high"]:
                item["metadata"]["selected"] = False
    (record,) = run("daily_stress", catalog=catalog).records("daily_stress")
    assert "recovery_high" not in record
    assert record["stress_high"] == 7
