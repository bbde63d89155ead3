"""A PostgreSQL of this machine's own, with TLS, which the wheel's has not."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import trustme

from healthhub.embedded.programs import server_account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from healthhub.embedded.programs import Account

# On this machine, but not one of the names for which nobody would ask for TLS.
HOST = "127.0.0.2"

_DEBIAN = Path("/usr/lib/postgresql")
PASSWORD = "p@ss:w/o?r#d %41"


@dataclass(frozen=True)
class SystemPostgres:
    """A running server.

    Attributes:
        port: Where it listens.
        authority: File with the certificate of who has signed its own.
    """

    port: int
    authority: Path


def system_programs() -> Path | None:
    """Where a server that can do TLS is installed, if one is."""
    found = [path.parent for path in _DEBIAN.glob("*/bin/postgres")]
    if named := shutil.which("postgres"):
        found.append(Path(named).parent)
    for programs in sorted(found, reverse=True):
        config = programs / "pg_config"
        if config.exists() and "ssl" in subprocess.check_output(
            [config, "--configure"], text=True
        ):
            return programs
    return None


def run_as(account: Account, programs: Path, name: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs as the server's account, to its good end."""
    subprocess.run(
        [programs / name, *arguments],
        check=True,
        cwd="/",
        env={"LC_ALL": "C", "PATH": os.defpath},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        **account.identity,
    )


@contextmanager
def running(programs: Path, folder: Path, port: int) -> Iterator[SystemPostgres]:
    """Run a server that lets nobody in without TLS."""
    account = server_account()
    authority = trustme.CA()
    certificate = authority.issue_cert(HOST)
    authority_file = folder / "ca.crt"
    authority.cert_pem.write_to_path(authority_file)
    authority_file.chmod(0o644)
    place = folder / "system-postgres"
    place.mkdir()
    account.own(place)
    data = place / "data"

    run = partial(run_as, account, programs)
    password = place / "password"
    password.write_text(PASSWORD)
    account.own(password)
    run(
        "initdb",
        f"--pgdata={data}",
        "--username=postgres",
        f"--pwfile={password}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    )
    key, chain = data / "server.key", data / "server.crt"
    certificate.private_key_pem.write_to_path(key)
    certificate.cert_chain_pems[0].write_to_path(chain)
    for file in (key, chain):
        file.chmod(0o600)
        account.own(file)
    (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.0/8 scram-sha-256\n")
    settings = "-c listen_addresses=* -c unix_socket_directories= -c ssl=on"
    options = f"-p {port} {settings} -c fsync=off"
    log = place / "log"
    run("pg_ctl", "start", "-w", f"-D{data}", f"-l{log}", f"-o{options}")
    try:
        yield SystemPostgres(port, authority_file)
    finally:
        run("pg_ctl", "stop", "-w", f"-D{data}", "-mfast")
