from __future__ import annotations

import json
import socket
import sys
from dataclasses import replace
from typing import TYPE_CHECKING
from unittest.mock import create_autospec

import psycopg
import pytest

from healthhub import checks
from healthhub.migrations import newest_revision

if TYPE_CHECKING:
    from tests.conftest import Hosted

# In place of the tap's own, which needs the tap's whole environment.
_TAP_OURA_AUTH = """#!{python}
import json, os
print(json.dumps({{
    "user_id": None,
    "problem": f"The token {{os.environ['TAP_OURA_ACCESS_TOKEN']}} was refused.",
}}))
"""


def marks(output: str) -> dict[str, str]:
    """The mark of each subject."""
    lines = [line.strip().partition(" ") for line in output.splitlines()]
    return {
        rest.strip().partition("  ")[0]: mark
        for mark, _, rest in lines
        if mark in {"✓", "✗", "-"}
    }


@pytest.fixture(autouse=True)
def _no_api(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        api = f"http://127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.setenv("TAP_OURA_API_URL", api)


def test_nothing_is_wrong_with_a_new_machine(hosted: Hosted) -> None:
    hosted.query("drop schema healthhub cascade")
    code, output, errors = hosted.call("check")
    assert (code, errors, marks(output)["migrations"]) == (0, "", "-")
    hosted.call("migrate")
    code, output, errors = hosted.call("check")
    assert (code, errors) == (0, "")
    assert marks(output) == {
        "SUPABASE_DB_URL": "✓",
        "database": "✓",
        "encryption": "-",
        "migrations": "✓",
        "clock of the database": "✓",
        "users": "-",
    }


def test_token_of_the_environment_is_tried_before_anything_was_migrated(
    hosted: Hosted,
) -> None:
    program = hosted.folder / ".meltano/extractors/tap-oura/venv/bin/tap-oura-auth"
    hosted.query("drop schema healthhub cascade")
    program.write_text(_TAP_OURA_AUTH.format(python=sys.executable))
    program.chmod(0o755)
    code, output, _ = hosted.call("check", OURA_PAT="mine")
    assert (code, marks(output)["migrations"]) == (1, "-")
    assert "The token mine was refused." in output
    assert hosted.query("select to_regnamespace('healthhub')::text") == [(None,)]


def test_each_cross_says_what_to_do(hosted: Hosted) -> None:
    hosted.call("users", "add", "OURA_PAT_A")
    code, output, _ = hosted.call("check")
    assert code == 1
    found = marks(output)
    assert (found["users"], found["Oura's API"]) == ("✗", "✗")
    assert "OURA_PAT_A is missing, the token of" in output
    assert "does not answer" in output

    hosted.query("update healthhub.alembic_version set version_num = '0001'")
    output = hosted.call("check", TAP_OURA_API_URL="ftp://there")[1]
    newest = newest_revision()
    assert f"at 0001, the newest is {newest}: `healthhub migrate`" in output
    assert "ftp://there does not answer (InvalidSchema)" in " ".join(output.split())

    code, output, _ = hosted.call(
        "check", SUPABASE_DB_URL="postgres://me@127.0.0.1:1/x"
    )
    assert (code, marks(output)["database"]) == (1, "✗")
    assert hosted.call("check", ALERT_NO_DATA_DAYS="0")[0] == 1


def test_supabases_addresses_are_explained(
    hosted: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_ipv6(**_: object) -> None:
        raise psycopg.OperationalError("connection failed: Network is unreachable")

    direct = "postgres://postgres:sesame@db.abc.supabase.co:5432/postgres"
    with monkeypatch.context() as patch:
        double = create_autospec(psycopg.connect, side_effect=no_ipv6)
        patch.setattr(psycopg, "connect", double)
        output = hosted.call("check", SUPABASE_DB_URL=direct)[1]
    assert "Supabase's direct host has an IPv6 address" in output
    pooler = "postgres://postgres.abc:sesame@aws-0.pooler.supabase.com:6543/postgres"
    output = hosted.call("check", SUPABASE_DB_URL=pooler)[1]
    assert "take the session pooler, port 5432" in " ".join(output.split())
    assert "sesame" not in output


def test_wrong_clock_is_noticed(
    hosted: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "_CLOCK_TOLERANCE", -1)
    code, output, _ = hosted.call("check")
    assert (code, marks(output)["clock of the database"]) == (1, "✗")
    assert "Set this machine's clock by network time." in " ".join(output.split())


def test_secrets_that_others_can_read_are_a_cross(hosted: Hosted) -> None:
    dotenv = hosted.folder / ".env"
    dotenv.touch()
    for mode, mark in {0o600: "✓", 0o640: "✗", 0o604: "✗"}.items():
        dotenv.chmod(mode)
        code, output, _ = hosted.call("check")
        assert (code, marks(output)[".env"]) == (int(mark == "✗"), mark)
    assert f"chmod 600 {dotenv}" in output


_SHARES_LITTLE = """#!{python}
import json
print(json.dumps({{
    "user_id": None, "problem": None, "scopes": ["daily"], "missing_scopes": ["tag"],
}}))
"""


def test_what_somebody_chose_not_to_share_is_no_failure_but_no_token_is(
    hosted: Hosted,
) -> None:
    program = hosted.folder / ".meltano/extractors/tap-oura/venv/bin/tap-oura-auth"
    program.write_text(_SHARES_LITTLE.format(python=sys.executable))
    output = hosted.call("check", OURA_PAT="mine")[1]
    assert marks(output)["user of OURA_PAT"] == "✓"
    assert "logged in, for: daily. Not shared: tag." in output

    user_id = "0b0b0b0b-0000-4000-8000-00000000000b"
    hosted.call("users", "add", "OURA_PAT_BO", "--user-id", user_id)
    answer = {
        "user_id": user_id,
        "problem": f"The token of user {user_id} was refused.",
    }
    program.write_text(f"#!/bin/sh\necho '{json.dumps(answer)}'\n")
    output = hosted.call("check", OURA_PAT_BO="mine")[1]
    assert marks(output)["user OURA_PAT_BO"] == "✗"
    assert "The token of user OURA_PAT_BO was refused." in output


def test_a_login_that_the_database_does_not_take_is_a_cross(hosted: Hosted) -> None:
    program = hosted.folder / ".meltano/extractors/tap-oura/venv/bin/tap-oura-auth"
    program.write_text(_SHARES_LITTLE.format(python=sys.executable))
    kept = {"OURA_PAT": "mine", "TAP_OURA_RESCUE_FOLDER": str(hosted.folder)}
    (hosted.folder / "rescued-logins.json").write_text('{"some-id": "encrypted"}')
    code, output, _ = hosted.call("check", **kept)
    assert (code, marks(output)["login of some-id"]) == (1, "✗")
    assert "Do not delete that." in " ".join(output.split())


@pytest.mark.parametrize(
    ("line", "mark", "finding"),
    [
        ("OURA_TOKEN=sesame", "✗", "Did you mean OURA_PAT?"),
        ("SUPABASE_URL=sesame", "✗", "Did you mean SUPABASE_DB_URL?"),
        ("TAP_OURA_LOOKBACK=7", "✗", "Did you mean TAP_OURA_LOOKBACK_DAYS?"),
        ("EDITOR_OF_MINE=sesame", "-", "Nothing here reads it (.env)."),
        ("ALERT_NO_DATA_DAYS=5", "✓", "5, from .env"),
        ("OURA_PAT_BO=sesame", "✓", "a secret, from .env"),
        ("PGSSLMODE=require", None, ""),
    ],
)
def test_each_name_in_env_is_looked_at(
    hosted: Hosted, line: str, mark: str | None, finding: str
) -> None:
    dotenv = hosted.folder / ".env"
    dotenv.write_text(f"{line}\n")
    dotenv.chmod(0o600)
    code, output, errors = hosted.call("check")
    assert code == int(mark == "✗")
    assert marks(output).get(line.partition("=")[0]) == mark
    assert finding in output
    assert "sesame" not in output + errors


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        (
            {"TAP_OURA_START_DATE": "2026-02-30"},
            "START_DATE '2026-02-30' is not a day.",
        ),
        ({"TAP_OURA_END_DATE": "today"}, "TAP_OURA_END_DATE 'today' is not a day."),
        (
            {"TAP_OURA_START_DATE": "2026-02-02", "TAP_OURA_END_DATE": "2026-02-01"},
            "END_DATE 2026-02-01 is before TAP_OURA_START_DATE 2026-02-02.",
        ),
    ],
)
@pytest.mark.parametrize("command", ["check", "run"])
def test_bad_days_are_found(
    hosted: Hosted, command: str, days: dict[str, str], sentence: str
) -> None:
    code, output, errors = hosted.call(command, **days)
    assert (code, sentence in output + errors) == (1, True)


def test_the_taps_own_word_about_its_settings_is_passed_on(hosted: Hosted) -> None:
    program = hosted.folder / ".meltano/extractors/tap-oura/venv/bin/tap-oura-auth"
    program.write_text("#!/bin/sh\necho 'Error: A number is none.' >&2\nexit 1\n")
    code, output, _ = hosted.call("check", "--json")
    found = {each["subject"]: each for each in json.loads(output)}
    assert (code, found["users"]["is_good"]) == (1, False)
    assert found["users"]["finding"] == "A number is none."


def test_all_that_is_wrong_is_found_at_once(hosted: Hosted) -> None:
    hosted.call("migrate")
    (hosted.folder / ".meltano/extractors/tap-oura/venv").rename(hosted.folder / "venv")
    code, output, _ = hosted.call(
        "check",
        TAP_OURA_START_DATE="2026-02-30",
        TAP_OURA_USERS="sesame",
        ALERT_NO_DATA_DAYS="0",
        ALERT_URLS="sesame",
        OURA_TOKEN="sesame",
    )
    crosses = {subject for subject, mark in marks(output).items() if mark == "✗"}
    assert (code, "sesame" in output) == (1, False)
    assert crosses == {
        "ALERT_NO_DATA_DAYS",
        "ALERT_URLS",
        "OURA_TOKEN",
        "Oura's API",
        "TAP_OURA_START_DATE",
        "TAP_OURA_USERS",
        "plugins",
    }
    errors = hosted.call("run", TAP_OURA_START_DATE="2026-02-30", OURA_PAT="a b")[2]
    assert "TAP_OURA_START_DATE '2026-02-30' is not a day." in errors
    assert "OURA_PAT contains white space" in errors


def test_database_that_takes_nothing_is_found(hosted: Hosted) -> None:
    parameters = {
        **hosted.database.parameters,
        "options": "-c default_transaction_read_only=on",
    }
    url = replace(hosted.database, parameters=parameters).url
    output = hosted.call("check", SUPABASE_DB_URL=url)[1]
    assert marks(output)["writing"] == "✗"
