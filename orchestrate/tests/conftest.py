"""Real servers, real commands, and a place for them that every user can reach."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from healthhub import cli
from healthhub.embedded import EmbeddedPostgres
from healthhub.migrations import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from healthhub.database import Database

# Commands inherit it: where a shell runs the tests in the background, Ctrl-C would
# otherwise be ignored by them, too.
signal.signal(signal.SIGINT, signal.default_int_handler)

_NUMBERS = itertools.count()
_ROOT = Path(__file__).parents[2]
_STAND_IN = Path(__file__).with_name("stand_in_meltano.py")
_PLUGINS = ("extractors/tap-oura", "loaders/target-postgres", "utilities/dbt-postgres")
_SETTINGS = ("OURA_PAT", "SUPABASE_DB_URL", "HEALTHHUB_HOME", "MELTANO_PROJECT_ROOT")


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
    """A home whose database was created, migrated and stopped."""
    with open_folder() as path:
        with EmbeddedPostgres(path / ".healthhub").using() as lease:
            migrate(lease.database)
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
        with lease.database.connect(autocommit=True) as connection:
            connection.execute("alter system set fsync = off")
            connection.execute("select pg_reload_conf()")
        yield lease.database


@contextmanager
def another_database(
    server: Database, template: str = "template1"
) -> Iterator[Database]:
    """A database that is gone afterwards, of a server far from UTC."""
    name = f"test_{os.getpid()}_{next(_NUMBERS)}"
    with server.connect(autocommit=True) as connection:
        connection.execute(f"create database {name} template {template}".encode())
        zone = "alter database {name} set timezone = 'America/New_York'"
        connection.execute(zone.format(name=name).encode())
    yield replace(server, parameters={**server.parameters, "dbname": name})
    with server.connect(autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def database(server: Database) -> Iterator[Database]:
    """An empty database."""
    with another_database(server) as database:
        yield database


@pytest.fixture(scope="session")
def migrated(server: Database) -> Iterator[str]:
    """The name of a database to copy, which is quicker than to migrate each."""
    with another_database(server) as database:
        migrate(database)
        yield database.parameters["dbname"]


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment like the project's, but with a stand-in for Meltano."""
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, symlinks=True)
    paths = {"base": str(environment), "platbase": str(environment)}
    packages = Path(sysconfig.get_path("purelib", "venv", paths))
    real_packages = sysconfig.get_path("purelib")
    (packages / "real.pth").write_text(
        f"import site; site.addsitedir({real_packages!r})"
    )
    programs = environment / "bin"
    for name, script in {
        "healthhub": "from healthhub.cli import main; main()",
        "meltano": _STAND_IN.read_text(),
    }.items():
        (programs / name).write_text(f"#!{programs / 'python'}\n{script}\n")
        (programs / name).chmod(0o755)
    return programs


class Project:
    """A project folder, and the command in it."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder = folder
        self.home = folder / ".healthhub"
        self.command = str(programs / "healthhub")
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if name not in _SETTINGS and not name.startswith(("TAP_OURA_", "OURA_"))
        }

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.command, *arguments],
            cwd=self.folder,
            env=self.environment | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def call(self, *arguments: str, **variables: str) -> tuple[int, str, str]:
        """Its exit code, stdout and stderr."""
        process = self.start(*arguments, **variables)
        output, errors = process.communicate()
        assert "Traceback" not in errors
        return process.returncode, output, errors

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with (
            EmbeddedPostgres(self.home).using() as lease,
            lease.database.connect() as connection,
        ):
            return connection.execute(sql.encode()).fetchall()

    def calls(self) -> list[dict[str, Any]]:
        """How Meltano was called, each time."""
        lines = (self.folder / "calls.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def called(self) -> dict[str, Any]:
        """How Meltano was called last."""
        return self.calls()[-1]

    def wait_for(self, file: str, process: subprocess.Popen[str]) -> Any:  # noqa: ANN401 (JSON)
        """What the stand-in writes into a file."""
        path = self.folder / file
        while not (path.exists() and path.read_text()):
            if process.poll() is not None:
                pytest.fail(f"it ended early: {process.communicate()}")
            time.sleep(0.05)
        return json.loads(path.read_text())


@pytest.fixture
def project(folder: Path, new_home: Path, programs: Path) -> Iterator[Project]:
    assert new_home == folder / ".healthhub"
    shutil.copy(_ROOT / "meltano.yml", folder)
    for plugin in _PLUGINS:
        (folder / ".meltano" / plugin / "venv" / "bin").mkdir(parents=True)
    tap_auth = folder / ".meltano" / _PLUGINS[0] / "venv" / "bin" / "tap-oura-auth"
    tap_auth.write_text("#!/bin/sh\n")  # has nothing to say
    tap_auth.chmod(0o700)
    others = set(psutil.Process().children())  # of tests that share this process
    yield Project(folder, programs)
    for process in set(psutil.Process().children()) - others:
        process.kill()


class InProcess:
    """The command in this process: to start one for each call takes too long."""

    def __init__(
        self,
        project: Project,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        self.folder = project.folder
        self.home = project.home
        self.calls, self.called = project.calls, project.called
        self._monkeypatch, self._capfd = monkeypatch, capfd
        monkeypatch.setattr(os, "umask", lambda _: 0o022)  # it would outlive the test
        programs = Path(project.command).parent
        monkeypatch.setattr(cli, "raise_on_signals", lambda: None)
        for module in ("project", "meltano"):
            monkeypatch.setattr(f"healthhub.{module}.PROGRAMS", programs)
        monkeypatch.chdir(self.folder)
        for name in set(os.environ) - set(project.environment):
            monkeypatch.delenv(name)

    def call(self, *arguments: str, **variables: str) -> tuple[int, str, str]:
        """Its exit code, stdout and stderr."""
        self._capfd.readouterr()
        with self._monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["healthhub", *arguments])
            for name, value in variables.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as info:
                cli.main()
        output, errors = self._capfd.readouterr()
        assert isinstance(info.value.code, int)
        return info.value.code, output, errors


class Hosted(InProcess):
    """The same, on a database that others run."""

    database: Database

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.database.connect() as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
def in_process(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> InProcess:
    return InProcess(project, monkeypatch, capfd)


@pytest.fixture
def hosted(
    project: Project,
    server: Database,
    migrated: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Hosted]:
    hosted = Hosted(project, monkeypatch, capfd)
    with another_database(server, migrated) as hosted.database:
        monkeypatch.setenv("SUPABASE_DB_URL", hosted.database.url)
        yield hosted
