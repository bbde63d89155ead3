"""The API that everybody reads: the sandbox, behind a server that remembers."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import requests

import replay
from measure import environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from pathlib import Path

TOKEN = "sandbox-token"  # noqa: S105 - the sandbox's, for everyone
SANDBOX_GREETING = "oura-sandbox listens on "
DOCUMENTS = (
    "daily_activity",
    "daily_cardiovascular_age",
    "daily_readiness",
    "daily_resilience",
    "daily_sleep",
    "daily_spo2",
    "daily_stress",
    "enhanced_tag",
    "personal_info",
    "rest_mode_period",
    "ring_configuration",
    "session",
    "sleep",
    "sleep_time",
    "tag",
    "vO2_max",
    "workout",
)
SAMPLES = ("heartrate", "ring_battery_level")
PATIENCE = 10
"""Seconds that a server gets to end."""


@dataclass(frozen=True)
class Api:
    """A sandbox with a replaying server before it."""

    url: str

    def take_counts(self) -> dict[str, int]:
        """Requests and bytes since the last time."""
        response = requests.get(f"{self.url}{replay.COUNTS}", timeout=60)
        counts: dict[str, int] = response.json()
        return counts

    def warm(self, start: date, end: date, people: int = 1) -> None:
        """Let the sandbox make up documents, and a month of samples, beforehand."""
        month = {
            "start_datetime": f"{end - timedelta(days=29)}",
            "end_datetime": f"{end}",
        }
        asked = [
            (route, {"start_date": f"{start}", "end_date": f"{end}"})
            for route in DOCUMENTS
        ]
        asked += [(route, month) for route in SAMPLES]
        for number in range(1, people + 1):
            token = TOKEN if number == 1 else f"{TOKEN}-{number}"
            for route, parameters in asked:
                requests.get(
                    f"{self.url}/v2/usercollection/{route}",
                    params=parameters,
                    headers={"Authorization": f"Bearer {token}"},
                    timeout=600,
                ).raise_for_status()


@contextmanager
def serving_api(  # noqa: PLR0913 - a switch each
    project: Path,
    today: date,
    years: int,
    *,
    people: int = 1,
    remembers: bool = True,
    latency_ms: int = 0,
) -> Iterator[Api]:
    """Serve the wearers that the sandbox makes up, as of a day.

    Args:
        project: Whose sandbox.
        today: The day that it is there.
        years: Of history.
        people: How many wearers; further accounts are served the same ones again.
        remembers: Whether an answer is kept for who asks the same.
        latency_ms: How long each answer waits.
    """
    sandbox: list[str | Path] = [
        project / ".venv/bin/oura-sandbox",
        "--port=0",
        "--until-stdin-closes",
        f"--today={today}",
        f"--years={years}",
        f"--users={people}",
    ]
    with serving(sandbox, SANDBOX_GREETING) as upstream:
        command: list[str | Path] = [sys.executable, replay.__file__, upstream]
        command += [f"--people={people}", f"--latency-ms={latency_ms}"]
        command += [] if remembers else ["--forgets"]
        with serving(command, replay.GREETING) as url:
            yield Api(url)


@contextmanager
def serving(command: Sequence[str | Path], greeting: str) -> Iterator[str]:
    """Run a server that prints where it listens, and ends when its input does."""
    with subprocess.Popen(  # noqa: S603 - commands of this project
        command,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin  # noqa: S101 - opened above
        assert process.stdout  # noqa: S101
        try:
            line = process.stdout.readline()
            if not line.startswith(greeting):
                message = f"{command[0]} did not start"
                raise RuntimeError(message)
            yield line.removeprefix(greeting).strip()
        finally:
            process.stdin.close()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
