from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from healthhub.tap_users import LOGIN_SETTINGS

if TYPE_CHECKING:
    from tests.conftest import Hosted

ANNE = "0a0a0a0a-0000-4000-8000-00000000000a"
BO = "0b0b0b0b-0000-4000-8000-00000000000b"
_EVERYWHERE = """
create schema if not exists healthhub_staging;
create table healthhub.daily_sleep_summaries (user_id uuid, score int);
create table raw_oura.sleep (user_id text, bedtime jsonb);
create table healthhub_tokens.oura_logins (user_id text primary key, login text);
create table meltano.state (state_id text, partial_state text, completed_state text);
create table meltano.runs (id int, payload text);
"""


def bookmarks(*user_ids: str) -> str:
    partitions = [{"context": {"user_id": user_id}} for user_id in user_ids]
    bookmarks = {"sleep": {"partitions": partitions}}
    return json.dumps({"singer_state": {"bookmarks": bookmarks}})


@pytest.fixture
def two_people(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> Hosted:
    monkeypatch.setenv("XDG_STATE_HOME", str(hosted.home / "state"))
    hosted.query(_EVERYWHERE)
    for alias, user_id in {"anne": ANNE, "bo": BO}.items():
        hosted.call("users", "add", alias, "--user-id", user_id)
        hosted.query(
            f"insert into healthhub.daily_sleep_summaries values ('{user_id}', 1);"
            f"insert into raw_oura.sleep select '{user_id}' from generate_series(1, 2);"
            f"insert into healthhub_tokens.oura_logins values ('{user_id}', 'x');"
            "insert into healthhub.job_runs (error_summary, alerts) values"
            f" ('User {alias} ({user_id}) failed.', '{{no data: {user_id}}}')"
        )
    hosted.query(
        f"insert into meltano.state values ('dev', '{{}}', '{bookmarks(ANNE, BO)}');"
        f"insert into meltano.runs values (1, '{bookmarks(ANNE)}'), (2, '{{}}')"
    )
    logs = hosted.home / "logs"
    logs.mkdir(parents=True)
    (logs / "2026-01-01-run-1.jsonl").write_text(f'{{"user": "{ANNE}"}}\n')
    (logs / "2026-01-02-run-2.jsonl").write_text(f'{{"user": "{BO}"}}\n')
    (logs / "postgres.log").write_text(f"ERROR: {ANNE}\nLOG: up\n")
    for number, name in enumerate((ANNE, BO)):
        run = hosted.home / f"state/meltano/log/elt/dev/run-{number}"
        run.mkdir(parents=True)
        (run / "elt.log").write_text(f"of user {name}: 200")
    (hosted.home / "report.html").write_text("<html>")  # as of one user alone
    for name in ("report-users", "backups"):
        (hosted.home / name).mkdir()
    (hosted.home / "report-users" / f"{ANNE}.html").touch()
    (hosted.home / "backups" / "all.sql.gz").touch()
    run_files = hosted.folder / ".meltano" / "run" / "tap-oura"
    run_files.mkdir(parents=True)
    (run_files / "state.json").write_text(bookmarks(ANNE))
    return hosted


def test_nothing_is_left_of_a_person_and_everything_of_others(
    two_people: Hosted,
) -> None:
    code, output, errors = two_people.call(
        "users", "remove", "anne", "--erase", "--yes"
    )
    assert (code, errors) == (0, "")
    lines = output.splitlines()
    assert "Oura was not told (TAP_OURA_TOKEN_KEY is missing" in lines[0]
    assert lines[1:5] == [
        "healthhub.daily_sleep_summaries: 1 rows deleted",
        "healthhub.users: 1 rows deleted",
        "healthhub_tokens.oura_logins: 1 rows deleted",
        "raw_oura.sleep: 2 rows deleted",
    ]
    assert f"no row names {ANNE} any more" in output

    for table in ("raw_oura.sleep", "healthhub.daily_sleep_summaries"):
        owners = two_people.query(f"select distinct user_id::text from {table}")
        assert owners == [(BO,)]
    assert two_people.query("select completed_state from meltano.state") == [
        (bookmarks(BO),)
    ]
    assert two_people.query("select payload from meltano.runs order by id") == [
        (bookmarks(),),
        ("{}",),
    ]
    assert f"- the backup {two_people.home}/backups/all.sql.gz" in lines
    assert two_people.query(
        "select error_summary, alerts from healthhub.job_runs order by run_id"
    ) == [
        ("User a user who was erased failed.", []),
        (f"User bo ({BO}) failed.", [f"no data: {BO}"]),
    ]
    kept = {
        str(file.relative_to(two_people.folder))
        for folder in (two_people.home, two_people.folder / ".meltano" / "run")
        for file in folder.rglob("*")
        if file.is_file() and ANNE in f"{file} {file.read_text()}"
    }
    assert kept == set()
    [log_of_meltano] = (two_people.home / "state").rglob("*.log")
    assert BO in log_of_meltano.read_text()
    logs = two_people.home / "logs"
    assert {log.name for log in logs.iterdir()} == {
        "2026-01-02-run-2.jsonl",
        "postgres.log",
    }
    assert (logs / "postgres.log").read_text() == "LOG: up\n"


_TAP_OURA_AUTH = """#!{python}
import os, sys
print(*sys.argv[1:], file=open("told", "a"))
print(os.environ["TAP_OURA_TOKEN_STORE"], file=open("told", "a"))
print("User is logged out here.")
"""


def test_the_login_is_given_back_first(two_people: Hosted) -> None:
    program = two_people.folder / ".meltano/extractors/tap-oura/venv/bin/tap-oura-auth"
    program.write_text(_TAP_OURA_AUTH.format(python=sys.executable))
    program.chmod(0o755)
    store = two_people.folder / "logins.json"
    lock = Path(f"{store}.{ANNE}.lock")
    lock.touch()
    login = dict.fromkeys(LOGIN_SETTINGS, "x") | {"TAP_OURA_TOKEN_STORE": str(store)}
    erase = ("users", "remove", "anne", "--erase", "--yes")
    code, output, errors = two_people.call(*erase, **login)
    assert (code, errors) == (0, "")
    assert output.splitlines()[0] == "login: User is logged out here."
    told = (two_people.folder / "told").read_text().splitlines()
    assert told == [f"revoke {ANNE}", str(store)]
    assert not lock.exists()


def test_what_would_stay_behind_stops_the_erasure(two_people: Hosted) -> None:
    two_people.query(
        "create table healthhub.notes (text text);"
        f"insert into healthhub.notes values ('about {ANNE}')"
    )
    code, _, errors = two_people.call("users", "remove", "anne", "--erase", "--yes")
    assert code == 1
    assert "healthhub.notes has 1 rows that name" in errors
    assert two_people.query(
        f"select count(*) from raw_oura.sleep where user_id = '{ANNE}'"
    ) == [(2,)]


def test_somebody_who_is_in_no_list_can_be_erased_by_id(two_people: Hosted) -> None:
    two_people.call("users", "remove", "anne")
    assert two_people.query(
        f"select count(*) from raw_oura.sleep where user_id = '{ANNE}'"
    ) == [(2,)]
    assert two_people.call("users", "remove", ANNE, "--erase", "--yes")[0] == 0
    assert two_people.query("select distinct user_id from raw_oura.sleep") == [(BO,)]


def test_erasure_asks_first(
    two_people: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    code, _, _ = two_people.call("users", "remove", "anne", "--erase")
    assert code == 1
    assert two_people.query("select count(*) from healthhub.users") == [(2,)]
