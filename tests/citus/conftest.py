"""A study on Citus, as a user who is no superuser, and the same on one PostgreSQL."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import citus_server
from healthhub.embedded import EmbeddedPostgres
from oura_sandbox.child import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from healthhub.database import Database
    from oura_sandbox.child import Sandbox

PROJECT = Path(__file__).parents[2]
HEALTHHUB = Path(sys.executable).with_name("healthhub")

#: `make test-citus USERS=20 DAYS=365` compares a study.
USERS = int(os.environ.get("USERS") or 3)
DAYS = int(os.environ.get("DAYS") or 10)

# What two loads of the same differ in: when they were.
_TIMES = (
    *("created_at", "updated_at", "first_seen_at", "last_seen_at", "deleted_at"),
    *("last_read_at", "synced_at", "request_count"),
    *("_sdc_extracted_at", "_sdc_received_at", "_sdc_batched_at", "_sdc_sequence"),
    *("_sdc_sync_started_at", "_sdc_table_version"),
)
_TABLES = """
select oid::regclass::text from pg_class
where
    relkind = 'r'
    and relnamespace in (to_regnamespace('raw_oura'), to_regnamespace('healthhub'))
    and relname not in ('users', 'job_runs', 'alembic_version')
order by 1
"""
_SPREAD = """
select logicalrelid::text from pg_dist_partition
where column_to_column_name(logicalrelid, partkey) = 'user_id'
order by 1
"""

Tables = dict[str, Counter[str]]


def user_id(number: int) -> str:
    """The id of the sandbox's nth user."""
    return f"0a0a0a0a-0000-4000-8000-{number:012d}"


@dataclass
class Study:
    """A database, and the commands that load it from the sandbox.

    Attributes:
        database: As the user has it.
        sandbox: Oura.
        folder: For what commands leave.
    """

    database: Database
    sandbox: Sandbox
    folder: Path

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start a command of `healthhub`."""
        system = self.folder / "meltano"
        if not system.exists():
            system.mkdir(parents=True)
            for kind in ("extractors", "loaders", "utilities"):
                (system / kind).symlink_to(PROJECT / ".meltano" / kind)
        tokens = ["", *(f"-{number}" for number in range(2, USERS + 1))]
        users = [
            {"user_id": user_id(number), "access_token": self.sandbox.token + token}
            for number, token in enumerate(tokens, 1)
        ]
        return subprocess.Popen(
            [HEALTHHUB, *arguments],
            cwd=PROJECT,
            env={
                **{k: os.environ[k] for k in ("PATH", "LANG") if k in os.environ},
                "HOME": str(self.folder),
                "HEALTHHUB_HOME": str(self.folder / "home"),
                "MELTANO_SYS_DIR_ROOT": str(system),
                "DBT_TARGET_PATH": str(self.folder / "target"),
                "SUPABASE_DB_URL": self.database.url,
                "TAP_OURA_API_URL": self.sandbox.url,
                "TAP_OURA_USERS": json.dumps(users),
                "TAP_OURA_START_DATE": str(
                    datetime.now(UTC).date() - timedelta(days=DAYS)
                ),
                "NO_COLOR": "1",
                **variables,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __call__(self, *arguments: str) -> str:
        """Run a command, which has to succeed; what it says."""
        with self.start(*arguments) as process:
            said, _ = process.communicate()
        assert process.returncode == 0, said
        return said

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a statement."""
        with self.database.connect(autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def tables(self) -> Tables:
        """All rows, by what they hash to without when they came."""
        times = ", ".join(f"'{name}'" for name in _TIMES)
        return {
            table: Counter(
                row
                for (row,) in self.query(
                    f"select md5((to_jsonb(known) - array[{times}])::text)"
                    f" from {table} as known"
                )
            )
            for (table,) in self.query(_TABLES)
        }

    def spread(self) -> list[str]:
        """The tables that lie on the machines by their user."""
        return [table for (table,) in self.query(_SPREAD)]

    def documents(self, route: str, user: int) -> list[str]:
        """The ids of a route's stored documents, the newest first."""
        return [
            name
            for (name,) in self.query(
                f"select id from raw_oura.{route} where user_id = '{user_id(user)}'"
                " order by day desc, id"
            )
        ]

    def change(self, method: str, path: str, **change: object) -> None:
        """Let Oura have a document otherwise, or no more."""
        url = f"{self.sandbox.url}/_sandbox/documents/{path}"
        httpx.request(method, url, json=change or None).raise_for_status()


@pytest.fixture(scope="session")
def coordinator() -> Database:
    """Citus, as a superuser."""
    given = citus_server.given()
    if given is None:
        pytest.skip("not run without Citus: `make test-citus` runs it")
    return given


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with running(years=2, users=USERS) as sandbox:
        yield sandbox


@contextmanager
def a_study(coordinator: Database, sandbox: Sandbox, name: str) -> Iterator[Study]:
    """A study on Citus."""
    with (
        citus_server.database(coordinator, name) as database,
        tempfile.TemporaryDirectory(prefix="healthhub-study-") as folder,
    ):
        yield Study(database, sandbox, Path(folder))


@pytest.fixture(scope="module")
def study(coordinator: Database, sandbox: Sandbox) -> Iterator[Study]:
    with a_study(coordinator, sandbox, "study") as study:
        yield study


@pytest.fixture
def another(coordinator: Database, sandbox: Sandbox) -> Iterator[Study]:
    """One more on Citus."""
    with a_study(coordinator, sandbox, "another") as study:
        yield study


@pytest.fixture(scope="module")
def alone(coordinator: Database, sandbox: Sandbox) -> Iterator[Study]:
    """The same on one PostgreSQL."""
    assert coordinator
    folder = Path(tempfile.mkdtemp(prefix="healthhub-alone-"))
    folder.chmod(0o755)
    try:
        with EmbeddedPostgres(folder / "postgres").using() as lease:
            yield Study(lease.database, sandbox, folder)
    finally:
        shutil.rmtree(folder)
