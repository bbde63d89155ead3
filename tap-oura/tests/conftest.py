from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
import requests_mock as rm

from fake_oura import FakeOura, Runner

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    monkeypatch.setattr("time.sleep", pauses.append)
    return pauses


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
