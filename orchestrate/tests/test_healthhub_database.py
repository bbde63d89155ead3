from __future__ import annotations

import socket
from dataclasses import replace

import pytest
from psycopg import sql

from healthhub.database import Database
from healthhub.errors import HealthHubError

_NASTY = "p@ss:w/o?r#d %41[x]&=+'\"\\ü$"


def test_reads_a_url_as_libpq_does() -> None:
    url = (
        "postgres://postgres.abc:p%40ss@db.example.com:6543/health"
        "?sslmode=verify-full&sslrootcert=/etc/ca%20file.pem"
    )
    assert Database.from_url(url).environment == {
        "PGHOST": "db.example.com",
        "PGPORT": "6543",
        "PGUSER": "postgres.abc",
        "PGPASSWORD": "p@ss",
        "PGDATABASE": "health",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/etc/ca file.pem",
    }


def test_port_and_database_have_supabases_defaults() -> None:
    environment = Database.from_url("postgresql://me@[::1]").environment
    assert environment == {
        "PGHOST": "::1",
        "PGPORT": "5432",
        "PGUSER": "me",
        "PGDATABASE": "postgres",
    }


def test_url_survives_the_way_there_and_back() -> None:
    parameters = {
        "host": "::1",
        "port": "5432",
        "user": "a b/c@d",
        "password": _NASTY,
        "dbname": "x/y?z",
        "sslmode": "require",
        "options": "-c search_path=a b",
    }
    assert Database.from_url(Database(parameters).url).parameters == parameters


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me:secret@127.0.0.1/x",
        "secret",
        "postgres://",
        "postgres://me:secret@",
        "postgres://127.0.0.1/x",
        "postgres://me:sec@ret@127.0.0.1:5432/x",
        "postgres://me:sec/ret@127.0.0.1:5432/x",
        "postgres://me:a@secret/b@127.0.0.1:5432/x",
        "postgres://me:1/secret@127.0.0.1:5432/x",
        "postgres://me:a@secret:1/b@127.0.0.1:5432/x",
        "postgres://me:a@secret?b@127.0.0.1:5432/x",
        "postgres://me:a@b?user=secret@127.0.0.1:5432/x",
        "postgres://me:secret%zz@127.0.0.1:5432/x",
        "postgres://me:secret@127.0.0.1:port/x",
        "postgres://me:secret@127.0.0.1/x?secret=1",
        "postgres://me:[YOUR-PASSWORD]@127.0.0.1/secret",
    ],
)
def test_wrong_url_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"like postgres://user|YOUR-PASSWORD") as info:
        Database.from_url(url)
    assert "secret" not in str(info.value)


def test_password_is_not_in_its_representation() -> None:
    assert "secret" not in repr(Database.from_url("postgres://me:secret@127.0.0.1"))


def test_password_of_any_characters_opens_the_door(database: Database) -> None:
    with database.connect() as connection:
        connection.execute(
            sql.SQL("create role nasty login password {}").format(sql.Literal(_NASTY))
        )
    parameters = {**database.parameters, "user": "nasty", "password": _NASTY}
    url = replace(database, parameters=parameters).url
    with Database.from_url(url).connect() as connection:
        assert connection.info.user == "nasty"
    with database.connect() as connection:
        connection.execute("drop role nasty")


def test_refused_connections_are_explained(database: Database) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        free_port = str(closed.getsockname()[1])
    cases = {
        "refuses the password of postgres. Correct SETTING.": {"password": "secret"},
        "nothing listens there. Check SETTING,": {"port": free_port},
        'it has no database "none". Check SETTING,': {"dbname": "none"},
        "has no TLS. Switch it on there,": {"sslmode": "require"},
    }
    for sentence, wrong in cases.items():
        parameters = {**database.parameters, **wrong}
        with pytest.raises(HealthHubError) as info:
            Database(parameters, "SETTING").connect()
        assert sentence in str(info.value)
        assert f"127.0.0.1:{parameters['port']}" in str(info.value)
        assert "secret" not in str(info.value)
        assert "\n" not in str(info.value)
