"""The local Oura API, for who has no user."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from healthhub.environment import program
from healthhub.errors import HealthHubError
from healthhub.masking import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "sandbox-token"  # noqa: S105 (the sandbox accepts it, nobody else does)
USUAL_URL = "http://127.0.0.1:8642"

_ANNOUNCEMENT = "oura-sandbox listens on "
_PATIENCE = 5  # seconds


@contextmanager
def running_sandbox(log: Path) -> Iterator[str]:
    """Run it at a free port; it ends with this process, however that ends.

    Args:
        log: File for what it has to say.

    Yields:
        Its URL.

    Raises:
        HealthHubError: It does not start.
    """
    command = [program("oura-sandbox"), "--port", "0", "--until-stdin-closes"]
    with (
        log.open("w") as errors,
        subprocess.Popen(  # noqa: S603 (our own program)
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=without_secrets(os.environ),
            process_group=0,  # Ctrl-C must not end it before its readers
        ) as process,
    ):
        try:
            announcement = process.stdout.readline() if process.stdout else ""
            if not announcement.startswith(_ANNOUNCEMENT):
                message = f"The Oura sandbox does not start. Its log is {log}."
                raise HealthHubError(message)
            yield announcement.removeprefix(_ANNOUNCEMENT).strip()
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[str]) -> None:
    """Let it end; insist if it does not."""
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
