"""Who reads what, with Supabase's roles in a plain PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from healthhub.database import Database
from healthhub.errors import HealthHubError
from healthhub.migrations import apply_access, migrate
from healthhub.readers import add_reader, all_readers, remove_reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ANNE = "0a0a0a0a-0000-4000-8000-00000000000a"
BO = "0b0b0b0b-0000-4000-8000-00000000000b"
ROLES = ("anon", "authenticated", "service_role", "batch")

# As Supabase has them; the batch's role is no superuser there either.
_SUPABASE = """
create role anon;
create role authenticated;
create role service_role bypassrls;
create role batch login password 'batch';
alter default privileges for role batch grant all on tables to anon, authenticated;
alter default privileges for role batch grant all on sequences to anon, authenticated;
grant create on database {0} to batch;
create schema auth;
create function auth.uid() returns uuid language sql stable as
    $$ select nullif(current_setting('request.jwt.claim.sub', true), '')::uuid $$;
grant usage on schema auth to public;
"""
_NIGHTS = f"""
create table healthhub.nights (user_id uuid, score int);
insert into healthhub.nights values ('{ANNE}', 1), ('{ANNE}', 2), ('{BO}', 3);
create view healthhub.good_nights as select * from healthhub.nights where score > 1;
"""
_TABLES = f"""
create view healthhub_staging.stg_nights as select 1 as secret;
create table raw_oura.sleep (user_id uuid);
create table meltano.state (state_id text);
create table healthhub_tokens.oura_logins (user_id text);
{_NIGHTS}
create table healthhub.readings (model text);
insert into healthhub.users (user_id, oura_pat_alias)
values ('{ANNE}', 'anne'), ('{BO}', 'bo');
"""
CLOSED = (
    "select * from healthhub_staging.stg_nights",
    "select * from raw_oura.sleep",
    "select * from meltano.state",
    "select * from healthhub_tokens.oura_logins",
    "select * from healthhub.job_runs",
    "select * from healthhub.readings",
    "select healthhub.apply_access()",
    "insert into healthhub.nights values (null, 1)",
    "delete from healthhub.nights",
)

_READERS_MAY = {"select * from healthhub.job_runs", "select * from healthhub.readings"}


@dataclass
class Supabase:
    """A database as it is there.

    Attributes:
        owner: As who may become everybody.
        batch: As the batch, which owns what it makes.
    """

    owner: Database
    batch: Database

    @contextmanager
    def acting_as(self, role: str, user_id: str = "") -> Iterator[Callable[..., Any]]:
        """Ask as Supabase's API does for who is logged in."""
        with self.owner.connect() as connection:
            claim = "select set_config('request.jwt.claim.sub', %s, true)"
            connection.execute(claim, (user_id,))
            connection.execute(f"set local role {role}".encode())

            def ask(query: str) -> list[Any]:
                with connection.transaction():
                    return connection.execute(query.encode()).fetchall()

            yield ask

    def do(self, statement: str) -> None:
        """As the batch."""
        with self.batch.connect() as connection:
            connection.execute(statement.encode())

    def apply(self) -> None:
        """As after each run."""
        with self.batch.connect() as connection:
            apply_access(connection)


@pytest.fixture
def supabase(database: Database) -> Iterator[Supabase]:
    with database.connect() as connection:
        name = database.parameters["dbname"]
        connection.execute(_SUPABASE.format(name).encode())
    who = {"user": "batch", "password": "batch"}
    batch = replace(database, parameters={**database.parameters, **who})
    supabase = Supabase(database, batch)
    migrate(batch)
    supabase.do(_TABLES)
    supabase.apply()
    yield supabase
    with database.connect() as connection:
        for role in (*ROLES, "healthhub_reader"):
            if connection.execute("select to_regrole(%s)", (role,)).fetchone() == (
                None,
            ):
                continue
            connection.execute(
                f"drop owned by {role} cascade; drop role {role}".encode()
            )


def test_who_is_logged_in_reads_the_own_rows_and_nothing_else(
    supabase: Supabase,
) -> None:
    nights = "select score from healthhub.nights order by score"
    for user_id, scores in {ANNE: [(1,), (2,)], BO: [(3,)], "": []}.items():
        with supabase.acting_as("authenticated", user_id) as ask:
            assert ask(nights) == scores
            good = ask("select score from healthhub.good_nights")
            assert good == [score for score in scores if score > (1,)]
            mine = ask("select user_id::text from healthhub.users")
            assert mine == ([(user_id,)] if user_id else [])
            for closed in CLOSED:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    ask(closed)


def test_who_is_not_logged_in_reads_nothing(supabase: Supabase) -> None:
    with supabase.acting_as("anon") as ask:
        for closed in (*CLOSED, "select * from healthhub.nights"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                ask(closed)


def test_the_service_reads_and_the_batch_writes_everything(supabase: Supabase) -> None:
    with supabase.acting_as("service_role") as ask:
        assert ask("select count(*) from healthhub.nights") == [(3,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask("select * from healthhub_tokens.oura_logins")
    supabase.do("update healthhub.nights set score = score + 1")
    with supabase.acting_as("service_role") as ask:
        assert ask("select sum(score) from healthhub.nights") == [(9,)]


def test_a_relation_is_guarded_in_the_transaction_that_makes_it(
    supabase: Supabase,
) -> None:
    supabase.do(
        "drop table healthhub.nights cascade;"
        "create table healthhub.nights (user_id uuid, score int);"
        f"insert into healthhub.nights values ('{ANNE}', 1), ('{BO}', 2);"
        "select healthhub.guard('healthhub.nights');"
        "create view healthhub_staging.int_nights as select * from healthhub.nights;"
        "create view healthhub.bad_nights as select * from healthhub_staging.int_nights"
        " where score < 2;"
        "select healthhub.guard('healthhub_staging.int_nights');"
        "select healthhub.guard('healthhub.bad_nights');"
        "create table raw_oura.tag (user_id uuid);"
        "select healthhub.guard('raw_oura.tag')"
    )
    for _ in range(2):  # so it stays when all is looked at again
        for relation in ("nights", "bad_nights"):
            nights = f"select score from healthhub.{relation}"
            with supabase.acting_as("authenticated", ANNE) as ask:
                assert ask(nights) == [(1,)]
            with supabase.acting_as("authenticated", BO) as ask:
                assert ask(nights) == ([(2,)] if relation == "nights" else [])
            closed = pytest.raises(psycopg.errors.InsufficientPrivilege)
            with supabase.acting_as("anon") as ask, closed:
                ask(nights)
        supabase.do("grant usage on schema raw_oura to anon, authenticated")
        closed = pytest.raises(psycopg.errors.InsufficientPrivilege)
        with supabase.acting_as("authenticated", ANNE) as ask, closed:
            ask("select * from raw_oura.tag")
        supabase.apply()


def test_two_of_us_at_once_do_not_fail(supabase: Supabase) -> None:
    def make_and_apply(number: int) -> None:
        for again in range(3):
            table = f"healthhub.made_{number}_{again}"
            guard = f"select healthhub.guard('{table}')"
            supabase.do(f"create table {table} (user_id uuid); {guard}")
            supabase.apply()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make_and_apply, range(4)))
    with supabase.owner.connect() as connection:
        guarded = connection.execute(
            "select count(*) from pg_class where relrowsecurity"
            " and starts_with(relname, 'made_')"
        ).fetchone()
    assert guarded == (4 * 3,)


def test_what_somebody_opened_by_hand_is_closed_again(supabase: Supabase) -> None:
    supabase.do(
        "grant usage on schema raw_oura, healthhub to anon, public;"
        "grant all on all tables in schema raw_oura, healthhub to anon, public;"
        "alter table healthhub.nights disable row level security"
    )
    supabase.apply()
    for role in ("anon", "authenticated"):
        with supabase.acting_as(role, ANNE) as ask:
            for closed in CLOSED:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    ask(closed)
    with supabase.acting_as("authenticated", ANNE) as ask:
        assert ask("select count(*) from healthhub.nights") == [(2,)]


def test_readers_are_not_waited_for_when_all_is_well(supabase: Supabase) -> None:
    with supabase.owner.connect() as reader:
        reader.execute("lock table healthhub.nights in access share mode")
        with supabase.batch.connect() as connection:
            connection.execute("set local lock_timeout = '5s'")
            apply_access(connection)
            # Or it would have waited for the reader.
            assert connection.info.transaction_status == TransactionStatus.INTRANS


def test_nothing_happens_where_the_roles_are_missing(database: Database) -> None:
    migrate(database)
    with database.connect() as connection:
        apply_access(connection)
        guarded = connection.execute(
            "select count(*) from pg_class where relrowsecurity"
        ).fetchone()
    assert guarded == (0,)


def test_a_reader_sees_the_rows_of_everybody_and_nothing_beyond(
    supabase: Supabase,
) -> None:
    with supabase.owner.connect() as connection:
        connection.execute("alter role batch createrole")
    found = add_reader(supabase.batch, "grafana")
    assert "grafana" not in supabase.batch.url
    with pytest.raises(HealthHubError, match="has a role grafana already"):
        add_reader(supabase.batch, "grafana")
    for name in ("pg_graf", "Grafana", 'g"', "", "postgres;"):
        with pytest.raises(HealthHubError, match=r"a role|reader's name"):
            add_reader(supabase.batch, name)
    supabase.do("drop view healthhub.good_nights; drop table healthhub.nights")
    supabase.do(_NIGHTS)
    supabase.apply()
    with supabase.batch.connect() as batch, found.connect(autocommit=True) as reader:
        for relation, rows in {"nights": 3, "good_nights": 2, "users": 2}.items():
            count = f"select count(*) from healthhub.{relation}"
            assert reader.execute(count.encode()).fetchone() == (rows,)
        for closed in set(CLOSED) - _READERS_MAY:
            with pytest.raises(
                (
                    psycopg.errors.InsufficientPrivilege,
                    psycopg.errors.ReadOnlySqlTransaction,
                )
            ):
                reader.execute(closed.encode())
        assert all_readers(batch) == ["grafana"]
        with pytest.raises(HealthHubError, match="no reader 'batch'"):
            remove_reader(batch, "batch")
        remove_reader(batch, "grafana")
        assert all_readers(batch) == []
    with pytest.raises(HealthHubError, match="refuses"):
        found.connect()


def test_behind_supabases_pooler_a_reader_names_the_project(
    supabase: Supabase,
) -> None:
    parameters = {**supabase.owner.parameters, "host": "x", "user": "postgres.abc"}
    connect = supabase.owner.connect
    with patch.object(Database, "connect", autospec=True) as reached:
        reached.side_effect = lambda _: connect()
        found = add_reader(Database(parameters), "metabase")
    assert found.parameters["user"] == "metabase.abc"
    with supabase.owner.connect() as connection:
        remove_reader(connection, "metabase")
