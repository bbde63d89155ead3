"""Citus for tests: whose it is, and databases on it.

As a program, it finds a Citus, or starts one, and runs a command that knows of it:

    .venv/bin/python tests/support/citus_server.py .venv/bin/pytest tests/citus
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from healthhub.citus import has_citus
from healthhub.database import Database
from healthhub.embedded.programs import server_account
from healthhub.errors import HealthHubError
from system_postgres import run_as

if TYPE_CHECKING:
    from collections.abc import Iterator

#: By this name, commands and tests find it: the URL of a coordinator, as a superuser
#: of all its machines. Databases are made and dropped there.
URL = "CITUS_URL"
IMAGE = "citusdata/citus:13.0.3"
NO_CITUS = (
    "There is no Citus: set CITUS_URL to a coordinator's URL (as a superuser), or "
    "install Docker, or Citus for a PostgreSQL of this machine."
)

#: Who uses it in tests, and is no superuser.
ROLE = "study"
TEMPLATE = "healthhub_on_citus"

_HOST = "127.0.0.1"
_DEBIAN = "/usr/lib/postgresql/*/bin/pg_config"
_NODES = ("coordinator", "worker-1", "worker-2")
_SETTINGS = f"""
listen_addresses = '{_HOST}'
unix_socket_directories = ''
shared_preload_libraries = 'citus'
citus.node_conninfo = 'sslmode=disable'
wal_level = logical
max_connections = 200
max_prepared_transactions = 200
fsync = off
jit = off
"""
# A table of 32 parts, of which there are 43 and their indexes, takes longer to copy
# with its database than any test takes.
_PARTS = 4
_ALL_OUT = """
select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
where datname = '{}' and pid != pg_backend_pid()
"""
_HAVE_CITUS = f"""
select dblink_exec(
    format(
        'host=127.0.0.1 port=%s dbname={TEMPLATE} user=%s',
        current_setting('port'), current_user
    ),
    'create extension citus'
)
"""
_NODES_THERE = """
select
    case groupid when 0 then 'citus_set_coordinator_host' else 'citus_add_node' end,
    nodename,
    nodeport
from pg_dist_node
order by groupid
"""


# Databases


def given() -> Database | None:
    """The coordinator that the tests are told to use."""
    url = os.environ.get(URL)
    return Database.from_url(url, URL) if url else None


def everywhere(maintenance: psycopg.Connection[Any], statement: str) -> None:
    """Run a statement on each machine: the only one, or all those of Citus."""
    maintenance.execute(statement.encode())
    if has_citus(maintenance):
        query = "select nodename, success, result from run_command_on_workers(%s)"
        with maintenance.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
            for node, success, result in cursor.execute(query, (statement,)):
                assert success, f"{node}: {statement}: {result}"


def create_database(
    maintenance: psycopg.Connection[Any], name: str, template: str | None = None
) -> None:
    """Make a database: empty, or a copy of one that is closed."""
    if template is None:
        template = "template1"
        if has_citus(maintenance):
            template = TEMPLATE
            _make_template(maintenance)
    everywhere(maintenance, f"create database {name} template {template}")
    if has_citus(maintenance):
        maintenance.execute(
            f"alter database {name} set citus.shard_count = {_PARTS}".encode()
        )


def drop_database(maintenance: psycopg.Connection[Any], name: str) -> None:
    """Drop a database, whoever uses it."""
    everywhere(maintenance, f"drop database if exists {name} with (force)")


def close_database(maintenance: psycopg.Connection[Any], name: str) -> None:
    """Let nobody in any more, Citus itself included: only then it can be copied."""
    everywhere(maintenance, f"alter database {name} allow_connections false")
    everywhere(maintenance, _ALL_OUT.format(name))


def _make_template(maintenance: psycopg.Connection[Any]) -> None:
    """Once: an empty database that knows all machines and, as they do, the user.

    Citus passes on what is said of its own databases. Where it is not yet, each
    machine has to be asked to connect to itself.
    """
    found = "select from pg_database where datname = %s"
    if maintenance.execute(found, (TEMPLATE,)).rowcount:
        return
    everywhere(maintenance, f"create database {TEMPLATE}")
    maintenance.execute("create extension if not exists dblink")
    everywhere(maintenance, _HAVE_CITUS)
    with maintenance.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
        nodes = cursor.execute(_NODES_THERE).fetchall()
    new: dict[str, Any] = maintenance.info.get_parameters() | {
        "dbname": TEMPLATE,
        "password": maintenance.info.password,
    }
    with psycopg.connect(**new, autocommit=True) as connection:
        for function, name, port in nodes:
            connection.execute(f"select {function}(%s, %s)".encode(), (name, port))
        connection.execute(f"drop role if exists {ROLE}".encode())
        connection.execute(
            f"create role {ROLE} login createrole password '{ROLE}'".encode()
        )
    close_database(maintenance, TEMPLATE)


@contextmanager
def database(coordinator: Database, name: str) -> Iterator[Database]:
    """A database of a test's own, as a user who is no superuser reaches it."""
    with coordinator.connect(autocommit=True) as maintenance:
        create_database(maintenance, name)
        everywhere(maintenance, f"alter database {name} owner to {ROLE}")
    own = {"dbname": name, "user": ROLE, "password": ROLE}
    try:
        yield replace(coordinator, parameters={**coordinator.parameters, **own})
    finally:
        with coordinator.connect(autocommit=True) as maintenance:
            drop_database(maintenance, name)


# A Citus


@contextmanager
def found() -> Iterator[Database]:
    """The Citus that is named, or one that lasts as long as this."""
    if named := given():
        yield named
    elif programs := _installed():
        with _started(programs) as coordinator:
            yield coordinator
    elif _has_docker():
        with _in_docker() as coordinator:
            yield coordinator
    else:
        sys.exit(NO_CITUS)


def _installed() -> Path | None:
    """Where the programs of a PostgreSQL are that has Citus."""
    named = shutil.which("pg_config")
    for config in [
        *([Path(named)] if named else []),
        *sorted(Path("/").glob(_DEBIAN[1:])),
    ]:
        libraries = subprocess.check_output([config, "--pkglibdir"], text=True)
        if (Path(libraries.strip()) / "citus.so").exists():
            programs = subprocess.check_output([config, "--bindir"], text=True)
            return Path(programs.strip())
    return None


@contextmanager
def _started(programs: Path) -> Iterator[Database]:
    """Servers in a folder that is gone afterwards."""
    account = server_account()

    run = partial(run_as, account, programs)
    with (
        tempfile.TemporaryDirectory(prefix="healthhub-citus-") as name,
        ExitStack() as up,
    ):
        account.own(Path(name))
        nodes = []
        for node in _NODES:
            data, port = f"{name}/{node}", _free_port()
            run("initdb", f"-D{data}", "-Upostgres", "-Atrust", "-EUTF8", "--no-sync")
            settings = Path(data) / "postgresql.auto.conf"
            settings.write_text(f"{_SETTINGS}port = {port}\n")
            run("pg_ctl", "start", "-w", f"-D{data}", f"-l{data}.log")
            up.callback(run, "pg_ctl", "stop", "-w", f"-D{data}", "-mimmediate")
            nodes.append(_node(port))
            with nodes[-1].connect(autocommit=True) as connection:
                connection.execute("create extension citus")
        yield _joined(nodes[0], [(_HOST, n.parameters["port"]) for n in nodes])


def _has_docker() -> bool:
    return bool(
        (docker := shutil.which("docker"))
        and subprocess.run(
            [docker, "info"], check=False, capture_output=True
        ).returncode
        == 0
    )


@contextmanager
def _in_docker() -> Iterator[Database]:
    """Containers that are gone afterwards."""

    def docker(*arguments: str) -> str:
        done = subprocess.check_output(["docker", *arguments], text=True)
        return done.strip()

    network = f"healthhub-citus-{os.getpid()}"
    with ExitStack() as up:
        docker("network", "create", network)
        up.callback(docker, "network", "rm", network)
        containers = []
        for node in _NODES:
            container = docker(
                *("run", "--detach", "--rm", "--network", network),
                *("--network-alias", node, "--publish", f"{_HOST}::5432"),
                *("--env", "POSTGRES_HOST_AUTH_METHOD=trust", IMAGE),
            )
            up.callback(docker, "rm", "--force", container)
            containers.append(container)
        nodes = []
        for container in containers:
            published = docker("port", container, "5432").rpartition(":")[2]
            nodes.append(_when_up(_node(int(published))))
        yield _joined(nodes[0], [(node, "5432") for node in _NODES])


def _when_up(node: Database) -> Database:
    """The image makes a database first, which nobody can reach."""
    for _ in range(300):
        with suppress(HealthHubError):
            node.connect().close()
            return node
        time.sleep(0.2)
    node.connect().close()
    return node


def _node(port: int) -> Database:
    return Database.from_url(f"postgresql://postgres:postgres@{_HOST}:{port}/postgres")


def _joined(coordinator: Database, nodes: list[tuple[str, str]]) -> Database:
    """The coordinator, when it knows its workers."""
    add, *more = "citus_set_coordinator_host", *["citus_add_node"] * (len(nodes) - 1)
    with coordinator.connect(autocommit=True) as connection:
        for function, node in zip([add, *more], nodes, strict=True):
            connection.execute(f"select {function}(%s, %s::int)".encode(), node)
    return coordinator


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def main(command: list[str]) -> int:
    """Run a command that knows of a Citus, and return its exit code."""
    with found() as coordinator:
        environment = {**os.environ, URL: coordinator.url}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
