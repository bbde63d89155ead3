"""The `healthhub-report` command as a person meets it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from tests.conftest import Tables

TODAY = datetime.now(UTC).date()
COMMAND = Path(sys.executable).with_name("healthhub-report")
NOBODY = "0c0c0c0c-0000-4000-8000-000000000001"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def complaint(*arguments: str) -> str:
    """The one line that a failing command says."""
    result = run(*arguments)
    assert result.returncode == 1
    assert result.stdout == ""
    (sentence,) = result.stderr.splitlines()
    return sentence


def test_it_says_which_file_to_open(tables: Tables, tmp_path: Path) -> None:
    tables.overview(TODAY, sleep_score=70)
    path = tmp_path / "mine.html"
    result = run(str(path), "--lang", "ja", SUPABASE_DB_URL=tables.url)
    assert (result.returncode, result.stdout, result.stderr) == (0, f"{path}\n", "")
    assert '<html lang="ja">' in path.read_text("utf-8")


def test_a_folder_gets_the_file(tables: Tables, tmp_path: Path) -> None:
    tables.overview(TODAY, sleep_score=70)
    result = run(str(tmp_path), SUPABASE_DB_URL=tables.url)
    assert (result.returncode, result.stdout) == (0, f"{tmp_path / 'report.html'}\n")


def test_a_folder_that_is_not_there_yet_is_made(tables: Tables, tmp_path: Path) -> None:
    tables.overview(TODAY, sleep_score=70)
    result = run(str(tmp_path / "new"), SUPABASE_DB_URL=tables.url)
    assert (result.returncode, result.stdout) == (
        0,
        f"{tmp_path / 'new/report.html'}\n",
    )


def test_the_database_can_be_that_of_libpqs_variables(
    tables: Tables, tmp_path: Path
) -> None:
    tables.overview(TODAY, sleep_score=70)
    url = urlsplit(tables.url)
    result = run(
        str(tmp_path / "mine.html"),
        PGHOST=url.hostname or "",
        PGPORT=str(url.port),
        PGUSER=url.username or "",
        PGPASSWORD=url.password or "",
        PGDATABASE=url.path[1:],
    )
    assert result.returncode == 0, result.stderr


def test_nothing_loaded(tables: Tables, tmp_path: Path) -> None:
    said = complaint(str(tmp_path / "x.html"), "--database-url", tables.url)
    assert "Nothing was loaded yet. Run `healthhub run` first." in said
    assert list(tmp_path.iterdir()) == []


def test_an_user_that_nobody_knows(tables: Tables, tmp_path: Path) -> None:
    tables.overview(TODAY, sleep_score=70)
    said = complaint(
        str(tmp_path / "x.html"), "--database-url", tables.url, "--user-id", NOBODY
    )
    assert NOBODY in said


def test_tables_that_are_not_there(server: str, tmp_path: Path) -> None:
    said = complaint(str(tmp_path / "x.html"), "--database-url", server)
    assert "does not exist. Run `healthhub run` first." in said


def test_a_database_that_is_not_there_and_its_password(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"postgresql://me:hush@127.0.0.1:{taken.getsockname()[1]}/health"
        said = complaint(str(tmp_path / "x.html"), "--database-url", url)
    assert "Check its URL" in said
    assert "hush" not in said


def test_a_malformed_url_and_its_password(tables: Tables, tmp_path: Path) -> None:
    url = urlunsplit(urlsplit(tables.url)._replace(scheme="postgres+hush"))
    said = complaint(str(tmp_path / "x.html"), "--database-url", url)
    assert "malformed" in said
    assert "hush" not in said


def test_a_time_zone_that_does_not_exist(tables: Tables, tmp_path: Path) -> None:
    tables.overview(TODAY, sleep_score=70)
    tables.insert("healthhub.users", oura_pat_alias="taro", timezone="Mars/Olympus")
    said = complaint(str(tmp_path / "x.html"), "--database-url", tables.url)
    assert 'time zone "Mars/Olympus" not recognized' in said


def test_a_malformed_user_and_an_unknown_language(tmp_path: Path) -> None:
    path = str(tmp_path / "x.html")
    assert "UUID" in complaint(path, "--user-id", "hanako")
    assert "Choose en or ja." in complaint(path, "--lang", "fr")


def test_a_folder_that_cannot_be_written(tables: Tables, tmp_path: Path) -> None:
    tables.overview(TODAY, sleep_score=70)
    (tmp_path / "file").touch()
    path = str(tmp_path / "file/x.html")
    assert "file" in complaint(path, "--database-url", tables.url)
