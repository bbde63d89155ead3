"""The credentials of the users in `healthhub.users`, as the tap wants them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from healthhub.database import has_relation
from healthhub.errors import HealthHubError
from healthhub.masking import json_object
from healthhub.settings import token
from healthhub.users import all_users

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    import psycopg

    from healthhub.database import Database
    from healthhub.users import User

#: Where the logins are, encrypted.
TOKEN_SCHEMA = "healthhub_tokens"  # noqa: S105 (a schema)

#: An alias that begins so is the name of a variable that holds the token.
TOKEN_VARIABLE = "OURA_PAT"  # noqa: S105 (a name)

_LOGINS = f"select user_id from {TOKEN_SCHEMA}.oura_logins where login is not null"  # noqa: S608 (a constant)

#: What logins need, and what it is.
LOGIN_SETTINGS = {
    "TAP_OURA_TOKEN_KEY": "the key of the stored logins; make one with "
    "`healthhub users new-key` and keep it",
    "TAP_OURA_CLIENT_ID": "the id of the application that you registered with Oura",
    "TAP_OURA_CLIENT_SECRET": "the secret of that application",
}


#: The tap's file of logins that the database did not take, and its usual folder.
_RESCUED = "rescued-logins.json"
_RESCUE_FOLDER = "~/.local/state/tap-oura"


def rescued_logins(variables: Mapping[str, str]) -> dict[str, Path]:
    """Where this machine keeps logins that the database did not take, by user id."""
    folder = variables.get("TAP_OURA_RESCUE_FOLDER", _RESCUE_FOLDER)
    file = Path(folder).expanduser() / _RESCUED
    try:
        return dict.fromkeys(json_object(file.read_text()) or (), file)
    except OSError:
        return {}


def has_token_variable(user: User) -> bool:
    """Whether the alias names a variable, and not a login."""
    return user.alias.startswith(TOKEN_VARIABLE)


def credentials(
    connection: psycopg.Connection, variables: Mapping[str, str]
) -> dict[UUID, str]:
    """How each user who was added is read: by which variable or login, if any."""
    logged_in, rescued = set[str](), rescued_logins(variables)
    if has_relation(connection, f"{TOKEN_SCHEMA}.oura_logins"):
        logged_in = {user_id for (user_id,) in connection.execute(_LOGINS)}
    found = {}
    for user in all_users(connection):
        if has_token_variable(user):
            suffix = "" if user.alias in variables else ", not set"
            found[user.user_id] = f"variable {user.alias}{suffix}"
        elif file := rescued.get(str(user.user_id)):
            found[user.user_id] = f"logged in, but only {file} has it"
        elif "TAP_OURA_TOKEN_STORE" in variables:
            found[user.user_id] = "login in TAP_OURA_TOKEN_STORE"
        else:
            has_login = str(user.user_id) in logged_in
            found[user.user_id] = "logged in" if has_login else "no login yet"
    return found


def users_environment(
    users: Sequence[User], variables: Mapping[str, str], database: Database
) -> dict[str, str]:
    """The tap's settings for some users."""
    environment = {}
    if logged_in := [user for user in users if not has_token_variable(user)]:
        environment = login_environment(variables, database, logged_in[0])
    entries = [_entry(user, variables) for user in users]
    return environment | {"TAP_OURA_USERS": json.dumps(entries)}


def login_environment(
    variables: Mapping[str, str], database: Database, user: User | str
) -> dict[str, str]:
    """The tap's settings for logins, which are kept in the same database."""
    whose = user if isinstance(user, str) else user.alias
    for name, meaning in LOGIN_SETTINGS.items():
        if name not in variables:
            raise HealthHubError(
                f"{name} is missing, which the login of {whose} needs: {meaning}. "
                "Set it in the environment or in .env."
            )
    store = variables.get("TAP_OURA_TOKEN_STORE") or _token_store(database)
    return {"TAP_OURA_TOKEN_STORE": store} | {
        name: variables[name] for name in LOGIN_SETTINGS
    }


def _token_store(database: Database) -> str:
    """The database, as SQLAlchemy's URL of one schema in it."""
    options = f"-csearch_path={TOKEN_SCHEMA}"
    parameters = {**database.parameters, "options": options}
    return replace(database, parameters=parameters).url


def _entry(user: User, variables: Mapping[str, str]) -> dict[str, str]:
    """An entry of the tap's setting `users`."""
    entry = {"user_id": str(user.user_id), "timezone": user.timezone}
    if not has_token_variable(user):
        return entry
    if user.alias not in variables:
        raise HealthHubError(
            f"{user.alias} is missing, the token of {user.user_id}. Set it in the "
            "environment or in .env, or `healthhub users deactivate` the user."
        )
    try:
        access_token = token(SecretStr(variables[user.alias].strip()))
    except ValueError as error:
        raise HealthHubError(
            f"{user.alias} {error}. Correct it in the environment or in .env."
        ) from None
    return entry | {"access_token": access_token.get_secret_value()}
