"""Whole runs of `healthhub run`, and how to kill any process of one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from psycopg import sql

from healthhub.embedded import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

PROJECT = Path(__file__).parents[2]
HEALTHHUB = Path(sys.executable).with_name("healthhub")

#: How many rounds of everything; none stands for the short form.
ROUNDS = int(os.environ.get("SURVIVE", "0"))

#: The processes of a run, by what their command line has in it.
PARTS = {
    "healthhub": "bin/healthhub run",
    "meltano": "bin/meltano run",
    "tap": "bin/tap-oura",
    "target": "bin/target-postgres",
    "dbt": "bin/dbt ",
    "sandbox": "bin/oura-sandbox",
    "postgres": "bin/postgres ",
}

# When something was stored or asked, which no two runs have in common.
_TIMES = ("created_at", "updated_at", "first_seen_at", "last_seen_at")
# What is about runs, and what two runs ask for, which is compared as `requested_days`.
_OWN = ("job_runs", "alembic_version", "sync_windows")

_COLUMNS = """
select table_schema, table_name, array_agg(column_name::text order by ordinal_position)
from information_schema.columns
join information_schema.tables using (table_schema, table_name)
where
    table_schema in ('raw_oura', 'healthhub')
    and table_type = 'BASE TABLE'
    and table_name <> all(%s)
    and column_name not like '\\_sdc\\_%%'
    and column_name <> all(%s)
group by table_schema, table_name
"""

Tables = dict[str, Counter[str]]


@dataclass
class Home:
    """A database of its own, and runs that load into it."""

    folder: Path
    days: int = 6
    environment: dict[str, str] = field(default_factory=dict)

    def start(self) -> subprocess.Popen[str]:
        """Begin a run."""
        first = datetime.now(UTC).date() - timedelta(days=self.days)
        own = {
            "HEALTHHUB_HOME": str(self.folder / "home"),
            "MELTANO_SYS_DIR_ROOT": str(self._system_folder()),
            "DBT_TARGET_PATH": str(self.folder / "target"),
            "DBT_LOG_PATH": str(self.folder / "logs"),
            "TAP_OURA_START_DATE": str(first),
            "NO_COLOR": "1",
        }
        return subprocess.Popen(
            [HEALTHHUB, "run"],
            cwd=PROJECT,
            env={**os.environ, **own, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self) -> tuple[int, str]:
        """A whole run: its exit code and what it said."""
        process = self.start()
        said = process.communicate()[0]
        return process.returncode, said

    def run_and_kill(
        self, part: str, share: float, lives: dict[str, float]
    ) -> tuple[bool, int, str]:
        """Kill one process of a run, after a share of the time that it usually lives.

        Returns:
            Whether it still lived, how the run ended, and what it said.
        """
        process = self.start()
        victim = self._find(process, part)
        if victim is not None:
            time.sleep(share * lives[part])
            try:
                victim.kill()
            except psutil.NoSuchProcess:
                victim = None
        said = process.communicate()[0]
        return victim is not None, process.returncode, said

    def lives(self) -> dict[str, float]:
        """How long each process of a run lives that nobody disturbs."""
        process, seen = self.start(), dict[str, list[float]]()
        while process.poll() is None:
            now, commands = time.monotonic(), self.processes().values()
            for part, name in PARTS.items():
                if any(name in command for command in commands):
                    seen.setdefault(part, [now, now])[1] = now
            time.sleep(0.1)
        said = process.communicate()[0]
        assert process.returncode == 0, said
        return {part: last - first for part, (first, last) in seen.items()}

    def _find(self, process: subprocess.Popen[str], part: str) -> psutil.Process | None:
        while process.poll() is None:
            if found := self._processes(part):
                return found[0]
            time.sleep(0.02)
        return None

    def _processes(self, part: str) -> list[psutil.Process]:
        """Those of a part of this home's runs: others may run beside."""
        return [p for p, command in self.processes().items() if PARTS[part] in command]

    def processes(self) -> dict[psutil.Process, str]:
        """Everything alive that this home's runs have started, and its command."""
        found = {}
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                command = " ".join([*process.cmdline(), ""])
                home = process.environ().get("HEALTHHUB_HOME", "")
                if str(self.folder) in home + command:
                    found[process] = command
        return found

    def tables(self) -> Tables:
        """The content of every table, without when it came."""
        with self._connection() as connection:
            columns = connection.execute(_COLUMNS, (list(_OWN), list(_TIMES)))
            return {
                f"{schema}.{table}": _rows(connection, schema, table, names)
                for schema, table, names in columns.fetchall()
            }

    def ledger(self) -> list[tuple[Any, ...]]:
        """How each run ended, by what it has on record."""
        query = "select status, error_summary from healthhub.job_runs order by run_id"
        with self._connection() as connection:
            return connection.execute(query).fetchall()

    def stop(self) -> None:
        """End whatever a killed run has left, and the database."""
        for process in self.processes():
            process.send_signal(signal.SIGKILL)
        EmbeddedPostgres(self.folder / "home").stop()

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection]:
        with (
            EmbeddedPostgres(self.folder / "home").using() as lease,
            lease.database.connect() as connection,
        ):
            yield connection

    def _system_folder(self) -> Path:
        folder = self.folder / "meltano"
        if not folder.exists():
            folder.mkdir(parents=True)
            for kind in ("extractors", "loaders", "utilities"):
                (folder / kind).symlink_to(PROJECT / ".meltano" / kind)
        return folder


def _rows(
    connection: psycopg.Connection, schema: str, table: str, columns: list[str]
) -> Counter[str]:
    query = sql.SQL("select row({})::text from {}").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(schema, table)
    )
    return Counter(row for (row,) in connection.execute(query))


@dataclass(frozen=True)
class Record:
    """One fault that was injected, for docs/reliability.md.

    Attributes:
        fault: What was done.
        seed: Repeats it.
        exit_code: How the run ended that met it.
        said: Its last sentence.
    """

    fault: str
    seed: str
    exit_code: int
    said: str

    @classmethod
    def page(cls, records: list[Record]) -> str:
        """The page, one line a kind of fault."""
        kinds: dict[str, list[Record]] = {}
        for record in records:
            kinds.setdefault(record.fault, []).append(record)
        rows = "\n".join(
            f"| {fault} | {len(met)} | nothing | "
            f"{', '.join(sorted({r.seed for r in met}))} | "
            f"{'<br>'.join(sorted({f'{r.exit_code}: {r.said}' for r in met}))} |"
            for fault, met in kinds.items()
        )
        return _PAGE.format(total=len(records), rows=rows)


_PAGE = """\
# Reliability

Written by `make survive` (tests/survival); do not edit.

Each fault meets `healthhub run` on an empty database, with real processes, signals
and connections. Then it ends, and one more run has to succeed, unless the first has.
After that, every table of `raw_oura` and `healthhub` has to hold what an undisturbed
run has stored, row by row (but for the times of storing; `sync_windows`, which is what
each run has asked, as `requested_days`), the ledger has to say how each run ended, and
no process may be left. A fault after which anything differs fails its test, and is not
on this page.

{total} faults were injected. `SURVIVE=1 .venv/bin/pytest tests/survival -k SEED`
repeats one: the seed of a kill decides after which share of its usual life a process
ends.

| fault | times | lost | seeds | exit code and last sentence of that run |
|---|---|---|---|---|
{rows}
"""


def last_sentence(said: str) -> str:
    """What a run ended with, without where it ran."""
    lines = [line for line in said.splitlines() if line.startswith("healthhub: ")]
    text = lines[-1].removeprefix("healthhub: ") if lines else "-"
    text = re.sub(r" The log of this run is .*", "", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "…", text)
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1", text).replace("|", "\\|")
