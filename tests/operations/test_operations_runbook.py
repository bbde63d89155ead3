"""Every command of the runbook, typed by somebody who follows it."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest

import system_postgres
import wearer
from healthhub import cli, errors, meltano
from healthhub.database import Database
from healthhub.embedded import EmbeddedPostgres
from oura_sandbox.child import running
from workflow_steps import WORKFLOWS, run_step, run_steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oura_sandbox.child import Sandbox

PROJECT = Path(__file__).parents[2]
_ENGLISH, _JAPANESE = (
    (PROJECT / "docs" / name).read_text() for name in ("runbook.md", "runbook.ja.md")
)
# The indented blocks, and what stands between the words.
_LINE = re.compile(
    r"^ {4,8}(?=[a-z])(.+)$|`((?:healthhub|make|meltano|source) [^`]+)`", re.MULTILINE
)


def lines(text: str) -> list[str]:
    """All commands, in the order of the text."""
    return [block or inline for block, inline in _LINE.findall(text)]


def test_both_languages_have_the_same_commands() -> None:
    assert lines(_ENGLISH) == lines(_JAPANESE)


@pytest.mark.parametrize("name", ["README.md", "README.ja.md"])
def test_first_steps_of_the_readme_are_those_of_the_runbook(name: str) -> None:
    """Where each is typed."""
    _, _, steps, *_ = (PROJECT / name).read_text().split("\n## ")
    assert set(lines(steps)) - {"healthhub open"} <= set(lines(_ENGLISH))
    assert "healthhub users login anne" in lines(steps)


@pytest.mark.parametrize("text", [_ENGLISH, _JAPANESE], ids=["en", "ja"])
def test_every_alert_is_explained(text: str) -> None:
    kinds = (
        errors.HealthHubError,
        errors.PartialFailureError,
        errors.LoginNeededError,
    )
    for kind in kinds:
        assert f"| {kind.title} |" in text
        assert f"| {kind.exit_code} |" in text
    for other in ("no new data for N days", "a login needs attention"):
        assert f"| {other} |" in text


def test_all_secrets_and_variables_of_the_workflows_are_listed() -> None:
    workflows = "".join(path.read_text() for path in WORKFLOWS.glob("*.yml"))
    wanted = set(re.findall(r"(?:secrets|vars)\.([A-Z_]+)", workflows))
    for text in (_ENGLISH, _JAPANESE):
        rows = re.findall(r"^ +\| (`[A-Z].*?) \|", text, flags=re.MULTILINE)
        assert {s for row in rows for s in re.findall(r"[A-Z_]{5,}", row)} == wanted


# In place of `make`: the environment and the plugins of this very test stand in for
# those that would be installed, but for the folder in which Meltano keeps what it knows
# of a run, which it shares with no other run. The daily workflow's test installs them.
_MAKE = """#!/bin/sh -e
[ "$*" = setup ]
{make} --dry-run setup > /dev/null
ln -s {project}/.venv .
mkdir .meltano
ln -s {project}/.meltano/extractors {project}/.meltano/loaders .meltano
ln -s {project}/.meltano/utilities .meltano
"""
# In place of `meltano`, where what it is asked for is what matters.
_MELTANO = """#!{python}
import json, os, sys
call = {{"arguments": sys.argv[1:], "environment": dict(os.environ)}}
with open({calls!r}, "a") as calls:
    calls.write(json.dumps(call) + "\\n")
"""
# Supabase's roles, as far as policies need them.
_ROLES = """
create role anon;
create role authenticated;
create schema auth;
create function auth.uid() returns uuid language sql stable as
    $$ select nullif(current_setting('request.jwt.claim.sub', true), '')::uuid $$;
"""
_UNGUARDED = """
select relname
from pg_class
where relnamespace = 'healthhub'::regnamespace and relkind = 'r' and not (
    relrowsecurity and (
        relname in ('alembic_version', 'job_runs')
        or exists (select from pg_policy where polrelid = pg_class.oid)
    )
)
"""


@pytest.fixture
def supabase(open_folder: Path) -> Iterator[Database]:
    """In its place: a server that demands TLS, or else an embedded one."""
    if programs := system_postgres.system_programs():
        with (
            system_postgres.running(programs, open_folder, free_port()) as server,
        ):
            password = quote(system_postgres.PASSWORD, safe="")
            yield Database.from_url(
                f"postgres://postgres:{password}@{system_postgres.HOST}:{server.port}"
                f"/postgres?sslmode=verify-full&sslrootcert={server.authority}"
            )
    else:
        with EmbeddedPostgres(open_folder / "server").using() as lease:
            yield lease.database


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


@dataclass
class Person:
    """Somebody at a keyboard.

    Attributes:
        folder: Where they are.
        database: Theirs.
        sandbox: In place of Oura.
        typed: What they have typed.
    """

    folder: Path
    database: Database
    sandbox: Sandbox
    typed: list[str]
    monkeypatch: pytest.MonkeyPatch
    capfd: pytest.CaptureFixture[str]

    def types(
        self, *typed: str, answer: str = "", exit_code: int = 0, **variables: str
    ) -> str:
        """Type lines, into one shell.

        Args:
            typed: The lines.
            answer: What to say when asked.
            exit_code: How it has to end.
            variables: The environment, where it differs.

        Returns:
            What is on the screen then.
        """
        self.typed += typed
        with self.monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            if len(typed) == 1 and typed[0].startswith("healthhub "):
                code, screen = self._command(patch, typed[0], answer)
            else:
                code, screen = self._shell("\n".join(typed), answer)
        assert code == exit_code, f"{typed}\n{screen}"
        assert "Traceback" not in screen
        return screen

    def _command(
        self, patch: pytest.MonkeyPatch, line: str, answer: str
    ) -> tuple[int, str]:
        """In this process: to start one for each takes too long."""
        patch.setattr(cli, "raise_on_signals", lambda: None)
        patch.setattr(sys, "argv", shlex.split(line))
        patch.setattr(sys, "stdin", io.StringIO(answer))
        self.capfd.readouterr()
        with pytest.raises(SystemExit) as info:
            cli.main()
        assert isinstance(info.value.code, int)
        return info.value.code, "".join(self.capfd.readouterr())

    def _shell(self, script: str, answer: str) -> tuple[int, str]:
        done = subprocess.run(
            ["bash", "-e", "-c", script],
            input=answer,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def goes_to(self, folder: Path) -> None:
        self.folder = folder
        self.monkeypatch.chdir(folder)

    def logs_in_elsewhere(self, line: str) -> str:
        """Log in without a browser: copy an address there, and paste another here."""
        self.typed.append(line)
        with subprocess.Popen(
            shlex.split(line),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            address = next(
                text.strip() for text in process.stdout if "/authorize" in text
            )
            screen, _ = process.communicate(f"{wearer.allow(address)}\n")
        assert process.returncode == 0, screen
        return screen

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with self.database.connect(autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def with_stand_in_for_meltano(self) -> Iterator[list[dict[str, Any]]]:
        """Only keep how it is called."""
        calls = self.folder / ".calls.jsonl"
        program = self.folder / ".stand-in-for-meltano"
        program.write_text(_MELTANO.format(python=sys.executable, calls=str(calls)))
        program.chmod(0o755)
        kept: list[dict[str, Any]] = []
        with self.monkeypatch.context() as patch:
            patch.setattr(meltano, "program", lambda _: str(program))
            yield kept
        kept += [json.loads(line) for line in calls.read_text().splitlines()]


@pytest.fixture
def person(
    open_folder: Path,
    bare_machine: dict[str, str],
    supabase: Database,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Person]:
    stand_ins = open_folder / "bin"
    stand_ins.mkdir()
    make = stand_ins / "make"
    make.write_text(_MAKE.format(make=shutil.which("make"), project=PROJECT))
    make.chmod(0o755)
    for name in set(os.environ) - set(bare_machine):
        monkeypatch.delenv(name)
    for name, value in {
        "HOME": bare_machine["HOME"],
        "PATH": f"{stand_ins}:{bare_machine['PATH']}",
        # Opens by itself, like any browser, and is clicked in.
        "BROWSER": f"{sys.executable} {wearer.__file__} %s &",
        "WEARER": "1",
        # The published repository is this one.
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{PROJECT}.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/healthhub/healthhub",
    }.items():
        monkeypatch.setenv(name, value)
    with running(users=2, years=1) as sandbox:
        person = Person(open_folder, supabase, sandbox, [], monkeypatch, capfd)
        person.goes_to(open_folder)
        yield person


def test_every_command_does_what_the_runbook_says(person: Person) -> None:
    person.query(_ROLES)
    set_up(person)
    add_somebody_whose_membership_has_lapsed(person)
    load(person)
    look(person)
    person.logs_in_elsewhere("healthhub users login anne --no-browser")
    read_again(person)
    rebuild(person)
    use_the_embedded_database(person)
    restore(person)
    remove_people(person)
    if not shutil.which("gpg"):
        pytest.skip("gpg is not installed: its command alone was not tried")
    assert set(lines(_ENGLISH)) == set(person.typed)


def set_up(person: Person) -> None:
    """From nothing to a login."""
    screen = person.types(
        "git clone https://github.com/healthhub/healthhub && cd healthhub",
        "make setup",
        "source .venv/bin/activate",
        "install -m 600 .env.example .env",
        "healthhub users new-key",
    )
    person.goes_to(person.folder / "healthhub")
    path = f"{PROJECT / '.venv' / 'bin'}:{os.environ['PATH']}"
    person.monkeypatch.setenv("PATH", path)
    filled_in = {
        "SUPABASE_DB_URL": person.database.url,
        "TAP_OURA_CLIENT_ID": "sandbox-client",
        "TAP_OURA_CLIENT_SECRET": "sandbox-secret",
        "TAP_OURA_TOKEN_KEY": screen.splitlines()[-1],
        "TAP_OURA_START_DATE": str(datetime.now(UTC).date() - timedelta(days=8)),
        # In place of Oura.
        "TAP_OURA_API_URL": person.sandbox.url,
        "TAP_OURA_AUTH_URL": person.sandbox.url,
        "TAP_OURA_REDIRECT_URI": f"http://localhost:{free_port()}/callback/",
    }
    with (person.folder / ".env").open("a") as file:
        file.writelines(f"{name}={value}\n" for name, value in filled_in.items())

    person.types("healthhub migrate")
    person.types("healthhub users add anne --timezone Asia/Tokyo")
    assert " is logged in." in person.types("healthhub users login anne")
    [(login,)] = person.query("select login from healthhub_tokens.oura_logins")
    assert "access" not in login
    screen = person.types("healthhub check")
    assert "logged in, for: email, personal, daily" in screen
    if system_postgres.system_programs():
        assert "TLS, and the server is who it says it is" in screen


def add_somebody_whose_membership_has_lapsed(person: Person) -> None:
    person.types("healthhub users add bo --timezone Europe/Helsinki")
    person.types("healthhub users login bo", WEARER="2")
    assert "Europe/Helsinki" in person.types("healthhub users list")
    user = f"{person.sandbox.url}/_sandbox/users/2"
    httpx.patch(user, json={"lapsed": True}).raise_for_status()


def load(person: Person) -> None:
    """With the real pipeline. That all is well, the daily workflow's test shows."""
    screen = person.types("healthhub run", exit_code=3)
    assert "daily_sleep_summaries" in screen
    assert "1 of 2 users were read completely" in screen
    assert person.query("select count(*) > 5 from healthhub.daily_sleep_summaries") == [
        (True,)
    ]
    assert person.query("select status from healthhub.job_runs") == [("partial",)]
    assert person.query("select count(*) > 0 from meltano.state") == [(True,)]
    assert person.query(_UNGUARDED) == []
    calls = logged_calls(person.folder)
    assert {"user", "period", "page", "status", "duration_ms"} <= set(calls[0])


def logged_calls(project: Path) -> list[dict[str, Any]]:
    """The requests to Oura that the log of the last run has."""
    [*_, log] = sorted((project / ".healthhub" / "logs").glob("*-run-*.jsonl"))
    records = [json.loads(line) for line in log.read_text().splitlines()]
    return [record for record in records if "endpoint" in record]


def look(person: Person) -> None:
    assert "partial" in person.types("healthhub runs")
    assert "partial" in person.types("healthhub runs --limit 50")
    assert "user anne: newest day 20" in person.types("healthhub status")
    assert "tap-oura: " in person.types("healthhub logs")
    report = person.types("healthhub report --lang ja").strip()
    assert 'lang="ja"' in Path(report).read_text()
    latest = "select * from healthhub.job_runs order by run_id desc limit 3"
    assert "(1 row)" in person.types(f'healthhub db psql -c "{latest}"')


def read_again(person: Person) -> None:
    """What `meltano run` does then, the pipeline's tests show."""
    days = "--start-date 2026-01-31 --end-date 2026-01-31"
    with person.with_stand_in_for_meltano() as calls:
        person.types(f"healthhub run {days}")
        person.types(f"healthhub run {days} --user anne")
        person.types("healthhub run --full-refresh")
    pipeline = ["tap-oura", "target-postgres", "dbt"]
    assert [call["arguments"] for call in calls] == [
        ["run", *pipeline],
        ["run", *pipeline],
        ["run", "--full-refresh", *pipeline],
    ]
    for call in calls[:2]:
        assert call["environment"]["TAP_OURA_START_DATE"] == "2026-01-31"
        assert call["environment"]["TAP_OURA_END_DATE"] == "2026-01-31"


def rebuild(person: Person) -> None:
    """It also closes what somebody has opened, as `healthhub run` does."""
    person.query(
        "drop policy own_rows on healthhub.daily_sleep_summaries;"
        "alter table healthhub.daily_stress_summaries disable row level security"
    )
    assert len(person.query(_UNGUARDED)) == 2
    person.types('eval "$(healthhub env)"', "meltano run dbt")
    assert person.query(_UNGUARDED) == []


def use_the_embedded_database(person: Person) -> None:
    """In a project without SUPABASE_DB_URL."""
    project = person.folder.parent / "embedded"
    project.mkdir()
    person.types("healthhub db start", MELTANO_PROJECT_ROOT=str(project))
    screen = person.types("healthhub db stop", MELTANO_PROJECT_ROOT=str(project))
    assert screen == "The database is stopped.\n"


def restore(person: Person) -> None:
    days = "select count(*), max(day) from healthhub.daily_sleep_summaries"
    before = person.query(days)
    person.types("healthhub backup --out healthhub.sql.gz")
    if shutil.which("gpg"):
        (person.folder / "healthhub.sql.gz").unlink()
        decrypt_what_the_workflow_keeps(person)

    person.query("create database empty")
    parameters = {**person.database.parameters, "dbname": "empty"}
    empty = replace(person, database=replace(person.database, parameters=parameters))
    url = empty.database.url
    person.types("healthhub restore healthhub.sql.gz", SUPABASE_DB_URL=url)
    assert empty.query(days) == before
    person.query("truncate healthhub.daily_sleep_summaries")
    person.types("healthhub restore healthhub.sql.gz --replace")
    assert person.query(days) == before

    assert person.query(_UNGUARDED) == []
    assert "membership" in person.types("healthhub check", exit_code=1)
    with person.with_stand_in_for_meltano():
        person.types("healthhub run")


def decrypt_what_the_workflow_keeps(person: Person) -> None:
    passphrase = "correct horse $HOME 'battery'"
    [dump] = [step for step in run_steps("backup.yml") if step["name"] == "Dump"]
    secrets = {"SUPABASE_DB_URL": person.database.url, "BACKUP_PASSPHRASE": passphrase}
    environment = {**os.environ, "RUNNER_TEMP": str(person.folder.parent)}
    done = run_step(dump, person.folder, environment, **secrets)
    assert done.returncode == 0, done.stdout

    answer = person.folder.parent / "passphrase"
    answer.write_text(passphrase)
    # In place of gpg's window for it.
    (Path(os.environ["HOME"]) / ".gnupg" / "gpg.conf").write_text(
        f"batch\npinentry-mode loopback\npassphrase-file {answer}\n"
    )
    person.types("gpg --output healthhub.sql.gz --decrypt healthhub.sql.gz.gpg")


def remove_people(person: Person) -> None:
    [(anne,)] = person.query(
        "select user_id::text from healthhub.users where oura_pat_alias = 'anne'"
    )
    person.types("healthhub users deactivate bo")
    person.types("healthhub users activate bo")
    person.types("healthhub users remove bo")
    screen = person.types("healthhub users remove anne --erase", answer="y\n")
    assert f"no row names {anne} any more" in screen
    windows = "select count(*) from raw_oura.sync_windows"
    assert person.query(f"{windows} where user_id = '{anne}'") == [(0,)]
    assert person.query(windows) != [(0,)]
    logins = person.query("select user_id::text from healthhub_tokens.oura_logins")
    assert len(logins) == 1
    size = "select pg_size_pretty(pg_database_size(current_database()))"
    assert "MB" in person.types(f'healthhub db psql -c "{size}"')
