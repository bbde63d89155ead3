from __future__ import annotations

import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest
import requests

from fake_oura import USER_ID

if TYPE_CHECKING:
    from fake_oura import FakeOura, Run, Runner

OTHER_USER = "00000000-0000-4000-8000-000000000002"
RANGE: dict[str, Any] = {"start_date": "2026-03-09", "end_date": "2026-03-09"}
SECRET_BODY = {"detail": "bpm 61 of Jane", "status": 400}


def outcomes(result: Run) -> dict[str, tuple[str, str | None]]:
    return {
        r["stream"]: (r["outcome"], r["detail"]) for r in result.records("sync_windows")
    }


def test_missing_scope_leaves_its_stream_empty_and_is_no_failure(
    oura: FakeOura, run: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    oura.daily("daily_stress", "2026-03-09")
    detail = "Token is not authorized access extapi:heart_health scope."
    body = {"status": 401, "title": "Unauthorized", "detail": detail}
    oura.answer_next("daily_cardiovascular_age", (401, body))
    oura.answer_next("vo2_max", (401, body))
    result = run("daily_cardiovascular_age", "daily_stress", "vo2_max", **RANGE)
    assert result.exit_code == 0
    assert result.days("daily_stress") == ["2026-03-09"]
    assert outcomes(result)["daily_cardiovascular_age"] == (
        "missing_scope",
        "heart_health",
    )
    assert (
        f"User {USER_ID} did not grant the scope `heart_health`. "
        "Log in again and tick it. Empty until then: "
        "daily_cardiovascular_age, vo2_max."
    ) in caplog.text


def test_refused_token_ends_the_user_with_one_request_and_one_line(
    oura: FakeOura, run: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    body = {"status": 401, "title": "Unauthorized", "detail": "Invalid token."}
    oura.answer_next("daily_sleep", (401, body))
    result = run("daily_sleep", "daily_stress", "workout", concurrency=1, **RANGE)
    assert result.exit_code == 1
    assert len(oura.asked) == 1
    assert set(outcomes(result).values()) == {("unauthorized", None)}
    errors = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
    sentence = (
        f"The token of user {USER_ID} was refused (401). "
        "Log in again or give a new `access_token`."
    )
    assert errors == [sentence]


def test_lapsed_membership_is_visible(oura: FakeOura, run: Runner) -> None:
    oura.daily("daily_stress", "2026-03-09")
    oura.answer_next("daily_sleep", (403, {"detail": "Forbidden"}))
    result = run("daily_sleep", "daily_stress", **RANGE)
    assert result.exit_code == 1
    assert outcomes(result)["daily_sleep"] == ("membership_lapsed", None)
    assert result.days("daily_stress") == ["2026-03-09"]


def test_each_user_and_cause_is_one_line(
    oura: FakeOura, run: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    detail = "Token is not authorized access extapi:heart_health scope."
    oura.answer_next("daily_sleep", (403, {}), (403, {}))
    oura.answer_next("sleep", (403, {}), (400, {}))
    oura.answer_next("workout", (422, {}))
    oura.answer_next("daily_cardiovascular_age", *[(401, {"detail": detail})] * 2)
    oura.answer_next("vO2_max", (401, {"detail": detail}))
    users = [{"user_id": u, "access_token": "t"} for u in (USER_ID, OTHER_USER)]
    streams = ("daily_cardiovascular_age", "daily_sleep", "sleep", "vO2_max", "workout")
    result = run(*streams, users=users, concurrency=1, **RANGE)
    assert result.exit_code == 1
    told = [
        (r.levelname, r.__dict__["outcome"], OTHER_USER in r.getMessage())
        for r in caplog.records
        if "outcome" in r.__dict__
    ]
    assert sorted(told) == [
        ("ERROR", "error", False),
        ("ERROR", "error", True),
        ("ERROR", "membership_lapsed", False),
        ("ERROR", "membership_lapsed", True),
        ("WARNING", "missing_scope", False),
        ("WARNING", "missing_scope", True),
    ]


@pytest.mark.parametrize("status", [400, 422, 404, 302])
def test_refused_request_is_said_in_our_words(
    oura: FakeOura, run: Runner, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    oura.answer_next("daily_sleep", (status, SECRET_BODY))
    result = run("daily_sleep", **RANGE)
    assert result.exit_code == 1
    assert outcomes(result)["daily_sleep"] == ("error", str(status))
    assert f"Oura refused the request for daily_sleep of user {USER_ID}" in (
        caplog.text
    )


def test_server_errors_are_tried_again(
    oura: FakeOura, run: Runner, no_pauses: list[float]
) -> None:
    oura.daily("daily_stress", "2026-03-09")
    oura.answer_next(
        "daily_stress",
        (500, SECRET_BODY),
        (200, "<html>not what we asked for</html>"),
        requests.ConnectionError("reset by GET /secret?next_token=abc"),
        requests.exceptions.ChunkedEncodingError(),
    )
    result = run("daily_stress", **RANGE)
    assert result.exit_code == 0
    assert result.days("daily_stress") == ["2026-03-09"]
    assert len(oura.asked) == 5
    assert len([pause for pause in no_pauses if pause > 0]) == 4


def test_what_fails_to_the_end_stops_neither_the_others_nor_the_bookmark(
    oura: FakeOura, run: Runner
) -> None:
    oura.daily("daily_stress", "2026-03-09")
    oura.answer_next("daily_sleep", *[(503, SECRET_BODY)] * 3)
    result = run("daily_sleep", "daily_stress", max_tries=3, **RANGE)
    assert result.exit_code == 1
    assert outcomes(result)["daily_sleep"] == ("error", None)
    assert result.bookmark("daily_sleep") is None
    assert result.bookmark("daily_stress") == "2026-03-09"


def test_a_window_that_fails_keeps_the_windows_before_it(
    oura: FakeOura, run: Runner
) -> None:
    good = (200, {"data": [{"id": "a", "day": "2022-01-10"}], "next_token": None})
    oura.answer_next("sleep", good, (400, SECRET_BODY))
    result = run("sleep", start_date="2022-01-01", end_date="2024-09-30", concurrency=1)
    assert result.exit_code == 1
    assert result.days("sleep") == ["2022-01-10"]
    assert result.bookmark("sleep") == "2023-01-01"
    assert [
        (r["outcome"], r["window_start"], r["window_end"], r["request_count"])
        for r in result.records("sync_windows")
    ] == [
        ("ok", "2022-01-01", "2023-01-01", 1),
        ("error", "2023-01-02", "2024-09-30", 0),
    ]


def test_unreachable_api_is_tried_and_then_ends_the_user(
    oura: FakeOura, run: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    broken = requests.ConnectionError("https://api.ouraring.com/?start_date=secret")
    oura.answer_next("daily_sleep", *[broken] * 5)
    result = run("daily_sleep", "daily_stress", concurrency=1, **RANGE)
    assert result.exit_code == 1
    assert len(oura.asked) == 5
    assert "No connection to api.ouraring.com" in caplog.text


def test_retry_after_is_obeyed(
    oura: FakeOura, run: Runner, no_pauses: list[float]
) -> None:
    oura.daily("daily_stress", "2026-03-09")
    limit = {"Retry-After": "17", "X-RateLimit-Tier": "access_token"}
    oura.answer_next("daily_stress", (429, {}, limit))
    result = run("daily_stress", **RANGE)
    assert result.days("daily_stress") == ["2026-03-09"]
    assert any(16 < pause <= 17 for pause in no_pauses)


def test_a_low_limit_takes_longer_but_no_tries(oura: FakeOura, run: Runner) -> None:
    oura.daily("daily_stress", "2026-03-09")
    reset = {"X-RateLimit-Reset": str(int(time.time()) + 20)}
    limits: list[Any] = [(429, {}, {"Retry-After": "30"}), (429, {}, reset)]
    oura.answer_next("daily_stress", *limits * 3)
    result = run("daily_stress", max_tries=2, **RANGE)
    assert result.exit_code == 0
    assert result.days("daily_stress") == ["2026-03-09"]


def test_a_limit_that_asks_for_no_pause_gets_one_all_the_same(
    oura: FakeOura, run: Runner, no_pauses: list[float]
) -> None:
    past = str(int(time.time()) - 5)
    for limit in ({"Retry-After": "0"}, {"X-RateLimit-Reset": past}):
        oura.asked.clear()
        oura.answer_next("daily_stress", *[(429, {}, limit)] * 400)
        assert run("daily_stress", **RANGE).exit_code == 1
        assert len(oura.asked) < 15
        assert len([pause for pause in no_pauses if pause > 0.9]) > 8
        oura.answers.clear()


@pytest.mark.parametrize("asked", ["a date", "a reset"])
@pytest.mark.parametrize("off", [-3600, 0, 3600])
def test_a_clock_that_is_off_changes_no_pause(
    oura: FakeOura, run: Runner, no_pauses: list[float], asked: str, off: int
) -> None:
    oura.daily("daily_stress", "2026-03-09")
    server = int(time.time()) + off
    headers = {"Date": formatdate(server, usegmt=True)}
    if asked == "a date":
        headers["Retry-After"] = formatdate(server + 40, usegmt=True)
    else:
        headers["X-RateLimit-Reset"] = str(server + 40)
    oura.answer_next("daily_stress", (429, {}, headers))
    assert run("daily_stress", **RANGE).days("daily_stress") == ["2026-03-09"]
    assert any(39 < pause <= 40 for pause in no_pauses)


def test_a_limit_is_not_waited_for_for_ever(oura: FakeOura, run: Runner) -> None:
    oura.answer_next("daily_stress", *[(429, {}, {"Retry-After": "100"})] * 9)
    result = run("daily_stress", **RANGE)
    assert result.exit_code == 1
    assert len(oura.asked) == 4


def test_a_wait_that_no_run_can_sit_out_is_not_waited_for(
    oura: FakeOura, run: Runner, no_pauses: list[float]
) -> None:
    oura.answer_next("daily_stress", (429, {}, {"Retry-After": "86400"}))
    result = run("daily_stress", **RANGE)
    assert result.exit_code == 1
    assert all(pause == 0 for pause in no_pauses)


def test_nothing_secret_reaches_log_state_or_record(
    oura: FakeOura, run: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    for status in (400, 401, 403, 422, 429, 500):
        oura.answer_next("daily_sleep", (status, SECRET_BODY))
        result = run("daily_sleep", max_tries=1, **RANGE)
        said = str(result.messages) + "".join(
            record.getMessage()
            for record in caplog.records
            if not record.name.startswith("requests_mock")
        )
        for secret in ("secret-token", "Jane", "start_date=", "end_date="):
            assert secret not in said


def test_log_names_the_parts_of_each_request(
    oura: FakeOura, run: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    oura.answer_next("daily_sleep", (500, {}, {"x-trace-id": "trace-1"}))
    run("daily_sleep", max_tries=1, **RANGE)
    [record] = [r for r in caplog.records if hasattr(r, "endpoint")]
    parts = record.__dict__
    assert parts["user"] == USER_ID
    assert parts["endpoint"] == "daily_sleep"
    assert parts["period"] == f"{RANGE['start_date']}..{RANGE['end_date']}"
    assert (parts["page"], parts["status"], parts["request_id"]) == (1, 500, "trace-1")
    assert parts["duration_ms"] >= 0
    [failure] = [r for r in caplog.records if r.levelname == "ERROR"]
    assert failure.__dict__["outcome"] == "error"
