"""The terminal of the database."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

from healthhub.embedded.programs import packaged_programs
from healthhub.errors import HealthHubError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from healthhub.database import Database
    from healthhub.embedded import Lease

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def run_psql(lease: Lease, arguments: Sequence[str]) -> int:
    """Run psql until the person leaves it.

    Returns:
        Its exit code.
    """
    # Ctrl-C is for psql, where it cancels a query. A child would inherit SIG_IGN.
    previous = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.call(  # noqa: S603 (a person's own arguments to psql)
            [_program(lease.database), *arguments],
            env=os.environ | lease.database.environment,
            pass_fds=lease.descriptors,
        )
    finally:
        signal.signal(signal.SIGINT, previous)


def _program(database: Database) -> str:
    """The bundled psql where nothing leaves the machine: it cannot encrypt."""
    if database.host in _LOOPBACK or database.parameters.get("sslmode") == "disable":
        return str(packaged_programs() / "psql")
    if installed := shutil.which("psql"):
        return installed
    message = (
        "The bundled psql has no TLS, and no other one is installed. Install "
        "PostgreSQL's client (Debian: postgresql-client, macOS: brew install libpq)."
    )
    raise HealthHubError(message)
