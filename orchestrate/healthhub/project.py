"""The Meltano project, its plugins, and the programs beside this Python."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from healthhub.errors import HealthHubError

MELTANO_FILE = "meltano.yml"
PROGRAMS = Path(sys.executable).parent


def project_folder() -> Path:
    """Find the Meltano project as Meltano does: named by variable, else upwards."""
    if named := os.environ.get("MELTANO_PROJECT_ROOT"):
        return Path(named).resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / MELTANO_FILE).is_file():
            return folder
    raise HealthHubError(
        f"There is no {MELTANO_FILE} in {here} or above it. "
        "Run this inside the project's folder."
    )


def plugin_folder(project: Path, plugin: str) -> Path:
    """Where Meltano has a plugin, named like `extractors/tap-oura`."""
    system_folder = os.environ.get("MELTANO_SYS_DIR_ROOT", project / ".meltano")
    return Path(system_folder) / plugin


def program(name: str) -> str:
    """The program of that name beside this Python, activated or not."""
    path = PROGRAMS / name
    if not path.is_file():
        raise HealthHubError(
            f"`{name}` is not installed in {PROGRAMS.parent}. Run `make setup`."
        )
    return str(path)


def as_typed(name: str) -> str:
    """What is typed to call a program: its path, unless the shell finds it."""
    path = PROGRAMS / name
    return name if shutil.which(name) == str(path) else os.path.relpath(path)
