"""What is built alone, in whatever order: the next whole build mends it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from tests.transform.test_transform_refresh import OTHER, USER, content, day, read

if TYPE_CHECKING:
    from tests.transform.conftest import Database, Dbt

#: What depends on when it was read, and not only on what.
HISTORY = {"document_revisions", "deleted_documents"}
#: They are made of other tables.
UPPER = ["daily_overview", "requested_days", "set_aside_documents"]


# By this seed's sequence a model is found that says it read more than the tables it
# is made of; any other has to do as well.
@pytest.mark.parametrize("seed", [5004])
def test_any_sequence_of_builds_comes_to_what_one_build_does(
    dbt: Dbt, database: Database, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 (no secret)
    tables = sorted(existing(database, "r"))

    def load() -> object:
        first = chance.randint(1, 15)
        days = range(first, first + chance.randint(1, 6))
        user, version = chance.choice([USER, OTHER]), chance.randint(0, 2)
        read(database, days, user, 1, version)
        return days, user, version

    def lose() -> object:
        stream = chance.choice(["daily_sleep", "sleep", "enhanced_tag", "heartrate"])
        first = chance.randint(1, 15)
        database.ask(stream, day(first), day(first + 2), minutes_ago=1)
        return stream, first

    def build_some() -> object:
        some = [chance.choice(UPPER), *chance.sample(tables, chance.randint(0, 3))]
        option = chance.choice([(), (), (), ("--full-refresh",), ("--empty",)])
        answer = dbt("run", *option, "--select", *some)
        return some, option, answer["success"]

    def change() -> object:
        """Let the tables be those of a project that said something else."""
        if "daily_sleep_summaries" in existing(database, "r"):
            database("update healthhub.daily_sleep_summaries set score = 1")
        return database(
            "update healthhub_staging.models set checksum = 'another'"
            " where model = any(%s)",
            tables,
        )

    def drop() -> object:
        name = chance.choice(sorted(existing(database, "rv") - HISTORY))
        kind = "table" if name in tables else "view"
        database(f"drop {kind} healthhub.{name} cascade")
        return name

    steps = [load, load, build_some, build_some, build_some, lose, change, drop]
    load()
    done = []
    for _ in range(7):
        hours_pass(database)
        step = chance.choice(steps)
        done.append((step.__name__, step()))
    hours_pass(database)
    dbt.succeed("run")
    found = content(database)
    for name in tables:
        database(f"truncate healthhub.{name}")
    database("update healthhub_staging.models set read_at = '-infinity'")
    dbt.succeed("run")
    anew = content(database)
    assert {n for n in anew if anew[n] != found[n]} <= HISTORY, done


def existing(database: Database, kinds: str) -> set[str]:
    """The relations of the schema that are of one of these kinds."""
    rows = database(
        "select relname from pg_class where strpos(%s, relkind::text) > 0"
        " and relnamespace = 'healthhub'::regnamespace",
        kinds,
    )
    return {row["relname"] for row in rows}


def hours_pass(database: Database) -> None:
    """Let everything have been written two hours earlier than it was."""
    columns = database(
        "select attrelid::regclass as table, attname as name"
        " from pg_attribute join pg_class on pg_class.oid = attrelid"
        " where relkind = 'r' and attnum > 0 and not attisdropped"
        " and relnamespace = any("
        "'{raw_oura,healthhub_staging,healthhub}'::regnamespace[])"
        " and attname = any(%s)",
        [
            *("_sdc_extracted_at", "_sdc_received_at", "_sdc_batched_at", "synced_at"),
            *("read_at", "created_at", "updated_at", "first_seen_at", "last_seen_at"),
            *("deleted_at", "last_read_at"),
        ],
    )
    for column in columns:
        name = column["name"]
        database(f"update {column['table']} set {name} = {name} - interval '2 hours'")
