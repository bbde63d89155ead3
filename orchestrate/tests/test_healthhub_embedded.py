from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self
from unittest.mock import create_autospec

import psutil
import pytest

from healthhub import embedded
from healthhub.database import Database
from healthhub.embedded import EmbeddedPostgres, programs
from healthhub.errors import HealthHubError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HOLD = Path(__file__).with_name("hold_database.py")
_IS_ROOT = os.geteuid() == 0
_NOBODY = 65534


class Holder:
    """A command that uses a database; see `hold_database.py`."""

    def __init__(self, home: Path, rows: int = 0) -> None:
        self.process = subprocess.Popen(
            [sys.executable, _HOLD, str(home), str(rows)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (
            self.process.stdin,
            self.process.stdout,
            self.process.stderr,
        ):
            assert stream is not None
            stream.close()

    @property
    def database(self) -> Database:
        """Waits until it is up."""
        assert self.process.stdout is not None
        url = self.process.stdout.readline().strip()
        if not url:
            assert self.process.stderr is not None
            pytest.fail(f"the command ended early: {self.process.stderr.read()}")
        return Database.from_url(url)

    def let_go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def end(self) -> None:
        self.let_go()
        assert self.process.stderr is not None
        assert self.process.stderr.read() == ""
        assert self.process.wait() == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def hold(new_home: Path) -> Iterator[Callable[..., Holder]]:
    """Start commands that share the database of `home` or `new_home`."""
    holders: list[Holder] = []

    def start(rows: int = 0) -> Holder:
        holders.append(Holder(new_home, rows))
        return holders[-1]

    yield start
    for holder in holders:
        with holder:
            pass


def processes_about(path: Path) -> list[psutil.Process]:
    """Processes that were started with a path, found without the code under test."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if any(word.endswith(str(path)) for word in process.cmdline()):
                found.append(process)
    return found


def postmaster_of(home: Path) -> psutil.Process | None:
    for process in processes_about(home / "postgres" / "data"):
        if process.name() == "postgres":
            return process
    return None


def running_postmaster(home: Path) -> psutil.Process:
    process = postmaster_of(home)
    assert process is not None
    return process


def rows_in(database: Database) -> int:
    with database.connect() as connection:
        row = connection.execute("select count(*) from held").fetchone()
    assert row is not None
    return int(row[0])


def test_serves_only_this_machine_and_asks_for_the_password(new_home: Path) -> None:
    with EmbeddedPostgres(new_home).using() as lease:
        with lease.database.connect() as connection:
            settings = connection.execute(
                "select current_setting('fsync'), current_setting('server_encoding'),"
                " current_setting('unix_socket_directories'), datlocale"
                " from pg_database where datname = current_database()"
            ).fetchone()
        assert settings == ("on", "UTF8", "", "C.UTF-8")
        listening = {
            connection.laddr.ip
            for connection in running_postmaster(new_home).net_connections()
            if connection.status == psutil.CONN_LISTEN
        }
        assert listening == {"127.0.0.1"}
        with pytest.raises(HealthHubError, match="refuses the password of postgres"):
            lease.database.connect(password="guessed")
    assert postmaster_of(new_home) is None
    password = new_home / "postgres" / "password"
    assert stat.S_IMODE(password.stat().st_mode) == 0o600
    assert stat.S_IMODE((new_home / "logs" / "postgres.log").stat().st_mode) == 0o600


def test_lives_in_a_folder_of_any_name(home: Path) -> None:
    renamed = home.with_name(f"it's a {'very ' * 30}long name (ü)")
    home.rename(renamed)
    with EmbeddedPostgres(renamed).using() as lease:
        lease.database.connect().close()
    assert postmaster_of(renamed) is None


def test_restart_keeps_rows_and_port(home: Path, hold: Callable[..., Holder]) -> None:
    first = hold(rows=3)
    port = first.database.address
    first.end()
    assert postmaster_of(home) is None
    second = hold(rows=4)
    database = second.database
    assert (database.address, rows_in(database)) == (port, 7)


def test_takes_another_port_when_the_last_one_is_taken(home: Path) -> None:
    with EmbeddedPostgres(home).using() as lease:
        port = int(lease.database.parameters["port"])
    with (
        socket.create_server(("127.0.0.1", port)),
        EmbeddedPostgres(home).using() as lease,
    ):
        assert int(lease.database.parameters["port"]) != port


def test_commands_at_once_share_one_server(
    new_home: Path, hold: Callable[..., Holder]
) -> None:
    holders = [hold(rows=1) for _ in range(3)]
    databases = [holder.database for holder in holders]
    assert len({database.url for database in databases}) == 1
    server = running_postmaster(new_home)
    holders[0].end()
    holders[1].end()
    assert rows_in(databases[2]) == 3
    assert running_postmaster(new_home) == server
    holders[2].end()
    assert postmaster_of(new_home) is None


@pytest.mark.usefixtures("home")
def test_commands_that_come_and_go_never_miss_the_server(
    hold: Callable[..., Holder],
) -> None:
    # Each round's first command may find the last one's server going down.
    for _ in range(3):
        holders = [hold(rows=1), hold(rows=1)]
        for holder in holders:
            assert holder.database
            holder.let_go()
    for holder in holders:
        assert holder.process.wait() == 0
    assert rows_in(hold().database) == 6


def test_server_of_a_killed_command_is_adopted_and_stopped(
    home: Path, hold: Callable[..., Holder]
) -> None:
    killed = hold(rows=5)
    assert killed.database
    server = running_postmaster(home)
    killed.kill()
    assert server.is_running()
    heir = hold()
    assert rows_in(heir.database) == 5
    assert running_postmaster(home) == server
    heir.end()
    assert postmaster_of(home) is None


def test_last_one_stops_the_server_though_others_were_killed(
    home: Path, hold: Callable[..., Holder]
) -> None:
    killed, last = hold(), hold()
    assert killed.database
    assert last.database
    killed.kill()
    last.end()
    assert postmaster_of(home) is None


def test_child_of_a_killed_command_keeps_the_server(home: Path) -> None:
    script = (
        "import os, pathlib, subprocess, sys\n"
        "from healthhub.embedded import EmbeddedPostgres\n"
        "with EmbeddedPostgres(pathlib.Path(sys.argv[1])).using() as lease:\n"
        "    child = subprocess.Popen(['cat'], pass_fds=lease.descriptors)\n"
        "    print(child.pid, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    command = [sys.executable, "-c", script, str(home)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as killed:
        assert killed.wait() == -signal.SIGKILL
        assert not EmbeddedPostgres(home).stop()
        child = psutil.Process(int(killed.communicate()[0]))
    # Its output ends before it has let go of everything.
    with suppress(psutil.NoSuchProcess):
        while child.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
    assert EmbeddedPostgres(home).stop()


def test_killed_server_comes_back_with_every_row(
    home: Path, hold: Callable[..., Holder]
) -> None:
    first = hold(rows=1000)
    database = first.database
    backend = database.connect()
    pid = backend.info.backend_pid
    os.kill(pid, signal.SIGSTOP)  # an orphan that does not leave by itself
    running_postmaster(home).kill()
    first.kill()
    second = hold()
    with pytest.raises(subprocess.TimeoutExpired):
        second.process.wait(1)
    os.kill(pid, signal.SIGKILL)
    assert rows_in(second.database) == 1000
    backend.close()


@pytest.mark.parametrize("whose", ["a zombie", "another program"])
def test_pid_file_that_misleads_is_no_obstacle(home: Path, whose: str) -> None:
    with EmbeddedPostgres(home).using():
        pid_file = home / "postgres" / "data" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
    zombie = subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE)
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    lines[0] = str(zombie.pid if whose == "a zombie" else os.getpid())
    pid_file.write_text("\n".join(lines))
    with EmbeddedPostgres(home).using():
        assert str(running_postmaster(home).pid) != lines[0]
    zombie.communicate()


def test_killed_initdb_leaves_nothing_half_made(
    new_home: Path, hold: Callable[..., Holder]
) -> None:
    first = hold()
    while not (half_made := list(new_home.glob("postgres.new-*/data/base"))):
        assert first.process.poll() is None
    first.kill()
    for process in processes_about(half_made[0].parent):
        process.kill()
    assert not (new_home / "postgres").exists()
    assert rows_in(hold(rows=2).database) == 2
    assert not list(new_home.glob("postgres.new-*"))


def test_kept_server_stays_until_it_is_stopped(
    home: Path, hold: Callable[..., Holder]
) -> None:
    server = EmbeddedPostgres(home)
    server.start_and_keep()
    holder = hold()
    assert holder.database
    holder.end()
    assert server.database is not None

    user = hold()
    assert user.database
    assert not server.stop()
    assert server.database is not None
    user.end()
    assert server.database is None


def test_interrupted_start_leaves_nothing_running(
    new_home: Path, hold: Callable[..., Holder]
) -> None:
    holder = hold()
    while not list(new_home.glob("postgres.new-*")):
        assert holder.process.poll() is None
    holder.process.send_signal(signal.SIGINT)
    assert holder.process.wait() != 0
    assert postmaster_of(new_home) is None


def test_start_that_fails_says_why(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedPostgres(home).using():
        pass
    (home / "postgres" / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(HealthHubError, match=r"does not start: .+\. Its log is "):
        EmbeddedPostgres(home).start_and_keep()
    # A full disk has no place for a log that says so.
    monkeypatch.setattr("healthhub.embedded.cluster._PIECE_OF_WAL", 1 << 60)
    with pytest.raises(HealthHubError, match=r"no space is left where .+ Make room"):
        EmbeddedPostgres(home).start_and_keep()


needs_root = pytest.mark.skipif(not _IS_ROOT, reason="only root can change users")


@needs_root
def test_root_runs_the_server_as_a_system_user(home: Path) -> None:
    with EmbeddedPostgres(home).using():
        assert running_postmaster(home).username() == programs.NAME


@needs_root
def test_root_uses_a_shared_folder_where_its_own_are_closed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    wheel = programs.packaged_programs().parent.parent
    packages = closed / "site-packages"
    unused = shutil.ignore_patterns("pginstall", "include")
    shutil.copytree(wheel, packages / wheel.name, symlinks=True, ignore=unused)
    shutil.copytree(f"{wheel}.libs", packages / f"{wheel.name}.libs", symlinks=True)
    elsewhere = packages / wheel.name / "pginstall18" / "bin"
    double = create_autospec(programs.packaged_programs, return_value=elsewhere)
    monkeypatch.setattr(programs, "packaged_programs", double)
    monkeypatch.setattr(embedded, "SHARED_FOLDER", folder / "shared")
    home = closed / ".healthhub"
    with EmbeddedPostgres(home).using() as lease:
        lease.database.connect().close()
        data = EmbeddedPostgres(home).folder
    assert (folder / "shared") in data.parents
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    # Opening the folder later must not hide the data.
    closed.chmod(0o755)
    tmp_path.chmod(0o755)
    assert EmbeddedPostgres(home).folder == data


@needs_root
def test_data_of_another_user_are_refused(home: Path) -> None:
    with EmbeddedPostgres(home).using():
        pass
    os.chown(home / "postgres" / "data", _NOBODY, _NOBODY)
    with pytest.raises(HealthHubError, match="belongs to nobody"):
        EmbeddedPostgres(home).start_and_keep()


@needs_root
def test_ordinary_user_has_a_server_of_its_own(folder: Path, home: Path) -> None:
    python = _python_for_everybody()
    nobodys = folder / "nobody"
    nobodys.mkdir()
    os.chown(nobodys, _NOBODY, _NOBODY)
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "HOME": str(nobodys)}

    def run(home: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, _HOLD, str(home), "1"],
            check=False,
            capture_output=True,
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            text=True,
            user=_NOBODY,
            group=_NOBODY,
            extra_groups=(),
        )

    done = run(nobodys / ".healthhub")
    assert (done.returncode, done.stderr) == (0, "")
    data = nobodys / ".healthhub" / "postgres" / "data"
    assert data.owner() == "nobody"
    assert stat.S_IMODE(data.parent.parent.stat().st_mode) == 0o700

    refused = run(home)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"refused: {home} belongs to root. Run this as")


def _python_for_everybody() -> str:
    """A Python of this version that any user can run."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (os.path.realpath(sys.executable), f"/usr/bin/{version}"):
        try:
            subprocess.run(
                [python, "-c", ""], check=True, user=_NOBODY, cwd="/", env={}
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return python
    pytest.skip(f"no {version} that an ordinary user can run")
