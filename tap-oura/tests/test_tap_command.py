"""The command, as a person or a Meltano project starts it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

UNREACHABLE = "http://127.0.0.1:9"


def tap(tmp_path: Path, **config: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"api_url": UNREACHABLE, "max_tries": 1, **config}))
    return subprocess.run(
        [sys.executable, "-m", "tap_oura", "--config", file],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({}, "There is no token: set `access_token`"),
        (
            {"access_token": "t", "start_date": "soon"},
            "`start_date` is not a date: 'soon'. Write it as YYYY-MM-DD.",
        ),
        (
            {"access_token": "t", "start_date": "2026-02-02", "end_date": "2026-02-01"},
            "`end_date` 2026-02-01 is before `start_date` 2026-02-02",
        ),
        (
            {"access_token": "t", "user_id": "me"},
            "`user_id` is not a UUID: 'me'",
        ),
        ({"access_token": "t"}, "No connection to 127.0.0.1:9"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_1(
    tmp_path: Path, config: dict[str, str], sentence: str
) -> None:
    result = tap(tmp_path, **config)
    assert result.returncode == 1
    errors = [line for line in result.stderr.splitlines() if "ERROR" in line]
    assert len(errors) == 1
    assert sentence in errors[0]
    assert "Traceback" not in result.stderr
    assert '"RECORD"' not in result.stdout


def test_discovery_and_about_need_no_settings_and_no_network(tmp_path: Path) -> None:
    for option in ("--discover", "--about"):
        command = [sys.executable, "-m", "tap_oura", option]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
