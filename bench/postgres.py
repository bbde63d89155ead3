"""The project's embedded PostgreSQL, with a database for each measurement."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import psutil
import psycopg
from psycopg import conninfo, sql

from measure import environment

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Database:
    """A database that was made for one measurement."""

    url: str

    @property
    def variables(self) -> dict[str, str]:
        """libpq's, by which Meltano finds it."""
        parts = conninfo.conninfo_to_dict(self.url)
        names = {"dbname": "PGDATABASE"}
        return {
            names.get(key, f"PG{key.upper()}"): str(value)
            for key, value in parts.items()
        }

    def at(self, port: str) -> Database:
        """The same, by another port of this machine."""
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition(":")[0]
        return Database(parts._replace(netloc=f"{host}:{port}").geturl())

    def connect(self) -> psycopg.Connection[Any]:
        """Open a connection that commits each statement."""
        return psycopg.connect(self.url, autocommit=True)


class Server:
    """The project's embedded PostgreSQL, in a home of its own."""

    def __init__(self, project: Path, home: Path) -> None:
        """Start it."""
        self._healthhub = project / ".venv/bin/healthhub"
        self._project = project
        self._environment = environment() | {"HEALTHHUB_HOME": str(home)}
        self._log = home / "logs/postgres.log"
        self._command("start")
        self._url = self._command("url").strip()
        with psycopg.connect(self._url) as connection:
            row = connection.execute("show data_directory").fetchone()
            self.version = str(connection.info.parameter_status("server_version"))
        pid_file = Path(row[0] if row else "", "postmaster.pid")
        self._postmaster = psutil.Process(int(pid_file.read_text().split("\n")[0]))

    @property
    def port(self) -> int:
        """Where it listens."""
        port = urlsplit(self._url).port
        assert port  # noqa: S101 - `healthhub db url` names it
        return port

    def stop(self) -> None:
        """Stop it."""
        self._command("stop")

    def _command(self, verb: str) -> str:
        return subprocess.run(  # noqa: S603 - our own command
            [self._healthhub, "db", verb],
            cwd=self._project,
            env=self._environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout

    @contextmanager
    def fresh(self, name: str, like: str = "template1") -> Iterator[Database]:
        """Have a new database, and drop it in the end."""
        database = self.create(name, like)
        try:
            yield database
        finally:
            self.drop(name)

    def create(self, name: str, like: str = "template1") -> Database:
        """Make a database, as another one is."""
        self.drop(name)
        self._execute("create database {} template {}", name, like)
        return Database(urlsplit(self._url)._replace(path=f"/{quote(name)}").geturl())

    def drop(self, name: str) -> None:
        """Drop a database if it is there."""
        self._execute("drop database if exists {} with (force)", name)

    def _execute(self, statement: str, *names: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            identifiers = map(sql.Identifier, names)
            connection.execute(sql.SQL(statement).format(*identifiers))

    def cpu(self) -> float:
        """Seconds that all its processes have used, those that ended included."""
        spent = sum(self._postmaster.cpu_times()[:4])
        for process in self._postmaster.children():
            with suppress(psutil.NoSuchProcess):
                spent += sum(process.cpu_times()[:2])
        return spent

    def processes(self) -> list[psutil.Process]:
        """Those that run now."""
        return self._postmaster.children()

    def position(self) -> int:
        """Bytes of the write-ahead log since ever."""
        with psycopg.connect(self._url) as connection:
            row = connection.execute(
                "select pg_current_wal_lsn() - '0/0'::pg_lsn"
            ).fetchone()
        return int(row[0]) if row else 0

    def settle(self) -> None:
        """Let no run pay for what another one wrote."""
        self._execute("checkpoint")

    @contextmanager
    def logging(self, database: Database) -> Iterator[list[int]]:
        """Count the statements that clients send to a database; they are slower then.

        Yields:
            A list that has the number in the end.
        """
        name = conninfo.conninfo_to_dict(database.url)["dbname"]
        alter = "alter database {} set log_statement to "
        self._execute(f"{alter} 'all'", str(name))
        before = self._log.stat().st_size
        count: list[int] = []
        try:
            yield count
        finally:
            self._execute(f"{alter} default", str(name))
            with self._log.open("rb") as log:
                log.seek(before)
                count.append(
                    sum(
                        b"LOG:  statement: " in li or b"LOG:  execute " in li
                        for li in log
                    )
                )
