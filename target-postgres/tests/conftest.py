"""A real PostgreSQL: the one that is named, or the project's own."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from target_postgres.connector import PostgresConnector

from singer_loading import Loader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

_NAMED = os.environ.get("TARGET_POSTGRES_SQLALCHEMY_URL")


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a database that tests may fill."""
    if _NAMED:
        yield _NAMED.replace("+psycopg", "")
        return
    from healthhub.embedded import EmbeddedPostgres  # noqa: PLC0415

    home = Path(tempfile.mkdtemp(prefix="target-postgres-"))
    home.chmod(0o755)
    try:
        with EmbeddedPostgres(home).using() as lease:
            yield lease.database.url
    finally:
        shutil.rmtree(home)


@pytest.fixture(autouse=True)
def closed_connections(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Targets leave theirs to the end of their process."""
    engines = []
    create = PostgresConnector.create_engine

    def create_and_note(connector: PostgresConnector) -> Engine:
        engines.append(create(connector))
        return engines[-1]

    monkeypatch.setattr(PostgresConnector, "create_engine", create_and_note)
    yield
    for engine in engines:
        engine.dispose()


@pytest.fixture
def connection(server: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(server, autocommit=True) as connection:
        yield connection
        connection.execute("drop schema if exists loaded cascade")


@pytest.fixture(params=[True, False], ids=["copy", "insert"])
def load(
    request: pytest.FixtureRequest, connection: psycopg.Connection[Any], server: str
) -> Loader:
    return Loader(connection, server, use_copy=request.param)
