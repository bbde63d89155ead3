"""Two people with the real pipeline, from a login to the last trace of somebody."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography.fernet import Fernet

from healthhub.embedded import EmbeddedPostgres
from oura_sandbox.server import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oura_sandbox.server import Sandbox

PROJECT = Path(__file__).parents[2]
ANNE = "0a0a0a0a-0000-4000-8000-00000000000a"
BO = "0b0b0b0b-0000-4000-8000-00000000000b"

# Supabase's roles, as far as policies need them.
_ROLES = """
create role anon;
create role authenticated;
create schema auth;
create function auth.uid() returns uuid language sql stable as
    $$ select nullif(current_setting('request.jwt.claim.sub', true), '')::uuid $$;
"""
_TABLES = """
select relname, relrowsecurity, count(polname)
from pg_class
left join pg_policy on polrelid = pg_class.oid
where relnamespace = 'healthhub'::regnamespace and relkind = 'r'
group by relname, relrowsecurity
"""
_OWN = {"alembic_version", "job_runs"}


class Operator:
    """Somebody at the command line of this project, with a home of their own."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.home = folder / "home"
        self.sandbox = sandbox
        self._environment = os.environ | {
            "HEALTHHUB_HOME": str(self.home),
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_LOG_PATH": str(folder / "dbt-logs"),
            "TAP_OURA_API_URL": sandbox.url,
            "TAP_OURA_AUTH_URL": sandbox.url,
            "TAP_OURA_CLIENT_ID": "sandbox-client",
            "TAP_OURA_CLIENT_SECRET": "sandbox-secret",
            "TAP_OURA_TOKEN_KEY": Fernet.generate_key().decode(),
            "TAP_OURA_START_DATE": str(datetime.now(UTC).date() - timedelta(days=8)),
            "OURA_PAT_BO": f"{sandbox.token}-2",
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [Path(sys.executable).with_name("healthhub"), *arguments],
            cwd=PROJECT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def call(self, *arguments: str) -> tuple[int, str]:
        process = self.start(*arguments)
        output, _ = process.communicate()
        return process.returncode, output

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        database = EmbeddedPostgres(self.home).database
        assert database is not None
        with database.connect() as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
def operator() -> Iterator[Operator]:
    folder = Path(tempfile.mkdtemp(prefix="healthhub-people-")).resolve()
    folder.chmod(0o755)
    with running(accounts=2, years=1) as sandbox:
        operator = Operator(folder, sandbox)
        try:
            assert operator.call("db", "start")[0] == 0
            yield operator
        finally:
            operator.call("db", "stop")
            subprocess.run(["rm", "-rf", folder], check=True)


def consent(address: str) -> str:
    """Allow it on the consent page, and paste where that leads."""
    query = {name: value for name, [value] in parse_qs(urlsplit(address).query).items()}
    form = {**query, "scope": query["scope"].split(), "account": "1"}
    answer = httpx.post(address.partition("?")[0], data={**form, "decision": "allow"})
    return answer.headers["Location"]


def test_two_people_from_login_to_erasure(operator: Operator) -> None:
    operator.call("users", "add", "anne", "--user-id", ANNE)
    operator.call("users", "add", "OURA_PAT_BO", "--user-id", BO)
    code, output = operator.call("check")
    assert code == 1
    assert f"Run `healthhub users login {ANNE}`." in " ".join(output.split())

    login = operator.start("users", "login", "anne", "--no-browser")
    assert login.stdin is not None
    assert login.stdout is not None
    address = next(line.strip() for line in login.stdout if "/authorize" in line)
    output, _ = login.communicate(f"{consent(address)}\n")
    assert login.returncode == 0, output
    assert f"Account {ANNE} is logged in." in output
    [(stored,)] = operator.query("select login from healthhub_tokens.oura_logins")
    assert "access" not in stored

    code, output = operator.call("check")
    assert code == 0, output
    assert "logged in, for: email, personal, daily" in output

    operator.query(_ROLES)
    httpx.patch(f"{operator.sandbox.url}/_sandbox/accounts/2", json={"lapsed": True})
    code, output = operator.call("run")
    assert code == 3, output
    assert "1 of 2 accounts were read completely" in output
    assert operator.query(
        "select distinct user_id::text from healthhub.daily_activity_summaries"
    ) == [(ANNE,)]
    assert operator.query("select status from healthhub.job_runs") == [("partial",)]
    for table, is_guarded, policies in operator.query(_TABLES):
        assert (is_guarded, policies) == (True, int(table not in _OWN)), table

    [before] = operator.query("select count(*) from raw_oura.sync_windows")
    code, output = operator.call("users", "remove", "anne", "--erase", "--yes")
    assert code == 0, output
    assert f"no row names {ANNE} any more" in output
    [after] = operator.query("select count(*) from raw_oura.sync_windows")
    assert 0 < after[0] < before[0]
    assert operator.query("select count(*) from healthhub_tokens.oura_logins") == [(0,)]
