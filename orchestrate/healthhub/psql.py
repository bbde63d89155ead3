"""The terminal of the database."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

from healthhub.embedded.programs import packaged_programs
from healthhub.tls_bridge import without_tls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from healthhub.embedded import Lease


def run_psql(lease: Lease, arguments: Sequence[str]) -> int:
    """Run psql until the person leaves it.

    Returns:
        Its exit code.
    """
    # Ctrl-C is for psql, where it cancels a query. A child would inherit SIG_IGN.
    previous = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        with without_tls(lease.database) as database:
            return subprocess.call(  # noqa: S603 (a person's own arguments to psql)
                [str(packaged_programs() / "psql"), *arguments],
                env=os.environ | database.environment,
                pass_fds=lease.descriptors,
            )
    finally:
        signal.signal(signal.SIGINT, previous)
