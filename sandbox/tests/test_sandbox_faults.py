from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from msgspec import json

from oura_sandbox.child import running
from patience import PATIENCE

if TYPE_CHECKING:
    from oura_sandbox.child import Sandbox

DAYS = {"start_date": "2026-11-01", "end_date": "2026-11-24"}


def begin(control: httpx.Client, **fault: object) -> int:
    answer = control.post("faults", json=fault)
    assert answer.status_code == 201
    return int(answer.json()["number"])


def statuses(api: httpx.Client, count: int, route: str = "daily_sleep") -> list[int]:
    return [api.get(route).status_code for _ in range(count)]


def days(api: httpx.Client, route: str = "daily_sleep") -> list[dict[str, Any]]:
    documents: list[dict[str, Any]] = api.get(route, params=DAYS).json()["data"]
    return documents


def test_an_error_happens_as_often_as_it_should(
    api: httpx.Client, control: httpx.Client
) -> None:
    begin(control, kind="error", status=500, after=1, every=2, times=2)
    assert statuses(api, 7) == [200, 200, 500, 200, 500, 200, 200]


def test_a_fault_may_be_for_one_route(api: httpx.Client, control: httpx.Client) -> None:
    begin(control, kind="error", route="sleep")
    assert statuses(api, 2) == [200, 200]
    assert statuses(api, 1, "sleep") == [503]
    assert statuses(api, 1, "sleep/x") == [503]


def test_a_fault_may_be_for_one_user(api: httpx.Client, control: httpx.Client) -> None:
    begin(control, kind="error", user=2)
    assert statuses(api, 1) == [200]


def test_chance_falls_the_same_way_each_time(
    api: httpx.Client, control: httpx.Client
) -> None:
    runs = []
    for _ in range(2):
        number = begin(control, kind="error", probability=0.5, seed=7)
        runs.append(statuses(api, 20))
        assert control.delete(f"faults/{number}").status_code == 204
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 503}


def test_faults_are_counted_and_ended(api: httpx.Client, control: httpx.Client) -> None:
    number = begin(control, kind="error", route="sleep", times=1)
    statuses(api, 3, "sleep")
    assert control.get("faults").json() == [
        {
            "number": number,
            "happened": 1,
            "fault": {"kind": "error", "route": "sleep", "times": 1},
        }
    ]
    assert control.delete("faults").status_code == 204
    assert control.get("faults").json() == []
    assert control.delete(f"faults/{number}").status_code == 404


def test_an_html_answer_may_even_be_a_success(
    api: httpx.Client, control: httpx.Client
) -> None:
    begin(control, kind="html", times=1)
    begin(control, kind="html", status=200)
    for status in (502, 200):
        answer = api.get("daily_sleep")
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.text.startswith("<!DOCTYPE html>")


def test_a_dropped_connection_has_no_answer(
    api: httpx.Client, control: httpx.Client
) -> None:
    begin(control, kind="drop", times=1)
    with pytest.raises(httpx.TransportError):
        api.get("daily_sleep")
    assert statuses(api, 1) == [200]
    assert control.get("requests").json()[0]["status"] is None


def test_a_cut_connection_ends_in_the_middle(
    api: httpx.Client, control: httpx.Client
) -> None:
    begin(control, kind="cut", times=1)
    with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
        api.get("daily_sleep", params=DAYS)
    assert statuses(api, 1) == [200]


def test_a_truncated_body_is_no_json(api: httpx.Client, control: httpx.Client) -> None:
    whole = api.get("daily_sleep").content
    begin(control, kind="truncate")
    answer = api.get("daily_sleep")
    assert answer.status_code == 200
    assert answer.content == whole[: len(whole) // 2]


def test_a_delay_does_not_hold_up_others(sandbox: Sandbox) -> None:
    with httpx.Client(base_url=sandbox.url, timeout=PATIENCE) as control:
        fault = {"kind": "delay", "route": "sleep", "seconds": 30}
        control.post("/_sandbox/faults", json=fault)
        url = f"{sandbox.url}/v2/usercollection"
        headers = {"Authorization": f"Bearer {sandbox.token}"}
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{url}/sleep", headers=headers, timeout=0.2)
        assert httpx.get(f"{url}/tag", headers=headers).status_code == 200


def test_a_repeated_token_never_ends(api: httpx.Client, control: httpx.Client) -> None:
    control.patch("settings", json={"page_size": 5})
    begin(control, kind="repeat-token")
    token = api.get("daily_sleep", params=DAYS).json()["next_token"]
    again = api.get("daily_sleep", params={"next_token": token}).json()
    assert again["next_token"] == token


@pytest.mark.parametrize("tier", ["access_token", "application"])
def test_a_rate_limit_fault_has_the_five_headers(
    api: httpx.Client, control: httpx.Client, tier: str
) -> None:
    begin(control, kind="rate-limit", seconds=7, tier=tier)
    answer = api.get("daily_sleep")
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "7"
    assert answer.headers["x-ratelimit-tier"] == tier
    assert int(answer.headers["x-ratelimit-limit"]) > 0
    assert int(answer.headers["x-ratelimit-window"]) > 0
    assert int(answer.headers["x-ratelimit-reset"]) >= int(time.time())


def test_late_documents_arrive_when_the_fault_ends(
    api: httpx.Client, control: httpx.Client
) -> None:
    before = days(api)
    number = begin(control, kind="hide", route="daily_sleep", days=4)
    late = [each for each in before if each["day"] >= "2026-11-21"]
    assert late
    assert days(api) == [each for each in before if each not in late]
    assert api.get(f"daily_sleep/{late[0]['id']}").status_code == 404
    control.delete(f"faults/{number}")
    assert days(api) == before


def test_a_share_of_the_documents_vanishes(
    api: httpx.Client, control: httpx.Client
) -> None:
    before = days(api)
    begin(control, kind="hide", probability=0.3, seed=2)
    left = days(api)
    assert 0 < len(left) < len(before)
    assert [each for each in before if each in left] == left
    assert days(api) == left


def test_documents_are_changed(api: httpx.Client, control: httpx.Client) -> None:
    before = days(api)
    begin(
        control,
        kind="change",
        route="daily_sleep",
        set={"score": None, "contributors": {"timing": None}, "new": {"a": [1]}},
        remove=["id"],
    )
    for old, new in zip(before, days(api), strict=True):
        assert new == {
            **{key: value for key, value in old.items() if key != "id"},
            "score": None,
            "contributors": {**old["contributors"], "timing": None},
            "new": {"a": [1]},
        }
    assert "new" not in days(api, "daily_readiness")[0]


def test_samples_can_be_changed_too(api: httpx.Client, control: httpx.Client) -> None:
    begin(control, kind="change", route="heartrate", set={"new": True}, days=1)
    rows = api.get("heartrate", params={"latest": "true"}).json()["data"]
    assert rows[0]["new"] is True


def test_the_token_endpoint_can_fail(sandbox: Sandbox, control: httpx.Client) -> None:
    begin(control, kind="drop", route="oauth/token")
    with pytest.raises(httpx.TransportError):
        httpx.post(f"{sandbox.url}/oauth/token")
    answer = httpx.post(f"{sandbox.url}/oauth/v2/ext/oauth-token")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"kind": "earthquake"},
        {"kind": "error", "color": "red"},
        {"kind": "error", "every": 0},
        {"kind": "error", "probability": 2},
        {"kind": "error", "status": "many"},
    ],
)
def test_a_fault_that_cannot_be_is_refused(
    control: httpx.Client, fault: dict[str, Any]
) -> None:
    answer = control.post("faults", json=fault)
    assert answer.status_code == 400
    assert answer.json()["detail"]


def test_the_command_line_takes_faults_limits_and_latency() -> None:
    with running(
        today="2026-11-24",
        years=0,
        fault=[
            "kind=error,route=sleep,status=500,times=1",
            '{"kind":"drop","route":"tag"}',
        ],
        token_limit="3/600",
        latency_ms=1,
    ) as sandbox:
        headers = {"Authorization": f"Bearer {sandbox.token}"}
        url = f"{sandbox.url}/v2/usercollection/"
        with httpx.Client(base_url=url, headers=headers, timeout=PATIENCE) as api:
            assert statuses(api, 5, "sleep") == [500, 200, 200, 200, 429]
            with pytest.raises(httpx.TransportError):
                api.get("tag")
            api.post(f"{sandbox.url}/_sandbox/reset")
            assert statuses(api, 2, "sleep") == [500, 200]
            settings = json.decode(api.get(f"{sandbox.url}/_sandbox/settings").content)
            assert settings["latency_ms"] == 1
