"""`meltano` typed in a shell where nobody has set anything."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from healthhub.embedded import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[2]
LINE = ("run", "tap-oura", "target-postgres", "dbt")


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that PostgreSQL's own user can reach, too."""
    home = Path(tempfile.mkdtemp(prefix="healthhub-by-hand-"))
    home.chmod(0o755)
    try:
        yield home
    finally:
        shutil.rmtree(home)


def meltano(
    folder: Path, home: Path, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run it, in a home of its own and a `.meltano` of its own."""
    system = folder / "meltano"
    system.mkdir(exist_ok=True)
    for kind in ("extractors", "loaders", "utilities"):
        if not (system / kind).exists():
            (system / kind).symlink_to(PROJECT / ".meltano" / kind)
    mine = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return subprocess.run(
        [Path(sys.executable).with_name("meltano"), *arguments],
        cwd=PROJECT,
        env={
            **mine,
            "HOME": str(folder),
            "HEALTHHUB_HOME": str(home),
            "MELTANO_SYS_DIR_ROOT": str(system),
            **variables,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_it_starts_all_that_it_needs_and_leaves_nothing(
    home: Path, tmp_path: Path
) -> None:
    today = f"{datetime.now(UTC):%Y-%m-%d}"  # a day is enough
    done = meltano(tmp_path, home, *LINE, TAP_OURA_START_DATE=today)
    assert "Starting the Oura sandbox, as there are no users yet" in done.stdout
    assert done.returncode == 0
    assert EmbeddedPostgres(home).database is None
    with (
        EmbeddedPostgres(home).using() as lease,
        lease.database.connect() as connection,
    ):
        runs = connection.execute("select state from meltano.runs").fetchall()
        days = connection.execute(
            "select count(*) from healthhub.heart_rate_days"
        ).fetchone()
    assert runs == [("SUCCESS",)]
    assert days != (0,)
    # Meltano's own log has what plugins write, which may quote rows.
    assert not (tmp_path / "meltano" / "run" / "meltano").exists()
    assert not (tmp_path / ".local").exists()
    assert not (tmp_path / ".cache").exists()


@pytest.mark.parametrize(
    "line",
    [
        LINE,
        ("invoke", "tap-oura:auth", "list"),
    ],
)
def test_a_database_that_is_not_there_is_one_sentence(
    home: Path, tmp_path: Path, line: tuple[str, ...]
) -> None:
    nowhere = "postgres://me:sesame@127.0.0.1:1/x"
    done = meltano(tmp_path, home, *line, SUPABASE_DB_URL=nowhere)
    assert done.returncode == 1
    [error] = [text for text in done.stdout.splitlines() if "[error" in text]
    assert error.endswith(
        "Cannot use the database at 127.0.0.1:1: nothing listens there. "
        "Check SUPABASE_DB_URL, and that the server is up."
    )
    assert "sesame" not in done.stdout
