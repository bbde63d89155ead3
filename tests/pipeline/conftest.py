from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import citus_server
from healthhub.embedded import EmbeddedPostgres
from healthhub.migrations import migrate
from meltano_pipeline import Pipeline
from oura_sandbox.child import running

if TYPE_CHECKING:
    from collections.abc import Iterator

_ZONE = "alter database {} set timezone = 'America/New_York'"


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """An empty, migrated database and a sandbox, neither of them in UTC.

    What compares a naive time with an aware one goes wrong by hours here: the server
    is west of UTC, this machine east of it, and their days differ for half of the time.
    """
    folder = tmp_path_factory.mktemp("dbt")
    if coordinator := citus_server.given():
        with (
            citus_server.database(coordinator, "pipeline") as database,
            coordinator.connect(autocommit=True) as maintenance,
            running(years=1) as sandbox,
        ):
            citus_server.everywhere(maintenance, _ZONE.format("pipeline"))
            migrate(database)
            yield Pipeline(database, sandbox, folder, Path(os.devnull))
        return
    home = Path(tempfile.mkdtemp(prefix="healthhub-pipeline-"))
    home.chmod(0o755)
    try:
        server = EmbeddedPostgres(home)
        with server.using() as lease, running(years=1) as sandbox:
            migrate(lease.database)
            with lease.database.connect() as connection:
                connection.execute(_ZONE.format("postgres").encode())
            yield Pipeline(lease.database, sandbox, folder, server.log)
    finally:
        shutil.rmtree(home)
