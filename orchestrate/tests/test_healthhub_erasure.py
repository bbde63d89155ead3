from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

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
def two_people(hosted: Hosted) -> Hosted:
    hosted.query(_EVERYWHERE)
    for alias, user_id in {"anne": ANNE, "bo": BO}.items():
        hosted.call("users", "add", alias, "--user-id", user_id)
        hosted.query(
            f"insert into healthhub.daily_sleep_summaries values ('{user_id}', 1);"
            f"insert into raw_oura.sleep select '{user_id}' from generate_series(1, 2);"
            f"insert into healthhub_tokens.oura_logins values ('{user_id}', 'x');"
            "insert into healthhub.job_runs (error_summary, alerts) values"
            f" ('Account {user_id} failed.', '{{no data: {user_id}}}')"
        )
    hosted.query(
        f"insert into meltano.state values ('dev', '{{}}', '{bookmarks(ANNE, BO)}');"
        f"insert into meltano.runs values (1, '{bookmarks(ANNE)}'), (2, '{{}}')"
    )
    logs = hosted.home / "logs"
    logs.mkdir(parents=True)
    (logs / "2026-01-01-run-1.jsonl").write_text(f'{{"account": "{ANNE}"}}\n')
    (logs / "2026-01-02-run-2.jsonl").write_text(f'{{"account": "{BO}"}}\n')
    return hosted


def test_nothing_is_left_of_a_person_and_everything_of_others(
    two_people: Hosted,
) -> None:
    code, output, errors = two_people.call(
        "users", "remove", "anne", "--erase", "--yes"
    )
    assert (code, errors) == (0, "")
    assert output.splitlines()[:4] == [
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
    assert two_people.query(
        "select error_summary, alerts from healthhub.job_runs order by run_id"
    ) == [
        ("Account somebody who was erased failed.", []),
        (f"Account {BO} failed.", [f"no data: {BO}"]),
    ]
    kept = [log.name for log in (two_people.home / "logs").iterdir()]
    assert kept == ["2026-01-02-run-2.jsonl"]


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
