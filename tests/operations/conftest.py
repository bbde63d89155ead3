from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from healthhub.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

_OWN = {name.upper() for name in Settings.model_fields} | {"VIRTUAL_ENV"}
_OWN_PREFIXES = ("TAP_OURA_", "MELTANO_", "DBT_", "PG", "GITHUB_", "OURA_")


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """A folder that the embedded PostgreSQL's user can reach, too."""
    folder = Path(tempfile.mkdtemp(prefix="healthhub-operations-")).resolve()
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def bare_environment() -> dict[str, str]:
    """This machine's, without any setting of the project."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in _OWN and not name.startswith(_OWN_PREFIXES)
    }
