"""A token store in PostgreSQL: what a study, or a machine that keeps nothing, uses."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest
from cryptography.fernet import Fernet

from tap_oura.oauth import Login, Tokens
from tap_oura.users import token_store
from tap_over_http import USER_ID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from healthhub.database import Database
    from tap_over_http import Tap

OTHER_USER = "0a0a0a0a-0000-4000-8000-000000000002"
LOGIN = Login(Tokens("access", "refresh", 0.0, None, "https://example.com"))
KEY = Fernet.generate_key().decode()
LOGINS = "select user_id, login from tap_oura.oura_logins"


@pytest.fixture
def database_url(database: Database) -> str:
    return database.url


def test_eight_processes_that_refresh_at_once_refresh_once(
    tap: Tap, database_url: str
) -> None:
    seed = tap.control("POST", "tokens", {"user": 1})["refresh_token"]
    tap.fault(kind="delay", route="oauth/token", seconds=0.3)
    tap = tap.with_store(database_url)
    config = tap.config(user_id=USER_ID, refresh_token=seed)
    code = (
        "import json, os, sys; from tap_oura import database_token_store, users;"
        "[os.fork() for _ in range(3)];"  # each time, there are twice as many
        "(a,) = users.users_from_config(json.load(open(sys.argv[1])));"
        "print(a.credential.token(), flush=True)"
    )
    said = subprocess.check_output([sys.executable, "-c", code, config], text=True)
    assert len(said.split()) == 8
    [token] = {*said.split()}
    asked = [r for r in tap.asked() if r["path"] == "/oauth/token"]
    assert len(asked) == 1

    with psycopg.connect(database_url) as connection:
        rows = connection.execute(LOGINS).fetchall()
    assert [user_id for user_id, _ in rows] == [USER_ID]
    assert json.dumps(seed) not in str(rows)
    assert token not in str(rows)


@pytest.fixture
def empty(database_url: str) -> Iterator[str]:
    """A database without a login, in which everybody may read everything in public."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("create role anon")
        connection.execute("create database empty")
    url = database_url.replace("/postgres?", "/empty?")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("grant usage on schema public to anon")
        connection.execute("alter default privileges grant all on tables to anon")
    yield url
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("drop database empty with (force)")
        connection.execute("drop role anon")


@pytest.mark.parametrize("search_path", [None, "public", "mine"])
@pytest.mark.parametrize("known", [["known"], []])
def test_logins_are_in_no_schema_that_an_api_offers(
    empty: str, search_path: str | None, known: list[str]
) -> None:
    url = f"{empty}&options=-csearch_path%3D{search_path}" if search_path else empty
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute("create schema mine")
        if known:  # as an older version has left it
            connection.execute(
                "create table oura_logins"
                " (user_id text primary key, login text, locks bigint default 0)"
            )
            connection.execute("insert into oura_logins values ('known', 'x')")
    for _ in range(2):
        store = token_store({"token_store": url, "token_key": KEY})
        with store.lock(USER_ID):
            store.write(USER_ID, LOGIN)
    found = token_store({"token_store": url, "token_key": KEY}).user_ids()
    moved = bool(known) and search_path != "mine"
    assert found == sorted([USER_ID, *(["known"] if moved else [])])
    schema = "mine" if search_path == "mine" else "tap_oura"
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute("set role anon")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"select * from {schema}.oura_logins".encode())
        if moved or not known:
            with pytest.raises(psycopg.errors.UndefinedTable):
                connection.execute("select * from public.oura_logins")


def test_a_database_that_ends_idle_transactions_costs_no_login(
    tap: Tap, database_url: str
) -> None:
    """No transaction is open while Oura is asked."""
    seed = tap.control("POST", "tokens", {"user": 2})["refresh_token"]
    tap.fault(kind="delay", route="oauth/token", seconds=0.5)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "alter database postgres set idle_in_transaction_session_timeout = 50"
        )
    config = tap.with_store(database_url).config(
        user_id=OTHER_USER, refresh_token=seed, rescue_folder=str(tap.folder / "rescue")
    )
    code = (
        "import json, sys; from tap_oura.users import users_from_config;"
        "(a,) = users_from_config(json.load(open(sys.argv[1])));"
        "a.credential.renew(a.credential.token())"
    )
    subprocess.run([sys.executable, "-c", code, config], check=True)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "alter database postgres reset idle_in_transaction_session_timeout"
        )
        rows = connection.execute(
            "select login is not null, locks from tap_oura.oura_logins"
            " where user_id = %s",
            (OTHER_USER,),
        ).fetchall()
    assert rows == [(True, 2)]
    assert not (tap.folder / "rescue").exists()
