from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from oura_sandbox.child import running
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

WINDOW = {"start_date": "2026-10-01", "end_date": "2026-11-01"}


@pytest.fixture(scope="module")
def paged() -> Iterator[httpx.Client]:
    with running(today="2026-11-24", years=1, page_size=7) as sandbox:
        headers = {"Authorization": f"Bearer {sandbox.token}"}
        url = f"{sandbox.url}/v2/usercollection/"
        with httpx.Client(base_url=url, headers=headers, timeout=PATIENCE) as client:
            yield client


def pages(
    client: httpx.Client, route: str, query: dict[str, str], *, repeat: bool
) -> Iterator[list[dict[str, Any]]]:
    token: str | None = ""
    while token is not None:
        more = query if repeat or not token else {}
        params = {**more, "next_token": token} if token else query
        answer = client.get(route, params=params)
        assert answer.status_code == 200
        yield answer.json()["data"]
        token = answer.json().get("next_token")


def test_documents_are_one_page_unless_asked_otherwise(api: httpx.Client) -> None:
    query = {"start_date": "2015-01-01", "end_date": "2027-01-01"}
    answer = api.get("daily_activity", params=query).json()
    assert len(answer["data"]) > 350
    assert answer["next_token"] is None


@pytest.mark.parametrize("repeat", [True, False])
def test_documents_come_in_pages_of_the_size_asked(
    paged: httpx.Client,
    api: httpx.Client,
    repeat: bool,  # noqa: FBT001
) -> None:
    found = list(pages(paged, "sleep", WINDOW, repeat=repeat))
    whole = api.get("sleep", params=WINDOW).json()["data"]
    assert [document for page in found for document in page] == whole
    assert {len(page) for page in found[:-1]} == {7}
    assert len(found) > 4


def test_a_last_page_that_is_full_has_no_next(paged: httpx.Client) -> None:
    days = {"start_date": "2026-11-01", "end_date": "2026-11-07"}
    found = list(pages(paged, "daily_resilience", days, repeat=False))
    assert [len(page) for page in found] == [7]


@pytest.mark.parametrize("repeat", [True, False])
def test_samples_come_in_pages_of_a_thousand(
    api: httpx.Client,
    repeat: bool,  # noqa: FBT001
) -> None:
    query = {
        "start_datetime": "2026-10-03T00:00:00+03:00",
        "end_datetime": "2026-10-09T00:00:00+03:00",
    }
    found = list(pages(api, "heartrate", query, repeat=repeat))
    assert {len(page) for page in found[:-1]} == {1000}
    assert len(found) == 8
    stamps = [sample["timestamp_unix"] for page in found for sample in page]
    assert stamps == sorted(set(stamps))
    assert all(1790974800000 <= stamp <= 1791493200000 for stamp in stamps)


def test_the_last_page_of_samples_has_no_token_at_all(api: httpx.Client) -> None:
    answer = api.get("ring_battery_level").json()
    assert answer["data"]
    assert "next_token" not in answer


@pytest.mark.parametrize("route", ["sleep", "heartrate"])
@pytest.mark.parametrize("token", ["nonsense", "W10", "eyJhIjoxfQ"])
def test_a_token_of_nobody_is_refused(
    api: httpx.Client, route: str, token: str
) -> None:
    assert api.get(route, params={"next_token": token}).status_code == 400


def test_a_token_of_another_route_is_refused(
    paged: httpx.Client,
) -> None:
    token = paged.get("sleep", params=WINDOW).json()["next_token"]
    answer = paged.get("daily_sleep", params={"next_token": token})
    assert answer.status_code == 400
