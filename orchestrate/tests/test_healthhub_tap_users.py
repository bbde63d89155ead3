"""Many people, and runs that can read only some of them."""

from __future__ import annotations

import json
import re
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import create_autospec

import psutil
import pytest

from healthhub import meltano
from healthhub.commands import status

if TYPE_CHECKING:
    from tests.conftest import Hosted, Project

ANNE = "0a0a0a0a-0000-4000-8000-00000000000a"
BO = "0b0b0b0b-0000-4000-8000-00000000000b"
RUNS = (
    "create table meltano.runs (state text, job_name text, last_heartbeat_at timestamp)"
)
HEARTBEAT = (
    "truncate meltano.runs; insert into meltano.runs values ('RUNNING', "
    "'dev:tap-oura-to-target-postgres', clock_timestamp() - interval '{}')"
)
LOGIN = {
    "TAP_OURA_TOKEN_KEY": "key",
    "TAP_OURA_CLIENT_ID": "client",
    "TAP_OURA_CLIENT_SECRET": "sesame",
}


def test_more_people_than_a_variable_holds_are_read(hosted: Hosted) -> None:
    with hosted.database.connect() as connection:
        connection.execute(
            "insert into healthhub.users (user_id, oura_pat_alias)"
            " select gen_random_uuid(), 'user ' || n from generate_series(1, 2000) as n"
        )
    code, output, errors = hosted.call("run", **LOGIN)
    assert (code, errors) == (0, "")
    assert "of more than 50 users none is written by itself" in output
    environment = hosted.called()["environment"]
    assert environment["TAP_OURA_USERS"] == "[]"  # to Meltano, "" is no list
    assert not Path(environment["TAP_OURA_USER_LIST"]).exists()


def test_active_people_are_read_with_their_credentials(hosted: Hosted) -> None:
    assert "There are no users yet." in hosted.call("users", "list")[1]
    add = ("users", "add")
    code, output, _ = hosted.call(
        *add, "anne", "--timezone", "Europe/Helsinki", "--user-id", ANNE
    )
    assert code == 0
    assert output.splitlines() == [
        f"Added anne ({ANNE}).",
        "Next: healthhub users login anne",
    ]
    assert "set OURA_PAT_BO to the token" in hosted.call(*add, "OURA_PAT_BO")[1]
    hosted.call(*add, "gone")
    hosted.call("users", "deactivate", "gone")

    listed = hosted.call("users", "list", OURA_PAT_BO="token")[1]
    [bo] = [line.split() for line in listed.splitlines() if "OURA_PAT_BO" in line]
    bos_id = bo[1]
    assert bo[2:6] == ["UTC", "yes", "variable", "OURA_PAT_BO"]
    assert "not set" in hosted.call("users", "list")[1]

    tokens = {**LOGIN, "OURA_PAT_BO": "token", "OURA_PAT": "nobodys"}
    assert hosted.call("run", **tokens)[::2] == (0, "")
    environment = hosted.called()["environment"]
    assert json.loads(environment["TAP_OURA_USERS"]) == [
        {"user_id": ANNE, "timezone": "Europe/Helsinki"},
        {"user_id": bos_id, "timezone": "UTC", "access_token": "token"},
    ]
    store = environment["TAP_OURA_TOKEN_STORE"]
    assert store.startswith("postgresql://postgres:")
    assert store.endswith("options=-csearch_path%3Dhealthhub_tokens")
    assert "TAP_OURA_START_DATE" not in environment

    assert hosted.call("run", "--user", "OURA_PAT_BO", **tokens)[0] == 0
    [only] = json.loads(hosted.called()["environment"]["TAP_OURA_USERS"])
    assert only["user_id"] == bos_id
    assert "TAP_OURA_TOKEN_STORE" not in hosted.called()["environment"]

    code, _, errors = hosted.call("run", "--user", "gone", **tokens)
    assert (code, "gone is deactivated." in errors) == (1, True)
    hosted.call("users", "remove", "OURA_PAT_BO")
    hosted.call("users", "remove", ANNE)
    code, _, errors = hosted.call("run", **tokens)
    assert (code, "All users are deactivated." in errors) == (1, True)
    assert hosted.call("users", "activate", "gone")[0] == 0
    assert hosted.call("run", **tokens)[0] == 0

    assert ANNE in hosted.call("users", "list")[1]  # whose data they are
    assert hosted.call(*add, "anne", "--user-id", ANNE)[0] == 0
    assert hosted.call(*add, "anna", "--user-id", ANNE)[0] == 1


@pytest.mark.parametrize("missing", LOGIN)
def test_a_missing_setting_is_a_sentence_that_names_it(
    hosted: Hosted, missing: str
) -> None:
    hosted.call("users", "add", "anne")
    given = {name: value for name, value in LOGIN.items() if name != missing}
    code, output, errors = hosted.call("run", **given)
    assert code == 1
    assert errors.startswith(f"healthhub: {missing} is missing, which the login of")
    assert len(errors.splitlines()) == 1
    assert "sesame" not in output + errors
    assert not (hosted.folder / "calls.jsonl").exists()


def test_people_who_cannot_be_are_refused(hosted: Hosted) -> None:
    hosted.call("users", "add", "anne")
    for arguments, sentence in {
        ("add", "anne"): "anne is there already",
        ("add", "bo", "--timezone", "Mars/Olympus"): "There is no time zone 'Mars",
        ("add", "bo", "--user-id", "7"): "'7' is not a UUID.",
        ("add", " "): "A name has to be visible.",
        ("deactivate", "bo"): "There is no user 'bo'. There are: anne.",
        ("login", "bo"): "There is no user 'bo'. There are: anne.",
        ("login", "anne"): "TAP_OURA_TOKEN_KEY is missing",
        ("remove", "bo", "--erase"): "There is no user 'bo'. There are: anne.",
    }.items():
        code, _, errors = hosted.call("users", *arguments)
        assert (code, errors.splitlines()[0].startswith(f"healthhub: {sentence}")) == (
            1,
            True,
        ), errors
    assert hosted.call("run", "--user", "bo", **LOGIN) == (
        1,
        "",
        "healthhub: There is no user 'bo'. There are: anne.\n",
    )
    # Nothing has begun, and nothing is on record.
    assert hosted.query("select * from healthhub.job_runs") == []


def test_without_users_nobody_can_be_named(hosted: Hosted) -> None:
    for variables in ({}, {"OURA_PAT": "mine"}):
        code, _, errors = hosted.call("run", "--user", "bo", **variables)
        assert (code, "`healthhub users add` adds one" in errors) == (1, True)


def test_list_tells_who_is_logged_in(hosted: Hosted) -> None:
    hosted.call("users", "add", "anne", "--user-id", ANNE)
    hosted.call("users", "add", "bo", "--user-id", BO)
    hosted.query(
        "create table healthhub_tokens.oura_logins (user_id text, login text);"
        f" insert into healthhub_tokens.oura_logins values"
        f" ('{ANNE}', 'x'), ('{BO}', null)"
    )
    listed = json.loads(hosted.call("users", "list", "--json")[1])
    assert {user["name"]: user["credentials"] for user in listed} == {
        "anne": "logged in",
        "bo": "no login yet",
    }
    rescued = hosted.folder / "rescued-logins.json"
    rescued.write_text(json.dumps({BO: "encrypted"}))
    kept = {"TAP_OURA_RESCUE_FOLDER": str(hosted.folder)}
    said = f"user bo: newest day none yet; logged in, but only {rescued} has it"
    assert said in hosted.call("status", **kept)[1]


def test_status_is_one_look(hosted: Hosted) -> None:
    assert "last run: none yet" in hosted.call("status")[1]
    add_two(hosted)
    hosted.call("run", OURA_PAT_A="ok", OURA_PAT_B="ok")
    hosted.query(
        "create table healthhub.daily_overview as"
        f" select '{ANNE}'::uuid as user_id, date '2026-01-31' as day"
    )
    output = hosted.call("status", OURA_PAT_A="ok")[1]
    assert re.search(
        r"^last run: 1, success, began 20.* UTC, took \d+ s$", output, re.MULTILINE
    )
    assert re.search(r"^database: \d+ MB$", output, re.MULTILINE)
    assert "user OURA_PAT_A: newest day 2026-01-31; variable OURA_PAT_A\n" in output
    assert "user OURA_PAT_B: newest day none yet; variable OURA_PAT_B, not" in output
    found = json.loads(hosted.call("status", "--json")[1])
    assert found["last_run"]["status"] == "success"
    assert [user["newest_day"] for user in found["users"]] == ["2026-01-31", None]


@pytest.mark.parametrize(
    ("size", "first", "days_left"),
    [(108_000_000, 100, 392), (600_000_000, 100, 0), (8_000_000, 100, None)],
)
def test_free_tier_is_full_when_it_has_grown_as_until_now(
    size: int, first: int, days_left: int | None
) -> None:
    today = datetime.now(UTC).date()
    full = status.full_on(size, [today - timedelta(days=first)])
    assert full == (None if days_left is None else today + timedelta(days=days_left))


def test_log_of_a_run_can_be_read(hosted: Hosted) -> None:
    assert hosted.call("logs")[0] == 1
    hosted.call("run", OURA_PAT="mine")
    for arguments in ((), ("1",)):
        code, output, _ = hosted.call("logs", *arguments)
        assert (code, "tap-oura: Beginning sync of 'daily_sleep'" in output) == (
            0,
            True,
        )
    code, _, errors = hosted.call("logs", "7")
    assert (code, "no log of run 7" in errors) == (1, True)


def add_two(hosted: Hosted) -> None:
    for alias, user_id in {"OURA_PAT_A": ANNE, "OURA_PAT_B": BO}.items():
        hosted.call("users", "add", alias, "--user-id", user_id)


@pytest.mark.parametrize(
    ("anne", "bo", "exit_code", "status"),
    [
        ("ok", "error", 3, "partial"),
        ("ok", "unauthorized", 4, "partial"),
        ("missing_scope", "error", 1, "failed"),
        ("unauthorized", "error", 4, "failed"),
    ],
)
def test_what_was_loaded_is_transformed_though_users_failed(
    hosted: Hosted, anne: str, bo: str, exit_code: int, status: str
) -> None:
    add_two(hosted)
    code, output, errors = hosted.call(
        "run",
        STAND_IN="fail for error and unauthorized",
        OURA_PAT_A=anne,
        OURA_PAT_B=bo,
    )
    assert code == exit_code
    assert [call["arguments"] for call in hosted.calls()] == [
        ["run", "tap-oura", "target-postgres", "dbt"],
        ["run", "dbt"],
    ]
    for user, outcome in {
        f"OURA_PAT_A ({ANNE})": anne,
        f"OURA_PAT_B ({BO})": bo,
    }.items():
        line = f"User {user} has {outcome.upper()}."
        assert (line in errors) is (outcome in {"error", "unauthorized"})
    assert "of 2 users were read completely." in errors
    assert "Look at it:" in output
    assert hosted.query(
        "select status, record_counts -> 'tag' ->> 'fetched', error_summary is null "
        "from healthhub.job_runs"
    ) == [(status, "2", False)]


def test_a_failure_that_no_user_explains_is_one(hosted: Hosted) -> None:
    add_two(hosted)
    code, _, _ = hosted.call(
        "run", STAND_IN="fail for error", OURA_PAT_A="ok", OURA_PAT_B="ok"
    )
    assert code == 1
    assert len(hosted.calls()) == 1


def test_what_was_fetched_is_on_record_though_no_table_was_built(
    hosted: Hosted,
) -> None:
    add_two(hosted)
    code, _, errors = hosted.call(
        "run", STAND_IN="fail in dbt", OURA_PAT_A="ok", OURA_PAT_B="ok"
    )
    assert (code, "Database Error in model notes" in errors) == (1, True)
    assert hosted.query(
        "select status, record_counts -> 'tag' ->> 'fetched' from healthhub.job_runs"
    ) == [("failed", "2")]


@pytest.mark.usefixtures("home")
def test_killed_run_is_closed_by_the_next(project: Project) -> None:
    process = project.start("run", STAND_IN="hang", OURA_PAT="mine")
    pids = project.wait_for("pids.json", process)

    code, _, errors = project.call("run", OURA_PAT="mine")
    assert code == 1
    assert errors.startswith("healthhub: Run 1 is under way since 20")

    process.send_signal(signal.SIGKILL)
    process.communicate()
    for pid in pids:
        psutil.Process(pid).kill()
    assert project.call("run", OURA_PAT="mine")[0] == 0
    assert project.query(
        "select status, error_summary from healthhub.job_runs order by run_id"
    ) == [
        ("abandoned", "The run was killed, or lost its database."),
        ("failed", errors.removeprefix("healthhub: ").rstrip()),
        ("success", None),
    ]


def test_runs_are_listed_and_shown(hosted: Hosted) -> None:
    assert hosted.call("runs")[1].startswith("Nothing has run yet.")
    add_two(hosted)
    tokens = {"OURA_PAT_A": "ok", "OURA_PAT_B": "error"}
    hosted.call("run", STAND_IN="fail for error", **tokens)
    days = ("--start-date", "2026-01-01", "--end-date", "2026-01-02")
    hosted.call("run", *days, **tokens)
    lines = [line.split() for line in hosted.call("runs")[1].splitlines()]
    [second, first] = [line for line in lines if line and line[0] in {"1", "2"}]
    assert second[5:] == ["2026-01-01..2026-01-02", "success", "0", "0", "0", "0"]
    assert first[5:] == ["new", "ones", "partial", "2", "0", "0", "0"]

    shown = hosted.call("runs", "1")[1]
    assert (
        f"error:      User OURA_PAT_B ({BO}) has ERROR.\n            1 of 2 users"
        in shown
    )
    assert ["tag", "2", "0", "0", "0"] in [line.split() for line in shown.splitlines()]
    assert json.loads(hosted.call("runs", "--json")[1])[0]["run_id"] == 2
    assert json.loads(hosted.call("runs", "1", "--json")[1])["status"] == "partial"
    code, _, errors = hosted.call("runs", "9")
    assert (code, errors) == (
        1,
        "healthhub: There is no run 9. See `healthhub runs`.\n",
    )


@pytest.mark.parametrize("age", ["1 second", "-1 hour", "1 hour"])
def test_a_dead_run_of_meltano_is_taken_over(
    hosted: Hosted, monkeypatch: pytest.MonkeyPatch, age: str
) -> None:
    """However wrong the clock is that it was written by."""
    monkeypatch.setattr(meltano, "_SILENCE", 0.1)
    hosted.query(f"{RUNS}; {HEARTBEAT.format(age)}")
    code, output, _ = hosted.call("run", OURA_PAT="mine")
    assert code == 0
    assert "Waiting for a run before this one" in output
    assert "was killed: this one takes over." in output
    assert "--force" in hosted.called()["arguments"]


@pytest.mark.parametrize("ends", [True, False])
def test_a_live_run_of_meltano_is_waited_for(
    hosted: Hosted, monkeypatch: pytest.MonkeyPatch, *, ends: bool
) -> None:
    monkeypatch.setattr(meltano, "_SILENCE", 60)
    monkeypatch.setattr(meltano, "_LONGEST_WAIT", 60 if ends else 0.5)
    hosted.query(f"{RUNS}; {HEARTBEAT.format('1 second')}")

    def live(_: float) -> None:
        hosted.query(HEARTBEAT.format("0 seconds"))
        if ends:
            hosted.query("update meltano.runs set state = 'SUCCESS'")

    # Only there: whoever else sleeps in this process goes on doing so.
    clock = create_autospec(time, monotonic=time.monotonic)
    clock.sleep.side_effect = live
    monkeypatch.setattr(meltano, "time", clock)
    code, output, errors = hosted.call("run", OURA_PAT="mine")
    assert "Waiting for a run before this one" in output
    if ends:
        assert code == 0
        assert "--force" not in hosted.called()["arguments"]
    else:
        assert code == 1
        assert errors.startswith("healthhub: Another `meltano run` is under way.")
    [(status, summary)] = hosted.query(
        "select status, error_summary from healthhub.job_runs"
    )
    assert (status, bool(summary)) == (("success", False) if ends else ("failed", True))


def test_what_no_log_explains_is_on_record_of_the_users(hosted: Hosted) -> None:
    """Meltano's words may change."""
    add_two(hosted)
    code, _, errors = hosted.call(
        "run", STAND_IN="fail silently for error", OURA_PAT_A="ok", OURA_PAT_B="error"
    )
    assert code == 3
    # The outcome itself is the stand-in's token, which is masked.
    assert errors.startswith(f"healthhub: User OURA_PAT_B ({BO}) could not be read (")
    assert "1 of 2 users were read completely." in errors


def test_only_the_last_logs_are_kept(hosted: Hosted) -> None:
    logs = hosted.home / "logs"
    logs.mkdir(parents=True)
    for number in range(40):
        (logs / f"2026-01-01T00-00-{number:02}Z-run-{number}.jsonl").touch()
    assert hosted.call("run", OURA_PAT="mine")[0] == 0
    kept = sorted(log.name for log in logs.glob("*-run-*.jsonl"))
    assert kept[0] == "2026-01-01T00-00-10Z-run-10.jsonl"
    assert len(kept) == 31
    for line in (logs / kept[-1]).read_text().splitlines():
        assert json.loads(line)["event"]
