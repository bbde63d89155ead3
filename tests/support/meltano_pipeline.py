"""The literal pipeline on a real PostgreSQL and over real HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from healthhub.database import Database
    from oura_sandbox.child import Sandbox

PROJECT = Path(__file__).parents[2]
PIPELINE = ("tap-oura", "target-postgres", "dbt")
USER_ID = "0a0a0a0a-0000-4000-8000-000000000001"

#: Enough for a look-back and a reconcile, and a run takes seconds.
HISTORY = timedelta(days=20)


@dataclass
class Pipeline:
    """Meltano in this project, against one database and one sandbox.

    Attributes:
        database: The database.
        sandbox: Oura.
        folder: For what dbt and Meltano write.
        log: Where the server of the database writes its own.
        is_loaded: Whether a run has succeeded.
    """

    database: Database
    sandbox: Sandbox
    folder: Path
    log: Path
    is_loaded: bool = False

    def meltano(
        self, *arguments: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `meltano` as a person would in an activated environment."""
        today = datetime.now(UTC).date()
        return subprocess.run(
            [Path(sys.executable).with_name("meltano"), *arguments],
            cwd=PROJECT,
            env={
                **os.environ,
                **self.database.environment,
                "OURA_PAT": self.sandbox.token,
                "TAP_OURA_API_URL": self.sandbox.url,
                "TAP_OURA_USER_ID": USER_ID,
                "TAP_OURA_START_DATE": str(today - HISTORY),
                "MELTANO_SYS_DIR_ROOT": str(self.system_folder()),
                "DBT_TARGET_PATH": str(self.folder / "target"),
                "DBT_LOG_PATH": str(self.folder / "logs"),
                "NO_COLOR": "1",
                "TZ": "Asia/Tokyo",
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def system_folder(self) -> Path:
        """The installed plugins, with a `run` of its own: Meltano does not share it."""
        folder = self.folder / "meltano"
        if not folder.exists():
            folder.mkdir()
            for kind in ("extractors", "loaders", "utilities"):
                (folder / kind).symlink_to(PROJECT / ".meltano" / kind)
        return folder

    def run(self, *options: str) -> str:
        """The one line, which has to succeed."""
        result = self.meltano("run", *options, *PIPELINE)
        assert result.returncode == 0, result.stdout
        self.is_loaded = True
        return result.stdout

    def ensure_loaded(self) -> None:
        """Run it unless an earlier test has."""
        if not self.is_loaded:
            self.run()

    def query(self, statement: str) -> list[dict[str, Any]]:
        """The rows of one statement."""
        with psycopg.connect(
            self.database.url, autocommit=True, row_factory=dict_row
        ) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []
