"""Where the project is."""

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
