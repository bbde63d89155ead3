from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from cryptography.fernet import Fernet

from oura_sandbox.server import running
from survival import ROUNDS, SPOILED, USER_ID, Home
from survival_page import Record, write_page
from survival_search import Known, Listener, health_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from oura_sandbox.server import Sandbox
    from survival import Tables

CLIENT_SECRET = "sesame-client-secret"


@contextmanager
def a_home(sandbox: Sandbox, values: frozenset[str], alerts: str) -> Iterator[Home]:
    """A user has just logged in there."""
    tokens = httpx.post(f"{sandbox.url}/_sandbox/tokens", json={}).json()
    secrets = {
        "client secret": CLIENT_SECRET,
        "refresh token": tokens["refresh_token"],
        "token key": Fernet.generate_key().decode(),
        "alert address": alerts,
    }
    # PostgreSQL's own user has to reach it.
    folder = Path(tempfile.mkdtemp(prefix="healthhub-survival-"))
    folder.chmod(0o755)
    home = Home(folder, Known(secrets, values))
    home.environment = {
        "TAP_OURA_API_URL": sandbox.url,
        "TAP_OURA_AUTH_URL": sandbox.url,
        "TAP_OURA_USER_ID": USER_ID,
        "TAP_OURA_CLIENT_ID": "sandbox-client",
        "TAP_OURA_CLIENT_SECRET": CLIENT_SECRET,
        "TAP_OURA_REFRESH_TOKEN": secrets["refresh token"],
        "TAP_OURA_TOKEN_KEY": secrets["token key"],
        "ALERT_URLS": alerts,
    }
    try:
        yield home
    finally:
        home.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with running(years=1, client_secret=CLIENT_SECRET) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def values(sandbox: Sandbox) -> frozenset[str]:
    found = health_values(sandbox)
    assert len(found) > 10
    return found | {SPOILED}


@pytest.fixture
def alerts() -> Iterator[Listener]:
    with Listener() as listener:
        yield listener


@pytest.fixture(scope="session")
def an_undisturbed_run(
    sandbox: Sandbox, values: frozenset[str]
) -> Iterator[tuple[dict[str, float], Tables]]:
    """How long its processes live, and its tables."""
    with Listener() as alerts, a_home(sandbox, values, alerts.address) as home:
        ended = home.run()
        assert ended.exit_code == 0, ended.said
        assert home.leaks() == set()
        tables = home.tables()
        assert sum(count.total() for count in tables.values()) > 100
        yield ended.lives, tables


@pytest.fixture
def undisturbed(an_undisturbed_run: tuple[dict[str, float], Tables]) -> Tables:
    return an_undisturbed_run[1]


@pytest.fixture
def home(
    sandbox: Sandbox,
    values: frozenset[str],
    alerts: Listener,
    an_undisturbed_run: tuple[dict[str, float], Tables],
) -> Iterator[Home]:
    with a_home(sandbox, values, alerts.address) as home:
        home.lives = an_undisturbed_run[0]
        yield home


@pytest.fixture(scope="session")
def record() -> Callable[[Record], None]:
    """Collects what was injected; the long form writes it down."""
    records: list[Record] = []

    def add(record: Record) -> None:
        records.append(record)
        if ROUNDS:
            write_page(records)

    return add
