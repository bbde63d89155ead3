"""The database of a `meltano` that somebody types in a shell without variables.

`database_uri` in meltano.yml names this plugin of SQLAlchemy. Meltano makes its engine
before anything else, so what is set here reaches its plugins, too.
"""

from __future__ import annotations

import atexit
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from meltano.core.error import MeltanoError
from sqlalchemy.engine import CreateEnginePlugin

from healthhub.errors import HealthHubError
from healthhub.meltano import plugin_folder
from healthhub.migrations import migrate
from healthhub.settings import load_settings, project_folder, using_database, variables
from healthhub.source import chosen_users

if TYPE_CHECKING:
    from sqlalchemy.engine import URL


class FromSettings(CreateEnginePlugin):
    """Does for one `meltano` what `eval "$(healthhub env)"` does for a shell."""

    def __init__(self, url: URL, kwargs: dict[str, Any]) -> None:
        """Have the database ready until this process ends, unless PG* name one.

        Raises:
            MeltanoError: There is none; the sentence says what to do.
        """
        super().__init__(url, kwargs)
        project = project_folder()
        # Meltano's own log of each run names users: it belongs to the other files of a
        # run, and not into ~/.local/state.
        os.environ["XDG_STATE_HOME"] = str(plugin_folder(project, "run"))
        if "PGHOST" in os.environ:
            return
        leases = ExitStack()
        atexit.register(leases.close)
        try:
            lease = leases.enter_context(using_database(load_settings(project)))
            migrate(lease.database)
            users = chosen_users(lease.database, variables(project)) or {}
        except HealthHubError as error:
            raise MeltanoError(str(error).rstrip(".")) from None
        os.environ |= lease.database.environment | users

    def update_url(self, url: URL) -> URL:
        """It is right as it is: libpq reads the variables."""
        return url
