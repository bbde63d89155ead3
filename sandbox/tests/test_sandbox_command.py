from __future__ import annotations

import signal
import socket
import subprocess
import sys

import httpx
import pytest
from click import unstyle
from typer.testing import CliRunner

from oura_sandbox.child import running
from oura_sandbox.cli import app
from patience import PATIENCE

COMMAND = (sys.executable, "-m", "oura_sandbox")


def start(*switches: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "--port", "0", *switches],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_greets_once_and_ends_cleanly(number: signal.Signals) -> None:
    with start() as process:
        assert process.stdout
        greeting = process.stdout.readline()
        url = greeting.removeprefix("oura-sandbox listens on ").strip()
        assert httpx.get(f"{url}/v2/usercollection/sleep").status_code == 401
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (0, "", "")


def test_ends_with_its_parent() -> None:
    with start("--until-stdin-closes") as process:
        assert process.stdout
        assert process.stdin
        assert process.stdout.readline()
        process.stdin.close()
        assert process.wait(timeout=PATIENCE) == 0


def test_a_signal_ends_it_although_a_client_stays_connected() -> None:
    with start() as process:
        assert process.stdout
        url = process.stdout.readline().split()[-1]
        with httpx.Client() as client:
            client.get(f"{url}/v2/usercollection/sleep")
            process.terminate()
            assert process.wait(timeout=PATIENCE) == 0


def test_a_taken_port_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*COMMAND, "--port", str(port)],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "--port" in done.stderr


@pytest.mark.parametrize(
    "switch",
    [
        "--port=70000",
        "--today=yesterday",
        "--page-size=0",
        "--without-scope=stress",
        "--token-limit=many",
        "--token-endpoint=old",
        "--fault=kind=earthquake",
        "--fault={",
    ],
)
def test_a_bad_switch_is_refused(switch: str) -> None:
    done = CliRunner().invoke(app, ["--port=0", switch])
    assert done.exit_code == 2
    assert switch.partition("=")[0] in unstyle(done.stderr)


def test_running_says_so_when_the_command_does_not_start() -> None:
    with pytest.raises(RuntimeError, match="did not start"), running(years=-1):
        pass


def test_another_token_and_seed() -> None:
    query = {"start_date": "2026-11-20", "end_date": "2026-11-20"}
    path = "/v2/usercollection/daily_sleep"
    served = []
    for seed in (1, 2):
        with running(seed=seed, today="2026-11-24", years=1, token="t") as other:
            headers = {"Authorization": "Bearer t"}
            answer = httpx.get(other.url + path, params=query, headers=headers)
            served.append(answer.json()["data"][0])
    assert served[0]["id"] != served[1]["id"]
