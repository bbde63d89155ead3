from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oura_sandbox.child import Sandbox

LEGACY = "/oauth/token"
NEW = "/oauth/v2/ext/oauth-token"
REDIRECT = "http://localhost:9999/callback"
CLIENT = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
VERIFIER = "a-verifier-of-more-than-forty-three-characters-in-length"
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
ASK = {
    "response_type": "code",
    "client_id": "sandbox-client",
    "redirect_uri": REDIRECT,
    "state": "a state & more",
    "scope": "daily stress spo2Daily extapi:heart_health",
}
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.url, timeout=PATIENCE) as client:
        yield client


def settle(http: httpx.Client, **settings: object) -> None:
    http.patch("/_sandbox/settings", json=settings).raise_for_status()


def consent(
    http: httpx.Client, untick: str = "", decision: str = "allow", **changes: str
) -> dict[str, list[str]]:
    """Agree as a person does: read the form, tick, and press a button."""
    page = http.get("/oauth/authorize", params={**ASK, **changes})
    assert page.status_code == 200
    hidden = re.findall(r'type="hidden" name="(.*?)" value="(.*?)"', page.text)
    boxes = re.findall(r'type="checkbox" name="scope" value="(.*?)"', page.text)
    form: dict[str, Any] = {name: value.replace("&amp;", "&") for name, value in hidden}
    form["scope"] = [box for box in boxes if box != untick]
    form |= {"user": "1", "decision": decision}
    answer = http.post("/oauth/authorize", data=form)
    assert answer.status_code == 302
    location = answer.headers["location"]
    assert location.startswith(REDIRECT + "?")
    return parse_qs(urlsplit(location).query)


def exchange(http: httpx.Client, code: str, **changes: str) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT,
        **CLIENT,
    }
    return http.post(LEGACY, data={**form, **changes})


def refresh(http: httpx.Client, token: str, path: str = LEGACY) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": token, **CLIENT}
    return http.post(path, data=form)


def login(http: httpx.Client) -> dict[str, Any]:
    pair: dict[str, Any] = exchange(http, consent(http)["code"][0]).json()
    return pair


def status(http: httpx.Client, token: str, route: str = "daily_sleep") -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return http.get(f"/v2/usercollection/{route}", headers=headers).status_code


def test_a_login_with_pkce(http: httpx.Client) -> None:
    back = consent(http, **PKCE)
    assert back["state"] == ["a state & more"]
    assert back["scope"] == ["daily heart_health stress"]
    answer = exchange(http, back["code"][0], code_verifier=VERIFIER)
    pair = answer.json()
    assert answer.status_code == 200
    assert pair["token_type"] == "bearer"
    assert pair["expires_in"] == 86400
    assert pair["scope"] == "daily heart_health stress"
    assert status(http, pair["access_token"]) == 200
    assert status(http, pair["access_token"], "daily_resilience") == 200
    assert status(http, pair["access_token"], "workout") == 401


@pytest.mark.parametrize("verifier", ["", "another", CHALLENGE])
def test_a_wrong_verifier_is_refused(http: httpx.Client, verifier: str) -> None:
    code = consent(http, **PKCE)["code"][0]
    answer = exchange(http, code, code_verifier=verifier)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_grant"


def test_a_scope_can_be_unticked(http: httpx.Client) -> None:
    back = consent(http, untick="stress")
    assert back["scope"] == ["daily heart_health"]


def test_a_user_can_refuse(http: httpx.Client) -> None:
    back = consent(http, decision="deny")
    assert back == {"error": ["access_denied"], "state": ["a state & more"]}


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "another"},
        {"redirect_uri": "https://example.org/"},
        {"redirect_uri": ""},
        {"response_type": "token"},
        {"code_challenge": CHALLENGE, "code_challenge_method": "plain"},
    ],
)
def test_a_bad_request_never_reaches_the_user(
    http: httpx.Client, change: dict[str, str]
) -> None:
    page = http.get("/oauth/authorize", params={**ASK, **change})
    assert page.status_code == 400
    assert "<form" not in page.text
    form = {**ASK, **change, "user": "1", "decision": "allow"}
    assert http.post("/oauth/authorize", data=form).status_code == 400


def test_a_registered_redirect_uri_matches_exactly(http: httpx.Client) -> None:
    settle(http, redirect_uri=["https://example.org/callback/"])
    for uri, expected in (
        ("https://example.org/callback/", 200),
        ("https://example.org/callback", 400),
        (REDIRECT, 400),
    ):
        page = http.get("/oauth/authorize", params={**ASK, "redirect_uri": uri})
        assert page.status_code == expected


def test_what_the_page_repeats_is_escaped(http: httpx.Client) -> None:
    page = http.get("/oauth/authorize", params={**ASK, "state": '"><script>'})
    assert "<script>" not in page.text


def test_a_code_works_once(http: httpx.Client) -> None:
    code = consent(http)["code"][0]
    assert exchange(http, code).status_code == 200
    assert exchange(http, code).status_code == 400


def test_a_code_expires(http: httpx.Client) -> None:
    settle(http, code_lifetime=0)
    assert exchange(http, consent(http)["code"][0]).status_code == 400


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"client_id": "another"}, "invalid_client"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"redirect_uri": REDIRECT + "/"}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_a_bad_exchange_is_refused(
    http: httpx.Client, change: dict[str, str], error: str
) -> None:
    answer = exchange(http, consent(http)["code"][0], **change)
    assert answer.status_code == 400
    assert answer.json().keys() == {"error", "error_description"}
    assert answer.json()["error"] == error


def test_a_code_that_nobody_was_given_is_refused(http: httpx.Client) -> None:
    answer = exchange(http, "nonsense")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_wrong_client_is_answered_as_recorded(http: httpx.Client) -> None:
    answer = exchange(http, "", client_id="x")
    assert answer.json() == {
        "error": "invalid_client",
        "error_description": "Invalid client_id.",
    }


def test_the_client_may_use_basic_authentication(http: httpx.Client) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    good = http.post(LEGACY, data=form, auth=("sandbox-client", "sandbox-secret"))
    assert good.json()["error"] == "invalid_grant"
    bad = http.post(LEGACY, data=form, auth=("sandbox-client", "wrong"))
    assert bad.json()["error"] == "invalid_client"


def test_refresh_tokens_rotate_and_work_once(http: httpx.Client) -> None:
    first = login(http)
    second = refresh(http, first["refresh_token"]).json()
    assert second["access_token"] != first["access_token"]
    assert second["scope"] == first["scope"]
    again = refresh(http, first["refresh_token"])
    assert again.status_code == 400
    assert again.json()["error_description"] == "Refresh token already used."
    assert status(http, second["access_token"]) == 200
    assert refresh(http, second["refresh_token"]).status_code == 200
    assert refresh(http, "nonsense").status_code == 400


def test_access_tokens_expire(http: httpx.Client) -> None:
    settle(http, token_lifetime=0)
    pair = login(http)
    assert pair["expires_in"] == 0
    assert status(http, pair["access_token"]) == 401
    settle(http, token_lifetime=60)
    renewed = refresh(http, pair["refresh_token"]).json()
    assert status(http, renewed["access_token"]) == 200
    assert http.delete("/_sandbox/tokens").status_code == 204
    assert status(http, renewed["access_token"]) == 401
    assert refresh(http, renewed["refresh_token"]).status_code == 200
    assert status(http, "sandbox-token") == 200


def test_the_legacy_endpoint_may_not_know_the_client(http: httpx.Client) -> None:
    settle(http, token_endpoint="new")
    pair = http.post("/_sandbox/tokens", json={}).json()
    refused = refresh(http, pair["refresh_token"])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert exchange(http, consent(http)["code"][0]).status_code == 401
    assert refresh(http, pair["refresh_token"], NEW).status_code == 200


def test_the_new_endpoint_may_not_know_the_client(http: httpx.Client) -> None:
    settle(http, token_endpoint="legacy")
    pair = http.post("/_sandbox/tokens", json={}).json()
    assert refresh(http, pair["refresh_token"], NEW).status_code == 400
    assert refresh(http, pair["refresh_token"], LEGACY).status_code == 200


def test_scopes_may_be_omitted_or_prefixed(http: httpx.Client) -> None:
    settle(http, scope_prefix=True)
    back = consent(http)
    assert back["scope"] == ["extapi:daily extapi:heart_health extapi:stress"]
    pair = exchange(http, back["code"][0]).json()
    assert pair["scope"] == back["scope"][0]
    settle(http, omit_scope=True)
    assert "scope" not in refresh(http, pair["refresh_token"]).json()


def test_a_grant_is_revoked_by_its_access_token(http: httpx.Client) -> None:
    pair = login(http)
    query = {"access_token": pair["access_token"]}
    assert http.post("/oauth/revoke", params=query).status_code == 200
    assert status(http, pair["access_token"]) == 401
    assert refresh(http, pair["refresh_token"]).status_code == 400
    assert http.post("/oauth/revoke", params=query).status_code == 401


def test_a_grant_is_revoked_by_its_refresh_token(http: httpx.Client) -> None:
    pair = login(http)
    headers = {"Authorization": f"bearer {pair['refresh_token']}"}
    assert http.post("/oauth/revoke", headers=headers).status_code == 200
    assert status(http, pair["access_token"]) == 401
    assert http.post("/oauth/revoke", headers=headers).status_code == 401


def test_a_reset_forgets_all_logins(http: httpx.Client) -> None:
    pair = login(http)
    http.post("/oauth/revoke", params={"access_token": "sandbox-token"})
    assert status(http, "sandbox-token") == 401
    http.post("/_sandbox/reset")
    assert status(http, pair["access_token"]) == 401
    assert status(http, "sandbox-token") == 200
