"""Whole runs of `healthhub run`, what disturbs them, and what they leave."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import psutil
from psycopg import sql

from healthhub.embedded import EmbeddedPostgres
from healthhub.erasure import OUR_SCHEMAS
from survival_search import (
    Known,
    Watch,
    found_in_files,
    found_in_project,
    found_in_tables,
)
from tap_oura.oauth import Endpoints, Login, Tokens
from tap_oura.users import token_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from healthhub.database import Database
    from tap_oura.token_store import TokenStore

PROJECT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent

USER_ID = "5e5a3e00-0000-4000-8000-000000000013"

#: A value that some documents have in a fault, and no file may.
SPOILED = "sesame-62.0371"

#: How many rounds of everything; none stands for the short form.
ROUNDS = int(os.environ.get("SURVIVE", "0"))

#: The processes of a run, by what their command line has in it. The sandbox is one only
#: where nobody has logged in.
PARTS = {
    "healthhub": "bin/healthhub run",
    "meltano": "bin/meltano run",
    "tap": "bin/tap-oura",
    "target": "bin/target-postgres",
    "dbt": "transform/scripts/build_if_new.py",
    "sandbox": "-m oura_sandbox",
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
Process = subprocess.Popen[str]
Blow = Callable[[Process, psutil.Process], object]


@dataclass(frozen=True)
class Ended:
    """A run that has ended.

    Attributes:
        exit_code: Its exit code.
        said: What it said on the screen.
        lives: How many seconds each of its processes has lived.
    """

    exit_code: int
    said: str
    lives: dict[str, float] = field(default_factory=dict)


@dataclass
class Home:
    """A database of its own, and runs that load into it.

    Attributes:
        folder: Where all of it is.
        known: What no file, log, table or process may show.
        began: When it was made, in seconds since 1970.
        environment: The settings of its runs.
        lives: How many seconds each process of an undisturbed run lives.
        days: How many days it reads.
        at_the_end: What is to be done when it is no longer needed.
    """

    folder: Path
    known: Known
    began: float = field(default_factory=time.time)
    environment: dict[str, str] = field(default_factory=dict)
    lives: dict[str, float] = field(default_factory=dict)
    days: int = 6
    at_the_end: ExitStack = field(default_factory=ExitStack)

    # Runs

    def run(
        self, disturb: Callable[[Process], object] | None = None, **environment: str
    ) -> Ended:
        """A whole run, and what disturbs it meanwhile."""
        with (
            tempfile.TemporaryFile("w+") as screen,
            self._start(screen, environment) as process,
            Watch(self, PARTS) as watch,
        ):
            if disturb:
                disturb(process)
            process.wait()
            screen.seek(0)
            said = screen.read()
        assert not watch.leaks, watch.leaks
        assert not self.known.within(said.encode()), said
        assert "Traceback" not in said, said
        return Ended(process.returncode, said, watch.lives)

    def _start(self, screen: IO[str], environment: dict[str, str]) -> Process:
        return subprocess.Popen(
            [PROGRAMS / "healthhub", "run"],
            cwd=PROJECT,
            env=self._variables() | environment,
            stdin=subprocess.DEVNULL,
            stdout=screen,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def at_a_moment(
        self, process: Process, part: str, share: float
    ) -> psutil.Process | None:
        """Wait for a part of a run, and for a share of the time that it usually lives.

        Returns:
            The part, if it still lives.
        """
        while process.poll() is None:
            if found := self.alive(part):
                time.sleep(share * self.lives.get(part, self.lives["meltano"]))
                return found[0] if found[0].is_running() else None
            time.sleep(0.02)
        return None

    def strike(self, part: str, share: float, blow: Blow, **environment: str) -> Ended:
        """A run that meets something at a moment of the life of one of its parts.

        Where that has ended by then, because it was faster than usual, another run
        begins from nothing, and meets it earlier.

        Args:
            part: The part of a run.
            share: Of the time that it usually lives.
            blow: What is done then, to a run and that part of it.
            environment: Settings of the run.
        """
        met: list[str] = []

        def disturb(process: Process) -> None:
            if victim := self.at_a_moment(process, part, share):
                with suppress(psutil.NoSuchProcess):
                    blow(process, victim)
                    met.append(part)

        while True:
            ended = self.run(disturb, **environment)
            if met:
                return ended
            assert ended.exit_code == 0, ended.said
            self.forget()
            share *= 0.6

    def command(self, program: str, *arguments: str) -> str:
        """What another command says, which has to succeed."""
        done = subprocess.run(
            [PROGRAMS / program, *arguments],
            cwd=PROJECT,
            env=self._variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        assert not self.known.within(done.stdout.encode()), done.stdout
        return done.stdout

    def _variables(self) -> dict[str, str]:
        """What to read, and where to leave what a run leaves."""
        first = datetime.now(UTC).date() - timedelta(days=self.days)
        system = self.folder / "meltano"
        if not system.exists():
            system.mkdir(parents=True)
            for kind in ("extractors", "loaders", "utilities"):
                (system / kind).symlink_to(PROJECT / ".meltano" / kind)
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        return {
            **os.environ,
            # Whatever programs leave at home or in a usual place is looked at, too.
            "HOME": str(self.folder),
            "HEALTHHUB_HOME": str(self.folder / "home"),
            "MELTANO_SYS_DIR_ROOT": str(system),
            "DBT_TARGET_PATH": str(self.folder / "target"),
            "DBT_LOG_PATH": str(self.folder / "logs"),
            "TAP_OURA_RESCUE_FOLDER": str(self.folder / "rescued"),
            "TMPDIR": str(temporary),
            "TAP_OURA_START_DATE": str(first),
            "TAP_OURA_TOKEN_STORE": str(self._store),
            "NO_COLOR": "1",
            **self.environment,
        }

    @property
    def _store(self) -> Path:
        return self.folder / "logins.json"

    def learn(self) -> None:
        """Know the secrets that runs have made."""
        password = self.folder / "home" / "postgres" / "password"
        if password.exists():
            self.known.secrets["database password"] = password.read_text()
        if login := self._logins().read(USER_ID):
            self._learn("access token", login.tokens.access_token)
            self._learn("next refresh token", login.tokens.refresh_token or "")

    def store_login(self, url: str, tokens: dict[str, str], ends_in: float) -> None:
        """Log the user in at another Oura, with a token that seems to end then."""
        self._learn("access token", tokens["access_token"])
        self._learn("next refresh token", tokens["refresh_token"])
        login = Login(
            Tokens(
                access_token=tokens["access_token"],
                refresh_token=tokens["refresh_token"],
                expires_at=time.time() + ends_in,
                scopes=None,
                endpoint=Endpoints.at(url).tokens[0],
            )
        )
        logins = self._logins()
        with logins.lock(USER_ID):
            logins.write(USER_ID, login)

    def _logins(self) -> TokenStore:
        return token_store(
            {
                "token_store": str(self._store),
                "token_key": self.known.secrets["token key"],
                "rescue_folder": str(self.folder / "none"),  # nothing is brought home
            }
        )

    def _learn(self, name: str, secret: str) -> None:
        """Know one more, beside those before it."""
        secrets = self.known.secrets
        if secret and secret not in secrets.values():
            secrets[f"{name} {len(secrets)}"] = secret

    # Processes

    def alive(self, part: str) -> list[psutil.Process]:
        """Those of a part of this home's runs: others may run beside."""
        return [p for p, command in self.processes().items() if PARTS[part] in command]

    def processes(self) -> dict[psutil.Process, str]:
        """Everything alive that this home's runs have started, and its command."""
        found = {}
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                # A machine has hundreds of others, and this is asked all the time.
                if process.create_time() < self.began - 1:
                    continue
                command = " ".join([*process.cmdline(), ""])
                home = process.environ().get("HEALTHHUB_HOME", "")
                if str(self.folder) in home + command:
                    found[process] = command
        return found

    def stop(self) -> None:
        """End whatever a killed run has left, and the database."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        EmbeddedPostgres(self.folder / "home").stop()
        self.at_the_end.close()

    # What is stored

    def tables(self) -> Tables:
        """The content of every table, without when it came."""
        with self.database() as database, database.connect() as connection:
            columns = connection.execute(_COLUMNS, (list(_OWN), list(_TIMES)))
            return {
                f"{schema}.{table}": _rows(connection, schema, table, names)
                for schema, table, names in columns.fetchall()
            }

    def ledger(self) -> list[tuple[Any, ...]]:
        """How each run ended, by what it has on record."""
        query = "select status, error_summary from healthhub.job_runs order by run_id"
        with self.database() as database, database.connect() as connection:
            return connection.execute(query).fetchall()

    def leaks(self) -> set[str]:
        """Where a secret is that does not belong there, or the user's health."""
        self.learn()
        with self.database() as database, database.connect() as connection:
            return {
                *found_in_files(self.folder, self.known),
                *found_in_project(PROJECT, self.began, self.known),
                *found_in_tables(connection, self.known),
            }

    def back_up(self) -> None:
        """Write a backup, which may hold health, but no secret."""
        self.command("healthhub", "backup")

    def erase(self) -> set[str]:
        """Erase the user; what of it is still anywhere.

        Its backups are its own, as it was told.
        """
        said = self.command("healthhub", "users", "remove", USER_ID, "--erase", "--yes")
        assert "no row names" in said
        shutil.rmtree(self.folder / "home" / "backups", ignore_errors=True)
        of_the_user = Known({"user id": USER_ID}, self.known.values)
        of_the_user.secrets.update(
            (name, secret)
            for name, secret in self.known.secrets.items()
            if "token" in name and name != "token key"
        )
        with self.database() as database, database.connect() as connection:
            return {
                *found_in_files(self.folder, of_the_user, ()),
                *found_in_tables(connection, of_the_user, ()),
            }

    def forget(self) -> None:
        """Be empty again, but for the login."""
        schemas = f"select nspname from pg_namespace where {OUR_SCHEMAS}"
        drop = sql.SQL("drop schema {} cascade")
        with self.database() as database, database.connect() as connection:
            for (schema,) in connection.execute(schemas.encode()).fetchall():
                connection.execute(drop.format(sql.Identifier(schema)))

    @contextmanager
    def database(self) -> Iterator[Database]:
        """The database, up."""
        with EmbeddedPostgres(self.folder / "home").using() as lease:
            yield lease.database


def _rows(
    connection: psycopg.Connection, schema: str, table: str, columns: list[str]
) -> Counter[str]:
    query = sql.SQL("select row({})::text from {}").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(schema, table)
    )
    return Counter(row for (row,) in connection.execute(query))
