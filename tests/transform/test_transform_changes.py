"""When a model's contract changes, its table is altered to match and keeps its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.transform.conftest import Database, Dbt

ID = "5f2c8b1e-0000-4000-8000-00000000000"
DAYS = ("2026-03-01", "2026-03-02", "2026-03-03")
TABLE = "healthhub.daily_readiness_summaries"
BOTH = ("daily_readiness_summaries", "set_aside_documents")


def readiness(number: int, **fields: object) -> dict[str, Any]:
    return {"id": f"{ID}{number}", "day": DAYS[number], "score": 80, **fields}


def was_another(database: Database, *columns: str) -> None:
    """Let the tables be those of models that said something else."""
    settings = ", ".join(f"{column} = 'another'" for column in columns)
    database(f"update healthhub_staging.models set {settings}")


def scores(database: Database) -> list[int]:
    return [row["score"] for row in database(f"select score from {TABLE} order by day")]


def drop_views(database: Database) -> None:
    for view in database(
        "select oid::regclass as name from pg_class where relkind = 'v'"
        " and relnamespace = any('{healthhub,healthhub_staging}'::regnamespace[])"
    ):
        database(f"drop view if exists {view['name']} cascade")


CATALOG = """
    select
        attrelid::regclass::text || '.' || attname as place,
        format_type(atttypid, atttypmod) || case when attnotnull then '!' else '' end
            as what
    from pg_attribute join pg_class on pg_class.oid = attrelid
    where relnamespace = 'healthhub'::regnamespace and relkind = 'r'
        and attnum > 0 and not attisdropped
    union all
    select conrelid::regclass::text, pg_get_constraintdef(oid)
    from pg_constraint
    where connamespace = 'healthhub'::regnamespace and contype != 'n'
    union all
    select indrelid::regclass::text, (
        select string_agg(attname, ', ' order by attname) from pg_attribute
        where attrelid = indrelid and attnum = any(indkey)
    )
    from pg_index where indrelid in (
        select oid from pg_class where relnamespace = 'healthhub'::regnamespace
    )
    order by 1, 2
"""

#: What a table may have been before, column by column.
OTHER_TYPES = {
    "smallint": "integer",
    "integer": "numeric(12,3)",
    "numeric(5,2)": "double precision",
    "numeric(10,2)": "numeric(20,8)",
    "uuid": "text",
}


def test_every_table_is_brought_to_its_contract(dbt: Dbt, database: Database) -> None:
    database.load("daily_readiness", readiness(0), readiness(1, score=70))
    tables = (BOTH[0], "document_revisions", "daily_overview")
    dbt.build(*tables)
    catalog = database(CATALOG)
    before = [database(f"select * from healthhub.{t} order by day") for t in tables]
    drop_views(database)
    for row in database(
        "select conrelid::regclass as table, conname from pg_constraint"
        " where connamespace = 'healthhub'::regnamespace and contype = 'c'"
    ):
        database(f"alter table {row['table']} drop constraint {row['conname']}")
    for row in catalog:
        table, _, column = row["place"].rpartition(".")
        kind = row["what"].removesuffix("!")
        if table.count(".") and kind in OTHER_TYPES and not _is_key(database, row):
            other = OTHER_TYPES[kind]
            database(
                f"alter table {table} alter column {column} type {other}"
                f" using {column}::{other}"
            )
    database(f"alter table {TABLE} alter column document_id drop not null")
    database(f"alter table {TABLE} alter column score set not null")
    database(f"alter table {TABLE} add check (score > 60)")
    was_another(database, "checksum", "contract")
    dbt.build()
    assert database(CATALOG) == catalog
    assert before == [
        database(f"select * from healthhub.{t} order by day") for t in tables
    ]


def _is_key(database: Database, row: dict[str, Any]) -> bool:
    table, _, column = row["place"].rpartition(".")
    return bool(
        database(
            "select 1 from pg_index join pg_attribute"
            " on attrelid = indrelid and attnum = any(indkey)"
            " where indrelid = %s::regclass and attname = %s",
            table,
            column,
        )
    )


def test_a_type_changes_below_the_views_of_this_project(
    dbt: Dbt, database: Database
) -> None:
    table = "healthhub.sleep_periods"
    drop_views(database)
    database(f"alter table {table} alter column average_hrv type integer")
    dbt.succeed("build", "--select", "config.materialized:lasting_view")
    was_another(database, "checksum", "contract")
    dbt.build()
    assert database.one(
        "select format_type(atttypid, atttypmod) as type from pg_attribute where"
        f" attrelid = '{table}'::regclass and attname = 'average_hrv'"
    ) == {"type": "smallint"}
    assert database("select * from healthhub.coverage") == []


def test_what_a_stricter_contract_does_not_allow_is_set_aside(
    dbt: Dbt, database: Database
) -> None:
    database.load("daily_readiness", readiness(0), readiness(1, score=101))
    dbt.build(*BOTH)
    database(
        f"alter table {TABLE} drop constraint daily_readiness_summaries_score_check"
    )
    database(
        f"insert into {TABLE} (user_id, day, document_id, score)"
        f" select user_id, day, id::uuid, score from raw_oura.daily_readiness"
        " where score > 100"
    )
    database("delete from healthhub.set_aside_documents")
    was_another(database, "checksum", "contract")
    dbt.build(*BOTH)
    assert scores(database) == [80]
    row = database.one("select reasons from healthhub.set_aside_documents")
    assert row["reasons"] == ["score is 101, not score between 0 and 100"]


def test_what_a_looser_contract_allows_comes_in_without_a_new_reading(
    dbt: Dbt, database: Database
) -> None:
    database.load(
        "daily_readiness", readiness(0), readiness(1, score=99), minutes_ago=90
    )
    dbt.build(*BOTH)
    database(f"delete from {TABLE} where score = 99")
    database(
        "insert into healthhub.set_aside_documents"
        " (user_id, stream, table_name, document, reasons)"
        " select user_id, 'daily_readiness', 'daily_readiness_summaries', id,"
        " '{score is 99}' from raw_oura.daily_readiness where score = 99"
    )
    dbt.build(*BOTH)
    assert scores(database) == [80], "nothing is read again for nothing"
    was_another(database, "checksum")
    dbt.build(*BOTH)
    assert scores(database) == [80, 99]
    assert database("select * from healthhub.set_aside_documents") == []


def test_changed_sql_reads_everything_again_and_touches_what_differs(
    dbt: Dbt, database: Database
) -> None:
    database.load("daily_readiness", readiness(0), readiness(1))
    dbt.build(BOTH[0])
    database(f"update {TABLE} set score = 1 where day = %s", DAYS[1])
    before = database(f"select *, xmin from {TABLE} where day = %s", DAYS[0])
    was_another(database, "checksum")
    dbt.build(BOTH[0])
    assert scores(database) == [80, 80]
    after = database(f"select *, xmin from {TABLE} where day = %s", DAYS[0])
    assert after == before


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            "drop constraint daily_readiness_summaries_pkey, add primary key (score)",
            "its key was (score) and is now (user_id, day)",
        ),
        (
            "alter column temperature_deviation type boolean using true",
            "temperature_deviation cannot become numeric(5,2)",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    dbt: Dbt, database: Database, change: str, reason: str
) -> None:
    database.load("daily_readiness", readiness(0))
    dbt.build(BOTH[0])
    database(f"alter table {TABLE} {change}")
    was_another(database, "checksum", "contract")
    answer = dbt("build", "--select", BOTH[0])
    assert not answer["success"]
    said = " ".join(" ".join(answer["messages"]).split())
    assert f"{TABLE} cannot be altered to match its model, because {reason}" in said
    assert scores(database) == [80]


def test_views_of_others_are_never_dropped(dbt: Dbt, database: Database) -> None:
    database(f"alter table {TABLE} alter column score type integer")
    database(f"create view public.mine as select score from {TABLE}")
    was_another(database, "checksum", "contract")
    answer = dbt("build", "--select", BOTH[0])
    assert not answer["success"]
    assert database("select * from public.mine") == []
