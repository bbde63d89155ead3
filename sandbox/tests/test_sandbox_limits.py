from __future__ import annotations

import time

import httpx
import pytest


def other_token(control: httpx.Client) -> dict[str, str]:
    pair = control.post("tokens", json={}).json()
    return {"Authorization": f"Bearer {pair['access_token']}"}


def test_each_token_has_its_limit(api: httpx.Client, control: httpx.Client) -> None:
    control.patch("settings", json={"token_limit": "2/600"})
    assert [api.get("sleep").status_code for _ in range(3)] == [200, 200, 429]
    assert api.get("sleep", headers=other_token(control)).status_code == 200
    answer = api.get("sleep")
    headers = answer.headers
    assert answer.json()["status"] == 429
    assert headers["x-ratelimit-tier"] == "access_token"
    assert headers["x-ratelimit-limit"] == "2"
    assert headers["x-ratelimit-window"] == "600"
    assert 0 < int(headers["retry-after"]) <= 600
    assert abs(int(headers["x-ratelimit-reset"]) - time.time() - 600) < 60


def test_the_application_has_a_limit(api: httpx.Client, control: httpx.Client) -> None:
    control.patch("settings", json={"app_limit": "2/600"})
    assert api.get("sleep").status_code == 200
    assert api.get("sleep", headers=other_token(control)).status_code == 200
    answer = api.get("sleep")
    assert answer.status_code == 429
    assert answer.headers["x-ratelimit-tier"] == "application"


def test_a_limit_is_a_rolling_window(api: httpx.Client, control: httpx.Client) -> None:
    control.patch("settings", json={"token_limit": "1/1"})
    assert api.get("sleep").status_code == 200
    refused = api.get("sleep")
    if refused.status_code == 429:
        assert refused.headers["retry-after"] == "1"
    time.sleep(1)
    assert api.get("sleep").status_code == 200


def test_successes_have_no_rate_headers(
    api: httpx.Client, control: httpx.Client
) -> None:
    control.patch("settings", json={"token_limit": "9/600"})
    headers = api.get("sleep").headers
    assert not [name for name in headers if "ratelimit" in name]


def test_latency_holds_up_nobody_else(api: httpx.Client, control: httpx.Client) -> None:
    control.patch("settings", json={"latency_ms": 600_000})
    with pytest.raises(httpx.ReadTimeout):
        api.get("tag", timeout=0.5)
    control.patch("settings", json={"latency_ms": 0})
    # The first request still sleeps.
    assert api.get("sleep").status_code == 200
    log = control.get("requests").json()
    assert [each["status"] for each in log] == [None, 200]


@pytest.mark.parametrize(
    "change",
    [
        {"token_limit": "many"},
        {"token_limit": "0/1"},
        {"latency_ms": -1},
        {"page_size": 0},
        {"token_endpoint": "old"},
        {"seed": 3},
    ],
)
def test_a_setting_that_cannot_be_is_refused(
    control: httpx.Client, change: dict[str, object]
) -> None:
    before = control.get("settings").json()
    assert control.patch("settings", json=change).status_code == 400
    assert control.get("settings").json() == before
