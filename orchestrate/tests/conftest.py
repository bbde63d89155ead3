"""Real servers, real commands, and a place for them that every user can reach."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from healthhub.embedded import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from healthhub.database import Database

_NUMBERS = itertools.count()


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder outside pytest's, which only its owner may enter."""
    folder = Path(tempfile.mkdtemp(prefix="healthhub-test-")).resolve()
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def stopped_afterwards(home: Path) -> Iterator[Path]:
    """Whatever a test does, its server is gone when it ends."""
    try:
        yield home
    finally:
        if (home / "postgres").exists():
            EmbeddedPostgres(home).stop()


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


@pytest.fixture
def new_home(folder: Path) -> Iterator[Path]:
    """A home that does not exist yet."""
    with stopped_afterwards(folder / ".healthhub") as path:
        yield path


@pytest.fixture(scope="session")
def pristine_home() -> Iterator[Path]:
    """A home whose database was created and stopped."""
    with open_folder() as path:
        with EmbeddedPostgres(path / ".healthhub").using():
            pass
        yield path / ".healthhub"


@pytest.fixture
def home(pristine_home: Path, new_home: Path) -> Path:
    """A home with a database of its own, faster than by creating it."""
    subprocess.run(["cp", "-a", pristine_home, new_home], check=True)
    return new_home


@pytest.fixture(scope="session")
def server() -> Iterator[Database]:
    """One server for all tests that only need a database."""
    with (
        open_folder() as path,
        stopped_afterwards(path / ".healthhub") as home,
        EmbeddedPostgres(home).using() as lease,
    ):
        yield lease.database


@pytest.fixture
def database(server: Database) -> Iterator[Database]:
    """An empty database."""
    name = f"test_{os.getpid()}_{next(_NUMBERS)}"
    with server.connect(autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    yield replace(server, parameters={**server.parameters, "dbname": name})
    with server.connect(autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)".encode())
