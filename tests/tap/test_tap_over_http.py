"""The tap against the sandbox: what it reads, and what does not stop it."""

from __future__ import annotations

import subprocess
from signal import SIGINT, SIGKILL, SIGTERM, Signals
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tap_over_http import PROGRAMS, USER_ID, Output, Tap, days_ago, parse

if TYPE_CHECKING:
    from pathlib import Path

OTHERS = [f"0a0a0a0a-0000-4000-8000-00000000000{n}" for n in (2, 3)]
BACKFILL: dict[str, Any] = {
    "streams": ("ring_battery_level",),
    "start_date": days_ago(350),
}
THREE = [
    {"user_id": user_id, "access_token": f"sandbox-token{suffix}"}
    for user_id, suffix in zip([USER_ID, *OTHERS], ("", "-2", "-3"), strict=True)
]


def documents(output: Output, stream: str) -> list[dict[str, Any]]:
    """The records of a stream, as they were before `user_id` was added."""
    return [
        {k: v for k, v in record.items() if k != "user_id"}
        for record in output.records(stream)
    ]


def test_every_route_is_read_as_it_is_served(tap: Tap) -> None:
    tap.control("PATCH", "settings", {"page_size": 7})
    output = tap.with_token().run(start_date=days_ago(40))
    assert output.exit_code == 0
    schemas = {m["stream"]: m for m in output.messages if m["type"] == "SCHEMA"}
    assert len(schemas) == 20
    for stream in set(schemas) - {"rest_mode_period", "sync_windows"}:
        assert output.records(stream), stream
    for route in ("daily_sleep", "daily_activity", "sleep", "workout", "daily_spo2"):
        assert documents(output, route) == tap.served(route, 40), route
    asked = [r for r in tap.asked() if r["path"].endswith("/heartrate")]
    assert all("next_token" in r["query"] or "%2B00%3A00" in r["query"] for r in asked)
    assert {outcome for *_, outcome in output.outcomes()} == {"ok"}


@pytest.fixture(scope="module")
def whole(sandbox_url: str, tmp_path_factory: pytest.TempPathFactory) -> Output:
    """A backfill that nothing ends, of 12 windows."""
    folder: Path = tmp_path_factory.mktemp("whole")
    return Tap(sandbox_url, folder).with_token().run(**BACKFILL)


@pytest.mark.parametrize("number", [SIGKILL, SIGTERM, SIGINT], ids=lambda n: n.name)
def test_a_backfill_that_is_ended_resumes_near_where_it_stopped(
    tap: Tap, whole: Output, number: Signals
) -> None:
    tap = tap.with_token()
    tap.control("PATCH", "settings", {"latency_ms": 50})
    log = tap.folder / "log"
    with (
        log.open("w") as stderr,
        subprocess.Popen(
            tap.command(**BACKFILL, concurrency=1),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(8_000)]
        process.send_signal(number)
        lines.append(process.stdout.read())
    said = log.read_text()
    ended = Output(parse("".join(lines)), said, process.returncode)
    if number is not SIGKILL:
        assert ended.exit_code == 128 + number
        assert lines[-1].endswith("\n")
        assert ended.messages[-1]["type"] == "STATE"
        [error] = ended.errors
        assert f"Stopped by {number.name}. What was read is kept" in error
        assert "Traceback" not in said
    tap.control("POST", "reset")
    resumed = tap.run(**BACKFILL, state=ended.state)
    assert resumed.exit_code == whole.exit_code == 0
    stream, start = BACKFILL["streams"][0], BACKFILL["start_date"]
    instants = {r["timestamp"] for o in (ended, resumed) for r in o.records(stream)}
    assert instants == {r["timestamp"] for r in whole.records(stream)}
    assert len(resumed.records(stream)) < 0.8 * len(whole.records(stream))
    windows = resumed.records("sync_windows")
    assert min(r["window_start"] for r in windows) == start


def test_one_user_fails_and_the_others_are_complete(tap: Tap) -> None:
    tap.control("PATCH", "users/2", {"lapsed": True})
    users = [*THREE[:2], {"user_id": OTHERS[1], "access_token": "ended"}]
    streams = ("daily_sleep", "daily_stress", "sleep")
    output = tap.run(users=users, streams=streams, start_date=days_ago(20))
    assert output.exit_code == 1
    complete = {r["id"] for r in output.records("daily_sleep")}
    assert complete == {d["id"] for d in tap.served("daily_sleep", 20)}
    assert {r["user_id"] for r in output.records("sleep")} == {USER_ID}
    assert len(output.errors) == 2
    assert f"of user {OTHERS[0]} (403)" in output.errors[0]
    assert f"The token of user {OTHERS[1]} was refused (401)" in output.errors[1]
    assert output.outcomes() == {
        *((USER_ID, stream, "ok") for stream in streams),
        *((OTHERS[0], stream, "membership_lapsed") for stream in streams),
        *((OTHERS[1], stream, "unauthorized") for stream in streams),
    }


def test_missing_scope_is_visible_and_no_failure(tap: Tap) -> None:
    tap.control("PATCH", "users/1", {"scopes": ["daily"]})
    streams = ("daily_sleep", "daily_resilience")
    output = tap.with_token().run(streams=streams, start_date=days_ago(5))
    assert output.exit_code == 0
    assert "did not grant the scope `stress`" in output.stderr
    assert output.outcomes() == {
        (USER_ID, "daily_sleep", "ok"),
        (USER_ID, "daily_resilience", "missing_scope"),
    }


FAULTS: dict[str, dict[str, Any]] = {
    "daily_sleep": {"kind": "error", "every": 2, "status": 503},
    "daily_stress": {"kind": "html", "every": 2},
    "daily_spo2": {"kind": "html", "every": 2, "status": 200},
    "daily_readiness": {"kind": "drop", "every": 2},
    "daily_resilience": {"kind": "cut", "every": 2},
    "sleep_time": {"kind": "truncate", "every": 2},
    "sleep": {"kind": "rate-limit", "times": 1, "seconds": 1, "tier": "application"},
}


def test_what_passes_is_waited_for(tap: Tap) -> None:
    for route, fault in FAULTS.items():
        tap.fault(route=route, **fault)
    tap.control("PATCH", "settings", {"page_size": 9})
    output = tap.with_token().run(streams=tuple(FAULTS), start_date=days_ago(20))
    assert output.exit_code == 0
    tap.control("DELETE", "faults")
    for route in FAULTS:
        assert f" {route} of user {USER_ID}: " in output.stderr
        assert documents(output, route) == tap.served(route, 20), route
    assert output.stderr.count("trying again") >= len(FAULTS)


def test_rate_limits_of_token_and_application_are_obeyed(tap: Tap) -> None:
    limits = {"token_limit": "6/1", "app_limit": "9/1", "page_size": 3}
    tap.control("PATCH", "settings", limits)
    output = tap.run(users=THREE, streams=("daily_sleep",), start_date=days_ago(20))
    assert output.exit_code == 0
    counts = [
        len([r for r in output.records("daily_sleep") if r["user_id"] == u["user_id"]])
        for u in THREE
    ]
    assert min(counts) >= 15
    tap.control("PATCH", "settings", {"token_limit": None, "app_limit": None})


def test_late_revised_and_new(tap: Tap) -> None:
    """Oura says nothing of what has changed: the look-back finds it."""
    tap = tap.with_token()
    options: dict[str, Any] = {"streams": ("daily_sleep",), "start_date": days_ago(60)}
    tap.fault(kind="hide", route="daily_sleep", days=4)
    first = tap.run(**options)
    tap.control("DELETE", "faults")
    revised = tap.served("daily_sleep", 6)[0]
    tap.control("PATCH", f"documents/daily_sleep/{revised['id']}", {"score": 1})
    change = {"brand_new": {"a": 1}, "score": "text"}
    tap.fault(kind="change", route="daily_sleep", days=2, set=change)
    second = tap.run(**options, state=first.state)
    days = {r["day"] for r in second.records("daily_sleep")}
    assert {r["day"] for r in first.records("daily_sleep")}.isdisjoint({days_ago(2)})
    assert days_ago(2) in days
    scores = {r["id"]: r.get("score") for r in second.records("daily_sleep")}
    assert scores[revised["id"]] == 1
    odd = [r for r in second.records("daily_sleep") if "unknown_fields" in r]
    assert odd[0]["unknown_fields"] == change
    assert second.stderr.count("Unknown field `brand_new`") == 1


def test_requests_that_overlap_change_nothing_of_the_output(tap: Tap) -> None:
    tap = tap.with_token()
    tap.control("PATCH", "settings", {"latency_ms": 50})
    streams = ("daily_stress", "workout")
    options: dict[str, Any] = {"streams": streams, "start_date": days_ago(350)}
    one, eight = (tap.run(**options, concurrency=n) for n in (1, 8))
    for stream in streams:
        assert one.records(stream) == eight.records(stream)
    assert one.state == eight.state


# Logins


def test_login_on_the_consent_page_and_a_revoked_one(tap: Tap) -> None:
    """`tap-oura-auth login`, as on a machine without a browser."""
    tap = tap.with_store(str(tap.folder / "logins.json"))
    command = [
        *(str(PROGRAMS / "tap-oura-auth"), "--config", str(tap.config())),
        *("login", USER_ID, "--no-browser"),
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        address = next(line.strip() for line in process.stdout if "http" in line)
        page = httpx.get(address)
        assert page.status_code == 200
        form = dict(httpx.URL(address).params)
        consent = {**form, "scope": ["daily", "tag"], "decision": "allow"}
        answer = httpx.post(address, data=consent)
        said = process.communicate(answer.headers["location"] + "\n")[0]
    assert process.returncode == 0, said
    assert "Granted: daily, tag" in said
    assert "daily_resilience" in said.split("Will be empty:")[1]

    streams = ("daily_sleep", "daily_stress")
    output = tap.run(streams=streams, start_date=days_ago(5))
    assert output.exit_code == 0
    assert {r["user_id"] for r in output.records("daily_sleep")} == {USER_ID}

    subprocess.run([*command[:3], "revoke", USER_ID], check=True)
    ended = tap.run(streams=streams, user_id=USER_ID)
    assert ended.exit_code == 1
    assert f"There is no login of user {USER_ID}" in ended.errors[0]


def test_a_chain_of_refresh_tokens_outlives_its_access_tokens(tap: Tap) -> None:
    tap.control("PATCH", "settings", {"token_endpoint": "new", "token_lifetime": 61})
    seed = tap.control("POST", "tokens", {"user": 1})["refresh_token"]
    tap = tap.with_store(str(tap.folder / "logins.json"))
    options: dict[str, Any] = {
        "streams": ("daily_sleep",),
        "start_date": days_ago(3),
        "user_id": USER_ID,
        "refresh_token": seed,
    }
    for _ in range(2):
        assert tap.run(**options).exit_code == 0
        tap.control("DELETE", "tokens?user=1")
    refreshed = [r for r in tap.asked() if "token" in r["path"] and r["status"] == 200]
    assert len(refreshed) == 2
