"""Looking for secrets and for health data everywhere that a run has been."""

from __future__ import annotations

import gzip
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx
import psutil
from psycopg import sql

from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import psycopg

    from oura_sandbox.child import Sandbox
    from survival import Home

_DATABASE = "database password"
# The secrets that each process of a run needs. All others need none.
_NEEDED = {
    "healthhub": {"client secret", "refresh token", "token key", "alert address"},
    "tap": {"client secret", "refresh token", "token key"},
    "target": {_DATABASE},
    "dbt": {_DATABASE},
}
_NEEDED["meltano"] = _NEEDED["healthhub"] | {_DATABASE}

# Where the data are, and what is made of them for the user's own eyes.
_OF_THE_USER = ("report.html", "postgres/", "backups/")
_SCHEMAS_OF_THE_USER = ("raw_oura", "healthhub")
# Where nothing of a run is: what is installed, and what is committed.
_INSTALLED = {".git", ".venv", "venv"}
# PostgreSQL quotes no more of a value.
_QUOTED = 40
_HEALTH_ROUTES = ("sleep", "daily_activity", "personal_info")

_TABLES = """
select table_schema, table_name
from information_schema.tables
where
    table_type = 'BASE TABLE'
    and table_schema not in ('pg_catalog', 'information_schema')
"""


@dataclass
class Known:
    """What is recognised wherever it is.

    Attributes:
        secrets: By what they are.
        values: What the sandbox says of a user's health.
    """

    secrets: dict[str, str] = field(default_factory=dict)
    values: frozenset[str] = frozenset()

    def within(self, content: bytes) -> set[str]:
        """What of it is in some bytes."""
        return self.secrets_within(content) | {
            value for value in self.values if value.encode() in content
        }

    def secrets_within(self, content: bytes) -> set[str]:
        """The names of the secrets in some bytes."""
        return {n for n, secret in self.secrets.items() if secret.encode() in content}


def health_values(sandbox: Sandbox) -> frozenset[str]:
    """Texts that nothing but one user's data has in it."""
    texts: set[str] = set()
    for route in _HEALTH_ROUTES:
        answer = httpx.get(
            f"{sandbox.url}/v2/usercollection/{route}",
            params={"start_date": "2000-01-01", "end_date": "2100-01-01"},
            headers={"Authorization": f"Bearer {sandbox.token}"},
            timeout=PATIENCE,
        )
        content = answer.json()
        for document in content.get("data", [content]):
            for key, value in document.items():
                if key == "email" or (isinstance(value, str) and "_min" in key):
                    texts.add(value[:_QUOTED])
    return frozenset(text for text in texts if "@" in text or len(set(text)) > 2)


def found_in_files(
    folder: Path, known: Known, of_the_user: tuple[str, ...] = _OF_THE_USER
) -> Iterator[str]:
    """The files below a folder that show what they should not.

    Args:
        folder: Where to look.
        known: What to look for.
        of_the_user: Parts of the names of files in which health belongs.
    """
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        with suppress(FileNotFoundError):
            if path.is_symlink() or not path.is_file() or "/data/" in name:
                continue
            mine = any(own in name for own in of_the_user)
            found = _within(path, known, only_secrets=mine)
            for what in found | known.within(name.encode()):
                if not (what == _DATABASE and path.name == "password"):
                    yield f"{name}: {what}"


def found_in_project(project: Path, since: float, known: Known) -> Iterator[str]:
    """The files of the project that were written since then, likewise."""
    for folder, subfolders, names in os.walk(project):
        subfolders[:] = set(subfolders) - _INSTALLED
        for path in (Path(folder, name) for name in names):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime >= since:
                    for what in _within(path, known):
                        yield f"{path}: {what}"


def _within(path: Path, known: Known, *, only_secrets: bool = False) -> set[str]:
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    return known.secrets_within(content) if only_secrets else known.within(content)


def found_in_tables(
    connection: psycopg.Connection,
    known: Known,
    of_the_user: tuple[str, ...] = _SCHEMAS_OF_THE_USER,
) -> Iterator[str]:
    """The tables that show what they should not; health belongs in some schemas."""
    for schema, table in connection.execute(_TABLES).fetchall():
        whole = sql.SQL("select t::text from {} as t")
        rows = connection.execute(whole.format(sql.Identifier(schema, table)))
        content = "\n".join(row for (row,) in rows).encode()
        mine = bool(of_the_user) and schema.startswith(of_the_user)
        look = known.secrets_within if mine and table != "job_runs" else known.within
        for what in look(content):
            yield f"{schema}.{table}: {what}"


class Watch:
    """Looks at the processes of a run, ten times a second.

    Attributes:
        lives: From when to when each part was seen.
        leaks: Which process showed what.
    """

    def __init__(self, home: Home, parts: Mapping[str, str]) -> None:
        """Watch the runs of a home."""
        self.leaks: set[str] = set()
        self._home, self._parts = home, parts
        self._seen: dict[str, list[float]] = {}
        self._looked_at: set[tuple[str, str, int]] = set()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._end.set()
        self._thread.join()

    @property
    def lives(self) -> dict[str, float]:
        """How many seconds each part has lived."""
        return {part: last - first for part, (first, last) in self._seen.items()}

    def _watch(self) -> None:
        while not self._end.wait(0.1):
            self._home.learn()
            for process, command in self._home.processes().items():
                found = (
                    part for part, in_it in self._parts.items() if in_it in command
                )
                part = next(found, "")
                now = time.monotonic()
                self._seen.setdefault(part, [now, now])[1] = now
                with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    environment = str(process.environ())
                    # It may have become another program since its command was read.
                    if " ".join([*process.cmdline(), ""]) == command:
                        self._look(part, command, environment)

    def _look(self, part: str, command: str, environment: str) -> None:
        known = self._home.known
        look = (command, environment, len(known.secrets))
        if look in self._looked_at:
            return
        self._looked_at.add(look)
        shown = {f"argument: {what}" for what in known.within(command.encode())}
        if "/dbt-postgres/venv/" in command:  # what dbt starts, too
            part = "dbt"
        needless = known.within(environment.encode()) - _NEEDED.get(part, set())
        shown |= {f"environment: {what}" for what in needless}
        self.leaks |= {f"{part or command}: {each}" for each in shown}


class Listener:
    """Receives alerts.

    Attributes:
        told: The alerts, as they came.
    """

    def __init__(self) -> None:
        """Take a free port."""
        told: list[bytes] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:  # noqa: ANN401 (as its parent's)
                pass

        self.told = told
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"json://127.0.0.1:{self._server.server_port}/sesame-alerts"

    def __enter__(self) -> Self:
        """Listen."""
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
