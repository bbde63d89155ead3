from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from oura_sandbox.child import Sandbox, running
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

TODAY = "2026-11-24"


@pytest.fixture(scope="session")
def _sandbox() -> Iterator[Sandbox]:
    with running(today=TODAY, years=1) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_sandbox: Sandbox) -> Sandbox:
    """Share one sandbox, as fresh as after its start."""
    httpx.post(f"{_sandbox.url}/_sandbox/reset").raise_for_status()
    return _sandbox


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """Ask the sandbox as its first user."""
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    url = f"{sandbox.url}/v2/usercollection/"
    with httpx.Client(base_url=url, headers=headers, timeout=PATIENCE) as client:
        yield client


@pytest.fixture
def control(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """Steer the sandbox."""
    with httpx.Client(base_url=f"{sandbox.url}/_sandbox/") as client:
        yield client
