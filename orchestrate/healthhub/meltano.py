"""Meltano as a subprocess: `meltano run tap-oura target-postgres dbt`."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from healthhub.environment import PROGRAMS, program
from healthhub.errors import HealthHubError
from healthhub.meltano_log import DBT, TAP, TARGET, LogRecord, parse

if TYPE_CHECKING:
    from collections.abc import Callable

PIPELINE = (TAP, TARGET, "dbt")

_PLUGINS = (f"extractors/{TAP}", f"loaders/{TARGET}", f"utilities/{DBT}")
_LOGGING = {
    "MELTANO_CLI_LOG_FORMAT": "json",
    "DBT_LOG_FORMAT": "json",
    "DBT_USE_COLORS": "false",
    "NO_COLOR": "1",
}
_PATIENCE = 10  # seconds


def check_plugins(project: Path) -> None:
    """Make sure that there is something to run.

    Raises:
        HealthHubError: A plugin is not installed.
    """
    system_folder = os.environ.get("MELTANO_SYS_DIR_ROOT", project / ".meltano")
    for plugin in _PLUGINS:
        if not (Path(system_folder) / plugin / "venv").is_dir():
            name = Path(plugin).name
            message = f"The Meltano plugin {name} is not installed. Run `make setup`."
            raise HealthHubError(message)


@dataclass(frozen=True)
class Pipeline:
    """One run of the pipeline.

    Attributes:
        project: The Meltano project.
        environment: Variables on top of this process's own.
        log: Where every line goes as it is.
        full_refresh: Whether to forget the bookmarks.
        descriptors: What Meltano inherits.
    """

    project: Path
    environment: dict[str, str]
    log: Path
    full_refresh: bool = False
    descriptors: tuple[int, ...] = ()

    def run(self, observe: Callable[[LogRecord], None]) -> int:
        """Run it to its end, or end it when this process is asked to stop.

        Args:
            observe: Called with each line of the log.

        Returns:
            Meltano's exit code.
        """
        options = ["--full-refresh"] if self.full_refresh else []
        path = os.pathsep.join((str(PROGRAMS), os.environ.get("PATH", os.defpath)))
        with subprocess.Popen(  # noqa: S603 (our own environment's program)
            [program("meltano"), "run", *options, *PIPELINE],
            cwd=self.project,
            env=os.environ | _LOGGING | self.environment | {"PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=self.descriptors,
            process_group=0,  # Ctrl-C reaches it through us, once
        ) as process:
            try:
                self.log.touch(mode=0o600)
                with self.log.open("a") as log:
                    for line in process.stdout or ():
                        log.write(line)
                        observe(parse(line))
                return process.wait()
            except BaseException:
                _end_group(process)
                raise


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
