"""Every command of the runbook exists; those that need nobody's account are run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer.main
from meltano.cli.cli import cli as meltano
from typer.core import TyperGroup

from healthhub import errors
from healthhub.cli import app
from healthhub.embedded import EmbeddedPostgres
from oura_sandbox.server import running

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[2]
_ENGLISH, _JAPANESE = (
    (PROJECT / "docs" / name).read_text() for name in ("runbook.md", "runbook.ja.md")
)
_IN_A_SHELL = re.compile(r'"\$\((.*)\)"')
_HEALTHHUB = typer.main.get_command(app)

# They load, which tests of their own do, or need a browser.
_NOT_RUN = re.compile(r"healthhub (run|report|users login)\b")


def commands(text: str) -> list[str]:
    """The lines of the indented blocks, and the commands inside their text."""
    lines = re.findall(r"^ {4,8}(?=[a-z])(.+)$", text, flags=re.MULTILINE)
    inline = re.findall(r"`((?:healthhub|make|meltano) [^`]+)`", text)
    return [
        part.strip()
        for line in (*lines, *inline)
        for part in (_IN_A_SHELL.findall(line) or line.split(" && "))
    ]


def ours(text: str, program: str) -> list[str]:
    return [each for each in commands(text) if each.startswith(f"{program} ")]


def test_both_languages_have_the_same_commands() -> None:
    assert commands(_ENGLISH) == commands(_JAPANESE)
    assert len(ours(_ENGLISH, "healthhub")) > 25  # they are found at all


@pytest.mark.parametrize("line", sorted(set(ours(_ENGLISH, "healthhub"))))
def test_healthhub_has_the_command_and_its_options(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "healthhub.sql.gz").touch()  # what `restore` would read
    command, arguments = _HEALTHHUB, shlex.split(line)[1:]
    context = command.make_context("healthhub", list(arguments))
    while isinstance(command, TyperGroup):
        name, found, arguments = command.resolve_command(context, arguments)
        assert found
        command = found
        context = command.make_context(name, list(arguments), parent=context)


def test_make_and_meltano_have_theirs() -> None:
    targets = re.findall(
        r"^([a-z]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE
    )
    for line in ours(_ENGLISH, "make"):
        assert line.split()[1] in targets
    jobs = re.findall(
        r"^- name: (\w+)$", (PROJECT / "meltano.yml").read_text(), re.MULTILINE
    )
    lines = ours(_ENGLISH, "meltano")
    assert lines
    for line in lines:
        _, verb, *blocks = line.split()
        assert verb in meltano.commands
        assert set(blocks) <= set(jobs)


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


def test_all_secrets_of_the_workflows_are_listed() -> None:
    workflows = (PROJECT / ".github/workflows").glob("*.yml")
    secrets = {
        secret
        for workflow in workflows
        for secret in re.findall(r"secrets\.([A-Z_]+)", workflow.read_text())
    }
    for text in (_ENGLISH, _JAPANESE):
        rows = re.findall(r"^ +\| (`[A-Z].*?) \|", text, flags=re.MULTILINE)
        assert {s for row in rows for s in re.findall(r"[A-Z_]{5,}", row)} == secrets


@pytest.fixture
def machine(
    open_folder: Path, tmp_path: Path, bare_environment: dict[str, str]
) -> Iterator[dict[str, str]]:
    """With a database that is up, and an Oura that answers."""
    home = open_folder / ".healthhub"
    with EmbeddedPostgres(home).using(), running(years=1) as sandbox:
        yield bare_environment | {
            "MELTANO_PROJECT_ROOT": str(PROJECT),
            "HEALTHHUB_HOME": str(home),
            "HOME": str(tmp_path),
            "TAP_OURA_API_URL": sandbox.url,
            "TAP_OURA_AUTH_URL": sandbox.url,
            "TAP_OURA_CLIENT_ID": "sandbox-client",
            "TAP_OURA_CLIENT_SECRET": "sandbox-secret",
            "TAP_OURA_TOKEN_KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        }


def test_commands_do_what_they_should_in_this_order(
    machine: dict[str, str], tmp_path: Path
) -> None:
    done: dict[str, str] = {}
    for line in ours(_ENGLISH, "healthhub"):
        if line in done or _NOT_RUN.match(line):
            continue
        result = subprocess.run(
            [Path(sys.executable).with_name("healthhub"), *shlex.split(line)[1:]],
            cwd=tmp_path,
            env=machine,
            input="y\n",  # to what asks first
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        # Nobody has logged in here, which is what `check` has to say.
        wanted = 1 if line == "healthhub check" else 0
        assert result.returncode == wanted, f"{line}\n{result.stdout}"
        assert "Traceback" not in result.stdout
        done[line] = result.stdout
    assert "✗   account anne" in done["healthhub check"]
    assert done["healthhub check"].count("✗") == 1
    assert (tmp_path / "healthhub.sql.gz").exists()
    assert "no row names" in done["healthhub users remove anne --erase"]
