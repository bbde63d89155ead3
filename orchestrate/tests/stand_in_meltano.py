"""Stands in for `meltano`: writes the log that Meltano would write.

The variable STAND_IN says what happens. How it was called goes to `calls.jsonl` in the
project, beside which it runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import Request, urlopen

import psycopg

_TABLE = """
create table if not exists healthhub.daily_sleep_summaries (
    day date primary key,
    score int,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);
create table if not exists healthhub.notes (text text);
create table if not exists healthhub.heart_rate as
    select timestamptz '2026-01-01 00:00Z' as timestamp;
"""
_SYNC_WINDOWS = """
create table if not exists raw_oura.sync_windows (
    user_id uuid,
    stream text,
    outcome text,
    detail text,
    document_count bigint,
    synced_at timestamp default (clock_timestamp() at time zone 'UTC'),
    _sdc_batched_at timestamp default (clock_timestamp() at time zone 'UTC')
)
"""
# What a run meets after Meltano has succeeded.
_RAISE = (
    "create or replace function healthhub.apply_access() returns void"
    " language plpgsql as $$ begin {}; end $$"
)
_BREAKS = {
    "the disk": _RAISE.format("raise exception 'sesame' using errcode = '53100'"),
    "a privilege": _RAISE.format(
        "raise exception 'permission denied for table x' using errcode = '42501'"
    ),
    "a value": _RAISE.format("perform 'sesame'::int"),
}
_UPSERT = """
insert into healthhub.daily_sleep_summaries (day, score) values (%s, %s)
on conflict (day) do update set score = excluded.score, updated_at = now()
where daily_sleep_summaries.score <> excluded.score
"""


def say(
    event: str, name: str | None = None, level: str = "info", **more: object
) -> None:
    record = {"event": event, "level": level, **more}
    print(json.dumps(record | ({"name": name} if name else {})), file=sys.stderr)  # noqa: T201 (a log)
    sys.stderr.flush()


def end_block(exit_codes: dict[str, int], err: str, **more: str) -> None:
    say(
        "Block run completed",
        level="error",
        success=False,
        err=err,
        exit_codes=exit_codes,
        **more,
    )


def load(rows: dict[str, int]) -> None:
    """Write rows into the database that libpq's variables name."""
    with psycopg.connect(autocommit=True) as connection:
        connection.execute(_TABLE)
        for row in rows.items():
            connection.execute(_UPSERT, row)


def read_users(bad: list[str]) -> None:
    """Write what the tap has on record of each user, and tell which are bad."""
    with psycopg.connect(autocommit=True) as connection:
        connection.execute(_SYNC_WINDOWS)
        for user in json.loads(os.environ["TAP_OURA_USERS"]):
            outcome = user.get("access_token", "ok")
            if outcome in bad:
                what = f"User {user['user_id']} has {outcome.upper()}."
                say(what, "tap-oura", "error", outcome=outcome)
            connection.execute(
                "insert into raw_oura.sync_windows values (%s, 'tag', %s, 'tag', 1)",
                (user["user_id"], outcome),
            )


def leave_files() -> None:
    """Write what Meltano writes, and forgets when it is killed."""
    folder = Path(".meltano/run/tap-oura")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tap.0a.config.json").write_text(os.environ.get("OURA_PAT", ""))
    (folder / "state.json").write_text("{}")


def fail(what: str) -> int:
    """Fail as something fails, and say so as Meltano does."""
    if what == "fail":
        say("The scope daily is missing.", "tap-oura", "error")
        trace = {"traceback": [{"filename": "tap.py"}]}
        say("The token was refused.", "tap-oura", "error", plugin_exception=trace)
        end_block({"extractors": 1}, "Extractor failed")
    elif what == "fail in dbt":
        read_users([])
        say("Database Error in model notes", "dbt-postgres", "error")
        end_block({}, "Command failed", block_type="InvokerCommand")
    elif what == "fail in the loader":
        sys.stderr.write('value "62.0077" is out of range for type smallint\n')
        row = 'null value in column: "62.0077" DETAIL:  Failing row (sesame).'
        say(row, "target-postgres", "error")
        end_block({"loaders": 1}, "Loader failed")
    elif what == "fail for want of space":
        read_users([])
        full = 'could not extend file "base/5/1": No space left on device'
        for model in "notes", "tags":
            row = f"Database Error in model {model}\n  {full}\n  CONTEXT: sesame"
            say(row, "dbt-postgres", "error")
        end_block({}, "Command failed", block_type="InvokerCommand")
    elif what == "fail by a signal":
        os.kill(os.getpid(), 9)
    elif what.startswith("fail for"):
        read_users(what.removeprefix("fail for ").split(" and "))
        end_block({"extractors": 1}, "Extractor failed")
    elif what.startswith("fail silently for"):
        read_users([])
    return 1


def main(what: str) -> int:
    call = {"arguments": sys.argv[1:], "environment": dict(os.environ)}
    with Path("calls.jsonl").open("a") as calls:
        calls.write(f"{json.dumps(call)}\n")
    if sys.argv[1:] == ["run", "dbt"]:
        return 0
    leave_files()
    sys.stderr.write("Meltano 4.4.1\n")
    say("Beginning sync of 'daily_sleep' in incremental mode", "tap-oura")
    if what == "load":
        url = os.environ["TAP_OURA_API_URL"]
        token = {"Authorization": f"Bearer {os.environ['OURA_PAT']}"}
        sleep = Request(f"{url}/v2/usercollection/daily_sleep", headers=token)  # noqa: S310 (the sandbox)
        urlopen(sleep).close()  # noqa: S310 (the sandbox)
        load(json.loads(os.environ["ROWS"]))
        say("Late data", "tap-oura", "warning")
        say("Late data", "tap-oura", "warning")
    elif what == "read":
        read_users([])
    elif what.startswith("fail"):
        return fail(what)
    elif what.startswith("break "):
        with psycopg.connect(autocommit=True) as connection:
            connection.execute(_BREAKS[what.removeprefix("break ")].encode())
    elif what == "hang":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path("pids.json").write_text(json.dumps([os.getpid(), child.pid]))
        time.sleep(600)
    elif what == "lose the database":
        with psycopg.connect(autocommit=True) as connection:
            Path("lost.json").write_text(str(connection.info.backend_pid))
            connection.execute("select pg_sleep(600)")
    return 0


sys.exit(main(os.environ.get("STAND_IN", "")))
