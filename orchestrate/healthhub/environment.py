"""The Python environment that the command itself is installed in."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from healthhub.errors import HealthHubError

PROGRAMS = Path(sys.executable).parent


def program(name: str) -> str:
    """The program of that name beside this Python, activated or not.

    Raises:
        HealthHubError: It is not installed.
    """
    path = PROGRAMS / name
    if not path.is_file():
        message = f"`{name}` is not installed in {PROGRAMS.parent}. Run `make setup`."
        raise HealthHubError(message)
    return str(path)


def as_typed(name: str) -> str:
    """What a person types for a program: its path, unless the shell finds it."""
    path = PROGRAMS / name
    return name if shutil.which(name) == str(path) else os.path.relpath(path)
