"""A database that is out of order is told in the same words, whoever meets it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from healthhub.errors import HealthHubError, as_failure
from healthhub.masking import Mask
from healthhub.meltano_log import DBT, TAP, TARGET, Diagnosis, as_json, parse

if TYPE_CHECKING:
    from healthhub.database import Database

# What PostgreSQL itself says; a full disk is the one thing that it only plays.
STATEMENTS = {
    "set transaction read only; create table x ()": "is read-only.",
    """do $$ begin raise exception 'could not extend file "base/5/1": No space left on
    device' using errcode = '53100'; end $$""": "has no space left.",
    "set statement_timeout = 1; select pg_sleep(60)": "took too long,",
    "set role nobody; create schema x": "refuses: permission denied for database ",
    "set role nobody; select * from t": "refuses: permission denied for table t. ",
    "set role nobody; alter table t add x int": "refuses: must be owner of table t. ",
    "select pg_terminate_backend(pg_backend_pid())": "went away, or ended",
}
PASSED_ON = {
    "meltano": "(psycopg.errors.SomeError) {}\n[SQL: select 'sesame']",
    TARGET: "psycopg.errors.SomeError: {}\nLINE 1: sesame",
    DBT: "Database Error in model tags (models/tags.sql)\n  {}\n  CONTEXT:  sesame",
}


def told_by(source: str, said: str) -> Diagnosis:
    """What comes of an error that a program passes on."""
    event = {"event": said, "level": "error", "name": source}
    diagnosis = Diagnosis()
    diagnosis.observe(parse(as_json(json.dumps(event), Mask({}))))
    return diagnosis


def check(error: BaseException, sentence: str) -> None:
    """Ours says it, and so does everybody's."""
    ours = str(as_failure(error))
    assert ours.startswith(f"The database {sentence}")
    assert ours.endswith(("run again.", "Run again later."))
    for source, text in PASSED_ON.items():
        diagnosis = told_by(source, text.format(" ".join(str(error).split())))
        assert diagnosis.sentence == diagnosis.of_the_database == ours


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_state_is_one_sentence(database: Database, statement: str) -> None:
    with database.connect(autocommit=True) as connection:
        connection.execute("create table t ()")
        connection.execute("create role nobody")
        with pytest.raises(psycopg.Error) as info:
            connection.execute(statement.encode())
    with database.connect(autocommit=True) as connection:
        connection.execute("drop role nobody")
    check(info.value, STATEMENTS[statement])


def test_connections_that_are_not_to_be_had(database: Database) -> None:
    mine = {**database.parameters, "user": "nobody", "password": "nobody"}
    nobody = replace(database, parameters=mine)
    with database.connect(autocommit=True) as connection:
        connection.execute(
            "create role nobody login password 'nobody' connection limit 0"
        )
        with pytest.raises(psycopg.Error) as info:
            psycopg.connect(nobody.url)
        with pytest.raises(HealthHubError) as ours:
            nobody.connect()
        connection.execute("drop role nobody")
    check(info.value, "accepts no more connections.")
    assert str(ours.value) == str(as_failure(info.value))


@pytest.mark.parametrize(
    "said",
    [
        "server closed the connection unexpectedly",
        'connection to server at "127.0.0.1", port 1 failed: Connection refused',
        "FATAL:  the database system is starting up",
        "consuming input failed: SSL connection has been closed unexpectedly",
        "the connection is lost",
    ],
)
def test_a_server_that_is_gone(said: str) -> None:
    check(psycopg.OperationalError(said), "went away, or ended")


def test_a_machine_without_space_is_told_too() -> None:
    said = "OSError: [Errno 28] No space left on device: '/tmp/x'"
    assert told_by(DBT, said).sentence.startswith("This machine has no space left.")


def test_who_said_it_first_is_believed() -> None:
    diagnosis = told_by(DBT, "permission denied for schema raw_oura")
    later = {"event": "relation x does not exist", "level": "error", "name": DBT}
    diagnosis.observe(parse(json.dumps(later)))
    assert diagnosis.sentence.startswith("The database refuses: permission denied")


def test_what_the_tap_says_of_connections_is_about_oura() -> None:
    assert told_by(TAP, "Connection refused").of_the_database is None


def test_what_is_no_state_stays_as_it_was_said() -> None:
    said = 'null value in column "a" of relation "b"'
    diagnosis = told_by(TARGET, said)
    assert (diagnosis.of_the_database, diagnosis.sentence) == (None, f"{said}.")
