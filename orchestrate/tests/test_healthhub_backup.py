"""A dump that another server restores, the same to the last value."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pytest

from healthhub.embedded import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from healthhub.database import Database
    from tests.conftest import Hosted

_DATA = """
create schema if not exists healthhub_staging;
create schema auth;
create table auth.secrets (text text);
create table healthhub.nights (
    user_id uuid not null,
    day date,
    score smallint check (score between 0 and 100),
    samples jsonb[],
    note text,
    created_at timestamptz default now(),
    primary key (user_id, day)
);
insert into healthhub.nights (user_id, day, score, samples, note)
select gen_random_uuid(), date '2026-01-01' + number, number % 100,
    array['{"a": null}'::jsonb],
    E'SET transaction_timeout = 0;\\n\\t\\\\.\\nü\\n\\restrict ' || number
from generate_series(1, 500) as number;
create view healthhub_staging.best as
    select * from healthhub.nights where score > 90;
create table raw_oura.sleep (id text, unknown_fields jsonb);
insert into raw_oura.sleep values ('x', '{"new": 1}');
create table healthhub_tokens.oura_logins (user_id text primary key, login text);
insert into healthhub_tokens.oura_logins values ('x', 'encrypted');
create table meltano.state (state_id text, completed_state text);
insert into meltano.state values ('dev', '{}')
"""
_TABLES = """
select schemaname || '.' || tablename from pg_tables
where schemaname in ('healthhub', 'raw_oura', 'meltano', 'healthhub_tokens')
order by 1
"""
_RIGHTS = """
select relname, relrowsecurity, count(polname)
from pg_class left join pg_policy on polrelid = pg_class.oid
where relnamespace = 'healthhub'::regnamespace and relkind = 'r'
group by 1, 2 order by 1
"""


def everything(database: Database) -> dict[str, list[Any]]:
    """Every row of every table, in whatever time zone the server is."""
    with database.connect() as connection:
        connection.execute("set time zone 'UTC'")
        tables = [name for (name,) in connection.execute(_TABLES.encode())]
        return {
            table: connection.execute(
                f"select t::text from {table} as t order by 1".encode()
            ).fetchall()
            for table in tables
        }


@pytest.fixture
def dump(hosted: Hosted, tmp_path: Path) -> Path:
    hosted.query(_DATA)
    hosted.call("users", "add", "anne")
    path = tmp_path / "there" / "all.sql.gz"
    code, output, errors = hosted.call("backup", "--out", str(path))
    assert (code, errors) == (0, "")
    assert output.startswith(f"{path} (0.")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["all.sql.gz"]
    return path


def test_another_server_has_the_same_afterwards(
    hosted: Hosted, dump: Path, home: Path
) -> None:
    before = everything(hosted.database)
    assert len(before["healthhub.nights"]) == 500
    with EmbeddedPostgres(home).using() as lease:
        url = lease.database.url
        code, output, errors = hosted.call("restore", str(dump), SUPABASE_DB_URL=url)
        assert (code, errors) == (0, "")
        assert output.endswith("Next: healthhub run\n")
        assert everything(lease.database) == before
        with lease.database.connect() as connection:
            best = connection.execute("select count(*) from healthhub_staging.best")
            assert best.fetchone() == (45,)
            auth = connection.execute("select to_regnamespace('auth')::text")
            assert auth.fetchone() == (None,)


def test_data_are_given_up_only_when_asked(hosted: Hosted, dump: Path) -> None:
    before = everything(hosted.database)
    hosted.query("update healthhub.nights set score = 0")
    changed = everything(hosted.database)
    code, _, errors = hosted.call("restore", str(dump))
    assert code == 1
    assert "has data already. Restore into an empty one, or add --replace" in errors
    assert everything(hosted.database) == changed
    assert hosted.call("restore", str(dump), "--replace")[0] == 0
    assert everything(hosted.database) == before


def cut(dump: bytes) -> bytes:
    return dump[: len(dump) // 2]


def other(_: bytes) -> bytes:
    return gzip.compress(b"another file")


def nonsense(dump: bytes) -> bytes:
    return gzip.compress(gzip.decompress(dump) + b"\nselect nonsense;\n")


def shell(dump: bytes) -> bytes:
    """As somebody else may have written it: psql would do this."""
    return gzip.compress(
        gzip.decompress(dump).replace(b"\nSET ", b"\n\\! touch broken\nSET ", 1)
    )


def shell_after_copy(dump: bytes) -> bytes:
    command = b"\n\\.\n\\unrestrict x\n\\! touch broken\n"
    return gzip.compress(gzip.decompress(dump).replace(b"\n\\.\n", command, 1))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (cut, "is no backup, or not a whole one. Take another."),
        (other, "is no backup, or not a whole one. Take another."),
        (nonsense, 'cannot be restored: column "nonsense" does not exist. Nothing'),
        (shell, "cannot be restored: syntax error at or near (left out)"),
        (shell_after_copy, "cannot be restored: syntax error at or near (left out)"),
    ],
)
def test_what_cannot_be_restored_changes_nothing(
    hosted: Hosted, dump: Path, spoil: Callable[[bytes], bytes], sentence: str
) -> None:
    before = everything(hosted.database)
    dump.write_bytes(spoil(dump.read_bytes()))
    code, _, errors = hosted.call("restore", str(dump), "--replace")
    assert (code, sentence in errors, len(errors.splitlines())) == (1, True, 1), errors
    assert everything(hosted.database) == before
    assert not (hosted.folder / "broken").exists()


def test_policies_are_applied_anew(hosted: Hosted, dump: Path) -> None:
    hosted.query(
        "create or replace function auth.uid() returns uuid language sql as"
        " 'select null::uuid'; create role authenticated"
    )
    try:
        assert hosted.call("restore", str(dump), "--replace")[0] == 0
        rights = hosted.query(_RIGHTS)
        assert ("nights", True, 1) in rights
        assert ("job_runs", True, 0) in rights
    finally:
        hosted.query("drop owned by authenticated; drop role authenticated")


def test_failed_dump_leaves_no_file(hosted: Hosted, dump: Path, tmp_path: Path) -> None:
    # Someone who may connect, and read nothing.
    hosted.query("create role nobody_special login password 'x'")
    hosted.query("grant usage on schema healthhub to nobody_special")
    hosted.query(
        "grant all on database {} to nobody_special".format(
            hosted.database.parameters["dbname"]
        )
    )
    try:
        parameters = {"user": "nobody_special", "password": "x"}
        url = type(hosted.database)({**hosted.database.parameters, **parameters}).url
        path = tmp_path / "elsewhere" / "none.sql.gz"
        code, _, errors = hosted.call("backup", "--out", str(path), SUPABASE_DB_URL=url)
        assert code == 1
        assert "permission denied" in errors
        assert not path.exists()
        assert dump.exists()
    finally:
        hosted.query("drop owned by nobody_special; drop role nobody_special")
