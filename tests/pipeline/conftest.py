from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from healthhub.embedded import EmbeddedPostgres
from healthhub.migrations import migrate
from meltano_pipeline import Pipeline
from oura_sandbox.server import running

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """An empty, migrated database and a sandbox, neither of them in UTC.

    What compares a naive time with an aware one goes wrong by hours here: the server
    is west of UTC, this machine east of it, and their days differ for half of the time.
    """
    home = Path(tempfile.mkdtemp(prefix="healthhub-pipeline-"))
    home.chmod(0o755)
    try:
        server = EmbeddedPostgres(home)
        with server.using() as lease, running(years=1) as sandbox:
            migrate(lease.database)
            with lease.database.connect() as connection:
                connection.execute(
                    "alter database postgres set timezone = 'America/New_York'"
                )
            folder = tmp_path_factory.mktemp("dbt")
            yield Pipeline(lease.database, sandbox, folder, server.log)
    finally:
        shutil.rmtree(home)
