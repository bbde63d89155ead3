"""The literal line's build, which leaves out what can have nothing to do."""

from __future__ import annotations

import random
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from healthhub.state import state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.transform.conftest import Database, Dbt

IMPATIENT = "-c lock_timeout=100 -c timezone=Asia/Tokyo"
OTHER = "0a0a0a0a-0000-4000-8000-000000000002"
DAYS = [f"2026-03-{day:02d}" for day in range(1, 21)]

#: What a run may ask of dbt.
TABLES, EVERYTHING = ["build", "--selector", "tables"], ["build"]

#: After these there is nothing to do, only tables to bring up to date, or everything.
NOTHING = ("nothing", "read_again", "read_less_again")
LOADED = ("new", "corrected", "deleted", "returned", "failed", "of_another_user")
CHANGED = (
    "a_lost_view",
    "a_renamed_view",
    "a_new_raw_column",
    "a_reading_forgotten",
    "a_row_by_hand",
    "another_project",
)


class Life:
    """What a user's ring, Oura and people do to the database."""

    def __init__(self, database: Database, seed: int) -> None:
        """Begin with twenty days."""
        self.database = database
        self.random = random.Random(seed)  # noqa: S311
        self.gone = ("", "")
        self.scores = {("daily_sleep", day): 70 for day in DAYS[:15]}
        self.scores |= {("daily_readiness", day): 80 for day in DAYS[:15]}
        self.read(DAYS)

    def read(self, days: list[str]) -> None:
        """One run of the tap: windows of these days, and what Oura has of them."""
        for stream in ("daily_sleep", "daily_readiness"):
            self.database.ask(stream, days[0], days[-1])
            for (route, day), score in self.scores.items():
                if route == stream and day in days:
                    document = {"id": f"{stream} {day}", "day": day, "score": score}
                    self.database.load(stream, document)

    def some(self) -> tuple[str, str]:
        """One of the documents."""
        return self.random.choice(sorted(self.scores))

    def nothing(self) -> None:
        """The command is run again."""

    def read_again(self) -> None:
        """As on the same day."""
        self.read(DAYS)

    def read_less_again(self) -> None:
        """As after a reconcile."""
        self.read(DAYS[10:])

    def new(self) -> None:
        """A day that had none."""
        self.scores["daily_sleep", DAYS[17]] = self.random.randint(1, 99)
        self.read(DAYS)

    def corrected(self) -> None:
        """A document says something else."""
        self.scores[self.some()] = self.random.randint(1, 69)
        self.read(DAYS)

    def deleted(self) -> None:
        """A document is not there any more."""
        self.gone = self.some()
        del self.scores[self.gone]
        self.read(DAYS)

    def returned(self) -> None:
        """It is there again, as it was."""
        self.scores[self.gone] = 70
        self.read(DAYS)

    def failed(self) -> None:
        """A window could not be read."""
        self.database.ask("daily_stress", *DAYS, outcome="error", detail="500")

    def of_another_user(self) -> None:
        """Somebody else's document."""
        document = {"id": "theirs", "day": DAYS[0], "score": self.random.randint(1, 99)}
        self.database.load("daily_sleep", {"user_id": OTHER, **document})

    def a_lost_view(self) -> None:
        """Somebody has dropped it."""
        self.database("drop view healthhub.weekly_figures")

    def a_renamed_view(self) -> None:
        """Somebody has another use for it."""
        self.database("alter view healthhub.weekly_figures rename to my_figures")

    def a_new_raw_column(self) -> None:
        """Another tap."""
        self.database("alter table raw_oura.daily_sleep add column added text")

    def a_reading_forgotten(self) -> None:
        """As a migration does."""
        self.database(
            "update healthhub_staging.models set read_at = '-infinity'"
            " where model = 'daily_sleep_summaries'"
        )

    def a_row_by_hand(self) -> None:
        """Somebody knows better, and leaves."""
        self.database(
            "update healthhub.daily_readiness_summaries set score = 1 where day = %s",
            DAYS[0],
        )
        self.database("select pg_stat_force_next_flush()")

    def another_project(self) -> dict[str, str]:
        """Or the same with other settings."""
        return {"DBT_ENV_CUSTOM_ENV_OF": "another"}


@pytest.mark.parametrize("seed", [1])
def test_what_it_leaves_out_had_nothing_to_do(
    database: Database, dbt: Dbt, seed: int
) -> None:
    """Whatever has happened, a whole `dbt build` finds nothing that it has not done."""
    life = Life(database, seed)
    database(
        "create schema if not exists healthhub; create table healthhub.users"
        " (user_id uuid, oura_pat_alias text, timezone text)"
    )
    assert dbt.build_if_new() == (0, [EVERYTHING])
    is_there = "to_regclass('pg_catalog.pg_dist_partition') is not null as there"
    on_citus = database.one(f"select {is_there}")["there"]
    for event in LOADED:
        before = state_of(database)
        getattr(life, event)()
        wanted = [TABLES]
        if event == "corrected":  # of a build that failed half way, nothing is known
            wanted = [EVERYTHING]
            with locked(database, "healthhub.daily_sleep_summaries"):
                assert dbt.build_if_new(PGOPTIONS=IMPATIENT) == (1, [TABLES])
        assert dbt.build_if_new() == (0, wanted), event
        after = state_of(database)
        if on_citus:  # whose other machines have counts of their own
            assert after is None
        else:
            assert after != before or event == "of_another_user"
            assert (after is None) == (event in {"failed", "of_another_user"})
        getattr(life, nothing := life.random.choice(NOTHING))()
        assert dbt.build_if_new() == (0, []), f"{nothing} after {event}"
        assert state_of(database) == after, f"{nothing} after {event}"

    rows = looked_at(database)
    assert dbt.build_if_new() == (0, [])
    assert looked_at(database) == rows, "rows were read, and none had changed"

    tables = contents(database)
    dbt.build()
    assert contents(database) == tables

    for event in CHANGED:
        environment = getattr(life, event)() or {}
        assert dbt.build_if_new(**environment) == (0, [EVERYTHING]), event


def another_session(database: Database) -> psycopg.Connection:
    there = database.connection.info
    return psycopg.connect(there.dsn, password=there.password)


@contextmanager
def locked(database: Database, table: str) -> Iterator[None]:
    """Have another session use a table alone."""
    with another_session(database) as connection:
        connection.execute(f"lock table {table}".encode())
        yield


def state_of(database: Database) -> str | None:
    """What a page of the tables is made of; None after a refusal."""
    with another_session(database) as connection:
        return state(connection, Path(__file__).parents[2])


def looked_at(database: Database) -> dict[str, int]:
    """How many rows of each built table were ever read, once all have told."""
    while database(
        "select from pg_stat_activity"
        " where datname = current_database() and pid != pg_backend_pid()"
    ):
        time.sleep(0.01)
    rows = database(
        "select relname, seq_tup_read + coalesce(idx_tup_fetch, 0) as rows"
        " from pg_stat_user_tables"
        " where schemaname = 'healthhub' and relname != 'users'"
    )
    return {row["relname"]: row["rows"] for row in rows}


def contents(database: Database) -> dict[str, Counter[str]]:
    """All rows of all tables, with when they were last changed, and all views."""
    relations = database(
        "select relname, relkind from pg_class where relkind in ('r', 'v')"
        " and relnamespace = 'healthhub'::regnamespace"
    )
    return {
        row["relname"]: Counter(
            each["row"]
            for each in database(
                f"select each::text as row from healthhub.{row['relname']} as each"
            )
            if row["relkind"] == "r"
        )
        for row in relations
    }
