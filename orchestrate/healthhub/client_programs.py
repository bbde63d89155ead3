"""psql and pg_dump, also for a database that demands TLS.

Those of the wheel are never too old for a server, but their libpq is built without
OpenSSL. psycopg's own wheel has the same library with it, which Linux loads instead:
so TLS, its checks and channel binding are libpq's own. Where that does not work, the
programs of the system have to do.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from healthhub.embedded.programs import packaged_programs
from healthhub.errors import HealthHubError
from healthhub.masking import without_secrets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from healthhub.database import Database
    from healthhub.embedded import Lease


def client_program(name: str, database: Database) -> tuple[str, dict[str, str]]:
    """One of PostgreSQL's programs, and the environment that leads it there."""
    packaged = str(packaged_programs() / name)
    environment = without_secrets(os.environ, "PG") | database.environment
    if database.is_local or database.parameters.get("sslmode") == "disable":
        return packaged, environment
    if library := _libpq_with_tls():
        return packaged, environment | {"LD_PRELOAD": str(library)}
    if installed := shutil.which(name):
        return installed, environment
    raise HealthHubError(
        f"{name} is not installed, and the one of this project has no TLS here. "
        "Install PostgreSQL's programs, of the server's version or newer."
    )


def run_psql(lease: Lease, arguments: Sequence[str]) -> int:
    """Run psql until the user leaves it. Returns its exit code."""
    program, environment = client_program("psql", lease.database)
    # Ctrl-C is for psql, where it cancels a query. A child would inherit SIG_IGN.
    previous = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.call(  # noqa: S603 (a person's own arguments to psql)
            [program, *arguments], env=environment, pass_fds=lease.descriptors
        )
    finally:
        signal.signal(signal.SIGINT, previous)


def _libpq_with_tls() -> Path | None:
    """psycopg's, where a library can be loaded in place of another."""
    spec = find_spec("psycopg_binary")
    if sys.platform != "linux" or spec is None or spec.origin is None:
        return None
    libraries = Path(spec.origin).parent.with_name("psycopg_binary.libs")
    return next(libraries.glob("libpq-*.so.*"), None)
