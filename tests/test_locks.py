"""Each package that is installed is the one that was looked at when it was pinned."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
LOCKS = (
    "requirements.txt",
    "requirements-dev.txt",
    "requirements-exports.txt",
    "plugins/constraints.txt",
    "bench/requirements.txt",
)


@pytest.mark.parametrize("name", LOCKS)
def test_each_package_is_pinned_with_its_hashes(name: str) -> None:
    entries = re.split(r"\n(?=\S)", (PROJECT / name).read_text().strip())
    packages = [entry for entry in entries if not entry.startswith("-e ./")]
    assert packages
    for package in packages:
        assert re.match(r"[\w.\[\]-]+==[\w.]+ ", package), package
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", package), package


def test_every_lock_is_asked_about_every_day() -> None:
    asked = (PROJECT / ".github" / "workflows" / "audit.yml").read_text()
    # What is for everybody is in the list for developers, too.
    assert [name for name in LOCKS[1:] if name not in asked] == []


def test_every_plugin_is_installed_by_the_lock() -> None:
    """uv holds packages against the hashes in constraints, too."""
    urls = re.findall(r"pip_url: (.*)", (PROJECT / "meltano.yml").read_text())
    assert len(urls) == 3
    assert all("-c plugins/constraints.txt" in url for url in urls)
