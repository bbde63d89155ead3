from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from oura_sandbox.routes import DOCUMENTS

if TYPE_CHECKING:
    import httpx

HISTORY = {"start_date": "2015-01-01", "end_date": "2027-01-01"}
INCLUSIVE = (
    "daily_sleep",
    "daily_readiness",
    "daily_stress",
    "daily_spo2",
    "daily_resilience",
    "daily_cardiovascular_age",
    "sleep_time",
)


def ask(api: httpx.Client, route: str, **query: str) -> list[dict[str, Any]]:
    answer = api.get(route, params=query)
    assert answer.status_code == 200
    documents: list[dict[str, Any]] = answer.json()["data"]
    return documents


@pytest.mark.parametrize("route", INCLUSIVE)
def test_a_date_as_end_includes_documents_stamped_at_midnight(
    api: httpx.Client, route: str
) -> None:
    days = {document["day"] for document in ask(api, route, **HISTORY)}
    last = max(day for day in days if day < "2026-11-20")
    found = ask(api, route, start_date=last, end_date=last)
    assert [document["day"] for document in found] == [last]


@pytest.mark.parametrize("route", ["daily_activity", "workout", "sleep", "session"])
def test_a_date_as_end_loses_the_documents_of_the_day(
    api: httpx.Client, route: str
) -> None:
    everything = ask(api, route, **HISTORY)
    day = next(
        document["day"] for document in everything if document["day"] > "2026-09-01"
    )
    field = DOCUMENTS[route].instant or ""
    midnight = f"{day}T00:00:00+00:00"
    expected = [
        document["id"]
        for document in everything
        if datetime.fromisoformat(document[field]) == datetime.fromisoformat(midnight)
    ]
    found = ask(api, route, start_date=day, end_date=day)
    assert [document["id"] for document in found] == expected == []


@pytest.mark.parametrize("route", sorted(DOCUMENTS))
def test_a_window_is_an_instant_in_utc(api: httpx.Client, route: str) -> None:
    if not DOCUMENTS[route].dated:
        pytest.skip("this route has no window")
    start, end = "2026-02-09T22:30:00-05:00", "2026-03-02T03:00:00+09:00"
    low, high = datetime.fromisoformat(start), datetime.fromisoformat(end)
    field = DOCUMENTS[route].instant

    def instant(document: dict[str, Any]) -> datetime:
        stamp = document[field] if field else document["day"] + "T00:00:00+00:00"
        return datetime.fromisoformat(stamp)

    everything = ask(api, route, **HISTORY)
    expected = [each for each in everything if low <= instant(each) <= high]
    found = ask(api, route, start_date=start, end_date=end)
    assert found == expected
    # Weekly at most, and rest mode only in illness.
    assert expected or route in {"vO2_max", "rest_mode_period"}
    assert found == sorted(found, key=instant)


def test_a_night_before_midnight_utc_is_lost_at_the_start(api: httpx.Client) -> None:
    nights = [n for n in ask(api, "sleep", **HISTORY) if n["type"] == "long_sleep"]
    night = next(n for n in nights if n["bedtime_start"] < n["day"])
    ids = {n["id"] for n in ask(api, "sleep", start_date=night["day"])}
    assert night["id"] not in ids
    before = date.fromisoformat(night["day"]) - timedelta(days=1)
    assert night["id"] in {n["id"] for n in ask(api, "sleep", start_date=str(before))}


def test_without_dates_the_last_day_is_served(api: httpx.Client) -> None:
    assert ask(api, "daily_stress") == ask(
        api, "daily_stress", start_date="2026-11-23", end_date="2026-11-24"
    )


def test_an_inverted_range_is_refused_as_live(api: httpx.Client) -> None:
    query = {"start_date": "2026-11-20", "end_date": "2026-11-19"}
    answer = api.get("daily_sleep", params=query)
    assert answer.status_code == 400
    assert answer.json() == {"detail": "Start time is greater than end time"}


@pytest.mark.parametrize(
    "value", ["soon", "2026-13-01", "2026-02-30", "20260101", "2026-01-01T00:00 02:00"]
)
def test_an_unreadable_date_is_a_validation_error(
    api: httpx.Client, value: str
) -> None:
    answer = api.get("daily_sleep", params={"start_date": value})
    assert answer.status_code == 422
    for problem in answer.json()["detail"]:
        assert problem.keys() == {"type", "loc", "msg", "input", "ctx"}
        assert problem["loc"][:2] == ["query", "start_date"]
        assert problem["input"] == value


def test_fields_keep_id_and_day(api: httpx.Client) -> None:
    query = {"start_date": "2026-11-10", "end_date": "2026-11-12"}
    found = ask(api, "daily_readiness", fields="score,nonsense", **query)
    assert {key for each in found for key in each} == {
        "id",
        "day",
        "score",
        "timestamp",
    }


def test_unknown_fields_are_ignored(api: httpx.Client) -> None:
    query = {"start_date": "2026-11-10", "end_date": "2026-11-12"}
    whole = ask(api, "daily_readiness", **query)
    assert ask(api, "daily_readiness", fields="nonsense", **query) == whole


@pytest.mark.parametrize("route", ["daily_resilience", "enhanced_tag", "tag"])
def test_some_routes_ignore_fields(api: httpx.Client, route: str) -> None:
    whole = ask(api, route, **HISTORY)
    assert ask(api, route, fields="id", **HISTORY) == whole


def test_latest_is_ignored_where_it_does_not_exist(api: httpx.Client) -> None:
    query = {"start_date": "2026-11-10", "end_date": "2026-11-12"}
    whole = ask(api, "daily_sleep", **query)
    assert ask(api, "daily_sleep", latest="true", **query) == whole


@pytest.mark.parametrize("route", sorted(DOCUMENTS))
def test_every_document_is_found_by_its_id(api: httpx.Client, route: str) -> None:
    documents = ask(api, route, **HISTORY)
    assert documents
    for document in documents[:: max(1, len(documents) // 20)]:
        assert api.get(f"{route}/{document['id']}").json() == document


def test_an_unknown_id_or_route_is_not_found(api: httpx.Client) -> None:
    other = ask(api, "daily_sleep", start_date="2026-11-10")[0]["id"]
    for path in ("sleep/nonsense", f"sleep/{other}", "meal", "heartrate/1"):
        assert api.get(path).status_code == 404


@pytest.mark.parametrize("header", ["", "Bearer wrong", "Basic sandbox-token"])
def test_a_wrong_token_is_unauthorized(api: httpx.Client, header: str) -> None:
    answer = api.get("daily_sleep", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.json().keys() == {"status", "title", "detail"}
    assert answer.json()["status"] == 401


def test_rings_are_all_the_rings_ever(api: httpx.Client) -> None:
    rings = ask(api, "ring_configuration", start_date="2026-11-23")
    assert [ring["hardware_type"] for ring in rings] == [
        "gen1",
        "gen2",
        "gen3",
        "gen4",
        "or5",
    ]
    assert rings[0]["set_up_at"] is None
