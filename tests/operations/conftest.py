from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from healthhub.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[2]
_OWN = {name.upper() for name in Settings.model_fields} | {"VIRTUAL_ENV"}
_OWN_PREFIXES = ("TAP_OURA_", "MELTANO_", "DBT_", "PG", "GITHUB_", "OURA_")


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's own user can reach, too."""
    folder = Path(tempfile.mkdtemp(prefix="healthhub-operations-")).resolve()
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def bare_machine(open_folder: Path) -> Iterator[dict[str, str]]:
    """This machine's environment without any setting, and an empty home."""
    home = open_folder / "home"
    home.mkdir()
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in _OWN and not name.startswith(_OWN_PREFIXES)
    } | {"HOME": str(home), "RUNNER_TEMP": str(open_folder)}
    yield environment
    if (home / ".gnupg").exists():  # then gpg has left its agent
        subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=False)
