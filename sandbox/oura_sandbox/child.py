"""Running the sandbox as a child: for the length of a test, or of a run."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GREETING = "oura-sandbox listens on "
PATIENCE = 5
"""Seconds that a child gets to end."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox that runs."""

    url: str
    token: str


@contextmanager
def running(
    *,
    env: Mapping[str, str] | None = None,
    stderr: IO[str] | None = None,
    **options: object,
) -> Iterator[Sandbox]:
    """Start the command on a free port, and stop it at the end.

    It ends with this process, too, however that ends.

    Args:
        env: Its environment, by default this process's.
        stderr: Where its errors and its log go, by default where this process's do.
        **options: The command's switches: `years=1`, `today="2026-11-20"`,
            `page_size=10`. True stands for a switch without a value, a list for
            a switch that is given several times.

    Yields:
        Where the sandbox is, and the token of its first user.

    Raises:
        RuntimeError: If the command does not start; what it says is on stderr.
    """
    token = str(options.setdefault("token", "sandbox-token"))
    command = [sys.executable, "-P", "-m", "oura_sandbox"]
    command += ["--port=0", "--until-stdin-closes"]
    for name, value in options.items():
        switch = "--" + name.replace("_", "-")
        values = value if isinstance(value, list | tuple) else [value]
        command += [switch if each is True else f"{switch}={each}" for each in values]
    with subprocess.Popen(  # noqa: S603 - our own command
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        env=env,
        process_group=0,  # Ctrl-C must not end it before its readers
    ) as process:
        assert process.stdin  # noqa: S101 - opened above
        assert process.stdout  # noqa: S101 - likewise
        try:
            line = process.stdout.readline()
            if not line.startswith(GREETING):
                reason = "The sandbox did not start."
                raise RuntimeError(reason)
            yield Sandbox(line.removeprefix(GREETING).strip(), token)
        finally:
            process.stdin.close()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
