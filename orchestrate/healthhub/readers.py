"""Roles that may read `healthhub`, and nothing else: for tools that draw and ask."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors, sql

from healthhub.errors import HealthHubError

if TYPE_CHECKING:
    from healthhub.database import Database

#: The group of all readers; `healthhub.open_to_readers()` grants what it may read.
_GROUP = sql.Identifier("healthhub_reader")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")

# Against mistakes only: it is the grants that forbid writing.
_SETTINGS = {
    "default_transaction_read_only": "on",
    "search_path": "healthhub",
    "statement_timeout": "60s",
}
# The role that made the group is a member, too, but as its administrator.
_READERS = """
select member.rolname
from pg_auth_members
inner join pg_roles as member on member.oid = pg_auth_members.member
where roleid = to_regrole('healthhub_reader') and not admin_option and rolcanlogin
order by member.rolname
"""


def add_reader(database: Database, name: str) -> Database:
    """Make a reader. Returns the database as the reader reaches it."""
    if not _NAME.fullmatch(name):
        raise HealthHubError(
            f"{name!r} cannot be a reader's name. Take small letters, digits and _, "
            "such as grafana."
        )
    password = secrets.token_urlsafe(24)
    role = sql.Identifier(name)
    with database.connect() as connection:
        there = "select 1 from pg_roles where rolname = 'healthhub_reader'"
        if not connection.execute(there).fetchone():
            connection.execute(sql.SQL("create role {} nologin").format(_GROUP))
        # The server, and its log, get what the password is checked with.
        verifier = connection.pgconn.encrypt_password(
            password.encode(), name.encode(), b"scram-sha-256"
        ).decode()
        try:
            new = "create role {} login password {} connection limit 20 in role {}"
            connection.execute(sql.SQL(new).format(role, verifier, _GROUP))
        except (errors.DuplicateObject, errors.ReservedName):
            raise HealthHubError(
                f"The database has a role {name} already. Take another name."
            ) from None
        for setting, value in _SETTINGS.items():
            how = sql.SQL("alter role {} set {} = {}")
            connection.execute(how.format(role, sql.Identifier(setting), value))
        connection.execute(
            "select healthhub.open_to_readers(), healthhub.open_home_zones()"
        )
    # Supabase's pooler is told the project behind the name: postgres.abcdefgh.
    owner = database.parameters["user"]
    project = owner[owner.find(".") :] if "." in owner else ""
    own = {"user": name + project, "password": password}
    return replace(database, parameters={**database.parameters, **own})


def all_readers(connection: psycopg.Connection) -> list[str]:
    """Their names."""
    return [name for (name,) in connection.execute(_READERS)]


def remove_reader(connection: psycopg.Connection, name: str) -> None:
    """Take a reader away; sessions that are open are ended."""
    if name not in all_readers(connection):
        raise HealthHubError(
            f"There is no reader {name!r}. See `healthhub readers list`."
        )
    role = sql.Identifier(name)
    connection.execute(sql.SQL("alter role {} nologin").format(role))
    # Only members may end its sessions.
    connection.execute(sql.SQL("grant {} to current_user").format(role))
    connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = %s",
        (name,),
    )
    connection.execute(sql.SQL("drop role {}").format(role))
