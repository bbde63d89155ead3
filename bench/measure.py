"""Running a command, and what it took: time, memory, work of the database."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postgres import Server

MEGABYTE = 1_000_000
PAUSE = 0.2
"""Seconds between two looks at the memory."""
SHORT_PAUSE = 0.01
"""The same where processes are counted."""
NOT_OURS = (
    "PG",
    "PYTHON",
    "TAP_OURA",
    "TARGET_",
    "OURA_",
    "MELTANO",
    "DBT",
    "HEALTHHUB",
    "SUPABASE",
    "ALERT",
    "VIRTUAL_ENV",
)
"""Variables of a person's shell that would lead a command elsewhere, or slow it."""
QUIET = {
    "DO_NOT_TRACK": "1",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "NO_COLOR": "1",
}
NAMES = (
    "tap-oura",
    "target-postgres",
    "target-postgres-on-conflict",
    "dbt",
    "meltano",
    "healthhub",
)


def environment() -> dict[str, str]:
    """This process's, without what could change what is measured."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(NOT_OURS)}
    return kept | QUIET


@dataclass
class Figures:
    """What one run took."""

    wall: float = 0
    """Seconds."""
    cpu: float = 0
    """Seconds, of the command and its children."""
    cpu_postgres: float = 0
    """Seconds, of the server for whatever reason meanwhile."""
    wal: float = 0
    """MB written ahead."""
    memory: dict[str, float] = field(default_factory=dict)
    """Peak MB by kind of process, and of all at one moment."""
    cpu_by: dict[str, float] = field(default_factory=dict)
    """Seconds by kind of process, as last seen: the last moments are missing."""
    interpreters: int = 0
    """Python processes that were seen."""
    statements: int = 0
    """SQL statements; only where they were counted."""


class Sampler:
    """Looks at the memory of a command and of the server while they work."""

    def __init__(self, pid: int, server: Server, pause: float) -> None:
        """Begin to look."""
        self._root = psutil.Process(pid)
        self._server = server
        self._pause = pause
        self._names: dict[tuple[int, float], str] = {}
        self._done = threading.Event()
        self.peaks: dict[str, float] = defaultdict(float)
        self._spent: dict[tuple[int, float], float] = {}
        self.interpreters = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(self._pause):
            with suppress(psutil.NoSuchProcess):
                self._look([self._root, *self._root.children(recursive=True)])

    def _look(self, clients: Sequence[psutil.Process]) -> None:
        total = 0.0
        for process in [*clients, *self._server.processes()]:
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                name = self._name(process)
                used = process.memory_info()
                # What the server's processes share is counted once, by nobody.
                shared = used.shared if name.startswith("postgres") else 0
                own = (used.rss - shared) / MEGABYTE
                self.peaks[name] = max(self.peaks[name], own)
                total += own
                self._spent[key(process)] = sum(process.cpu_times()[:2])
        self.peaks["all"] = max(self.peaks["all"], total)

    @property
    def cpu_by(self) -> dict[str, float]:
        """Seconds of the client's processes by kind."""
        by: dict[str, float] = defaultdict(float)
        for process, spent in self._spent.items():
            by[self._names[process]] += spent
        return {k: round(v, 1) for k, v in by.items() if not k.startswith("postgres")}

    def _name(self, process: psutil.Process) -> str:
        if (same := key(process)) not in self._names:
            self._names[same] = kind(process.cmdline())
            self.interpreters += Path(process.exe()).name.startswith("python")
        return self._names[same]


def key(process: psutil.Process) -> tuple[int, float]:
    """What tells a process from a later one of the same number."""
    return process.pid, process.create_time()


def kind(command: Sequence[str]) -> str:
    """What to call a process."""
    title = command[0] if command else "?"
    if Path(title).name.startswith("postgres"):
        return "postgres session" if "127.0.0.1" in title else "postgres background"
    words = [Path(word).name for word in command[:3]]
    known = [w for w in words if w in NAMES or w.endswith(".py")]
    return known[0] if known else " ".join(words)[:40] or "?"


def measured(  # noqa: PLR0913 - what a run needs
    command: Sequence[str | Path],
    server: Server,
    *,
    cwd: Path,
    variables: Mapping[str, str],
    output: Path,
    errors: Path,
    pause: float = PAUSE,
) -> Figures:
    """Run a command to its end.

    Raises:
        RuntimeError: It failed; what it said is in `errors` and `output`.
    """
    server.settle()
    cpu, position = server.cpu(), server.position()
    with output.open("wb") as out, errors.open("wb") as err:
        started = time.monotonic()
        process = subprocess.Popen(  # noqa: S603 - commands of this project
            command,
            cwd=cwd,
            env=environment() | dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        sampler = Sampler(process.pid, server, pause)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    sampler.stop()
    if process.returncode:
        said = (errors.read_text()[-3000:] + output.read_text()[-3000:]).strip()
        message = (
            f"{' '.join(map(str, command))} ended with {process.returncode}: {said}"
        )
        raise RuntimeError(message)
    return Figures(
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime,
        cpu_postgres=server.cpu() - cpu,
        wal=(server.position() - position) / MEGABYTE,
        memory={name: round(peak) for name, peak in sampler.peaks.items() if peak > 5},  # noqa: PLR2004
        cpu_by=sampler.cpu_by,
        interpreters=sampler.interpreters,
    )
