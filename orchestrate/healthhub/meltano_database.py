"""The database of Meltano itself, and how it connects to it.

`database_uri` in meltano.yml names this plugin of SQLAlchemy. Meltano makes its engine
before anything else, so what is set here reaches its plugins, too.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from functools import partial
from shutil import rmtree
from typing import TYPE_CHECKING, Any

from meltano.core.error import MeltanoError
from sqlalchemy.engine import CreateEnginePlugin
from sqlalchemy.pool import QueuePool

from healthhub.errors import HealthHubError
from healthhub.meltano_files import hold, keep_true_catalogue
from healthhub.project import plugin_folder, project_folder

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine import URL, Engine


class FromSettings(CreateEnginePlugin):
    """Does for one `meltano` what `eval "$(healthhub env)"` does for a shell."""

    def __init__(self, url: URL, kwargs: dict[str, Any]) -> None:
        """Have the database ready until this process ends, unless PG* name one.

        Raises:
            MeltanoError: There is none; the sentence says what to do.
        """
        super().__init__(url, kwargs)
        # Skip garbage collection at exit: a third of a short run.
        atexit.register(gc.freeze)
        try:
            project = project_folder()
            _prepare_files(project)
            if "PGHOST" not in os.environ:
                # Slow to import, and only a `meltano` that was typed by hand needs it.
                from healthhub.by_hand import prepare_run  # noqa: PLC0415

                prepare_run(project)
        except HealthHubError as error:
            raise MeltanoError(str(error).rstrip(".")) from None
        # Meltano would connect anew for each of its ten questions.
        kwargs |= {"poolclass": QueuePool, "pool_pre_ping": True}
        # None of its values is of the type that this asks the database for.
        kwargs["use_native_hstore"] = False

    def update_url(self, url: URL) -> URL:
        """Leave the URL unchanged: libpq reads the variables."""
        return url

    def engine_created(self, engine: Engine) -> None:
        """Close its connections before the database may be stopped."""
        atexit.register(engine.dispose)


def _prepare_files(project: Path) -> None:
    """Keep the files of a run in the project.

    Meltano's own log of each run has all that plugins write, quoted rows, too. It
    belongs to the files of a run, not into ~/.local/state, and ends with it.
    """
    run_folder = plugin_folder(project, "run")
    os.environ["XDG_STATE_HOME"] = str(run_folder)
    if "run" in sys.argv:
        hold(run_folder)
        forget = partial(rmtree, run_folder / "meltano", ignore_errors=True)
        forget()
        atexit.register(forget)
    keep_true_catalogue(project)
