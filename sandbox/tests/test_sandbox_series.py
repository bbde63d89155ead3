from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

ROUTES = ("heartrate", "ring_battery_level")


def ask(api: httpx.Client, route: str, **query: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while True:
        answer = api.get(route, params=query)
        assert answer.status_code == 200
        rows += answer.json()["data"]
        if "next_token" not in answer.json():
            return rows
        query["next_token"] = answer.json()["next_token"]


def test_both_ends_of_a_window_belong_to_it(api: httpx.Client) -> None:
    day = {
        "start_datetime": "2026-11-01T06:00:00Z",
        "end_datetime": "2026-11-01T08:00:00Z",
    }
    rows = ask(api, "heartrate", **day)
    ends = {
        "start_datetime": rows[3]["timestamp"],
        "end_datetime": rows[9]["timestamp"],
    }
    assert ask(api, "heartrate", **ends) == rows[3:10]


@pytest.mark.parametrize("route", ROUTES)
def test_timestamps_agree(api: httpx.Client, route: str) -> None:
    for row in ask(api, route):
        moment = datetime.fromisoformat(row["timestamp"])
        assert row["timestamp"].endswith("+00:00")
        assert 1000 * moment.timestamp() == row["timestamp_unix"]


@pytest.mark.parametrize("route", ROUTES)
def test_dates_are_ignored_and_the_last_day_is_served(
    api: httpx.Client, route: str
) -> None:
    rows = ask(api, route)
    assert ask(api, route, start_date="2026-01-01", end_date="2026-01-02") == rows
    first, last = (datetime.fromisoformat(rows[i]["timestamp"]) for i in (0, -1))
    assert 23 < (last - first).total_seconds() / 3600 <= 24


@pytest.mark.parametrize("route", ROUTES)
def test_more_than_thirty_days_are_refused(api: httpx.Client, route: str) -> None:
    query = {
        "start_datetime": "2026-09-01T00:00:00+00:00",
        "end_datetime": "2026-10-01T00:00:00+00:00",
    }
    assert api.get(route, params=query).status_code == 200
    query["end_datetime"] = "2026-10-01T00:00:01+00:00"
    answer = api.get(route, params=query)
    assert answer.status_code == 400
    assert "30 days" in answer.json()["detail"]


@pytest.mark.parametrize("route", ROUTES)
def test_latest_is_one_row_whatever_the_dates(api: httpx.Client, route: str) -> None:
    newest = ask(api, route)[-1]
    query = {"start_datetime": "2026-01-01T00:00:00Z", "latest": "true"}
    assert ask(api, route, **query) == [newest]


def test_latest_must_be_a_boolean(api: httpx.Client) -> None:
    assert api.get("heartrate", params={"latest": "perhaps"}).status_code == 422


def test_an_offset_must_be_escaped(api: httpx.Client) -> None:
    bare = "heartrate?start_datetime=2026-11-01T00:00:00+02:00"
    assert api.get(bare).status_code == 422
    escaped = bare.replace("+", "%2B")
    assert api.get(escaped).status_code == 200


def test_fields_of_samples(api: httpx.Client) -> None:
    rows = ask(api, "heartrate", fields="bpm")
    assert {key for row in rows for key in row} == {"timestamp", "bpm"}


def test_a_day_of_heart_rate_is_about_what_was_measured(api: httpx.Client) -> None:
    query = {
        "start_datetime": "2026-11-02T00:00:00Z",
        "end_datetime": "2026-11-16T00:00:00Z",
    }
    assert 1000 < len(ask(api, "heartrate", **query)) / 14 < 1500
