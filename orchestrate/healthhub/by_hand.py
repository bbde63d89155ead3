"""What a `meltano` needs that somebody types in a shell without variables."""

from __future__ import annotations

import atexit
import os
from contextlib import ExitStack

from meltano.core.error import MeltanoError

from healthhub.errors import HealthHubError
from healthhub.migrations import migrate
from healthhub.project import project_folder
from healthhub.settings import load_settings, using_database, variables
from healthhub.source import chosen_users, within_variables


def prepare() -> None:
    """Have the database ready until this process ends, and say where it is.

    Raises:
        MeltanoError: There is none; the sentence says what to do.
    """
    project = project_folder()
    leases = ExitStack()
    atexit.register(leases.close)
    try:
        lease = leases.enter_context(using_database(load_settings(project)))
        migrate(lease.database)
        chosen = chosen_users(lease.database, variables(project)) or {}
        users = leases.enter_context(within_variables(chosen))
    except HealthHubError as error:
        raise MeltanoError(str(error).rstrip(".")) from None
    os.environ |= lease.database.environment | users
