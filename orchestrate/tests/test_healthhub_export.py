"""What the command says; the files are tested where there are tables."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Hosted


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--format", "xlsx"), "no format 'xlsx'. Take parquet or csv"),
        (("--shift-dates",), "--shift-dates is for --study"),
        (("--since", "yesterday"), "'yesterday' is no day"),
        (("--user", "nobody"), "nobody"),
        ((), "There is nothing to export yet. Run `healthhub run`"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(
    hosted: Hosted, options: tuple[str, ...], sentence: str
) -> None:
    folder = hosted.folder / "out"
    code, output, errors = hosted.call("export", str(folder), *options)
    assert (code, output) == (1, "")
    assert sentence in errors
    assert errors.count("\n") == 1
    assert not folder.exists()


def test_without_its_libraries_it_says_how_to_get_them(
    hosted: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("healthhub_export")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("pyarrow", "adbc_driver_manager"):
        monkeypatch.setitem(sys.modules, name, None)
    code, output, errors = hosted.call("export", "out")
    assert (code, output) == (1, "")
    assert errors.endswith("Install them with: make exports\n")
    assert hosted.call("readers", "list")[0] == 0


def test_readers_come_and_go(hosted: Hosted) -> None:
    assert "There are no readers yet" in hosted.call("readers", "list")[1]
    code, url, errors = hosted.call("readers", "add", "draws_only")
    assert (code, errors) == (0, "")
    assert url.startswith("postgresql://draws_only:")
    assert hosted.call("readers", "list")[1] == "draws_only\n"
    as_json = hosted.call("readers", "list", "--json")[1]
    assert json.loads(as_json) == ["draws_only"]
    remove = ("readers", "remove", "draws_only")
    assert hosted.call(*remove)[1] == "draws_only is removed.\n"
    assert "no reader 'draws_only'" in hosted.call(*remove)[2]
    hosted.query("drop owned by healthhub_reader; drop role healthhub_reader")
