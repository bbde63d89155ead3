"""The Meltano project: where it is, and where it has its plugins."""

from __future__ import annotations

import os
from pathlib import Path

from healthhub.errors import HealthHubError

MELTANO_FILE = "meltano.yml"


def project_folder() -> Path:
    """Find the Meltano project as Meltano does: named by variable, else upwards.

    Raises:
        HealthHubError: There is no project here.
    """
    if named := os.environ.get("MELTANO_PROJECT_ROOT"):
        return Path(named).resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / MELTANO_FILE).is_file():
            return folder
    message = (
        f"There is no {MELTANO_FILE} in {here} or above it. "
        "Run this inside the project's folder."
    )
    raise HealthHubError(message)


def plugin_folder(project: Path, plugin: str) -> Path:
    """Where Meltano has a plugin, named like `extractors/tap-oura`."""
    system_folder = os.environ.get("MELTANO_SYS_DIR_ROOT", project / ".meltano")
    return Path(system_folder) / plugin
