"""Everything over TLS, against a PostgreSQL of this machine where one is installed."""

from __future__ import annotations

import gzip
import shutil
import socket
from importlib.util import find_spec
from typing import TYPE_CHECKING
from unittest.mock import create_autospec
from urllib.parse import quote

import pytest
import trustme

from healthhub import client_programs
from system_postgres import HOST, PASSWORD, SystemPostgres, running, system_programs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Hosted

PROGRAMS = system_programs()
pytestmark = pytest.mark.skipif(
    PROGRAMS is None, reason="no PostgreSQL with TLS is installed on this machine"
)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SystemPostgres]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    assert PROGRAMS is not None
    folder = tmp_path_factory.mktemp("tls")
    for each in (folder, *folder.parents[:-2]):
        each.chmod(0o755)
    with running(PROGRAMS, folder, port) as guarded:
        yield guarded


def url(guarded: SystemPostgres, host: str = HOST, /, **query: object) -> str:
    """As a person writes it, with a password of many characters."""
    options = "&".join(f"{name}={value}" for name, value in query.items())
    address = f"{host}:{guarded.port}/postgres?{options}"
    return f"postgres://postgres:{quote(PASSWORD, safe='')}@{address}"


def test_tls_is_the_default_and_check_says_so(
    hosted: Hosted, guarded: SystemPostgres
) -> None:
    assert hosted.call("migrate", SUPABASE_DB_URL=url(guarded))[0] == 0
    known: dict[str, object] = {"sslrootcert": guarded.authority}
    for address, code, finding in (
        (url(guarded), 1, "Append ?sslrootcert=/path/to/ca.crt"),
        (url(guarded, sslmode="require", **known), 1, "Take ?sslmode=require away"),
        (url(guarded, **known), 0, "TLS, and the server is who it says it is"),
    ):
        found, output, _ = hosted.call("check", SUPABASE_DB_URL=address)
        assert (found, finding in " ".join(output.split())) == (code, True), output


def test_a_certificate_beside_the_settings_is_found_from_everywhere(
    hosted: Hosted, guarded: SystemPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(guarded.authority, hosted.folder / "ca.crt")
    (hosted.folder / "docs").mkdir()
    monkeypatch.chdir(hosted.folder / "docs")
    code, _, errors = hosted.call(
        "migrate", SUPABASE_DB_URL=url(guarded, sslrootcert="ca.crt")
    )
    assert (code, errors) == (0, "")


def test_meltano_and_its_plugins_are_told_the_same(
    hosted: Hosted, guarded: SystemPostgres
) -> None:
    sure = url(guarded, sslmode="verify-full", sslrootcert=guarded.authority)
    # The stand-in writes into the database that libpq's variables name.
    load = {"STAND_IN": "load", "ROWS": '{"2026-01-01": 7}'}
    code, output, errors = hosted.call(
        "run", SUPABASE_DB_URL=sure, PGHOSTADDR="192.0.2.1", PGSERVICE="none", **load
    )
    assert (code, errors) == (0, "")
    assert "daily_sleep_summaries" in output
    environment = hosted.called()["environment"]
    assert environment["PGSSLMODE"] == "verify-full"
    assert environment["PGPASSWORD"] == PASSWORD
    assert "PGHOSTADDR" not in environment
    assert "PGSERVICE" not in environment


def test_what_cannot_be_trusted_is_refused(
    hosted: Hosted, guarded: SystemPostgres, tmp_path: Path
) -> None:
    stranger = tmp_path / "stranger.crt"
    trustme.CA().cert_pem.write_to_path(stranger)
    for wrong, sentence in {
        url(guarded, sslmode="disable"): "no encryption",
        url(guarded, sslmode="verify-full", sslrootcert=stranger): "is not trusted.",
        url(guarded, "127.0.0.3", sslrootcert=guarded.authority): "127.0.0.3",
    }.items():
        code, output, errors = hosted.call("migrate", SUPABASE_DB_URL=wrong)
        assert (code, len(errors.splitlines())) == (1, 1)
        assert sentence in errors
        assert PASSWORD not in output + errors


def test_psql_dump_and_restore_go_through_tls(
    hosted: Hosted,
    guarded: SystemPostgres,
    tmp_path: Path,
) -> None:
    """Though the programs of the wheel have none: the server lets nobody in without."""
    sure = url(guarded, sslmode="verify-full", sslrootcert=guarded.authority)
    hosted.call("migrate", SUPABASE_DB_URL=sure)
    rows = "select repeat('x', 1000) from generate_series(1, 5000)"
    create = f"create table if not exists raw_oura.long as {rows}"
    assert hosted.call("db", "psql", "-qc", create, SUPABASE_DB_URL=sure)[0] == 0

    path = tmp_path / "all.sql.gz"
    code, _, errors = hosted.call("backup", "--out", str(path), SUPABASE_DB_URL=sure)
    assert (code, errors) == (0, "")
    assert gzip.decompress(path.read_bytes()).count(b"x" * 1000) == 5000

    # From the server of today into one of three years ago.
    hosted.query("create table raw_oura.new as select 1 as one")
    newer = tmp_path / "newer.sql.gz"
    assert hosted.call("backup", "--out", str(newer))[0] == 0
    code, _, errors = hosted.call(
        "restore", str(newer), "--replace", SUPABASE_DB_URL=sure
    )
    assert (code, errors) == (0, "")
    count = "select count(*) from raw_oura.new"
    answer = tmp_path / "answer"
    ask = ("db", "psql", "-Atc", count, "-o", str(answer))
    assert hosted.call(*ask, SUPABASE_DB_URL=sure)[0] == 0
    assert answer.read_text() == "1\n"


def test_where_the_library_cannot_be_lent_the_system_has_to_help(
    hosted: Hosted,
    guarded: SystemPostgres,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    sure = url(guarded, sslmode="verify-full", sslrootcert=guarded.authority)
    monkeypatch.setattr(
        client_programs, "find_spec", create_autospec(find_spec, return_value=None)
    )
    monkeypatch.setenv("PATH", str(PROGRAMS))
    out = tmp_path / "answer"
    ask = ("db", "psql", "-Atc", "select 1", "-o", str(out))
    assert hosted.call(*ask, SUPABASE_DB_URL=sure)[0] == 0
    assert out.read_text() == "1\n"
    code, _, errors = hosted.call(*ask, SUPABASE_DB_URL=sure, PATH=str(tmp_path))
    assert (code, len(errors.splitlines())) == (1, 1)
    assert "Install PostgreSQL's programs" in errors
