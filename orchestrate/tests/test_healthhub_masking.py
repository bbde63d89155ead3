"""Nothing that is written holds a secret or somebody's value, whoever quotes it."""

from __future__ import annotations

import json
import logging
import traceback
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
import pytest
from meltano.core.logging.models import PluginException

from healthhub.masking import Mask, printable, without_values
from healthhub.meltano_formatter import formatter

if TYPE_CHECKING:
    from healthhub.database import Database
    from tests.conftest import Hosted

# What somebody may have written into a tag, and what a ring may have measured.
VALUES = ("sesame", "62.0077", 'she said "sesame" twice', "it's sesame", "a\nsesame\nb")
SECRET = "sesame"
RECOGNISABLE = ("sesame", "62.0077")

# Each way in which PostgreSQL quotes a value; %s is the value.
STATEMENTS = (
    "select %s::text::bigint",
    "select %s::text::uuid",
    "select %s::text::date",
    "select %s::text::timestamptz",
    "select %s::text::boolean",
    "select %s::text::json",
    "select %s::text::int[]",
    "select to_date(%s::text, 'YYYY')",
    "select (%s || '99999999999999')::text::bigint",
    "select %s::text::mood",
    "insert into strict (number) select %s::text::numeric",
    "insert into strict (note) values (%s)",
    "insert into strict (note, id) values (%s, 1), ('b', 1)",
    "select %s::text at time zone (%s::text)",
    "select set_config('timezone', %s, true)",
    "do $$ begin raise exception 'no good: \"%%\"', $q$%s$q$; end $$",
)
_TABLES = """
create type mood as enum ('fine');
create table strict (
    id serial primary key,
    number smallint check (number < 10),
    note text check (length(note) < 5)
)
"""


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("statement", STATEMENTS)
def test_no_error_of_the_database_shows_a_value(
    server: Database, statement: str, value: str
) -> None:
    with server.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute(_TABLES)
        cursor = psycopg.ClientCursor(connection)
        query = cursor.mogrify(statement, (value,) * statement.count("%s"))
        try:
            cursor.execute(query.replace("%%", "%").encode())
        except psycopg.Error as error:
            masked = without_values(str(error))
            context = "".join(traceback.format_exception_only(error))
            assert not [r for r in RECOGNISABLE if r in masked], masked
            assert not [r for r in RECOGNISABLE if r in without_values(context)]


@pytest.mark.parametrize(
    "text",
    [
        "InvalidRecord: Record Message Validation Error: 62.0077 is not of type 'x'",
        "jsonschema.exceptions.ValidationError: 62.0077 is less than the minimum of 0",
        "Invalid isoformat string: 'sesame'",
        "could not convert string to float: 'sesame'",
        "KeyError: 'sesame'",
        "[SQL: insert into a values (62.0077)]",
        "[parameters: {'a': 62.0077}]",
        "LINE 1: select 'sesame'::int",
        """Failed to parse JSON array from string: '[{"access_token": "sesame"'""",
    ],
)
def test_no_error_of_a_library_shows_a_value(text: str) -> None:
    assert not [r for r in RECOGNISABLE if r in without_values(text)]


@pytest.mark.parametrize(
    "text",
    [
        'null value in column "a" of relation "b" violates not-null constraint',
        'relation "raw_oura.sleep" does not exist',
        'password authentication failed for user "postgres"',
        "Another 'dev:tap-oura-to-target-postgres' pipeline is already running",
        "Beginning sync of 'daily_sleep' in incremental mode",
        "The wearer's ring isn't Oura's own",
        "User 0a0a0a0a-0000-4000-8000-00000000000a did not grant `tag`.",
        "1 of 34 OK created sql view model healthhub_staging.stg_oura__tag",
    ],
)
def test_what_tells_where_it_failed_stays(text: str) -> None:
    assert Mask({"OURA_PAT": SECRET}).message(text) == text


def test_a_row_of_many_lines_is_left_out_as_a_whole() -> None:
    mask = Mask({})
    lines = (
        ("dbt", "10:52:01  Database Error in model tags"),
        ("dbt", "  DETAIL:  Failing row contains (1, Dear diary,"),
        ("tap", "Reading on."),
        ("dbt", "sesame,"),
        ("dbt", "62.0077)."),
        ("dbt", "10:52:02  Done."),
        ("dbt", "Bye."),
    )
    written = [mask.line(*line) for line in lines]
    assert not [r for r in RECOGNISABLE if r in "".join(written)]
    assert "Dear diary" not in "".join(written)
    assert [written[0], written[2], *written[-2:]] == [
        lines[0][1],
        "Reading on.",
        "10:52:02  Done.",
        "Bye.",
    ]


PASSWORD = "s3/s@me: 'x'"
VARIABLES = {
    "OURA_PAT": "pat-sesame",
    "OURA_PAT_BO": "pat-sesame-of-bo",
    "SUPABASE_DB_URL": f"postgres://me:{quote(PASSWORD, safe='')}@example.com/db",
    "PGPASSWORD": PASSWORD,
    "ALERT_URLS": "slack://a-sesame/b-sesame, mailto://me:mail-sesame@example.com",
    "TAP_OURA_TOKEN_KEY": "new-sesame-key=,old-sesame-key=",
    "TAP_OURA_CLIENT_SECRET": "client-sesame",
    "TAP_OURA_USERS": json.dumps(
        [
            {"user_id": "anne-id", "access_token": "anne-sesame"},
            {"refresh_token": "r-s"},
        ]
    ),
}
SECRETS = (
    *("pat-sesame", "pat-sesame-of-bo", PASSWORD, "a-sesame/b-sesame", "mail-sesame"),
    *("new-sesame-key=", "old-sesame-key=", "client-sesame", "anne-sesame"),
)


@pytest.mark.parametrize("secret", SECRETS)
def test_known_secrets_are_in_no_line_however_they_are_spelled(secret: str) -> None:
    mask = Mask(VARIABLES)
    for spelled in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1]):
        for around in ("at {}.", "a={}&b", "//me:{}@host", "{}"):
            assert spelled not in mask.secrets(around.format(spelled))
    nested = json.dumps({"info": {"msg": [f"is {secret}!"]}})
    assert secret not in json.dumps(mask.json({"event": nested}))


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer sesame",
        "https://example.com/?access_token=sesame&a=b",
        """{"refresh_token": "sesame"}""",
        "postgresql://postgres:sesame@example.com/postgres",
    ],
)
def test_secrets_that_nobody_knows_yet_are_in_no_line(text: str) -> None:
    assert "sesame" not in Mask({}).secrets(text)


def test_what_is_no_secret_stays() -> None:
    mask = Mask(VARIABLES | {"PGPASSWORD": "x", "TAP_OURA_API_URL": "http://api"})
    text = "x is anne-id, read from http://api/v2 for 12 s"
    assert mask.secrets(text) == text


def test_nothing_moves_the_cursor_of_a_terminal() -> None:
    hostile = "a\x1b]0;title\x07b\x1b[31mred\x1b[0m\r\x9bc\tü\n"
    assert printable(hostile) == "a?]0;title?bred??c\tü\n"


def written(**more: object) -> str:
    """What Meltano writes for an error of a plugin."""
    record = logging.LogRecord("x", logging.ERROR, "", 0, "boom", (), None)
    record.__dict__ |= more
    return formatter().format(record)


@pytest.mark.parametrize("log_format", ["json", "colored"])
def test_meltano_itself_writes_no_value(
    monkeypatch: pytest.MonkeyPatch, log_format: str
) -> None:
    monkeypatch.setenv("MELTANO_CLI_LOG_FORMAT", log_format)
    monkeypatch.setenv("OURA_PAT", "pat-sesame")
    message = 'invalid input syntax for type bigint: "62.0077"'
    cause = PluginException("ValueError", "x", message)
    error = PluginException("ValueError", "x", message, cause=cause, notes=[message])
    info = (ValueError, ValueError(message), None)
    for text in (
        written(msg=message),
        written(plugin_exception=error, name="target-postgres"),
        written(exc_info=info),
        written(msg="the token is pat-sesame"),
    ):
        assert not [r for r in RECOGNISABLE if r in text], text
        assert "(left out)" in text or "(secret)" in text


def test_settings_that_meltano_would_print_are_refused_before(hosted: Hosted) -> None:
    broken = '[{"user_id": "x", "access_token": "sesame"'
    for value in (broken, '{"access_token": "sesame"}', "sesame"):
        for command in ("run", "env", "check"):
            code, output, errors = hosted.call(command, TAP_OURA_USERS=value)
            assert code == 1
            assert "TAP_OURA_USERS has to be a list" in output + errors
            assert "sesame" not in output + errors
    assert not (hosted.folder / "calls.jsonl").exists()


def test_neither_screen_nor_log_nor_ledger_has_what_the_loader_quotes(
    hosted: Hosted,
) -> None:
    code, output, errors = hosted.call("run", STAND_IN="fail in the loader")
    assert code == 1
    [log] = (hosted.home / "logs").glob("*-run-*.jsonl")
    ledger = str(hosted.query("select * from healthhub.job_runs"))
    for text in (errors, log.read_text(), ledger):
        assert "null value in column" in text
        assert not [r for r in RECOGNISABLE if r in output + text], text
