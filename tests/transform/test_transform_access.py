"""Who reads what dbt makes, with Supabase's roles and its open-handed defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from healthhub.database import Database as Address
from healthhub.migrations import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.transform.conftest import Database, Dbt

ROLES = ("anon", "authenticated", "service_role")
_SUPABASE = """
create role anon; create role authenticated; create role service_role bypassrls;
create schema auth;
create function auth.uid() returns uuid language sql stable as
    $$ select nullif(current_setting('request.jwt.claim.sub', true), '')::uuid $$;
grant usage on schema auth to public;
alter default privileges grant all on tables to anon, authenticated, service_role
"""
_GUARDED = """
select
    relname,
    has_table_privilege('anon', oid, 'select') as anon,
    has_table_privilege('authenticated', oid, 'insert') as writes,
    has_table_privilege('authenticated', oid, 'select') as reads,
    relkind = 'v' or relrowsecurity as is_guarded
from pg_class where oid = any(%s::regclass[])
"""


@pytest.fixture
def supabase(server: dict[str, str], database: Database) -> Iterator[Database]:
    for statement in _SUPABASE.split(";\n"):
        database(statement)
    migrate(
        Address(
            {
                "host": server["PGHOST"],
                "port": server["PGPORT"],
                "user": server["PGUSER"],
                "password": server["PGPASSWORD"],
                "dbname": "healthhub",
            }
        )
    )
    yield database
    for role in ROLES:
        database(f"drop owned by {role} cascade")
        database(f"drop role {role}")


def test_a_run_that_dies_before_its_end_leaves_nothing_open(
    dbt: Dbt, supabase: Database
) -> None:
    supabase("drop view healthhub.tag_effects")
    supabase("drop table healthhub.daily_stress_summaries, healthhub.vo2_max cascade")
    supabase(
        "create or replace function healthhub.apply_access() returns void"
        " language plpgsql as $$ begin raise 'killed'; end $$"
    )
    made = ("daily_stress_summaries", "vo2_max", "tag_effects")
    answer = dbt("run", "--select", *made)
    assert not answer["success"]
    rows = supabase(_GUARDED, [f"healthhub.{name}" for name in made])
    assert len(rows) == len(made)
    for row in rows:
        found = (row["anon"], row["writes"], row["reads"], row["is_guarded"])
        assert found == (False, False, True, True), row["relname"]


def test_everything_that_is_granted_can_be_read(supabase: Database) -> None:
    granted = supabase(
        "select relname from pg_class where relnamespace = 'healthhub'::regnamespace"
        " and relkind in ('r', 'v')"
        " and has_table_privilege('authenticated', oid, 'select')"
    )
    names = {row["relname"] for row in granted}
    assert names >= {"tag_effects", "coverage", "daily_overview", "sleep_stages"}
    supabase("set role authenticated")
    try:
        for name in names:
            assert supabase(f"select * from healthhub.{name}") == []
        for name in names & {"heart_rate", "sleep_stages"}:
            span = f"healthhub.{name}_between('2026-03-01', '2026-03-02')"
            assert supabase(f"select * from {span}") == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            supabase("select * from healthhub_staging.stg_oura__tag")
    finally:
        supabase("reset role")
