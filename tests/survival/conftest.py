from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING

import httpx
import pytest
from cryptography.fernet import Fernet

from oura_sandbox.child import running
from survival import ROUNDS, SPOILED, USER_ID, Home
from survival_faults import FAULTS
from survival_page import Record, write_page
from survival_search import Known, Listener, health_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from oura_sandbox.child import Sandbox
    from survival import Tables

CLIENT_SECRET = "sesame-client-secret"

# No fault may meet midnight: the day decides what a run asks for.
A_FAULT = timedelta(minutes=6)


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
    with running(client_secret=CLIENT_SECRET, years=1) as sandbox:
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


@dataclass
class Undisturbed:
    """A run that nothing has met.

    Attributes:
        day: When it was.
        lives: How long each of its processes has lived, in seconds.
        tables: What it has stored.
    """

    day: date
    lives: dict[str, float]
    tables: Tables


@pytest.fixture(scope="session")
def runs() -> list[Undisturbed]:
    """Those of this session, one a day."""
    return []


@pytest.fixture
def an_undisturbed_run(
    sandbox: Sandbox, values: frozenset[str], runs: list[Undisturbed]
) -> Undisturbed:
    """That of today: another day has other days to ask for."""
    now = datetime.now(UTC)
    if (now + A_FAULT).date() > now.date():
        midnight = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
        sleep((midnight - now).total_seconds())
    today = datetime.now(UTC).date()
    if runs and runs[-1].day == today:
        return runs[-1]
    with Listener() as alerts, a_home(sandbox, values, alerts.address) as home:
        ended = home.run()
        assert ended.exit_code == 0, ended.said
        assert home.leaks() == set()
        tables = home.tables()
        assert sum(count.total() for count in tables.values()) > 100
        assert not alerts.told
    runs.append(Undisturbed(today, ended.lives, tables))
    return runs[-1]


@pytest.fixture
def undisturbed(an_undisturbed_run: Undisturbed) -> Tables:
    return an_undisturbed_run.tables


@pytest.fixture
def home(
    sandbox: Sandbox,
    values: frozenset[str],
    alerts: Listener,
    an_undisturbed_run: Undisturbed,
) -> Iterator[Home]:
    with a_home(sandbox, values, alerts.address) as home:
        home.lives = an_undisturbed_run.lives
        yield home


@pytest.fixture(scope="session")
def record(request: pytest.FixtureRequest) -> Iterator[Callable[[Record], None]]:
    """Collects what was injected; the whole of the long form writes it down."""
    records: list[Record] = []
    yield records.append
    session = request.session
    is_whole = session.testscollected >= ROUNDS * len(FAULTS)
    if ROUNDS and is_whole and not session.testsfailed:
        write_page(records)
