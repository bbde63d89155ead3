"""All that is released together has one version: the newest of the changelog."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
PACKAGES = ("tap-oura", "target-postgres", "sandbox", "orchestrate", "analyze")


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_the_changelogs_version(package: str) -> None:
    changelog = (PROJECT / "CHANGELOG.md").read_text("utf-8")
    newest = re.search(r"^## (\S+)", changelog, re.MULTILINE)
    assert newest
    description = tomllib.loads((PROJECT / package / "pyproject.toml").read_text())
    assert description["project"]["version"] == newest[1]
