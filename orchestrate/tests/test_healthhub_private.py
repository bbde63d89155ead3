"""What a run leaves on the disk, and what each of its programs is told."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Hosted, Project

LOAD = {"STAND_IN": "load", "ROWS": '{"2026-01-01": 7}', "OURA_PAT": ""}


def readable_by_others(folder: Path) -> list[str]:
    """Files that somebody else can open, by their names from the folder on."""
    found = []
    for path in folder.iterdir():
        if path.is_symlink():
            continue
        if path.is_dir():
            if path.stat().st_mode & 0o011:
                found += [f"{path.name}/{each}" for each in readable_by_others(path)]
        elif path.stat().st_mode & 0o077:
            found.append(path.name)
    return found


def test_nobody_else_reads_what_a_run_writes(project: Project) -> None:
    code, _, errors = project.call("run", **LOAD)
    assert code == 0, errors
    assert readable_by_others(project.home) == []
    assert readable_by_others(project.folder / ".meltano") == []


@pytest.mark.usefixtures("home")
def test_what_a_killed_run_left_is_gone_after_the_next(project: Project) -> None:
    files = project.folder / ".meltano" / "run" / "tap-oura"
    process = project.start("run", STAND_IN="hang", OURA_PAT="sesame")
    pids = project.wait_for("pids.json", process)
    process.kill()
    process.communicate()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)])
    left = {file.name: file.stat().st_mode & 0o077 for file in files.iterdir()}
    assert left == {"tap.0a.config.json": 0, "state.json": 0}

    # One that is being used stays.
    used = files / "tap.0b.config.json"
    used.touch()
    with psutil.Popen(["tail", "-f", str(used)]) as user:
        assert project.call("run", STAND_IN="fail")[0] == 1
        assert used.exists()
        user.kill()
    used.unlink()
    project.call("run", STAND_IN="fail")
    assert list(files.iterdir()) == []


def test_meltano_is_told_what_the_pipeline_needs_and_nothing_else(
    hosted: Hosted,
) -> None:
    mine = {
        "OURA_PAT_BO": "sesame-of-bo",
        "OURA_PAT_ANNE": "sesame-of-anne",
        "BACKUP_PASSPHRASE": "sesame-passphrase",
        "GITHUB_TOKEN": "sesame-of-github",
    }
    dotenv = hosted.folder / ".env"
    dotenv.write_text("".join(f"{name}={value}\n" for name, value in mine.items()))
    hosted.call("users", "add", "OURA_PAT_BO")
    assert hosted.call("run", STAND_IN="read", LANG="C")[0] == 0
    told = hosted.called()["environment"]
    assert {told[name] for name in (*mine, "SUPABASE_DB_URL")} == {""}
    assert told["LANG"] == "C"
    [user] = json.loads(told["TAP_OURA_USERS"])
    assert user["access_token"] == "sesame-of-bo"
