"""What people are told, by a receiver of their own on this machine."""

from __future__ import annotations

import json
import signal
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING
from unittest.mock import create_autospec

import psutil
import pytest

from healthhub.results import summarize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Hosted, Project

# apprise, before Python 3.13
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")

ANNE = "0a0a0a0a-0000-4000-8000-00000000000a"
GITHUB = {
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "me/mine",
    "GITHUB_RUN_ID": "77",
}
# The user is at home in UTC; the database need not be.
ADD_DAY = """
set time zone "UTC";
create table if not exists healthhub.requested_days (
    user_id uuid, day date, stream text, status text
);
insert into healthhub.requested_days values
    ('{0}', current_date - {1}, 'heartrate', 'present'),
    ('{0}', current_date - {1} + 1, 'heartrate', 'empty'),
    ('{0}', current_date, 'rest_mode_period', 'present')
"""


class Receiver:
    """Keeps what it is told."""

    def __init__(self) -> None:
        told: list[dict[str, str]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                told.append(json.loads(self.rfile.read(length)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.told = told
        self.server = HTTPServer(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        return f"json://127.0.0.1:{self.server.server_port}/"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.05,))
    thread.start()
    yield receiver
    receiver.server.shutdown()
    thread.join()
    receiver.server.server_close()


def test_a_failure_says_who_since_when_and_where(
    hosted: Hosted, receiver: Receiver
) -> None:
    hosted.call("users", "add", "OURA_PAT_A", "--user-id", ANNE)
    assert hosted.call("run", STAND_IN="read", OURA_PAT_A="ok")[0] == 0
    hosted.query(
        "update healthhub.job_runs set started_at = '2026-11-20T06:01:00Z';"
        "update raw_oura.sync_windows set synced_at = synced_at - interval '1 day'"
    )
    failing = {"STAND_IN": "fail for unauthorized", "OURA_PAT_A": "unauthorized"}
    code, _, _ = hosted.call("run", ALERT_URLS=receiver.address, **failing, **GITHUB)
    assert code == 4
    succeeded = "The last one that succeeded began on 2026-11-20 at 06:01 UTC."
    [alert] = receiver.told
    assert alert["title"] == "healthHub: a login is needed"
    assert alert["type"] == "failure"
    assert alert["message"].splitlines() == [
        f"User OURA_PAT_A ({ANNE}) has UNAUTHORIZED.",
        f"Number of the run: 2. {succeeded}",
        "The run: https://github.com/me/mine/actions/runs/77",
    ]


def test_no_health_data_are_in_an_alert_nor_on_the_screen(
    hosted: Hosted, receiver: Receiver
) -> None:
    failing = {"STAND_IN": "fail in the loader", "OURA_PAT": "mine"}
    code, output, errors = hosted.call("run", ALERT_URLS=receiver.address, **failing)
    assert code == 1
    [alert] = receiver.told
    assert alert["message"].splitlines() == [
        "target-postgres failed; see the log.",
        "Number of the run: 1. None has succeeded yet.",
    ]
    assert "null value in column" in errors
    assert "sesame" not in output + errors + json.dumps(alert)
    assert "sesame" not in str(hosted.query("select * from healthhub.job_runs"))


def test_a_database_that_is_gone_is_told(hosted: Hosted, receiver: Receiver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        gone = f"postgres://me:sesame@127.0.0.1:{closed.getsockname()[1]}/x"
    code, _, _ = hosted.call("run", SUPABASE_DB_URL=gone, ALERT_URLS=receiver.address)
    assert code == 1
    [alert] = receiver.told
    assert "nothing listens there" in alert["message"]
    assert "sesame" not in alert["message"]


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("fail for want of space", "The database has no space left. Make room in it"),
        ("fail by a signal", "meltano was ended from outside (signal 9). Run again."),
        ("break the disk", "The database has no space left. Make room in it"),
        ("break a privilege", "The database refuses: permission denied for table x."),
        (
            "break a value",
            "The database refused a statement (InvalidText",
        ),
    ],
)
def test_every_failure_is_told_once_and_without_data(
    hosted: Hosted, receiver: Receiver, what: str, sentence: str
) -> None:
    told = {"OURA_PAT": "mine", "ALERT_URLS": receiver.address}
    hosted.call("users", "add", "OURA_PAT")
    code, output, errors = hosted.call("run", STAND_IN=what, **told)
    assert code == 1
    [alert] = receiver.told
    assert alert["title"] == "healthHub: a run failed"
    lines = alert["message"].splitlines()
    assert lines[0].startswith(sentence)
    assert lines[1].startswith("Number of the run: 1. ")
    [(status, summary)] = hosted.query(
        "select status, error_summary from healthhub.job_runs"
    )
    assert errors == f"healthhub: {summary}\n"
    assert (status, summary.partition(" The log of")[0]) == ("failed", lines[0])
    assert "dbt-postgres" not in output
    assert "sesame" not in output + errors + json.dumps(alert) + summary


def test_a_mistake_of_the_program_is_told(
    hosted: Hosted, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("sesame")

    double = create_autospec(summarize, side_effect=fail)
    monkeypatch.setattr("healthhub.run.summarize", double)
    code, output, errors = hosted.call(
        "run", OURA_PAT="mine", ALERT_URLS=receiver.address
    )
    assert code == 1
    [alert] = receiver.told
    assert "An unexpected KeyError (test_healthhub_alerts.py:" in alert["message"]
    assert "sesame" not in output + errors + json.dumps(alert)


@pytest.mark.usefixtures("home")
def test_a_run_that_was_stopped_or_killed_is_told(
    project: Project, receiver: Receiver
) -> None:
    told = {"OURA_PAT": "mine", "ALERT_URLS": receiver.address}
    for number in (signal.SIGTERM, signal.SIGKILL):
        (project.folder / "pids.json").unlink(missing_ok=True)
        process = project.start("run", STAND_IN="hang", **told)
        pids = project.wait_for("pids.json", process)
        process.send_signal(number)
        process.communicate()
        for pid in pids:
            if psutil.pid_exists(pid):
                psutil.Process(pid).kill()
    assert project.call("run", **told)[0] == 0
    stopped, killed = receiver.told
    assert "The run was interrupted by SIGTERM. Run again." in stopped["message"]
    assert killed["title"] == "healthHub: a run was killed"
    assert killed["message"].startswith("Number of the run: 2. ")


@pytest.mark.usefixtures("home")
def test_a_run_that_lost_its_database_is_told_once(
    project: Project, receiver: Receiver
) -> None:
    told = {"OURA_PAT": "mine", "ALERT_URLS": receiver.address}
    process = project.start("run", STAND_IN="lose the database", **told)
    backend = project.wait_for("lost.json", process)
    postmaster = psutil.Process(backend).parent()
    assert postmaster
    postmaster.kill()
    _, errors = process.communicate()
    assert process.returncode == 1
    [said] = errors.splitlines()
    sentence = said.removeprefix("healthhub: ")
    assert sentence.startswith("The database went away, or ended the connection.")
    ends = "select status, error_summary from healthhub.job_runs order by run_id"
    assert project.query(ends) == [("running", None)]
    assert project.call("run", **told)[0] == 0
    assert project.query(ends) == [("failed", sentence), ("success", None)]
    assert list((project.home / "logs").glob("*-end-*")) == []
    [alert] = receiver.told
    assert alert["message"].startswith("The database went away, or ended the")


def test_a_wrong_setting_is_told(hosted: Hosted, receiver: Receiver) -> None:
    code, _, _ = hosted.call(
        "run", SUPABASE_DB_URL="sesame", ALERT_URLS=receiver.address
    )
    assert code == 1
    [alert] = receiver.told
    assert alert["message"].startswith("SUPABASE_DB_URL is not a PostgreSQL URL")


def test_silence_is_told_once(hosted: Hosted, receiver: Receiver) -> None:
    hosted.call("users", "add", "OURA_PAT_A", "--user-id", ANNE)
    told = {"STAND_IN": "read", "OURA_PAT_A": "ok", "ALERT_URLS": receiver.address}
    hosted.query(ADD_DAY.format(ANNE, 2))
    assert hosted.call("run", ALERT_NO_DATA_DAYS="2", **told)[0] == 0
    assert receiver.told == []  # all of it is new with the first run
    hosted.query(ADD_DAY.format(ANNE, "current_date + date '9999-12-30'"))
    assert hosted.call("run", **told)[0] == 0
    assert receiver.told == []
    assert hosted.call("run", ALERT_NO_DATA_DAYS="2", **told)[0] == 0
    code, output, _ = hosted.call("run", ALERT_NO_DATA_DAYS="2", **told)
    assert (code, "no new data for 2 days: User: OURA_PAT_A" in output) == (0, True)
    [alert] = receiver.told
    assert alert["title"] == "healthHub: no new data for 2 days"
    assert alert["type"] == "warning"
    assert alert["message"].splitlines()[0] == f"User: OURA_PAT_A ({ANNE})"

    hosted.query("update healthhub.job_runs set started_at = now() - interval '8 days'")
    hosted.call("run", ALERT_NO_DATA_DAYS="2", **told)
    assert len(receiver.told) == 2
    days = ("--start-date", "2026-01-01", "--end-date", "2026-01-02")
    hosted.query("truncate healthhub.job_runs")
    hosted.call("run", *days, ALERT_NO_DATA_DAYS="2", **told)
    assert len(receiver.told) == 2  # an old range says nothing of today


def test_a_scope_that_was_withdrawn_is_told(hosted: Hosted, receiver: Receiver) -> None:
    hosted.call("users", "add", "OURA_PAT_A", "--user-id", ANNE)
    hosted.query(ADD_DAY.format(ANNE, 0))
    told = {"STAND_IN": "read", "ALERT_URLS": receiver.address}
    assert hosted.call("run", OURA_PAT_A="missing_scope", **told)[0] == 0
    assert receiver.told == []  # the wearer never shared it
    assert hosted.call("run", OURA_PAT_A="ok", **told)[0] == 0
    assert hosted.call("run", OURA_PAT_A="missing_scope", **told)[0] == 0
    [alert] = receiver.told
    assert alert["title"] == "healthHub: a login needs attention"
    assert "The user no longer shares `tag`. What stays empty: tag" in alert["message"]


@pytest.mark.parametrize(("stand_in", "told"), [("read", 1), ("fail", 2)])
def test_a_login_that_only_this_machine_has_is_told(
    hosted: Hosted, receiver: Receiver, stand_in: str, told: int
) -> None:
    """A machine of GitHub's forgets it otherwise, and the user has to log in again."""
    hosted.call("users", "add", "OURA_PAT")
    (hosted.folder / "rescued-logins.json").write_text(f'{{"{ANNE}": "encrypted"}}')
    output = hosted.call(
        "run",
        STAND_IN=stand_in,
        OURA_PAT="ok",
        TAP_OURA_RESCUE_FOLDER=str(hosted.folder),
        ALERT_URLS=receiver.address,
    )[1]
    assert "a login waits for the database: The database did not take its" in output
    assert len(receiver.told) == told
    alert = receiver.told[-1]
    assert alert["title"] == "healthHub: a login waits for the database"
    assert alert["message"].splitlines()[0] == f"User: {ANNE}"
    assert "encrypted: do not delete it." in alert["message"]


def test_nobody_who_listens_is_no_reason_to_fail(hosted: Hosted) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        deaf = f"json://127.0.0.1:{closed.getsockname()[1]}/"
    code, output, errors = hosted.call(
        "run", STAND_IN="fail", OURA_PAT="mine", ALERT_URLS=deaf
    )
    assert code == 1
    assert "An alert could not be sent. Check ALERT_URLS." in output
    assert "The token was refused." in errors


def test_wrong_address_is_refused_without_quoting_it(hosted: Hosted) -> None:
    code, output, errors = hosted.call("run", ALERT_URLS="sesame")
    assert code == 1
    assert errors.startswith("healthhub: ALERT_URLS has an address that apprise does")
    assert "sesame" not in output + errors
