"""The terminal of the database."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

from healthhub.client_programs import client_program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from healthhub.embedded import Lease


def run_psql(lease: Lease, arguments: Sequence[str]) -> int:
    """Run psql until the person leaves it.

    Returns:
        Its exit code.
    """
    program, environment = client_program("psql", lease.database)
    # Ctrl-C is for psql, where it cancels a query. A child would inherit SIG_IGN.
    previous = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.call(  # noqa: S603 (a person's own arguments to psql)
            [program, *arguments], env=environment, pass_fds=lease.descriptors
        )
    finally:
        signal.signal(signal.SIGINT, previous)
