"""Meltano as a subprocess: `meltano run tap-oura target-postgres dbt`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from healthhub.errors import HealthHubError
from healthhub.masking import Mask, without_secrets
from healthhub.meltano_files import is_held
from healthhub.meltano_log import DBT, TAP, TARGET, LogRecord, as_json, parse
from healthhub.project import PROGRAMS, plugin_folder, program
from healthhub.settings import variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from healthhub.database import Database
    from healthhub.screen import Screen

PIPELINE = (TAP, TARGET, "dbt")
TRANSFORMATION = ("dbt",)

_PLUGINS = (f"extractors/{TAP}", f"loaders/{TARGET}", f"utilities/{DBT}")
_LOGGING = {
    "MELTANO_CLI_LOG_FORMAT": "json",
    "DBT_LOG_FORMAT": "json",
    "DBT_USE_COLORS": "false",
    "NO_COLOR": "1",
}
_PATIENCE = 10  # seconds
# In a command to be typed, the id stays.
_USER_ID = re.compile(r"(?<!login )[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# Names that the settings of the plugins begin with; meltano.yml takes from each plugin
# what is the others'.
_OF_THE_PIPELINE = ("TAP_OURA_", "TARGET_POSTGRES_", "MELTANO_", "DBT_", "PG")

# A live run gives a sign of life each second. Without one for so long, it is dead.
_SILENCE = 10  # seconds
_LONGEST_WAIT = 900  # seconds

# To look for what can be thrown away takes it a fifth of its time.
_DBT_WITHOUT_GC = """
import atexit, gc
gc.disable()
atexit.register(gc.freeze)
from dbt.cli.main import cli
cli()
"""

_LAST_HEARTBEAT = """
select max(last_heartbeat_at)::text
from meltano.runs
where state = 'RUNNING' and job_name like '%:tap-oura-to-target-postgres'
"""


def check_plugins(project: Path) -> None:
    """Make sure that the plugins are installed."""
    for plugin in _PLUGINS:
        if not (plugin_folder(project, plugin) / "venv").is_dir():
            name = Path(plugin).name
            raise HealthHubError(
                f"The Meltano plugin {name} is not installed. Run `make setup`."
            )


def outlast_other_runs(project: Path, database: Database, screen: Screen) -> bool:
    """Wait for a run of Meltano that this command did not start.

    Somebody started it by hand, or a command that was killed has left it. Whether it
    is alive is seen by its hold on the folder, or from elsewhere by its signs of life:
    no clock is compared with another.

    Returns:
        Whether it is dead, but Meltano would take it for alive for minutes.
    """
    began = since = time.monotonic()
    seen = None
    folder = plugin_folder(project, "run")
    while (is_here := is_held(folder)) | bool(last := _last_heartbeat(database)):
        now = time.monotonic()
        if is_here or last != seen:
            seen, since = last, now
        elif now > since + _SILENCE:
            screen.say("A run before this one was killed: this one takes over.")
            return True
        if now > began + _LONGEST_WAIT:
            raise HealthHubError(
                "Another `meltano run` is under way. Wait for it to end, or end it."
            )
        screen.doing("Waiting for a run before this one, which may still be under way")
        time.sleep(1)
    return False


def _last_heartbeat(database: Database) -> str | None:
    """When Meltano's runs gave their last sign of life, if one is under way.

    The table is Meltano's own. Should it change, Meltano itself says what it minds.
    """
    with suppress(psycopg.Error), database.connect() as connection:
        row = connection.execute(_LAST_HEARTBEAT).fetchone()
        return str(row[0]) if row and row[0] else None
    return None


@dataclass(frozen=True)
class Pipeline:
    """One run of the pipeline.

    Attributes:
        environment: Variables on top of this process's own.
        log: Where every line goes, masked.
        full_refresh: Whether to forget the bookmarks.
        is_first: Whether nothing is known of the tables: dbt will build them all.
        force: Whether to go on where a killed run has left its mark.
        descriptors: What Meltano inherits.
        names: How users are called, by their ids, which are all that plugins know.
    """

    project: Path
    environment: dict[str, str]
    log: Path
    full_refresh: bool = False
    is_first: bool = False
    force: bool = False
    descriptors: tuple[int, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)

    def named(self, text: str) -> str:
        """A sentence of a plugin, with the users' names."""
        return _USER_ID.sub(lambda found: self.names.get(found[0], found[0]), text)

    def run(
        self,
        observe: Callable[[LogRecord], None],
        tasks: Sequence[str] = PIPELINE,
    ) -> int:
        """Run it to its end, or end it when this process is asked to stop.

        Each line of the log is observed. Returns Meltano's exit code.
        """
        options = ["--full-refresh"] if self.full_refresh else []
        options += ["--force"] if self.force else []
        path = os.pathsep.join((str(PROGRAMS), os.environ.get("PATH", os.defpath)))
        known = variables(self.project)
        needed = without_secrets(known, *_OF_THE_PIPELINE)
        # Meltano reads .env, too. What is empty here, it does not pass on.
        environment = (
            os.environ
            | dict.fromkeys(set(known) - set(needed), "")
            | _LOGGING
            | self.environment
            | {"PATH": path}
        )
        mask = Mask(known | self.environment)
        is_to_parse = self.is_first and TAP in tasks
        with (
            _parsing(self.project, environment) if is_to_parse else nullcontext(),
            subprocess.Popen(  # noqa: S603 (our own environment's program)
                [program("meltano"), "run", *options, *tasks],
                cwd=self.project,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                pass_fds=self.descriptors,
                process_group=0,  # Ctrl-C reaches it through us, once
            ) as process,
        ):
            try:
                self.log.touch(mode=0o600)
                with self.log.open("a") as log:
                    for line in process.stdout or ():
                        masked = as_json(line, mask)
                        log.write(f"{masked}\n")
                        observe(parse(masked))
                return process.wait()
            except BaseException:
                _end_group(process)
                raise


@contextmanager
def _parsing(project: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Have dbt read its project meanwhile, if it has not before.

    Nobody waits for it: what it has not written in time, or whole, dbt reads again.
    """
    folder = project / "transform"
    python = plugin_folder(project, f"utilities/{DBT}") / "venv/bin/python"
    if (folder / "target/partial_parse.msgpack").exists() or not python.exists():
        yield
        return
    with subprocess.Popen(  # noqa: S603 (our own environment's program)
        [python, "-c", _DBT_WITHOUT_GC, "parse", "--quiet", "--no-write-json"],
        cwd=folder,
        env=without_secrets(environment, "PG"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield
        finally:
            process.kill()


def _end_group(process: subprocess.Popen[str]) -> None:
    """End Meltano and its plugins; Meltano then marks its job as ended."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(_PATIENCE)
        os.killpg(process.pid, signal.SIGKILL)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
