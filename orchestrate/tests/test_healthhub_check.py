from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

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
    lines = [line.split(maxsplit=1) for line in output.splitlines() if line.strip()]
    return {
        rest.partition("  ")[0]: mark for mark, rest in lines if mark in {"✓", "✗", "-"}
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
        "settings": "✓",
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
    program.parent.mkdir()
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
    assert "it is no http address" in output

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
        patch.setattr(psycopg, "connect", no_ipv6)
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
