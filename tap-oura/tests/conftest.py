from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any
from unittest.mock import create_autospec

import pytest
import requests_mock as rm

from fake_login import CLIENT, KEY, FakeLogin
from fake_oura import USER_ID, FakeOura, Runner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-catalogue",
        action="store_true",
        help="write the catalogue snapshots anew",
    )


@pytest.fixture
def oura() -> Iterator[FakeOura]:
    with rm.Mocker() as mocker:
        yield FakeOura(mocker)


@pytest.fixture
def run(capsysbinary: pytest.CaptureFixture[bytes]) -> Runner:
    return Runner(capsysbinary)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let retries come at once, and note how long they would have waited."""
    pauses: list[float] = []
    monkeypatch.setattr("tap_oura.api.sleep", pauses.append)
    of_backoff = create_autospec(time)  # `time.sleep` itself is everybody's
    of_backoff.sleep.side_effect = pauses.append
    monkeypatch.setattr("backoff._sync.time", of_backoff)
    return pauses


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def login() -> Iterator[FakeLogin]:
    with FakeLogin() as server:
        yield server


@pytest.fixture
def config(login: FakeLogin, tmp_path: Path) -> dict[str, Any]:
    return {
        **CLIENT,
        "auth_url": login.url,
        "api_url": login.url,
        "user_id": USER_ID,
        "token_store": str(tmp_path / "logins" / "store.json"),
        "token_key": KEY,
        "rescue_folder": str(tmp_path / "rescue"),
        "refresh_token": "refresh-0",
    }


@pytest.fixture(params=["file", "database"])
def any_store(
    request: pytest.FixtureRequest, config: dict[str, Any], tmp_path: Path
) -> dict[str, Any]:
    if request.param == "database":
        config["token_store"] = f"sqlite:///{tmp_path}/store.db"
    return config
