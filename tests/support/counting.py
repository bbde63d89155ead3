"""What a command takes, in counts that are the same on every machine."""

from __future__ import annotations

import re
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil

import citus_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meltano_pipeline import Pipeline

# Not how a run says each second that it is alive: a slow machine takes more of them.
_STATEMENT = re.compile(
    rb"LOG:  (?:statement|execute [^:]*): (?!BEGIN|COMMIT|ROLLBACK|;|.*\bruns\b)"
)
_PAUSE = 0.02  # seconds


@contextmanager
def counted(pipeline: Pipeline) -> Iterator[Counter[str]]:
    """Count what runs meanwhile: SQL statements, requests to Oura, Python programs.

    Yields:
        The counts, once it has ended.
    """
    counts: Counter[str] = Counter()
    log = f"{pipeline.sandbox.url}/_sandbox/requests"
    with _written_down(pipeline) as statements, _seen() as programs:
        before = len(httpx.get(log).json())
        yield counts
        counts["requests"] = len(httpx.get(log).json()) - before
    counts["programs"] = len(programs)
    counts["statements"] = len(statements)


@contextmanager
def _written_down(pipeline: Pipeline) -> Iterator[list[bytes]]:
    """What is sent to the database, by the server's log."""
    found: list[bytes] = []
    if citus_server.given():  # whose machines have a log each, and not here
        yield found
        return
    pipeline.query("alter database postgres set log_statement = 'all'")
    start = pipeline.log.stat().st_size
    try:
        yield found
        with pipeline.log.open("rb") as log:
            log.seek(start)
            found += _STATEMENT.findall(log.read())
    finally:
        pipeline.query("alter database postgres reset log_statement")


@contextmanager
def _seen() -> Iterator[set[psutil.Process]]:
    """The Python programs that this one starts; none is as short as the pause."""
    found: set[psutil.Process] = set()
    there = set(_programs())
    done = threading.Event()

    def look() -> None:
        while not done.wait(_PAUSE):
            found.update(set(_programs()) - there)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()


def _programs() -> Iterator[psutil.Process]:
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if Path(process.exe()).name.startswith("python"):
                yield process
