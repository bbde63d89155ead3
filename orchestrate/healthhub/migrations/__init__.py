"""The schemas, and the tables that no dbt model makes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import exc, text

from healthhub.errors import HealthHubError

if TYPE_CHECKING:
    from healthhub.database import Database

SCHEMA = "healthhub"

# Any number that nothing else in this database locks.
_LOCK = 4_207_119_385


def newest_revision() -> str | None:
    """The revision that `migrate` brings a database to."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def migrate(database: Database) -> None:
    """Bring a database to the newest revision; do nothing if it is there already.

    Raises:
        HealthHubError: The user may not create what is needed.
    """
    config = _config()
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://",
        creator=database.connect,
        poolclass=sqlalchemy.NullPool,
    )
    try:
        # One transaction: all or nothing, and whoever comes second waits for the lock.
        with engine.begin() as connection:
            connection.execute(text(f"select pg_advisory_xact_lock({_LOCK})"))
            # Alembic keeps its version table there.
            connection.execute(text(f"create schema if not exists {SCHEMA}"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except exc.DBAPIError as error:
        message = (
            f"The migration of the database at {database.address} failed: "
            f"{str(error.orig).splitlines()[0]}. Nothing was changed: correct that and "
            "run it again."
        )
        raise HealthHubError(message) from None


def _config() -> Config:
    """Where the revisions are."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config
