"""Alembic's part."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy
from alembic import command
from alembic.config import Config
from sqlalchemy import exc, text

from healthhub.errors import HealthHubError
from healthhub.masking import without_values
from healthhub.migrations import SCHEMA

if TYPE_CHECKING:
    from healthhub.database import Database

# Any number that nothing else in this database locks.
_LOCK = 4_207_119_385


def upgrade(database: Database) -> None:
    """Apply the revisions that a database does not have yet.

    Raises:
        HealthHubError: The user may not create what is needed.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
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
            f"{without_values(str(error.orig)).splitlines()[0]}. Nothing was changed: "
            "correct that and run it again."
        )
        raise HealthHubError(message) from None
