"""The users whose data are loaded: `healthhub.users`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import available_timezones

from psycopg import errors, sql
from psycopg.rows import class_row

from healthhub.errors import HealthHubError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import psycopg

_COLUMNS = sql.SQL("user_id, oura_pat_alias as alias, timezone, is_active, created_at")
_TABLE = sql.SQL("healthhub.users")


@dataclass(frozen=True)
class User:
    """A row of the table. The alias is the name of the user's credentials."""

    user_id: UUID
    alias: str
    timezone: str
    is_active: bool
    created_at: datetime

    def __str__(self) -> str:
        """How messages name the user."""
        return f"{self.alias} ({self.user_id})"


def all_users(connection: psycopg.Connection) -> list[User]:
    """The users who were added, in that order."""
    return _users(connection, is_added=True)


def found_users(connection: psycopg.Connection) -> list[User]:
    """Users whose data are here, but who were not added, or were removed."""
    return _users(connection, is_added=False)


def _users(connection: psycopg.Connection, *, is_added: bool) -> list[User]:
    query = sql.SQL("select {} from {} where is_added = %s order by created_at, alias")
    with connection.cursor(row_factory=class_row(User)) as cursor:
        return cursor.execute(query.format(_COLUMNS, _TABLE), (is_added,)).fetchall()


def add_user(
    connection: psycopg.Connection,
    alias: str,
    timezone: str,
    user_id: UUID | None = None,
) -> User:
    """Add a user, whose data may be here already."""
    if timezone not in available_timezones():
        raise HealthHubError(
            f"There is no time zone {timezone!r}. Write it like Europe/Helsinki."
        )
    if not alias or not alias.isprintable() or alias != alias.strip():
        raise HealthHubError("A name has to be visible. Give another one.")
    query = sql.SQL(
        "insert into {1} (user_id, oura_pat_alias, timezone)"
        " values (coalesce(%s, gen_random_uuid()), %s, %s)"
        " on conflict (user_id) do update set"
        " oura_pat_alias = excluded.oura_pat_alias, timezone = excluded.timezone,"
        " is_active = true, is_added = true where not users.is_added returning {0}"
    )
    try:
        with connection.cursor(row_factory=class_row(User)) as cursor:
            cursor.execute(query.format(_COLUMNS, _TABLE), (user_id, alias, timezone))
            added = cursor.fetchone()
    except errors.UniqueViolation:
        added = None
    if added is None:
        raise HealthHubError(f"{alias} is there already, see `healthhub users list`.")
    return added


def set_active(connection: psycopg.Connection, user: User, *, is_active: bool) -> None:
    """Say whether runs read a user's data."""
    query = sql.SQL("update {} set is_active = %s where user_id = %s")
    connection.execute(query.format(_TABLE), (is_active, user.user_id))


def remove_user(connection: psycopg.Connection, user: User) -> None:
    """Take a user out of the list; the data stay, and whose they are."""
    query = sql.SQL(
        "update {} set is_added = false, oura_pat_alias = user_id::text"
        " where user_id = %s"
    )
    connection.execute(query.format(_TABLE), (user.user_id,))


def find_user(users: Sequence[User], named: str) -> User:
    """The user that an alias or an id names."""
    for user in users:
        if named in {user.alias, str(user.user_id)} or _uuid(named) == user.user_id:
            return user
    there = ", ".join(user.alias for user in users)
    raise HealthHubError(
        f"There is no user {named!r}. There are: {there}."
        if there
        else f"There is no user {named!r}: `healthhub users add` adds one."
    )


def checked_id(text: str) -> UUID:
    """The UUID that a text names."""
    if (user_id := _uuid(text)) is None:
        raise HealthHubError(f"{text!r} is not a UUID. Leave it out, and one is made.")
    return user_id


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
