"""A token store in PostgreSQL: what a study, or a machine that keeps nothing, uses."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from healthhub.embedded import EmbeddedPostgres
from tap_over_http import USER_ID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_over_http import Tap


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    home = Path(tempfile.mkdtemp(prefix="healthhub-store-"))
    home.chmod(0o755)
    try:
        with EmbeddedPostgres(home).using() as lease:
            yield lease.database.url
    finally:
        shutil.rmtree(home)


def test_eight_processes_that_refresh_at_once_refresh_once(
    tap: Tap, database_url: str
) -> None:
    seed = tap.control("POST", "tokens", {"account": 1})["refresh_token"]
    tap.fault(kind="delay", route="oauth/token", seconds=0.3)
    tap = tap.with_store(database_url)
    config = tap.config(user_id=USER_ID, refresh_token=seed)
    code = (
        "import json, sys; from tap_oura.accounts import accounts_from_config;"
        "(a,) = accounts_from_config(json.load(open(sys.argv[1])));"
        "print(a.credential.token())"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, config], stdout=subprocess.PIPE, text=True
        )
        for _ in range(8)
    ]
    tokens = {process.communicate()[0] for process in processes}
    assert len(tokens) == 1
    assert tokens != {""}
    asked = [r for r in tap.asked() if r["path"] == "/oauth/token"]
    assert len(asked) == 1

    with psycopg.connect(database_url) as connection:
        rows = connection.execute("select user_id, login from oura_logins").fetchall()
    assert [user_id for user_id, _ in rows] == [USER_ID]
    assert json.dumps(seed) not in str(rows)
    assert tokens.pop().strip() not in str(rows)
