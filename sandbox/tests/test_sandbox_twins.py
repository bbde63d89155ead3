from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from oura_sandbox.routes import DOCUMENTS, SERIES
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oura_sandbox.child import Sandbox


@pytest.fixture
def twins(sandbox: Sandbox) -> Iterator[httpx.Client]:
    url = f"{sandbox.url}/v2/sandbox/usercollection/"
    headers = {"Authorization": "whatever"}
    with httpx.Client(base_url=url, headers=headers, timeout=PATIENCE) as client:
        yield client


@pytest.mark.parametrize("route", sorted(DOCUMENTS))
def test_every_day_but_the_last_has_a_document(twins: httpx.Client, route: str) -> None:
    query = {"start_date": "2021-01-01", "end_date": "2021-01-05"}
    answer = twins.get(route, params=query).json()
    assert [document["id"] for document in answer["data"]] == [
        f"{route}-{number}-2021-1-{number}" for number in range(1, 5)
    ]
    assert answer["next_token"] is None
    day = DOCUMENTS[route].day
    if DOCUMENTS[route].dated:
        assert answer["data"][1][day] == "2021-01-02"
    single = twins.get(f"{route}/{route}-2-2021-1-2").json()
    assert single.keys() == answer["data"][1].keys()


@pytest.mark.parametrize("route", sorted(SERIES))
def test_samples_are_two_and_have_no_pages(twins: httpx.Client, route: str) -> None:
    query = {
        "start_datetime": "2021-01-01T00:00:00Z",
        "end_datetime": "2021-01-20T00:00:00Z",
    }
    answer = twins.get(route, params=query).json()
    assert len(answer["data"]) == 2
    assert answer.keys() == {"data"}


def test_there_is_no_personal_info(twins: httpx.Client) -> None:
    assert twins.get("personal_info").status_code == 404


def test_some_authorization_is_needed(sandbox: Sandbox) -> None:
    answer = httpx.get(f"{sandbox.url}/v2/sandbox/usercollection/sleep")
    assert answer.status_code == 401
