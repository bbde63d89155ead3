"""Shares of the users, loaded at once as other schedulers do it, and as one load."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

import citus_server
from healthhub.embedded import EmbeddedPostgres
from healthhub.migrations import migrate
from oura_sandbox.child import running
from workflow_steps import run_step, run_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from healthhub.database import Database

PROJECT = Path(__file__).parents[2]
MELTANO = Path(sys.executable).with_name("meltano")
DATABASE = "shards"
USERS = [f"0a0a0a0a-0000-4000-8000-{number:012d}" for number in range(1, 6)]
SHARDS = 2
# What differs between two loads of the same.
OF_THE_LOAD = (
    "^(_sdc_.*|synced_at|request_count|(cre|upd)ated_at|(first|last)_seen_at)$"
)


@dataclass
class Study:
    """A database that is made anew, and what reads the same users into it."""

    make: Callable[[], AbstractContextManager[Database]]
    made: ExitStack
    settings: dict[str, str]
    folder: Path

    def empty(self) -> None:
        """Let it be as after the migrations; dbt knows it by its name."""
        self.made.close()
        self.database = self.made.enter_context(self.make())
        migrate(self.database)

    def environment(self, name: str) -> dict[str, str]:
        """The variables of a machine, with a run folder of its own."""
        system = self.folder / name
        if not system.exists():
            system.mkdir()
            for kind in ("extractors", "loaders", "utilities"):
                (system / kind).symlink_to(PROJECT / ".meltano" / kind)
        return {
            **{k: os.environ[k] for k in ("PATH", "LANG") if k in os.environ},
            **self.settings,
            "HOME": str(self.folder),
            "SUPABASE_DB_URL": self.database.url,
            "MELTANO_SYS_DIR_ROOT": str(system),
            "NO_COLOR": "1",
        }


@pytest.fixture(scope="module")
def study() -> Iterator[Study]:
    home = Path(tempfile.mkdtemp(prefix="healthhub-shards-"))
    home.chmod(0o755)
    try:
        with (
            database_maker(home) as make,
            running(years=1, users=len(USERS)) as sandbox,
            ExitStack() as made,
        ):
            tokens = [sandbox.token, *(f"{sandbox.token}-{n}" for n in range(2, 6))]
            users = [
                {"user_id": user, "access_token": token}
                for user, token in zip(USERS, tokens, strict=True)
            ]
            first = datetime.now(UTC).date() - timedelta(days=3)
            settings = {
                "TAP_OURA_USERS": json.dumps(users),
                "TAP_OURA_API_URL": sandbox.url,
                "TAP_OURA_START_DATE": str(first),
            }
            study = Study(make, made, settings, home)
            study.empty()
            yield study
    finally:
        shutil.rmtree(home)


@contextmanager
def database_maker(
    home: Path,
) -> Iterator[Callable[[], AbstractContextManager[Database]]]:
    """What makes the same database, of an embedded PostgreSQL or of Citus."""
    if coordinator := citus_server.given():
        yield partial(citus_server.database, coordinator, DATABASE)
        return
    with EmbeddedPostgres(home).using() as lease:
        yield partial(database_on, lease.database)


@contextmanager
def database_on(server: Database) -> Iterator[Database]:
    with server.connect(autocommit=True) as connection:
        connection.execute(f"create database {DATABASE}".encode())
    try:
        yield replace(server, parameters={**server.parameters, "dbname": DATABASE})
    finally:
        with server.connect(autocommit=True) as connection:
            connection.execute(f"drop database {DATABASE}".encode())


def rows(database: Database) -> dict[str, Counter[str]]:
    """All rows of each table and view, without what is of the load."""
    with database.connect() as connection:
        relations = connection.execute(
            "select format('%%I.%%I', table_schema, table_name),"
            " string_agg(format('%%I', column_name), ', ' order by column_name)"
            " from information_schema.columns"
            " where table_schema in ('raw_oura', 'healthhub')"
            " and column_name !~ %s group by 1",
            (OF_THE_LOAD,),
        ).fetchall()
        return {
            relation: Counter(
                row
                for (row,) in connection.execute(
                    f"select row({columns})::text from {relation}".encode()
                )
            )
            for relation, columns in relations
        }


def kubernetes_command() -> list[str]:
    _, job, _ = yaml.safe_load_all((PROJECT / "deploy/kubernetes.yaml").read_text())
    [container] = job["spec"]["template"]["spec"]["containers"]
    command: list[str] = container["command"]
    return command


def test_shares_of_several_schedulers_are_what_one_load_is(study: Study) -> None:
    one = subprocess.run(
        [MELTANO, "run", "tap-oura", "target-postgres", "dbt"],
        cwd=PROJECT,
        env=study.environment("one"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert one.returncode == 0, one.stdout + one.stderr
    wanted = rows(study.database)
    study.empty()

    [prepare] = [
        s for s in run_steps("shards.yml", "prepare") if s["name"] == "Prepare"
    ]
    github_machine = study.environment("github")
    url = {"SUPABASE_DB_URL": study.database.url}
    prepared = run_step(prepare, PROJECT, github_machine, **url)
    assert prepared.returncode == 0, prepared.stdout

    # GitHub loads the first share, and meanwhile Kubernetes kills and restarts a pod.
    [load] = [s for s in run_steps("shards.yml", "load") if s["name"] == "Load"]
    done: list[subprocess.CompletedProcess[str]] = []

    def on_github() -> None:
        start = study.settings["TAP_OURA_START_DATE"]
        share = {"TAP_OURA_SHARD": f"1/{SHARDS}", "TAP_OURA_START_DATE": start}
        done.append(run_step(load, PROJECT, github_machine, **url, **share))

    github = threading.Thread(target=on_github)
    github.start()
    pod = study.environment("pod")
    pod |= {"JOB_COMPLETION_INDEX": "1", "SHARDS": str(SHARDS)}
    with subprocess.Popen(
        kubernetes_command(),
        cwd=PROJECT,
        env=pod,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as killed:
        wait_for_a_row_of(study, "shard-2-of-2", killed)
        os.killpg(killed.pid, signal.SIGKILL)
    again = subprocess.run(
        kubernetes_command(),
        cwd=PROJECT,
        env=pod,
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 0, again.stdout + again.stderr
    github.join()
    assert done[0].returncode == 0, done[0].stdout
    [make] = [s for s in run_steps("shards.yml", "tables") if "Make" in s["name"]]
    made = run_step(make, PROJECT, github_machine, **url)
    assert made.returncode == 0, made.stdout
    found = rows(study.database)
    for relation in ("raw_oura.sleep", "healthhub.daily_overview"):
        assert all(any(user in row for row in found[relation]) for user in USERS)
    assert not found["healthhub.job_runs"]  # the scheduler knows how a share ended
    assert {n for n in found | wanted if found.get(n) != wanted.get(n)} == set()


def wait_for_a_row_of(
    study: Study, suffix: str, process: subprocess.Popen[bytes]
) -> None:
    """Until Meltano says that a share is under way."""
    began = "select from meltano.runs where job_name like %s"
    while process.poll() is None:
        with study.database.connect() as connection:
            there = connection.execute("select to_regclass('meltano.runs')").fetchone()
            if there != (None,) and connection.execute(began, (f"%{suffix}",)).rowcount:
                return
        time.sleep(0.05)
    pytest.fail(f"it ended before {suffix} was under way")


def test_two_runs_do_not_share_a_run_folder(study: Study) -> None:
    environment: dict[str, Any] = study.environment("held")
    folder = study.folder / "held" / "run"
    folder.mkdir()
    hold = (
        "import fcntl, sys; f = open(sys.argv[1], 'w');"
        " fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, folder / "lock"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout
        other.stdout.readline()
        refused = subprocess.run(
            [MELTANO, "run", "tap-oura"],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        other.communicate()
    assert refused.returncode == 1
    assert "Another run uses" in refused.stderr + refused.stdout
