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

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meltano_pipeline import Pipeline

_STATEMENT = re.compile(
    r"^@(?P<who>.*)@LOG:  (?:statement|execute [^:]*): ", re.MULTILINE
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
    for who in statements:
        counts["statements of dbt" if who == "dbt" else "other statements"] += 1


@contextmanager
def _written_down(pipeline: Pipeline) -> Iterator[list[str]]:
    """Who sends each statement, by the server's log."""
    settings = {"log_statement": "'all'", "log_line_prefix": "'@%a@'"}
    found: list[str] = []
    for name, value in settings.items():
        pipeline.query(f"alter system set {name} = {value}")
    pipeline.query("select pg_reload_conf()")
    start = pipeline.log.stat().st_size
    try:
        yield found
        with pipeline.log.open("rb") as log:
            log.seek(start)
            found += _STATEMENT.findall(log.read().decode())
    finally:
        for name in settings:
            pipeline.query(f"alter system reset {name}")
        pipeline.query("select pg_reload_conf()")


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
