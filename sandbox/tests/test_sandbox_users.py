from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from msgspec import json

from oura_sandbox.child import running
from oura_sandbox.routes import DOCUMENTS, SERIES
from oura_sandbox.scopes import SCOPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oura_sandbox.child import Sandbox

SCOPE = {name: route.scope for name, route in DOCUMENTS.items()}
SCOPE |= {name: route.scope for name, route in SERIES.items()}


@pytest.fixture(scope="module")
def several() -> Iterator[Sandbox]:
    with running(
        today="2026-11-24",
        years=1,
        users=3,
        without_scope=["2:stress", "2:email"],
        lapsed=[3],
    ) as sandbox:
        yield sandbox


def get(sandbox: Sandbox, route: str, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{sandbox.url}/v2/usercollection/{route}", headers=headers)


def issue(sandbox: Sandbox, **wanted: object) -> dict[str, Any]:
    answer = httpx.post(f"{sandbox.url}/_sandbox/tokens", json=wanted)
    assert answer.status_code == 200
    pair: dict[str, Any] = answer.json()
    return pair


def test_each_user_has_a_token_and_data(several: Sandbox) -> None:
    users = httpx.get(f"{several.url}/_sandbox/users").json()
    tokens = [user["token"] for user in users]
    assert tokens == ["sandbox-token", "sandbox-token-2", "sandbox-token-3"]
    people = [get(several, "personal_info", token).json() for token in tokens[:2]]
    assert [each["id"] for each in people] == [user["user_id"] for user in users[:2]]
    days = [get(several, "daily_sleep", token).json() for token in tokens[:2]]
    assert days[0]["data"][0]["id"] != days[1]["data"][0]["id"]


def test_a_document_of_another_user_is_not_found(several: Sandbox) -> None:
    (night, *_) = get(several, "sleep", "sandbox-token").json()["data"]
    path = f"sleep/{night['id']}"
    assert get(several, path, "sandbox-token").status_code == 200
    assert get(several, path, "sandbox-token-2").status_code == 404


def test_a_missing_scope_is_the_recorded_401(several: Sandbox) -> None:
    answer = get(several, "daily_resilience", "sandbox-token-2")
    assert answer.status_code == 401
    assert answer.json() == {
        "status": 401,
        "title": "Unauthorized",
        "detail": "Token is not authorized access stress scope.",
    }
    assert get(several, "daily_stress", "sandbox-token-2").status_code == 200


@pytest.mark.parametrize("route", sorted(SCOPE))
def test_each_route_needs_its_scope(several: Sandbox, route: str) -> None:
    others = [scope for scope in SCOPES if scope != SCOPE[route]]
    without = issue(several, scopes=others)["access_token"]
    only = issue(several, scopes=[SCOPE[route]])["access_token"]
    refused = get(several, route, without)
    assert refused.status_code == 401
    assert f" {SCOPE[route]} scope" in refused.json()["detail"]
    assert get(several, route, only).status_code == 200
    if route in DOCUMENTS:
        assert get(several, f"{route}/x", without).status_code == 401


def test_any_token_may_read_the_id(several: Sandbox) -> None:
    token = issue(several, scopes=["tag"])["access_token"]
    assert get(several, "personal_info", token).json().keys() == {"id"}
    info = get(several, "personal_info", "sandbox-token-2").json()
    assert info.keys() == {"id", "age", "weight", "height", "biological_sex"}


def test_a_lapsed_membership_is_403_everywhere(several: Sandbox) -> None:
    for route in (*DOCUMENTS, *SERIES, "personal_info"):
        answer = get(several, route, "sandbox-token-3")
        assert answer.status_code == 403
        assert answer.json()["status"] == 403


def test_a_user_can_grant_less_later(several: Sandbox) -> None:
    change = {"scopes": ["daily", "stress"], "lapsed": False}
    url = f"{several.url}/_sandbox/users/3"
    try:
        assert httpx.patch(url, json=change).status_code == 204
        assert get(several, "daily_resilience", "sandbox-token-3").status_code == 200
        assert get(several, "heartrate", "sandbox-token-3").status_code == 401
    finally:
        httpx.post(f"{several.url}/_sandbox/reset")
    assert get(several, "daily_resilience", "sandbox-token-3").status_code == 403
    assert httpx.patch(url, json={"lapsed": "perhaps"}).status_code == 400
    assert httpx.patch(f"{several.url}/_sandbox/users/9", json={}).is_client_error


def test_another_user_may_come_while_it_runs(several: Sandbox) -> None:
    url = f"{several.url}/_sandbox/users"
    answer = httpx.post(url, json={"scopes": ["daily"]})
    assert answer.status_code == 201
    opened = answer.json()
    assert (opened["number"], opened["token"]) == (4, "sandbox-token-4")
    assert get(several, "daily_sleep", opened["token"]).json()["data"]
    assert get(several, "heartrate", opened["token"]).status_code == 401
    assert issue(several, user=4)["access_token"]
    httpx.post(f"{several.url}/_sandbox/reset")
    assert get(several, "daily_sleep", opened["token"]).status_code == 401
    assert len(httpx.get(url).json()) == 3


def test_a_revision_is_for_one_user(several: Sandbox) -> None:
    before = get(several, "daily_sleep", "sandbox-token-2").json()["data"][0]
    url = f"{several.url}/_sandbox/documents/daily_sleep/{before['id']}"
    assert httpx.patch(url, json={"score": 1}).status_code == 404
    assert httpx.patch(f"{url}?user=2", json={"score": 1}).status_code == 204
    after = get(several, "daily_sleep", "sandbox-token-2").json()["data"][0]
    assert after == {**before, "score": 1}


def test_the_log_knows_who_asked(several: Sandbox) -> None:
    httpx.delete(f"{several.url}/_sandbox/requests")
    get(several, "sleep", "sandbox-token-2")
    get(several, "sleep", "nobody")
    log = json.decode(httpx.get(f"{several.url}/_sandbox/requests").content)
    assert [each["user"] for each in log] == [2, None]
