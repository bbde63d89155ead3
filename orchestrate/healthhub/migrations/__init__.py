"""The schemas, and the tables that no dbt model makes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import errors

from healthhub.errors import HealthHubError

if TYPE_CHECKING:
    import psycopg

    from healthhub.database import Database

SCHEMA = "healthhub"

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
    """Bring a database to the newest revision; do nothing if it is there already.

    Raises:
        HealthHubError: The user may not create what is needed, or the database knows
            more than this version.
    """
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
    # Alembic takes longer to import than most commands to run.
    from healthhub.migrations.upgrade import upgrade  # noqa: PLC0415 (needs alembic)

    upgrade(database)
