"""The schemas, and the tables that no dbt model makes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import errors

from healthhub.errors import HealthHubError, about_state
from healthhub.masking import without_values

if TYPE_CHECKING:
    import psycopg

    from healthhub.database import Database

SCHEMA = "healthhub"

# Any number that nothing else in this database locks.
_LOCK = 4_207_119_385

_APPLIED = "select version_num from healthhub.alembic_version"


def newest_revision() -> str:
    """The revision that `migrate` brings a database to, by the names of the files."""
    revisions = (Path(__file__).parent / "versions").glob("[0-9]*.py")
    return max(file.name.partition("_")[0] for file in revisions)


def applied_revision(connection: psycopg.Connection) -> str | None:
    """The revision that a database is at, if at any."""
    try:
        with connection.transaction():
            row = connection.execute(_APPLIED).fetchone()
    except (errors.UndefinedTable, errors.InsufficientPrivilege):
        return None
    return str(row[0]) if row else None


def migrate(database: Database) -> None:
    """Bring a database to the newest revision; do nothing if it is there already."""
    newest = newest_revision()
    with database.connect() as connection:
        applied = applied_revision(connection)
    if applied == newest:
        return
    if applied and applied > newest:
        raise HealthHubError(
            f"The database at {database.address} was made by a newer version of "
            f"healthHub (revision {applied}, this one knows {newest}). Update this one."
        )
    _upgrade(database)


def apply_access(connection: psycopg.Connection) -> None:
    """Give each table its grants and policies; a migration has made the function.

    A table that is new, or that was made anew, has none yet.
    """
    connection.execute("select healthhub.apply_access()")


def _upgrade(database: Database) -> None:
    """Apply the revisions that a database does not have yet."""
    # Alembic takes longer to import than most commands to run.
    import sqlalchemy  # noqa: PLC0415 (slow)
    from alembic import command  # noqa: PLC0415 (slow)
    from alembic.config import Config  # noqa: PLC0415 (slow)

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
            connection.execute(
                sqlalchemy.text(f"select pg_advisory_xact_lock({_LOCK})")
            )
            # Alembic keeps its version table there.
            connection.exec_driver_sql(f"create schema if not exists {SCHEMA}")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except sqlalchemy.exc.DBAPIError as error:
        said = str(error.orig).splitlines()[0]
        message = about_state(said) or (
            f"The migration of the database at {database.address} failed: "
            f"{without_values(said)}. Nothing was changed: "
            "correct that and run it again."
        )
        raise HealthHubError(message) from None
