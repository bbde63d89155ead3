"""Meltano's files of a run: configurations with every secret, bookmarks, its own log.

They are in `.meltano/run`, where Meltano deletes only some, and none once it is killed.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import psutil

from healthhub.catalogue import KEPT
from healthhub.project import plugin_folder

if TYPE_CHECKING:
    from pathlib import Path


def forget_ended_runs(project: Path) -> None:
    """Close the folder to others, and delete what no program uses any more."""
    folder = plugin_folder(project, "run")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    shutil.rmtree(folder / "meltano", ignore_errors=True)  # the logs of runs by hand
    in_use = _arguments()
    for file in folder.glob("*/*"):
        # A program that is starting has its configuration on its command line.
        is_used = any(path.startswith(str(file.parent)) for path in in_use)
        if file.is_file() and file.name not in KEPT and not is_used:
            file.unlink(missing_ok=True)


def _arguments() -> list[str]:
    """Everything on the command lines of this machine's programs."""
    return [
        argument
        for process in psutil.process_iter(["cmdline"])
        for argument in process.info["cmdline"] or ()
    ]
