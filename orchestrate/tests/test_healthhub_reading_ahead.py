"""The first run has dbt read the project early; nothing else does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from healthhub.reading_ahead import reading_ahead

if TYPE_CHECKING:
    from pathlib import Path

CONNECTION = {"PGHOST": "127.0.0.1", "PGPASSWORD": "of the database"}
STAND_IN = """#!/bin/sh
trap 'touch ended; exit' TERM
env > started
while :; do sleep 0.01; done
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OURA_PAT", "of Oura")
    python = tmp_path / ".meltano/utilities/dbt-postgres/venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(STAND_IN)
    python.chmod(0o755)
    (tmp_path / "transform/target").mkdir(parents=True)
    return tmp_path / "transform"


def test_it_reads_as_the_build_will_and_ends_with_the_run(folder: Path) -> None:
    started, ended = folder / "started", folder / "ended"
    with reading_ahead(folder.parent, {}, CONNECTION):
        while not (started.exists() and "DBT_WRITE_JSON" in started.read_text()):
            time.sleep(0.01)
        assert not ended.exists()
    assert ended.exists()
    assert "PGPASSWORD=of the database\n" in started.read_text()
    assert "of Oura" not in started.read_text()


def test_it_reads_once_and_only_its_own_project(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subprocess.Popen", None)
    with reading_ahead(folder.parent, {"DBT_TARGET_PATH": "elsewhere"}, CONNECTION):
        pass
    (folder / "target/partial_parse.msgpack").touch()
    with reading_ahead(folder.parent, {}, CONNECTION):
        pass
