"""How long `dbt build` takes, how many rows it writes, and what questions take then.

    python bench/transform/build.py --accounts 1 --years 5 --heart-rate-days 1825
    python bench/transform/build.py --accounts 200 --years 2 --heart-rate-days 60

Every run is the real command on an embedded PostgreSQL of its own. The documents of
one wearer come from the sandbox, by the tap and the target; those of further accounts
are copies of them, and heart rate and battery levels, being many, are made in SQL.
Everything was loaded two days ago, except for what the daily run finds; and of each day
before that there are the windows that a daily run has asked for.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import psycopg
import typer
from psycopg import sql

from healthhub.embedded import EmbeddedPostgres
from healthhub_report.queries import Questions
from oura_sandbox.server import running

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = Path(__file__).parents[2]
TAP = Path(sys.executable).with_name("tap-oura")
TARGET = PROJECT / ".meltano/loaders/target-postgres/venv/bin/target-postgres"
DBT = PROJECT / ".meltano/utilities/dbt-postgres/venv/bin/dbt"

USER = "0a0a0a0a-0000-4000-8000-000000000001"
MADE_IN_SQL = ("heartrate", "ring_battery_level")
UNDATED = ("personal_info", "ring_configuration", "sync_windows")

# As often as the sandbox has them, account by account, as the tap reads them.
SAMPLES = """
    insert into raw_oura.heartrate (
        user_id, timestamp, bpm, source,
        _sdc_extracted_at, _sdc_received_at, _sdc_batched_at
    )
    select
        account.user_id, moment, 50 + extract(minute from moment)::int, 'awake',
        now() at time zone 'UTC', now() at time zone 'UTC', now() at time zone 'UTC'
    from (select distinct user_id from raw_oura.daily_sleep) as account
    cross join generate_series(
        date_trunc('day', now() at time zone 'UTC') - %(days)s * interval '1 day',
        now() at time zone 'UTC',
        interval '68 seconds'
    ) as moment
    order by account.user_id, moment;
    insert into raw_oura.ring_battery_level (
        user_id, timestamp, level, charging,
        _sdc_extracted_at, _sdc_received_at, _sdc_batched_at
    )
    select
        account.user_id, moment, extract(minute from moment)::int, false,
        now() at time zone 'UTC', now() at time zone 'UTC', now() at time zone 'UTC'
    from (select distinct user_id from raw_oura.daily_sleep) as account
    cross join generate_series(
        date_trunc('day', now() at time zone 'UTC') - %(days)s * interval '1 day',
        now() at time zone 'UTC',
        interval '29 minutes'
    ) as moment
    order by account.user_id, moment
"""

COPY = """
    insert into {table} (user_id, {columns})
    select account.user_id, {columns}
    from (select {columns} from {table}) as original
    cross join (
        select cast(
            '0a0a0a0a-0000-4000-8000-' || lpad(number::text, 12, '0') as uuid
        ) as user_id
        from generate_series(2, %(accounts)s) as number
    ) as account
"""

AGE = """
    update {table} set
        _sdc_extracted_at = _sdc_extracted_at - interval '2 days',
        _sdc_batched_at = _sdc_batched_at - interval '2 days'
"""
AGE_WINDOWS = """
    update raw_oura.sync_windows set synced_at = synced_at - interval '2 days'
"""

# One window a day, account and stream, as daily runs ask for them.
HISTORY = """
    insert into raw_oura.sync_windows (
        user_id, stream, window_start, window_end, synced_at, outcome,
        _sdc_extracted_at, _sdc_batched_at
    )
    select
        asked.user_id, asked.stream, cast(moment as date) - 7, moment, moment, 'ok',
        moment, moment
    from (select distinct user_id, stream from raw_oura.sync_windows) as asked
    cross join generate_series(
        cast(current_date - %(days)s as timestamp),
        current_date - 3,
        interval '1 day'
    ) as moment
"""

# The first run was two days ago, too.
AGE_TABLES = """
    update healthhub_staging.models set read_at = read_at - interval '1 day';
    update healthhub.document_revisions
    set updated_at = updated_at - interval '2 days'
"""

# What a daily run loads: since yesterday all is new, and a week is read again.
HOLD_BACK = """
    create table late.{name} as
    select * from {table} where {day} >= current_date - 1;
    delete from {table} where {day} >= current_date - 1
"""
ASK = """
    insert into raw_oura.sync_windows (
        user_id, stream, window_start, window_end, synced_at, outcome,
        _sdc_extracted_at, _sdc_batched_at
    )
    select
        asked.user_id, asked.stream, current_date - 7, current_date, moment, 'ok',
        moment, moment
    from (
        select user_id, stream from raw_oura.sync_windows
        union
        select user_id, 'heartrate' from raw_oura.sync_windows
        except
        select user_id, undated.stream
        from raw_oura.sync_windows
        cross join (values ('personal_info'), ('ring_configuration'))
            as undated (stream)
    ) as asked
    cross join (select now() at time zone 'UTC' as moment) as clock
"""
ARRIVE = """
    insert into {table} select * from late.{name};
    update {table} set
        _sdc_extracted_at = now() at time zone 'UTC',
        _sdc_batched_at = now() at time zone 'UTC'
    where {day} >= current_date - 7
"""

SAMPLE_VIEWS = (
    "sleep_stages",
    "sleep_movements",
    "sleep_samples",
    "activity_classes",
    "activity_samples",
    "session_samples",
)
ONE_DAY = "select * from {} where user_id = %s and day = current_date - 3"

WRITTEN = """
    select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint
    from pg_stat_user_tables where schemaname = 'healthhub'
"""
ROWS = """
    select sum(reltuples)::bigint
    from pg_class
    where relkind = 'r' and relnamespace = 'raw_oura'::regnamespace
"""


class Figures(NamedTuple):
    """Of one `dbt build`: seconds in all, of dbt's own CPU, and rows."""

    wall: float
    cpu: float
    written: int


class Bench:
    """A database that fills, and dbt on it."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        """Connect as those variables of libpq say."""
        self.environment = {**os.environ, **environment, "DO_NOT_TRACK": "1"}
        self.folder = folder
        os.environ.update(environment)
        self.database = psycopg.connect("", autocommit=True)

    def dbt(self, *arguments: str) -> Figures:
        """Run it; it has to succeed."""
        before = self.count(WRITTEN)
        cpu_before = cpu_of_children()
        started = time.monotonic()
        done = subprocess.run(  # noqa: S603 - our own command
            [DBT, "build", *arguments, "--target-path", self.folder / "target"],
            cwd=PROJECT / "transform",
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        wall = time.monotonic() - started
        if done.returncode:
            sys.exit(done.stdout)
        self.database.execute("select pg_stat_force_next_flush()")
        written = self.count(WRITTEN) - before
        return Figures(wall, cpu_of_children() - cpu_before, written)

    def count(self, query: str) -> int:
        """The number that a query gives."""
        row = self.database.execute(query.encode()).fetchone()
        return int(row[0]) if row else 0

    def load(self, days: int) -> None:
        """The documents of one wearer, by the tap and the target."""
        config = self.folder / "tap.json"
        catalog = self.folder / "catalog.json"
        target = self.folder / "target.json"
        catalog.write_text(json.dumps(selected()))
        target.write_text(
            json.dumps(
                {
                    "host": self.environment["PGHOST"],
                    "port": int(self.environment["PGPORT"]),
                    "user": self.environment["PGUSER"],
                    "password": self.environment["PGPASSWORD"],
                    "database": self.environment["PGDATABASE"],
                    "default_target_schema": "raw_oura",
                    "load_method": "upsert",
                    "use_copy": True,
                }
            )
        )
        start = datetime.now(UTC).date() - timedelta(days=days)
        with running(years=days // 365 + 1) as sandbox:
            config.write_text(
                json.dumps(
                    {
                        "api_url": sandbox.url,
                        "access_token": "sandbox-token",
                        "user_id": USER,
                        "start_date": str(start),
                    }
                )
            )
            log = (self.folder / "log").open("w")
            tap = subprocess.Popen(  # noqa: S603 - our own commands
                [TAP, "--config", config, "--catalog", catalog],
                stdout=subprocess.PIPE,
                stderr=log,
            )
            subprocess.run(  # noqa: S603 - our own commands
                [TARGET, "--config", target],
                stdin=tap.stdout,
                stdout=subprocess.DEVNULL,
                stderr=log,
                check=True,
            )
            if tap.wait():
                sys.exit((self.folder / "log").read_text())

    def each_table(
        self, statement: str, *, dated: bool = False, **parameters: int
    ) -> None:
        """Run it on every raw table, or those with a column that is their day."""
        tables = self.database.execute(
            "select relname from pg_class where relkind = 'r'"
            " and relnamespace = 'raw_oura'::regnamespace"
        ).fetchall()
        with psycopg.ClientCursor(self.database) as cursor:
            for (name,) in tables:
                if dated and name in UNDATED:
                    continue
                query = sql.SQL(statement).format(
                    table=sql.Identifier("raw_oura", name),
                    name=sql.Identifier(name),
                    day=sql.Identifier(day_of(name)),
                    columns=self.columns(name),
                )
                cursor.execute(query, parameters)

    def columns(self, name: str) -> sql.Composed:
        """Those of a raw table, but for the account."""
        rows = self.database.execute(
            "select attname from pg_attribute where attnum > 0"
            " and attrelid = %s::regclass and attname != 'user_id'",
            (f"raw_oura.{name}",),
        )
        return sql.SQL(", ").join(sql.Identifier(row[0]) for row in rows)


def cpu_of_children() -> float:
    """Seconds that ended children have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def day_of(stream: str) -> str:
    """The column that says when a raw row was."""
    special = {
        "enhanced_tag": "start_day",
        "rest_mode_period": "start_day",
        **dict.fromkeys(MADE_IN_SQL, "timestamp"),
    }
    return special.get(stream, "day")


def selected() -> dict[str, list[dict[str, Any]]]:
    """The tap's catalogue without the streams that are made in SQL."""
    done = subprocess.run(  # noqa: S603 - our own command
        [TAP, "--discover"], capture_output=True, text=True, check=True
    )
    catalog: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    for stream in catalog["streams"]:
        for item in stream["metadata"]:
            if not item["breadcrumb"]:
                is_read = stream["tap_stream_id"] not in MADE_IN_SQL
                item["metadata"]["selected"] = is_read
    return catalog


def fill(bench: Bench, accounts: int, days: int, heart_rate_days: int) -> None:
    """Everything but what the daily run brings."""
    bench.dbt("--select", "stg_oura__heartrate")  # makes the raw tables
    bench.load(days)
    bench.each_table(COPY, accounts=accounts)
    if heart_rate_days:
        with psycopg.ClientCursor(bench.database) as cursor:
            cursor.execute(SAMPLES, {"days": heart_rate_days})
    bench.database.execute("create schema late")
    bench.each_table(HOLD_BACK, dated=True)
    bench.each_table(AGE)
    bench.database.execute(AGE_WINDOWS)
    bench.database.execute("drop schema healthhub_staging cascade")
    bench.database.execute("drop schema if exists healthhub cascade")
    bench.database.execute("vacuum analyze")


def print_runs(bench: Bench, days: int) -> None:
    """Print a table with one row a run."""
    print(f"{bench.count(ROWS):,} raw rows\n")
    print("| run | wall s | CPU s of dbt | rows written |\n|---|---|---|---|")
    for run in ("cold", "nothing new", "daily", "again at once"):
        if run == "daily":
            bench.database.execute(ASK)
            bench.each_table(ARRIVE, dated=True)
        wall, cpu, written = bench.dbt()
        print(f"| {run} | {wall:.1f} | {cpu:.1f} | {written:,} |", flush=True)
        if run == "cold":
            with psycopg.ClientCursor(bench.database) as cursor:
                cursor.execute(HISTORY, {"days": days})
            bench.database.execute(AGE_TABLES)
            bench.database.execute("vacuum analyze")


def print_questions(bench: Bench) -> None:
    """Print a table of how long it takes to ask of one account, the second time."""
    ask = Questions(bench.database)
    user = UUID(USER)
    nights = [night["main_sleep_id"] for night in ask.nights(user)]
    asked: dict[str, Callable[[], object]] = {
        "accounts": lambda: ask.accounts(None),
        "days": lambda: ask.days(user, "UTC"),
        "nights": lambda: ask.nights(user),
        "stages of 28 nights": lambda: ask.stages(user, nights),
        "samples of 28 nights": lambda: ask.samples(user, nights),
        "tag_effects": lambda: ask.tag_effects(user),
        "coverage": lambda: ask.coverage(user),
        "gaps": lambda: ask.gaps(user, datetime.now(UTC).date()),
        "refusals": lambda: ask.refusals(user),
        "revisions": lambda: ask.revisions(user),
        "set_aside": lambda: ask.set_aside(user),
    }
    for view in SAMPLE_VIEWS:
        query = sql.SQL(ONE_DAY).format(sql.Identifier("healthhub", view))
        asked[f"`{view}` of one day"] = partial(bench.database.execute, query, (USER,))
    print("\n| question | ms |\n|---|---|")
    for name, question in asked.items():
        question()
        started = time.monotonic()
        question()
        print(f"| {name} | {(time.monotonic() - started) * 1000:.0f} |")


def main(accounts: int = 1, years: float = 1, heart_rate_days: int = 0) -> None:
    """Print what runs and questions take."""
    days = round(365 * years)
    home = Path(tempfile.mkdtemp(prefix="healthhub-bench-"))
    home.chmod(0o755)  # the server may run as a user of its own
    try:
        with EmbeddedPostgres(home).using() as lease:
            bench = Bench(lease.database.environment, home)
            fill(bench, accounts, days, heart_rate_days)
            print_runs(bench, days)
            print_questions(bench)
            bench.database.close()
    finally:
        shutil.rmtree(home)


if __name__ == "__main__":
    typer.run(main)
