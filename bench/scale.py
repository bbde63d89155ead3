"""Studies of 1 to 2,000 users, really read, each with a login of its own."""

from __future__ import annotations

import base64
import os
import re
import statistics
import subprocess
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg

from accounts import let_days_pass, multiply
from measure import environment
from works import Bench, Store, size, tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from api import Api

SIZES = (1, 10, 100, 1000, 2000)
DAYS_BEFORE = 10
"""Days of each user that are there before the first daily run."""
MOST_OF_A_YEAR = 10
"""Users of whom a year is loaded."""
LOGINS = Path(__file__).with_name("logins.py")
QUESTIONS = "analyze/questions"
TAG = "tag_generic_alcohol"
OF_DAYS = ("daily_overview", "daily_activity_summaries", "personal_info")
VARIED = {
    "document_id": "gen_random_uuid()",
    "age": "20 + number % 60",
    "average_hrv": "original.average_hrv + number % 41 - 20",
    "lowest_heart_rate": "original.lowest_heart_rate + number % 13 - 6",
    "total_sleep_duration": "original.total_sleep_duration + number % 3600 - 1800",
}
SPREAD = """
    insert into healthhub.{table} (user_id, {columns})
    select
        cast('0a0a0a0a-0000-4000-8000-' || lpad(number::text, 12, '0') as uuid),
        {values}
    from generate_series({first}, {last}) as number
    inner join healthhub.{table} as original on original.user_id = cast(
        '0a0a0a0a-0000-4000-8000-'
        || lpad(((number - 1) % {people} + 1)::text, 12, '0') as uuid
    )
"""
TAP_PYTHON = ".meltano/extractors/tap-oura/venv/bin/python"


@dataclass(frozen=True)
class Study(Store):
    """A database of users who have logged in."""

    key: str = base64.urlsafe_b64encode(os.urandom(32)).decode()

    def variables(self, api: Api) -> dict[str, str]:
        """The settings of a run: whom to read is in the database."""
        return {
            "TAP_OURA_TOKEN_KEY": self.key,
            "TAP_OURA_CLIENT_ID": "bench",
            "TAP_OURA_CLIENT_SECRET": "bench",
            "TAP_OURA_API_URL": api.url,
            "TAP_OURA_START_DATE": str(self.start),
            **self.bench.home,
        }

    def add_users(self) -> None:
        """Have everybody log in."""
        with self.database.connect() as connection:
            connection.execute("create schema if not exists healthhub_tokens")
        options = quote("-csearch_path=healthhub_tokens", safe="")
        joint = "&" if "?" in self.database.url else "?"
        subprocess.run(  # noqa: S603 - our own
            [self.project / TAP_PYTHON, LOGINS, str(self.accounts)],
            check=True,
            env=environment()
            | {
                "DATABASE_URL": self.database.url,
                "TOKEN_STORE": f"{self.database.url}{joint}options={options}",
                "TOKEN_KEY": self.key,
            },
        )


def scale(bench: Bench, work: str) -> None:
    """A year of some users; then ten days and a day of 1 to `--accounts`."""
    sizes = [n for n in bench.sizes or SIZES if n <= bench.accounts]
    for number in [n for n in sizes if n <= MOST_OF_A_YEAR]:
        cold(bench, work, number, round(365 * bench.scale))
    for number in sizes:
        cold(bench, work, number, DAYS_BEFORE, then_daily=True)


def cold(
    bench: Bench, work: str, number: int, days: int, *, then_daily: bool = False
) -> None:
    """Load some days of so many users into an empty database, and one day more.

    With `bench.copied`, only a few load these days, and the day more is all that is
    measured.
    """
    first_day = bench.today - timedelta(days=1)
    people = min(bench.people, number)
    start = first_day - timedelta(days=days - 1)
    with bench.fresh("scale", bench.project) as database:
        name = f"{number:,} users" if number > 1 else "1 user"
        study = Study(bench, bench.project, database, name, start, 2, number)
        study.add_users()
        with bench.serving(first_day, 2, people=people) as api:
            api.warm(start, first_day, people)
            bench.note(f"{work}: {name}, {days} days")
            if bench.copied and then_daily and number > people > 1:
                copied(study, api, people)
            else:
                figures, counts = study.run(api)
                with database.connect() as connection:
                    connection.execute("vacuum analyze")
                    bench.record.run(
                        work,
                        name,
                        f"cold, {days} days",
                        figures,
                        counts=counts,
                        days=days,
                        users=number,
                        size=size(connection),
                        tables=tables(connection),
                        new=study.new_rows(),
                    )
        if not then_daily:
            return
        with database.connect() as connection:
            let_days_pass(connection, 3, but_for_reading=True)
        next_day = first_day + timedelta(days=1)
        with bench.serving(next_day, 2, people=people) as api:
            api.warm(start, next_day, people)
            study.daily(work, api, finds=True)


def copied(study: Study, api: Api, people: int) -> None:
    """Read only the first users; the others are copies of what they have."""
    few = Store(study.bench, study.project, study.database, "", study.start, 2, people)
    few.meltano(api, "tap-oura", "target-postgres")
    with study.database.connect() as connection:
        multiply(connection, people, study.accounts)
        connection.execute("vacuum analyze")
    study.meltano(api, "dbt")


def questions(bench: Bench, work: str) -> None:
    """What a study asks, of two years of the days of `--accounts` users."""
    first_day = bench.today - timedelta(days=1)
    start = first_day - timedelta(days=round(730 * bench.scale))
    people = bench.people
    with bench.fresh("questions", bench.project) as database:
        study = Study(bench, bench.project, database, "", start, 3, people)
        study.add_users()
        with bench.serving(first_day, 3, people=people) as api:
            api.warm(start, first_day, people)
            bench.note(f"{work}: {people} users")
            study.run(api)
        with database.connect() as connection:
            bench.note(f"{work}: {bench.accounts:,} users")
            spread(connection, people, bench.accounts)
            connection.execute("vacuum analyze")
            name = f"{bench.accounts:,} users, 2 years"
            values = {"last_day": first_day, "tag": TAG}
            for file in sorted((bench.project / QUESTIONS).glob("*.sql")):
                bench.note(f"{work}: {file.stem}")
                query = re.sub(r":'(\w+)'", r"%(\1)s", file.read_text("utf-8"))
                # A response needs days before the first tag that counts.
                later = timedelta(days=60 if file.stem == "response" else 0)
                values["first_day"] = start + later
                took = []
                with psycopg.ClientCursor(connection) as cursor:
                    for _ in range(1 + bench.n):
                        began = time.perf_counter()
                        rows = cursor.execute(query.encode(), values).fetchall()
                        took.append((time.perf_counter() - began) * 1000)
                bench.record.question(
                    work, name, file.stem, statistics.median(took[1:]), len(rows)
                )


def spread(connection: psycopg.Connection[Any], people: int, users: int) -> None:
    """Let further users have the days of the first ones, a little otherwise."""
    for table in OF_DAYS:
        columns = [
            name
            for (name,) in connection.execute(
                "select column_name from information_schema.columns where"
                " table_schema = 'healthhub' and table_name = %s"
                " and column_name <> 'user_id'",
                (table,),
            )
        ]
        values = [VARIED.get(c, f"original.{c}") for c in columns]
        connection.execute(
            SPREAD.format(
                table=table,
                columns=", ".join(columns),
                values=", ".join(values),
                people=people,
                first=people + 1,
                last=users,
            ).encode()
        )


WORKS: dict[str, Callable[[Bench, str], None]] = {
    "scale": scale,
    "questions": questions,
}
