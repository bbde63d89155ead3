"""One PostgreSQL server and its data folder: create, start, adopt, stop.

Callers make sure that only one of them is here at a time.
"""

from __future__ import annotations

import secrets
import shutil
import socket
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from healthhub.database import Database
from healthhub.errors import HealthHubError

if TYPE_CHECKING:
    from healthhub.embedded.programs import Programs

HOST = "127.0.0.1"
SUPERUSER = DATABASE = "postgres"  # as on Supabase

_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # a socket's path may be at most 107 bytes long
    "max_connections": "50",
    "shared_buffers": "128MB",
    # Nothing is replicated from here, and loading writes less without it.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Failed statements quote rows: whoever sent one is told, and nobody else.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
}
_PATIENCE = 300  # seconds: crash recovery, and a busy server's shutdown, may take long
_PAUSE = 0.1
_PID_FILE_LINES = 8  # pid, data, start, port, socket, host, shared memory, state
_LARGE_LOG = 5_000_000
_PIECE_OF_WAL = 1 << 24  # bytes that a server wants to write at once when it starts

# What the server logs when it cannot start yet, but soon can.
_PORT_TAKEN = "could not bind"
_STILL_BUSY = ("pre-existing shared memory block", "postmaster.pid")


class Cluster:
    """A server on 127.0.0.1 with a password that only its owner can read."""

    def __init__(self, folder: Path, programs: Programs, notes: Path) -> None:
        """Describe it; nothing is touched yet.

        Args:
            folder: Of the data and the password. The server's account can enter it.
            programs: PostgreSQL's programs.
            notes: The caller's own folder, for the log and the port.
        """
        self.folder = folder
        self._programs = programs
        self._data = folder / "data"
        self._password = folder / "password"
        self._pid_file = self._data / "postmaster.pid"
        self._port = notes / "postgres.port"
        self.log = notes / "logs" / "postgres.log"

    @property
    def database(self) -> Database | None:
        """How to reach the server, if it runs."""
        lines = self._pid_file_lines()
        if self._postmaster() is None or len(lines) < _PID_FILE_LINES:
            return None
        parameters = {
            "host": HOST,
            "port": lines[3],
            "user": SUPERUSER,
            "password": self._password.read_text(),
            "dbname": DATABASE,
            "sslmode": "disable",  # the wheel's server has no TLS; it never leaves here
        }
        return Database(parameters, f"the log {self.log}")

    def start(self) -> Database:
        """Create the data if there are none; start the server, or adopt one."""
        self.log.parent.mkdir(exist_ok=True)
        if not self.folder.exists():
            self._create()
        if self._data.stat().st_uid != self._programs.account.uid:
            raise HealthHubError(
                f"The database in {self.folder} belongs to {self._data.owner()}. Run "
                "this as the user who created it, or set HEALTHHUB_HOME to another "
                "folder."
            )
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            if self._postmaster() is None:
                self._try_to_start()
            state = "".join(self._pid_file_lines()[_PID_FILE_LINES - 1 :]).strip()
            if state == "ready" and (database := self.database):
                return database
            time.sleep(_PAUSE)
        raise HealthHubError(
            "The embedded PostgreSQL is still not ready after "
            f"{_PATIENCE} seconds. Its log is {self.log}."
        )

    def stop(self) -> None:
        """Stop the server: end its sessions, write everything, leave."""
        if self._postmaster() is None:
            return
        arguments = ("-D", str(self._data), "-m", "fast", "-w", "-t", str(_PATIENCE))
        self._run("pg_ctl", "stop", *arguments)
        if self._postmaster() is not None:
            raise HealthHubError(
                f"The embedded PostgreSQL does not stop. Its log is {self.log}."
            )

    def _create(self) -> None:
        """Run initdb aside, and put the result in place by one rename."""
        prefix = f"{self.folder.name}.new-"
        for left_by_killed in self.folder.parent.glob(f"{prefix}*"):
            shutil.rmtree(left_by_killed, ignore_errors=True)
        account = self._programs.account
        new = Path(tempfile.mkdtemp(prefix=prefix, dir=self.folder.parent))
        try:
            if not account.is_caller:
                new.chmod(0o711)
            password = new / self._password.name
            password.touch(mode=0o600)
            password.write_text(secrets.token_urlsafe(24))
            data = new / self._data.name
            data.mkdir(mode=0o700)
            account.own(password)
            account.own(data)
            done = self._run(
                "initdb",
                f"--pgdata={data}",
                f"--username={SUPERUSER}",
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                # The same on every machine, whichever locales it has.
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--no-instructions",
            )
            if done != 0:
                raise HealthHubError(
                    "The embedded PostgreSQL cannot create its data in "
                    f"{self.folder.parent}. Its log is {self.log}."
                )
            new.rename(self.folder)
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def _try_to_start(self) -> None:
        """Start once; return when it runs, or when another try may succeed."""
        self._discard_misleading_pid_file()
        port = self._free_port()
        settings = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
        options = ("-o", f"-p {port} {settings}")
        logged_before = self.log.stat().st_size if self.log.exists() else 0
        arguments = ("-D", str(self._data), "-w", "-t", str(_PATIENCE), *options)
        if self._run("pg_ctl", "start", *arguments) == 0:
            self._port.write_text(str(port))
            return
        with self.log.open(errors="replace") as log:
            log.seek(logged_before)
            complaints = [
                line for line in log if "FATAL" in line or _PORT_TAKEN in line
            ]
        if any(_PORT_TAKEN in line for line in complaints):
            self._port.unlink(missing_ok=True)
        elif not any(busy in line for line in complaints for busy in _STILL_BUSY):
            reason = "".join(complaints[-1:]).rpartition("FATAL:")[2].strip()
            if shutil.disk_usage(self._data).free < _PIECE_OF_WAL:
                reason = f"no space is left where {self._data} is. Make room there"
            raise HealthHubError(
                f"The embedded PostgreSQL does not start: {reason or 'unknown reason'}."
                f" Its log is {self.log}."
            )

    def _run(self, program: str, *arguments: str) -> int:
        """Run a program with its output, and the server's, in the log.

        The log is opened here: the server's account need not be able to reach it.
        """
        if self.log.exists() and self.log.stat().st_size > _LARGE_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        self.log.touch(mode=0o600)
        with self.log.open("a") as log:
            return self._programs.run(program, *arguments, output=log)

    def _pid_file_lines(self) -> list[str]:
        """What a server says of itself, as far as it has come."""
        try:
            return self._pid_file.read_text().splitlines()
        except FileNotFoundError:
            return []

    def _process(self) -> psutil.Process | None:
        try:
            return psutil.Process(int(self._pid_file_lines()[0]))
        except (IndexError, ValueError, psutil.NoSuchProcess):
            return None

    def _postmaster(self) -> psutil.Process | None:
        """The process that serves this folder, if it lives."""
        process = self._process()
        try:
            if process and str(self._data) in process.cmdline():
                return process
        except psutil.Error:  # gone meanwhile, a zombie, or somebody else's
            pass
        return None

    def _discard_misleading_pid_file(self) -> None:
        """Remove it when its pid is a zombie's, or by now another program's.

        PostgreSQL takes both for a live server. The file of a process that is gone it
        removes itself.
        """
        process = self._process()
        try:
            misleading = process and (
                process.status() == psutil.STATUS_ZOMBIE or process.name() != "postgres"
            )
        except psutil.NoSuchProcess:
            return
        if misleading:
            self._pid_file.unlink()

    def _free_port(self) -> int:
        """The port of the last time if it is still free, else any free one."""
        last = int(self._port.read_text()) if self._port.exists() else 0
        for wanted in (last, 0):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((HOST, wanted))
                except OSError:
                    continue
                port: int = probe.getsockname()[1]
                return port
        raise HealthHubError(
            f"There is no free port on {HOST}. End what uses them all."
        )
