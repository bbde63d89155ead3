"""`tap-oura-auth`, which logs users in and out: a program of the tap's plugin."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

from healthhub.errors import HealthHubError
from healthhub.masking import without_secrets, without_values
from healthhub.meltano_log import TAP, in_our_words
from healthhub.project import plugin_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NAME = "tap-oura-auth"


def run_tap_auth(
    project: Path, environment: Mapping[str, str], *arguments: str
) -> None:
    """Run it on the user's terminal."""
    if _run(project, environment, arguments, captured=False).returncode != 0:
        raise HealthHubError(
            f"`healthhub users {arguments[0]}` did not succeed, see above."
        )


def log_out(project: Path, environment: Mapping[str, str], user_id: str) -> str:
    """Give a login back to Oura, and take it out of the token store.

    Returns:
        How it went, in one sentence or two. It is an error if it is still there.
    """
    return " ".join(_said(project, environment, "revoke", user_id).split())


def try_tokens(project: Path, environment: Mapping[str, str]) -> list[dict[str, Any]]:
    """Let it try the token of each user."""
    lines = _said(project, environment, "check").splitlines()
    return [json.loads(in_our_words(line)) for line in lines]


def try_settings(project: Path, environment: Mapping[str, str]) -> None:
    """Let it read its settings, which it does before any command."""
    _said(project, environment, "new-key")


def _said(project: Path, environment: Mapping[str, str], *arguments: str) -> str:
    """What it prints; its own sentence is the error where it fails."""
    done = _run(project, environment, arguments, captured=True)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"{_NAME} does not start."]
        sentence = without_values(said[-1].removeprefix("Error: "))
        raise HealthHubError(in_our_words(sentence))
    return done.stdout


def _run(
    project: Path,
    environment: Mapping[str, str],
    arguments: tuple[str, ...],
    *,
    captured: bool,
) -> subprocess.CompletedProcess[str]:
    program = plugin_folder(project, f"extractors/{TAP}") / "venv" / "bin" / _NAME
    if not program.is_file():
        raise HealthHubError(
            f"The Meltano plugin {TAP} is not installed. Run `make setup`."
        )
    settings = without_secrets(os.environ | environment, "TAP_OURA_", "OURA_PAT")
    if token := settings.get("OURA_PAT"):  # our name of it, which is not the tap's
        settings.setdefault("TAP_OURA_ACCESS_TOKEN", token)
    return subprocess.run(  # noqa: S603 (the plugin's program)
        [program, *arguments],
        check=False,
        capture_output=captured,
        text=True,
        env=settings,
    )
