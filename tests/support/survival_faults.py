"""What can happen to a run: each fault disturbs one, and takes itself back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest

from oura_sandbox.child import running
from survival import PARTS, SPOILED, USER_ID, Ended

if TYPE_CHECKING:
    from random import Random

    import psutil

    from survival import Blow, Home, Process

#: The run that a fault met, and how often it happened to it.
Met = tuple[Ended, int]
Fault = Callable[["Home", "Random"], Met]

STATE = "dev:tap-oura-to-target-postgres"
# A superuser could still write in a session that says so.
_READ_ONLY = "alter system set default_transaction_read_only = {}"
_STREAMS = ("sleep", "daily_sleep", "daily_activity", "heartrate", "workout")
# Room for an empty database; a run needs some 60 MB more.
_DISK, _LEFT = 400_000_000, 1_000_000


# kill -9


def killed(part: str, **environment: str) -> Fault:
    """One process of a run dies, at any moment of its life."""

    def fault(home: Home, random: Random) -> Met:
        def blow(_: Process, victim: psutil.Process) -> None:
            victim.kill()

        return home.strike(part, random.random(), blow, **environment), 1

    return fault


# Oura and the network


def spoiled(
    *faults: dict[str, Any], tries: int = 2, page_size: int | None = None
) -> Fault:
    """What the sandbox can do to its answers, once there is an access token."""

    def fault(home: Home, random: Random) -> Met:
        sandbox = f"{home.environment['TAP_OURA_API_URL']}/_sandbox"
        control, settings = f"{sandbox}/faults", f"{sandbox}/settings"
        httpx.patch(settings, json={"page_size": page_size}).raise_for_status()
        for each in faults:
            drawn = {"seed": random.randrange(10**6), **each}
            httpx.post(control, json=drawn).raise_for_status()
        try:
            ended = home.run(TAP_OURA_MAX_TRIES=str(tries))
            happened = httpx.get(control).json()
        finally:
            httpx.delete(control).raise_for_status()
            httpx.patch(settings, json={"page_size": None}).raise_for_status()
        times = sum(each["happened"] for each in happened)
        assert times > 0
        return ended, times

    return fault


def passing(kind: str, **details: Any) -> dict[str, Any]:  # noqa: ANN401 (JSON)
    """Something that happens to one request of two dozen."""
    return {"kind": kind, "probability": 1 / 24, "after": 1, **details}


def refused(home: Home, _: Random) -> Met:
    """Nobody listens where the API should be."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
        return home.run(TAP_OURA_API_URL=nowhere, TAP_OURA_MAX_TRIES="2"), 1


def clock_off(home: Home, random: Random) -> Met:
    """Oura's clock is an hour from ours, and so is when the stored login ends.

    It says the time in its headers, when a limit ends and when a token does. The login
    was stored by our clock when that was right: ahead of Oura's, the token seems to
    have an hour left and has none; behind, it seems to have ended and has not.
    """
    folder = home.folder / "clock"
    folder.mkdir()
    hour = random.choice((-3600, 3600))
    (folder / "sitecustomize.py").write_text(
        f"import time\nreal = time.time\ntime.time = lambda: real() + {hour}\n"
    )
    with ExitStack() as stack:
        environment = os.environ | {"PYTHONPATH": str(folder)}
        secret = home.known.secrets["client secret"]
        child = running(env=environment, client_secret=secret)
        sandbox = stack.enter_context(child)
        tokens = httpx.post(f"{sandbox.url}/_sandbox/tokens", json={}).json()
        home.store_login(sandbox.url, tokens, ends_in=hour)
        if hour > 0:
            httpx.delete(f"{sandbox.url}/_sandbox/tokens").raise_for_status()
        limit = {"kind": "rate-limit", "every": 9, "after": 1}
        control = f"{sandbox.url}/_sandbox/faults"
        httpx.post(control, json=limit).raise_for_status()
        ended = home.run(
            TAP_OURA_API_URL=sandbox.url,
            TAP_OURA_AUTH_URL=sandbox.url,
            TAP_OURA_REFRESH_TOKEN="",
        )
        happened = httpx.get(control).json()
    assert happened[0]["happened"] > 0, ended.said
    return ended, 1


# The place


def at_some_moment(home: Home, random: Random, blow: Blow) -> Ended:
    """A run that meets something at any moment in which it writes."""
    return home.strike(random.choice(("target", "dbt")), random.random(), blow)


def disk_full(home: Home, random: Random) -> Met:
    """Nothing more can be written where everything is, from some moment on."""
    options = f"size={_DISK},mode=0755"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(home.folder)]
    if not shutil.which("mount") or subprocess.run(mount, check=False).returncode:
        pytest.skip("only who may mount a small file system can fill one up")
    home.at_the_end.callback(
        subprocess.run, ["umount", "--lazy", str(home.folder)], check=True
    )
    ballast = home.folder / "ballast"

    def fill(*_: object) -> None:
        with ballast.open("wb") as file, suppress(OSError):
            free = shutil.disk_usage(home.folder).free
            os.posix_fallocate(file.fileno(), 0, free - _LEFT)

    ended = at_some_moment(home, random, fill)
    ballast.unlink()
    return ended, 1


def read_only(home: Home, random: Random) -> Met:
    """The database takes nothing more, from some moment on."""

    def let_it_be(value: str) -> None:
        with psycopg.connect(database.url, autocommit=True) as connection:
            connection.execute(_READ_ONLY.format(value).encode())
            connection.execute("select pg_reload_conf()")

    with home.database() as database:
        ended = at_some_moment(home, random, lambda *_: let_it_be("on"))
        let_it_be("off")
        return ended, 1


def out_of_connections(home: Home, random: Random) -> Met:
    """Others take every connection that the database has, from some moment on."""
    taken: list[psycopg.Connection] = []

    def take(process: Process, _: psutil.Process) -> None:
        while process.poll() is None:
            try:
                taken.append(psycopg.connect(database.url))
            except psycopg.OperationalError:
                time.sleep(0.1)

    with home.database() as database:
        ended = at_some_moment(home, random, take)
        for connection in taken:
            connection.close()
        return ended, len(taken)


def restarted(home: Home, random: Random) -> Met:
    """The database is restarted while transactions are open."""

    def restart(process: Process, _: psutil.Process) -> None:
        server = home.alive("postgres")[0]
        server.send_signal(signal.SIGINT)
        server.wait()
        with home.database():
            process.wait()

    return at_some_moment(home, random, restart), 1


def two_at_once(home: Home, random: Random) -> Met:
    """Another run is under way."""
    others: list[Ended] = []

    def disturb(process: Process) -> None:
        home.at_a_moment(process, "tap", random.random() / 2)
        others.append(home.run())

    first = home.run(disturb)
    assert first.exit_code == 0, first.said
    assert "is under way" in others[0].said
    return others[0], 1


# The state


def of_state(**partition: str) -> Fault:
    """What the bookmarks say is of another time, of another version, or nonsense."""

    def fault(home: Home, _: Random) -> Met:
        of_user = {"context": {"user_id": USER_ID}, **partition}
        bookmarks = {stream: {"partitions": [of_user]} for stream in _STREAMS}
        state = {"singer_state": {"bookmarks": bookmarks}}
        home.command("meltano", "state", "set", "--force", STATE, json.dumps(state))
        return home.run(), 1

    return fault


_DAY = {"replication_key": "day", "replication_key_value": "2099-01-01"}
_YESTERDAY = str(datetime.now(UTC).date() - timedelta(days=1))

# The sandbox is started for who has no login.
_NOBODY = {"TAP_OURA_TOKEN_STORE": "", "TAP_OURA_REFRESH_TOKEN": ""}

FAULTS: dict[str, Fault] = {
    **{
        f"kill -9 of {part}": killed(part, **(_NOBODY if part == "sandbox" else {}))
        for part in PARTS
    },
    "one answer of four spoiled: refused with 500, 503 or 429, broken off, cut short, "
    "slow, a web page, or none": spoiled(
        *(passing(kind) for kind in ("drop", "cut", "truncate", "html", "rate-limit")),
        *(passing("error", status=status) for status in (500, 503)),
        passing("delay", seconds=2),
        tries=5,
    ),
    "nobody listens": refused,
    "every connection is closed": spoiled({"kind": "drop", "after": 1}),
    "every answer is broken off": spoiled({"kind": "cut", "after": 1}),
    "every answer is 503": spoiled({"kind": "error", "status": 503, "after": 1}),
    "every answer is 429, for an hour": spoiled(
        {"kind": "rate-limit", "after": 1, "seconds": 3600}
    ),
    "two dozen answers are 429": spoiled(
        {"kind": "rate-limit", "after": 1, "times": 24}
    ),
    "one route answers with web pages": spoiled(
        {"kind": "html", "route": "sleep", "status": 200}
    ),
    "a page repeats itself": spoiled(
        {"kind": "repeat-token", "route": "heartrate", "after": 1}, page_size=100
    ),
    "the login's endpoint fails": spoiled(
        {"kind": "html", "route": "oauth/token", "times": 4}
    ),
    "documents are missing from each answer": spoiled(
        {"kind": "hide", "probability": 0.3}
    ),
    "documents hold other types": spoiled(
        {
            "kind": "change",
            "probability": 0.3,
            "route": "sleep",
            "set": {"average_hrv": SPOILED, "bedtime_start": SPOILED, "readiness": 1},
        }
    ),
    "the clock is an hour off": clock_off,
    "the disk is full": disk_full,
    "the database is read-only": read_only,
    "the database has no connections left": out_of_connections,
    "the database restarts": restarted,
    "two runs at once": two_at_once,
    "a state from the future": of_state(
        **_DAY, asked_from="2016-01-01", reconciled_on="2099-01-01"
    ),
    "a state of an older version": of_state(
        replication_key="day", replication_key_value=_YESTERDAY
    ),
    "a corrupt state": of_state(
        replication_key="day", replication_key_value="tomorrow", asked_from="?"
    ),
}

#: After these, a run can succeed with what is not so: Oura itself has told otherwise.
TOLD_OTHERWISE = {
    "documents are missing from each answer",
    "documents hold other types",
}
