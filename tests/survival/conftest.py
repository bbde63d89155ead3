from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from oura_sandbox.server import running
from survival import PROJECT, ROUNDS, Home, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from oura_sandbox.server import Sandbox
    from survival import Tables


@contextmanager
def a_home() -> Iterator[Home]:
    # PostgreSQL's own user has to reach it.
    folder = Path(tempfile.mkdtemp(prefix="healthhub-survival-"))
    folder.chmod(0o755)
    home = Home(folder)
    try:
        yield home
    finally:
        home.stop()
        shutil.rmtree(folder)


@pytest.fixture
def home() -> Iterator[Home]:
    with a_home() as home:
        yield home


@pytest.fixture(scope="session")
def undisturbed() -> Iterator[tuple[dict[str, float], Tables]]:
    """How long the processes of a run live that nobody disturbs, and its tables."""
    with a_home() as home:
        lives = home.lives()
        tables = home.tables()
        assert sum(count.total() for count in tables.values()) > 100
        yield lives, tables


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with running(years=1) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def record() -> Iterator[Callable[[Record], None]]:
    """Collects what was injected; the long form writes it down."""
    records: list[Record] = []
    yield records.append
    if ROUNDS and records:
        page = PROJECT / "docs" / "reliability.md"
        page.write_text(Record.page(records))
