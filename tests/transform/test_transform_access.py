"""Who reads what dbt makes, with Supabase's roles and its open-handed defaults."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg
import pytest

from healthhub.database import Database as Address
from healthhub.migrations import migrate
from healthhub.readers import add_reader, remove_reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.transform.conftest import Database, Dbt

USER = "0a0a0a0a-0000-4000-8000-000000000001"
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
def address(server: dict[str, str]) -> Address:
    names = ("host", "port", "user", "password")
    parameters = {name: server[f"PG{name.upper()}"] for name in names}
    return Address({**parameters, "dbname": "healthhub"})


@pytest.fixture
def supabase(address: Address, database: Database) -> Iterator[Database]:
    for statement in _SUPABASE.split(";\n"):
        database(statement)
    migrate(address)
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


@pytest.fixture
def reader(address: Address, supabase: Database) -> Iterator[str]:
    add_reader(address, "looks")
    yield "looks"
    with address.connect() as connection:
        remove_reader(connection, "looks")
    supabase("drop owned by healthhub_reader")
    supabase("drop role healthhub_reader")


def test_whoever_reads_coverage_reads_it_up_to_today_at_home(
    supabase: Database, reader: str
) -> None:
    # There it is another day than in UTC, the one before or the one after.
    home = "Pacific/Kiritimati" if datetime.now(UTC).hour >= 10 else "Pacific/Pago_Pago"
    supabase(
        "insert into healthhub.users (user_id, oura_pat_alias, timezone)"
        " values (%s, 'anne', %s)",
        USER,
        home,
    )
    supabase(
        "insert into healthhub.requested_days"
        " (user_id, day, stream, status, created_at, updated_at)"
        " values (%s, '2026-03-01', 'sleep', 'present', now(), now())",
        USER,
    )
    supabase("select set_config('request.jwt.claim.sub', %s, false)", USER)
    for role in ("authenticated", "service_role", reader):
        supabase(f"set role {role}")
        try:
            last = supabase.one(
                "select max(day) = (now() at time zone %s)::date as is_today"
                " from healthhub.coverage",
                home,
            )
        finally:
            supabase("reset role")
        assert last["is_today"], role
