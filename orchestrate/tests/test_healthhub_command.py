"""The command as a person meets it: its words, its exit codes, what it leaves."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import shlex
import signal
import struct
import subprocess
import sys
import termios
import webbrowser
from contextlib import suppress
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import create_autospec

import psutil
import pytest

from healthhub.embedded import EmbeddedPostgres
from healthhub.project import PROGRAMS, as_typed
from healthhub.state import state
from healthhub.tap_environment import DEMO_YEARS

if TYPE_CHECKING:
    from tests.conftest import Hosted, InProcess, Project


def test_run_loads_and_shows_what_is_there(project: Project) -> None:
    rows = {"2026-01-01": 70, "2026-01-02": 80}
    code, output, errors = project.call("run", STAND_IN="load", ROWS=json.dumps(rows))
    assert (code, errors) == (0, "")
    lines = [line.split() for line in output.splitlines()]
    table = ["daily_sleep_summaries", "2", "2026-01-01", "2026-01-02"]
    assert [*table, "2", "0"] in lines
    assert ["heart_rate", "1", "2026-01-01", "2026-01-01", "-", "-"] in lines
    assert ["notes", "0", "-", "-", "-", "-"] in lines
    assert output.count("tap-oura: Late data") == 1
    assert "Reading daily_sleep ..." in output
    assert "\x1b" not in output
    assert "job_runs" not in output

    called = project.called()
    assert called["arguments"] == ["run", "tap-oura", "target-postgres", "dbt"]
    assert called["environment"]["OURA_PAT"] == "sandbox-token"
    first = date.fromisoformat(called["environment"]["TAP_OURA_START_DATE"])
    days = (datetime.now(UTC).date() - first).days - 365 * DEMO_YEARS
    assert days in {0, 1}  # midnight may have come meanwhile
    assert f"There are no users yet: the last {DEMO_YEARS} years" in output

    rows |= {"2026-01-02": 81, "2026-01-03": 90}
    _, output, _ = project.call("run", STAND_IN="load", ROWS=json.dumps(rows))
    table = ["daily_sleep_summaries", "3", "2026-01-01", "2026-01-03"]
    assert [*table, "1", "1"] in [line.split() for line in output.splitlines()]
    how_to_look = output.splitlines()[-1].removeprefix("Look at it:  ")
    command, *arguments = shlex.split(how_to_look)
    assert Path(command).name == "healthhub"
    assert "2026-01-03" in project.call(*arguments)[1]

    assert project.query(
        "select status, finished_at > started_at "
        "from healthhub.job_runs order by run_id"
    ) == [("success", True), ("success", True)]
    assert len(list((project.home / "logs").glob("*-run-*.jsonl"))) == 2


def test_tables_are_shown_unless_all_is_as_before(
    hosted: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    for before_and_after in (("a", "b"), (None, None), ("a", "a")):
        told = create_autospec(state, side_effect=before_and_after)
        monkeypatch.setattr("healthhub.run.state", told)
        code, output, errors = hosted.call("run", OURA_PAT="mine")
        is_told = before_and_after == ("a", "a")
        assert (code, errors) == (0, "")
        assert ("first day" in output) != is_told
        assert ("nothing is new, and nothing has changed" in output) == is_told


def test_run_passes_on_what_it_was_asked(hosted: Hosted) -> None:
    (hosted.folder / ".env").write_text("OURA_PAT=mine\n")
    days = ("--start-date", "2026-01-02", "--end-date", "2026-01-03")
    code, _, errors = hosted.call("run", *days, "--full-refresh", GITHUB_RUN_ID="7")
    assert (code, errors) == (0, "")
    called = hosted.called()
    assert called["arguments"] == [
        "run",
        "--full-refresh",
        "tap-oura",
        "target-postgres",
        "dbt",
    ]
    environment = called["environment"]
    assert environment["OURA_PAT"] == "mine"
    assert "TAP_OURA_API_URL" not in environment
    assert environment["TAP_OURA_START_DATE"] == "2026-01-02"
    assert environment["TAP_OURA_END_DATE"] == "2026-01-03"
    assert hosted.query(
        "select start_date::text, end_date::text, full_refresh, github_run_id "
        "from healthhub.job_runs"
    ) == [("2026-01-02", "2026-01-03", True, "7")]

    # The tap reads again what it has read before only where it knows the end, too.
    assert hosted.call("run", "--start-date", "2026-01-02")[0] == 0
    end = date.fromisoformat(hosted.called()["environment"]["TAP_OURA_END_DATE"])
    assert end > datetime.now(UTC).date()


def test_failed_run_says_why_and_where(hosted: Hosted) -> None:
    code, output, errors = hosted.call("run", STAND_IN="fail", OURA_PAT="mine")
    assert code == 1
    assert "tap-oura: The scope daily is missing." in output.splitlines()
    [sentence] = errors.splitlines()
    said, log = sentence.removesuffix(".").split(" The log of this run is ")
    assert said == "healthhub: The token was refused."
    # The stack trace is for whoever reads the log.
    records = map(json.loads, Path(log).read_text().splitlines())
    [traced] = [record for record in records if "tap.py" in str(record)]
    assert (traced["event"], traced["level"]) == ("The token was refused.", "error")
    assert "tap.py" not in output + errors
    assert hosted.query(
        "select status, error_summary like 'The token was refused.%' "
        "from healthhub.job_runs"
    ) == [("failed", True)]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_run_stops_everything(project: Project, number: signal.Signals) -> None:
    process = project.start("run", STAND_IN="hang")
    pids = project.wait_for("pids.json", process)
    process.send_signal(number)
    _, errors = process.communicate()
    assert process.returncode == 128 + number
    assert errors == f"healthhub: interrupted by {number.name}\n"
    assert not any(psutil.pid_exists(pid) and _lives(pid) for pid in pids)
    assert EmbeddedPostgres(project.home).database is None
    assert project.query("select status from healthhub.job_runs") == [("interrupted",)]


def _lives(pid: int) -> bool:
    return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.mark.usefixtures("home")
def test_dbt_reads_its_project_meanwhile(project: Project) -> None:
    """In a first run, without what only the tap may know, and not for longer."""
    python = project.folder / ".meltano/utilities/dbt-postgres/venv/bin/python"
    python.write_text(
        f"#!{sys.executable}\n"
        "import json, os, sys, time\n"
        "said = json.dumps([os.getpid(), sys.argv[3:], dict(os.environ)])\n"
        "print(said, file=open('../parse.json', 'w'), flush=True)\n"
        "time.sleep(600)\n"
    )
    python.chmod(0o700)
    (project.folder / "transform/target").mkdir(parents=True)
    process = project.start("run", STAND_IN="hang", OURA_PAT="sesame")
    project.wait_for("pids.json", process)
    pid, arguments, environment = project.wait_for("parse.json", process)
    process.terminate()
    process.communicate()
    assert arguments == ["parse", "--quiet", "--no-write-json"]
    assert "PGPASSWORD" in environment
    assert "sesame" not in environment.values()
    assert not psutil.pid_exists(pid)

    (project.folder / "parse.json").unlink()
    parsed = project.folder / "transform/target/partial_parse.msgpack"
    parsed.touch()
    assert project.call("run", STAND_IN="read", TAP_OURA_USERS="[]")[0] == 0
    assert not (project.folder / "parse.json").exists()

    # There may be nothing to build now.
    parsed.unlink()
    known = project.folder / "transform/scripts/state.sql"
    known.parent.mkdir()
    known.write_text("select '', '', true, null, null")
    assert project.call("run", STAND_IN="read", TAP_OURA_USERS="[]")[0] == 0
    assert not (project.folder / "parse.json").exists()


@pytest.mark.usefixtures("home")
def test_killed_run_leaves_no_sandbox(project: Project) -> None:
    process = project.start("run", STAND_IN="hang")
    pids = project.wait_for("pids.json", process)
    children = psutil.Process(process.pid).children()
    [sandbox] = [child for child in children if child.pid not in pids]
    process.kill()
    process.communicate()
    sandbox.wait(60)
    # Meltano goes on, and so does its database.
    assert EmbeddedPostgres(project.home).database is not None
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def on_a_terminal(
    project: Project, *arguments: str, columns: int = 80, **variables: str
) -> tuple[int, str]:
    """Its exit code, and what is on the screen."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [project.command, *arguments],
        cwd=project.folder,
        # As wide as the terminal is, and not as the variable says.
        env={**project.environment, "TERM": "xterm", "COLUMNS": "", **variables},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    output = b""
    with suppress(OSError):  # how Linux says that the other side is closed
        while part := os.read(ours, 4096):
            output += part
    os.close(ours)
    return process.wait(), output.decode()


@pytest.mark.usefixtures("home")
def test_terminal_shows_live_what_goes_on(project: Project) -> None:
    code, output = on_a_terminal(project, "run", OURA_PAT="mine")
    assert code == 0
    assert "Starting Meltano" in output
    assert "\x1b[" in output


@pytest.mark.usefixtures("home")
def test_narrow_terminal_keeps_names_and_days(project: Project) -> None:
    rows = {"2026-01-01": 70, "2026-01-02": 80}
    code, output = on_a_terminal(
        project, "run", columns=60, STAND_IN="load", ROWS=json.dumps(rows)
    )
    assert code == 0, output
    # What is printed while something turns has parts of the turning in between.
    still = re.sub(
        r"\x1b\[[\d;?]*[A-Za-z]|[\u2800-\u28ff][^\r\n]*? \.\.\.", " ", output
    )
    assert "rows 2, first day 2026-01-01, last day 2026-01-02" in " ".join(
        still.split()
    ), still
    assert "daily_sleep_summaries" in output
    _, output = on_a_terminal(project, "runs", columns=60)
    assert "days new ones, status success" in " ".join(output.split())
    assert "\u2026" not in output


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("group", [(), ("users",), ("db",), ("readers",), ("export",)])
def test_help_fits_a_narrow_terminal(
    in_process: InProcess, group: tuple[str, ...], option: str
) -> None:
    code, output, _ = in_process.call(*group, option, COLUMNS="60")
    usage, *lines = output.splitlines()
    assert (code, usage.startswith("Usage: ")) == (0, True)
    assert "..." not in "".join(lines)
    assert max(map(len, lines)) <= 60


def test_command_says_its_version_and_completes_itself(in_process: InProcess) -> None:
    assert in_process.call("--version")[1] == f"healthhub {version('healthhub')}\n"
    completed = in_process.call(
        _HEALTHHUB_COMPLETE="complete_bash",
        COMP_WORDS="healthhub st",
        COMP_CWORD="1",
    )[1]
    assert completed.strip() == "status"


def test_report_is_opened(
    in_process: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = create_autospec(webbrowser.open)
    monkeypatch.setattr(webbrowser, "open", browser)
    code, _, errors = in_process.call("open")
    assert (code, "There is no report yet." in errors) == (1, True)
    report = in_process.home / "report.html"
    report.parent.mkdir(exist_ok=True)
    report.touch()
    assert in_process.call("open")[:2] == (0, f"{report}\n")
    browser.assert_called_once_with(report.as_uri())


@pytest.mark.parametrize(
    ("arguments", "variables", "sentence"),
    [
        (["run", "--start-date", "2026-02-30"], {}, "--start-date '2026-02-30' is not"),
        (["run", "--end-date", "yesterday"], {}, "--end-date 'yesterday' is not a day"),
        (
            ["run", "--start-date", "2026-01-02", "--end-date", "2026-01-01"],
            {},
            "--end-date 2026-01-01 is before --start-date 2026-01-02.",
        ),
        (["run"], {"OURA_PAT": "a b"}, "OURA_PAT contains white space"),
        (["run"], {"SUPABASE_DB_URL": "x"}, "SUPABASE_DB_URL is not a PostgreSQL URL"),
        (
            ["run"],
            {"SUPABASE_DB_URL": "postgres://me:sesame@127.0.0.1:1/x"},
            "Cannot use the database at 127.0.0.1:1: nothing listens there.",
        ),
        (["run"], {"MELTANO_SYS_DIR_ROOT": "/nowhere"}, "The Meltano plugin tap-oura"),
        (
            ["env"],
            {},
            "The database is not running. Start it with `healthhub db start`",
        ),
        (["db", "url"], {}, "The database is not running."),
        (
            ["db", "start"],
            {"SUPABASE_DB_URL": "postgres://me:sesame@127.0.0.1:1/x"},
            "SUPABASE_DB_URL names the database at 127.0.0.1:1,",
        ),
        (["db", "status"], {"HEALTHHUB_HOME": "/dev/null/x"}, "Not a directory"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(
    in_process: InProcess,
    arguments: list[str],
    variables: dict[str, str],
    sentence: str,
) -> None:
    code, output, errors = in_process.call(*arguments, **variables)
    assert code == 1
    assert len(errors.splitlines()) == 1
    assert errors.startswith(f"healthhub: {sentence}")
    assert "sesame" not in output + errors
    assert not (in_process.folder / "calls.jsonl").exists()


def test_wrong_password_is_refused(hosted: Hosted) -> None:
    wrong = hosted.database.url.replace("postgres:", "postgres:sesame", 1)
    code, output, errors = hosted.call("run", SUPABASE_DB_URL=wrong)
    assert code == 1
    assert errors.startswith("healthhub: The database at 127.0.0.1:")
    assert errors.endswith(
        "refuses the password of postgres. Correct SUPABASE_DB_URL.\n"
    )
    assert "sesame" not in output + errors
    code, output, _ = hosted.call("db", "status")
    assert (code, output.endswith(" is up.\n")) == (0, True)


@pytest.mark.usefixtures("home")
def test_kept_database_serves_a_shell(in_process: InProcess) -> None:
    assert in_process.call("db", "status")[0] == 3
    code, output, _ = in_process.call("db", "start")
    assert code == 0
    assert 'eval "$(healthhub env)"' in output
    assert in_process.call("migrate")[0] == 0
    code, output, _ = in_process.call("db", "status")
    assert (code, "until `healthhub db stop`" in output) == (0, True)
    right = in_process.call("db", "url")[1].strip()
    assert in_process.call("run", SUPABASE_DB_URL=right, OURA_PAT="mine")[0] == 0

    exports = in_process.call("env")[1]
    script = f'{exports}\necho "$OURA_PAT $TAP_OURA_API_URL"; exec "$0" -c "$1"'
    reconnect = "import psycopg; print(psycopg.connect().info.user)"
    done = subprocess.run(
        ["/bin/sh", "-c", script, sys.executable, reconnect],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "sandbox-token http://127.0.0.1:8642\npostgres\n"
    assert "OURA_PAT" not in in_process.call("env", OURA_PAT="mine")[1]

    assert in_process.call("db", "stop")[:2] == (0, "The database is stopped.\n")
    assert in_process.call("db", "stop")[:2] == (0, "The database is stopped.\n")


def test_psqls_exit_code_is_passed_on(hosted: Hosted) -> None:
    code, _, errors = hosted.call("db", "psql", "-c", "select 1/0")
    assert code == 1
    assert "division by zero" in errors


def test_command_is_named_so_that_the_shell_finds_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", str(PROGRAMS))
    assert as_typed("healthhub") == "healthhub"
    monkeypatch.setenv("PATH", "/nowhere")
    assert Path(as_typed("healthhub")).samefile(PROGRAMS / "healthhub")
