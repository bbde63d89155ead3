"""A catalogue is used again only by the tap that made it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from healthhub.meltano_files import (
    KEPT,
    forget_ended_runs,
    keep_true_catalogue,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RUN = ".meltano/run/tap-oura"
CODE, SCHEMA = "tap-oura/tap_oura/tap.py", "tap-oura/tap_oura/schemas/sleep.json"
SDK = ".meltano/extractors/tap-oura/venv/lib/python3.11/site-packages/sdk-1.dist-info"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tap, its environment, and the catalogue of an earlier run."""
    monkeypatch.setenv("TAP_OURA__USE_CACHED_CATALOG", "true")  # which is put back
    for file in (CODE, SCHEMA, f"{SDK}/METADATA"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("{}")
    keep_true_catalogue(tmp_path)
    for name in (*KEPT[:2], "state.json"):
        (tmp_path / RUN / name).write_text(name)
    return tmp_path


def is_kept(project: Path) -> bool:
    """Whether the next run would use it."""
    keep_true_catalogue(project)
    return {(project / RUN / name).exists() for name in KEPT} == {True}


def test_the_same_tap_uses_it_again(project: Path) -> None:
    os.utime(project / CODE, (0, 0))
    (project / CODE).parent.joinpath("__pycache__").mkdir()
    (project / CODE).parent.joinpath("__pycache__", "tap.pyc").write_text("")
    assert is_kept(project)
    forget_ended_runs(project)
    assert is_kept(project)
    assert not (project / RUN / "state.json").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda project: (project / SCHEMA).write_text("[]"),
        lambda project: (project / CODE).rename(project / CODE.replace("tap.py", "t")),
        lambda project: (project / SCHEMA).unlink(),
        lambda project: (project / SDK).rename(project / SDK.replace("-1.", "-2.")),
        lambda project: (project / RUN / KEPT[2]).unlink(),
    ],
    ids=["a schema", "a name", "one file less", "a library", "who knows"],
)
def test_another_tap_begins_with_none(
    project: Path, change: Callable[[Path], object]
) -> None:
    change(project)
    assert not is_kept(project)
