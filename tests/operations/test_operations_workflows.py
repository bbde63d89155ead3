"""What the workflows run, as far as it can run without GitHub."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from healthhub.embedded import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROJECT = Path(__file__).parents[2]
WORKFLOWS = PROJECT / ".github" / "workflows"
_EXPRESSION = re.compile(r"\$\{\{.*?\}\}")

Step = dict[str, Any]
_UV = Path(sys.executable).with_name("uv")

# In place of the command: keeps its arguments, and fails on a day of one's choice.
_RECORDER = """#!/usr/bin/env python3
import json, os, sys
with open("calls.jsonl", "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
sys.exit(os.environ.get("FAILS_FROM") in sys.argv)
"""


def run_steps(workflow: str) -> list[Step]:
    """The steps with a `run:`, in order, of a workflow with one job."""
    content = yaml.safe_load((WORKFLOWS / workflow).read_text())
    (job,) = content["jobs"].values()
    return [step for step in job["steps"] if "run" in step]


def run_step(
    step: Step, folder: Path, environment: Mapping[str, str], **given: str
) -> subprocess.CompletedProcess[str]:
    """Run one by GitHub's own command line for it.

    Args:
        step: The step.
        folder: The checkout.
        environment: Of the machine.
        given: Inputs and secrets by the step's names for them; others are not set,
            which makes GitHub leave their variables empty.
    """
    variables = {
        name: given.get(name, _EXPRESSION.sub("", str(value)))
        for name, value in step.get("env", {}).items()
    }
    return subprocess.run(
        ["bash", "-e", "-c", step["run"]],
        cwd=folder,
        env={**environment, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def clone(open_folder: Path) -> Iterator[Path]:
    """A checkout, whatever of it is still running afterwards."""
    folder = open_folder / "healthhub"
    subprocess.run(
        ["git", "clone", "--quiet", "--no-hardlinks", PROJECT, folder], check=True
    )
    yield folder
    if (folder / ".healthhub" / "postgres").exists():
        EmbeddedPostgres(folder / ".healthhub").stop()


@pytest.fixture(scope="module")
def machine(bare_environment: dict[str, str], open_folder: Path) -> dict[str, str]:
    """A machine where nobody has ever done anything, but with uv's downloads."""
    home = open_folder / "home"
    home.mkdir()
    cache = subprocess.run(
        [_UV, "cache", "dir"], check=True, capture_output=True, text=True
    ).stdout.strip()
    return bare_environment | {
        "HOME": str(home),
        "RUNNER_TEMP": str(open_folder),
        "UV_CACHE_DIR": cache,
        # What is not set up here comes last.
        "TAP_OURA_START_DATE": str(datetime.now(UTC).date() - timedelta(days=10)),
    }


@pytest.fixture(scope="module")
def daily_batch(clone: Path, machine: dict[str, str]) -> str:
    """Run it once; what its last step says."""
    output = ""
    for step in run_steps("daily-batch.yml"):
        done = run_step(step, clone, machine)
        assert done.returncode == 0, done.stdout
        output = done.stdout
    return output


def test_daily_batch_loads_from_nothing(daily_batch: str, clone: Path) -> None:
    assert "There is no Oura account yet" in daily_batch or "sandbox" in daily_batch
    assert "daily_sleep_summaries" in daily_batch
    home = clone / ".healthhub"
    assert EmbeddedPostgres(home).database is None  # it has stopped what it started
    with (
        EmbeddedPostgres(home).using() as lease,
        lease.database.connect() as connection,
    ):
        rows = connection.execute(
            "select status, (select count(*) from healthhub.daily_sleep_summaries) > 5"
            " from healthhub.job_runs"
        ).fetchall()
    assert rows == [("success", True)]
    assert list((home / "logs").glob("*-run-1.jsonl"))  # what is kept on failure


@pytest.mark.usefixtures("daily_batch")
@pytest.mark.skipif(not shutil.which("gpg"), reason="gpg is not installed")
def test_backup_is_encrypted_and_opens_with_the_passphrase(
    clone: Path, machine: dict[str, str]
) -> None:
    [dump] = [s for s in run_steps("backup.yml") if s["name"] == "Dump"]
    refused = run_step(dump, clone, machine)
    assert refused.returncode == 1
    assert "BACKUP_PASSPHRASE" in refused.stdout

    with EmbeddedPostgres(clone / ".healthhub").using() as lease:
        secrets = {
            "SUPABASE_DB_URL": lease.database.url,
            "BACKUP_PASSPHRASE": "correct horse $HOME 'battery'",
        }
        done = run_step(dump, clone, machine, **secrets)
    assert done.returncode == 0, done.stdout
    opened = subprocess.run(
        [
            *("gpg", "--batch", "--quiet", "--pinentry-mode", "loopback"),
            *("--passphrase-fd", "0", "--decrypt", "healthhub.sql.gz.gpg"),
        ],
        cwd=clone,
        env=machine,
        input=secrets["BACKUP_PASSPHRASE"].encode(),
        capture_output=True,
        check=True,
    ).stdout
    assert b"COPY healthhub.daily_sleep_summaries" in gzip.decompress(opened)
    subprocess.run(["gpgconf", "--kill", "all"], env=machine, check=False)


@pytest.fixture
def recorder(tmp_path: Path) -> Path:
    """A folder where the command only keeps how it was called."""
    command = tmp_path / ".venv" / "bin" / "healthhub"
    command.parent.mkdir(parents=True)
    command.write_text(_RECORDER)
    command.chmod(0o755)
    return tmp_path


def calls(folder: Path) -> list[list[str]]:
    lines = (folder / "calls.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_daily_batch_passes_on_what_it_is_given_as_it_is(
    recorder: Path, bare_environment: dict[str, str]
) -> None:
    load = run_steps("daily-batch.yml")[-1]
    person = 'Anne "$(touch broken)" `touch broken`; touch broken'
    done = run_step(
        load,
        recorder,
        bare_environment,
        START_DATE="2026-01-01",
        END_DATE="2026-01-31",
        USER_NAME=person,
        FULL_REFRESH="true",
    )
    assert done.returncode == 0, done.stdout
    assert calls(recorder) == [
        [
            *("run", "--start-date", "2026-01-01", "--end-date", "2026-01-31"),
            *("--user", person, "--full-refresh"),
        ]
    ]
    assert not (recorder / "broken").exists()


def test_backfill_leaves_no_day_out(
    recorder: Path, bare_environment: dict[str, str]
) -> None:
    load = run_steps("backfill.yml")[-1]
    given = {"START_DATE": "2023-12-01", "END_DATE": "2024-03-10", "DAYS": "30"}
    done = run_step(load, recorder, bare_environment, **given)
    assert done.returncode == 0, done.stdout
    periods = [
        (date.fromisoformat(call[2]), date.fromisoformat(call[4]))
        for call in calls(recorder)
    ]
    assert (periods[0][0], periods[-1][1]) == (date(2023, 12, 1), date(2024, 3, 10))
    for (_, last), (first, _) in pairwise(periods):
        assert first == last + timedelta(days=1)
    assert all((last - first).days < 30 for first, last in periods)
    assert len(periods) == 4


def test_backfill_stops_at_what_fails_and_says_where_to_go_on(
    recorder: Path, bare_environment: dict[str, str]
) -> None:
    load = run_steps("backfill.yml")[-1]
    done = run_step(
        load,
        recorder,
        bare_environment | {"FAILS_FROM": "2024-01-11"},
        START_DATE="2024-01-01",
        END_DATE="2024-01-31",
        DAYS="10",
    )
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].endswith("start again from 2024-01-11.")
    assert len(calls(recorder)) == 2


@pytest.mark.parametrize(
    "wrong", [{"DAYS": "0"}, {"DAYS": "x"}, {"END_DATE": "2020-01-01"}]
)
def test_backfill_refuses_what_would_never_end(
    recorder: Path, bare_environment: dict[str, str], wrong: dict[str, str]
) -> None:
    load = run_steps("backfill.yml")[-1]
    given = {"START_DATE": "2024-01-01", "END_DATE": "2024-01-31", "DAYS": "10"}
    done = run_step(load, recorder, bare_environment, **(given | wrong))
    assert done.returncode == 1
    assert "Nothing to load" in done.stdout
    assert not (recorder / "calls.jsonl").exists()
