"""Database, users and sandbox for a `meltano` that was typed by hand."""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from healthhub.job_runs import RunRequest
from healthhub.meltano_log import TAP
from healthhub.migrations import migrate
from healthhub.screen import Screen
from healthhub.settings import load_settings, using_database, variables
from healthhub.tap_environment import chosen_users, tap_environment, within_variables

if TYPE_CHECKING:
    from pathlib import Path


def prepare_run(project: Path) -> None:
    """Start the database, and tell Meltano's plugins where it is and whom to read.

    Without users, what runs the tap reads the sandbox. All ends with this process.

    Raises:
        HealthHubError: There is no database, or no user to read.
    """
    leases = ExitStack()
    atexit.register(leases.close)
    settings, known = load_settings(project), variables(project)
    lease = leases.enter_context(using_database(settings))
    migrate(lease.database)
    users = chosen_users(lease.database, known)
    if {"run", TAP} <= set(sys.argv):
        logs = settings.healthhub_home / "logs"
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        where = tap_environment(users, known, RunRequest(), Screen(), logs)
    else:
        where = within_variables(users or {})
    os.environ |= lease.database.environment | leases.enter_context(where)
