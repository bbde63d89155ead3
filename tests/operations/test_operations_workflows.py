"""What the workflows run, as far as it can run without GitHub."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from healthhub.embedded import EmbeddedPostgres
from healthhub.settings import Settings
from healthhub.tap_users import LOGIN_SETTINGS
from workflow_steps import WORKFLOWS, run_step, run_steps

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[2]
_UV = Path(sys.executable).with_name("uv")

# In place of the command: keeps its arguments, and fails on a day of one's choice.
_RECORDER = """#!/usr/bin/env python3
import json, os, sys
with open("calls.jsonl", "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
sys.exit(os.environ.get("FAILS_FROM") in sys.argv)
"""


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


def test_daily_batch_loads_from_nothing(
    clone: Path, bare_machine: dict[str, str]
) -> None:
    """On a machine where nobody has ever done anything, but with uv's downloads."""
    cache = subprocess.run(
        [_UV, "cache", "dir"], check=True, capture_output=True, text=True
    ).stdout.strip()
    machine = {**bare_machine, "UV_CACHE_DIR": cache}
    first = str(datetime.now(UTC).date() - timedelta(days=10))
    for step in run_steps("daily-batch.yml"):
        done = run_step(step, clone, machine, TAP_OURA_START_DATE=first)
        assert done.returncode == 0, done.stdout
    assert "daily_sleep_summaries" in done.stdout
    home = clone / ".healthhub"
    assert EmbeddedPostgres(home).database is None  # it has stopped what it started
    with (
        EmbeddedPostgres(home).using() as lease,
        lease.database.connect() as connection,
    ):
        rows = connection.execute(
            "select status, (select min(day)::text from"
            " healthhub.daily_activity_summaries) from healthhub.job_runs"
        ).fetchall()
    assert rows == [("success", first)]
    assert list((home / "logs").glob("*-run-1.jsonl"))  # what is kept on failure


@pytest.mark.parametrize("workflow", ["daily-batch.yml", "backfill.yml"])
def test_all_that_can_be_set_reaches_a_run(workflow: str) -> None:
    given = run_steps(workflow)[-1]["env"]
    settings = {name.upper() for name in Settings.model_fields} - {"HEALTHHUB_HOME"}
    for name in settings | set(LOGIN_SETTINGS):
        # What does not stay secret may be a variable.
        assert given[name] in {
            f"${{{{ {kind}.{name} }}}}" for kind in ("secrets", "vars")
        }


def test_logs_are_kept_in_a_private_repository_only() -> None:
    conditions = [
        step["if"].rpartition(" && ")[2]
        for file in WORKFLOWS.glob("*.yml")
        for job in yaml.safe_load(file.read_text())["jobs"].values()
        for step in job["steps"]
        if "logs" in step.get("with", {}).get("name", "")
    ]
    assert conditions
    assert set(conditions) == {"github.event.repository.private"}


@pytest.mark.parametrize(
    "given", [{"SUPABASE_DB_URL": "x"}, {"BACKUP_PASSPHRASE": "x"}]
)
def test_backup_names_the_secrets_that_it_needs(
    tmp_path: Path, bare_machine: dict[str, str], given: dict[str, str]
) -> None:
    """With them, the runbook's test makes one, and opens it again."""
    [dump] = [s for s in run_steps("backup.yml") if s["name"] == "Dump"]
    refused = run_step(dump, tmp_path, bare_machine, **given)
    assert refused.returncode == 1
    assert "secrets SUPABASE_DB_URL and BACKUP_PASSPHRASE" in refused.stdout


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
    recorder: Path, bare_machine: dict[str, str]
) -> None:
    load = run_steps("daily-batch.yml")[-1]
    person = 'Anne "$(touch broken)" `touch broken`; touch broken'
    done = run_step(
        load,
        recorder,
        bare_machine,
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
    recorder: Path, bare_machine: dict[str, str]
) -> None:
    load = run_steps("backfill.yml")[-1]
    given = {"START_DATE": "2023-12-01", "END_DATE": "2024-03-10", "DAYS": "30"}
    done = run_step(load, recorder, bare_machine, **given)
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
    recorder: Path, bare_machine: dict[str, str]
) -> None:
    load = run_steps("backfill.yml")[-1]
    done = run_step(
        load,
        recorder,
        bare_machine | {"FAILS_FROM": "2024-01-11"},
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
    recorder: Path, bare_machine: dict[str, str], wrong: dict[str, str]
) -> None:
    load = run_steps("backfill.yml")[-1]
    given = {"START_DATE": "2024-01-01", "END_DATE": "2024-01-31", "DAYS": "10"}
    done = run_step(load, recorder, bare_machine, **(given | wrong))
    assert done.returncode == 1
    assert "Nothing to load" in done.stdout
    assert not (recorder / "calls.jsonl").exists()


@contextmanager
def documentation(page: str, description: str) -> Iterator[str]:
    """In place of Oura's: the page's address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = {"/v2/docs": page, "/v2/openapi-9.9.json": description}
            text = found.get(self.path)
            self.send_response(404 if text is None else 200)
            self.end_headers()
            host = f"http://{self.headers['Host']}"
            self.wfile.write((text or "").replace("HOST", host).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v2/docs"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("host", ["", "HOST"])
def test_spec_drift_finds_what_oura_describes_now(
    open_folder: Path, bare_machine: dict[str, str], host: str
) -> None:
    download = run_steps("spec-drift.yml")[0]
    page = f"<html>\n<redoc lazy\n  spec-url='{host}/v2/openapi-9.9.json'></redoc>\n"
    with documentation(page, "{}") as address:
        environment = {**bare_machine, "OURA_DOCS_URL": address}
        done = run_step(download, open_folder, environment)
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("/v2/openapi-9.9.json\n")
    assert (open_folder / "openapi.json").read_text() == "{}"


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        ("<html>", "There is no <redoc spec-url=...> on http://127.0.0.1:"),
        ("<redoc spec-url='/gone.json'>", "The requested URL returned error: 404"),
    ],
)
def test_spec_drift_says_when_it_finds_nothing(
    open_folder: Path, bare_machine: dict[str, str], page: str, sentence: str
) -> None:
    download = run_steps("spec-drift.yml")[0]
    with documentation(page, "{}") as address:
        environment = {**bare_machine, "OURA_DOCS_URL": address}
        done = run_step(download, open_folder, environment)
    assert done.returncode != 0
    assert sentence in done.stdout


def test_spec_drift_is_red_when_there_is_something_new(
    open_folder: Path, bare_machine: dict[str, str]
) -> None:
    compare = run_steps("spec-drift.yml")[-1]
    new: dict[str, Any] = {"paths": {"/v2/usercollection/dream": {}}}
    (open_folder / "openapi.json").write_text(json.dumps(new))
    done = run_step(compare, PROJECT, bare_machine)
    assert done.returncode == 1
    assert "dream" in done.stdout


@pytest.mark.parametrize(
    ("log", "exit_code"),
    [
        ("SKIPPED [4] tests/test_tls.py:1: no PostgreSQL with TLS is installed", 1),
        ("SKIPPED [1] tests/conftest.py:1: Chromium is missing: apt install", 1),
        ("SKIPPED [1] tests/test_spec.py:1: OURA_OPENAPI_FILE does not name", 0),
        ("300 passed", 0),
    ],
)
def test_ci_is_red_when_tests_were_skipped_that_could_run(
    tmp_path: Path, bare_machine: dict[str, str], log: str, exit_code: int
) -> None:
    (tmp_path / "tests.log").write_text(f"...\n{log}\n")
    show = run_steps("ci.yml", "test")[-1]
    environment = {**bare_machine, "RUNNER_TEMP": str(tmp_path)}
    done = run_step(show, tmp_path, environment)
    assert done.returncode == exit_code, done.stdout
