from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oura_sandbox.child import running
from own_postgres import own_postgres
from tap_over_http import Tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from healthhub.database import Database


@pytest.fixture(scope="module")
def sandbox_url() -> Iterator[str]:
    with running(years=1, users=3) as sandbox:
        yield sandbox.url


@pytest.fixture(scope="session")
def database() -> Iterator[Database]:
    with own_postgres("tap") as database:
        yield database


@pytest.fixture
def tap(sandbox_url: str, tmp_path: Path) -> Iterator[Tap]:
    """The tap, and a sandbox as after its start."""
    tap = Tap(sandbox_url, tmp_path)
    yield tap
    tap.control("POST", "reset")
