"""`healthhub users`: whose data are loaded."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from healthhub.commands.common import (
    AsJson,
    group,
    migrated_database,
    project_settings,
    show_json,
)
from healthhub.errors import HealthHubError
from healthhub.meltano_files import forget_ended_runs
from healthhub.project import project_folder
from healthhub.screen import print_table
from healthhub.settings import variables
from healthhub.tap_auth import log_out, run_tap_auth
from healthhub.tap_users import credentials, has_token_variable, login_environment
from healthhub.users import (
    User,
    add_user,
    all_users,
    checked_id,
    find_user,
    found_users,
    remove_user,
    set_active,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from healthhub.database import Database

app = group("The users whose data are loaded.")
_Who = Annotated[str, typer.Argument(metavar="USER", help="A name, or a user id.")]


@app.command()
def add(
    alias: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A name for the user's login; or OURA_PAT..., a variable that holds "
            "a token.",
        ),
    ],
    timezone: Annotated[
        str, typer.Option(help="Home time zone, like Europe/Helsinki.")
    ] = "UTC",
    user_id: Annotated[
        str | None, typer.Option(help="A UUID; by default one is made.")
    ] = None,
) -> None:
    """Add a user."""
    chosen_id = checked_id(user_id) if user_id else None
    with _connection() as connection:
        user = add_user(connection, alias, timezone, chosen_id)
    typer.echo(f"Added {user}.")
    if has_token_variable(user):
        typer.echo(f"Next: set {alias} to the token, in the environment or in .env.")
    else:
        typer.echo(f"Next: healthhub users login {alias}")


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """Show every user, and who is logged in."""
    with _connection() as connection:
        users, found = all_users(connection), found_users(connection)
        how = credentials(connection, variables(project_folder()))
    rows = [
        {
            "name": user.alias if user.user_id in how else "",
            "user id": str(user.user_id),
            "time zone": user.timezone,
            "active": "no" if user in found or not user.is_active else "yes",
            "credentials": how.get(user.user_id, "settings, or removed"),
            "added": f"{user.created_at:%Y-%m-%d}",
        }
        for user in (*users, *found)
    ]
    if as_json:
        show_json(rows)
    elif rows:
        print_table(list(rows[0]), [list(row.values()) for row in rows])
    else:
        typer.echo("There are no users yet. Add one with `healthhub users add`.")


@app.command()
def login(
    who: _Who,
    *,
    browser: Annotated[
        bool,
        typer.Option(
            help="Without a browser here: open the address elsewhere, and paste "
            "the address that you end up on."
        ),
    ] = True,
) -> None:
    """Log a user in at Oura.

    The tokens are stored in the database, encrypted.
    """
    project = project_folder()
    with migrated_database() as lease:
        with lease.database.connect() as connection:
            user = find_user(all_users(connection), who)
        if has_token_variable(user):
            raise HealthHubError(
                f"The token of {user} is in the variable {user.alias}: set that."
            )
        environment = login_environment(variables(project), lease.database, user)
        options = [] if browser else ["--no-browser"]
        run_tap_auth(
            project,
            variables(project) | environment,
            "login",
            *options,
            str(user.user_id),
        )
    typer.echo(f"{user.alias} is logged in. Next: healthhub check")


@app.command("new-key")
def new_key() -> None:
    """Make a key for TAP_OURA_TOKEN_KEY."""
    run_tap_auth(project_folder(), {}, "new-key")


@app.command()
def deactivate(who: _Who) -> None:
    """Read no more of a user; everything stays."""
    with _found(who) as (connection, user):
        set_active(connection, user, is_active=False)
    typer.echo(f"{user} is not read any more.")


@app.command()
def activate(who: _Who) -> None:
    """Read a user again."""
    with _found(who) as (connection, user):
        set_active(connection, user, is_active=True)
    typer.echo(f"{user} is read from the next run on.")


@app.command()
def remove(
    who: _Who,
    *,
    erase: Annotated[
        bool, typer.Option("--erase", help="Delete everything of the user, too.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take a user out of the list, or erase it.

    With --erase, out of the whole database, logs and reports.
    """
    if not erase:
        with _found(who) as (connection, user):
            remove_user(connection, user)
        typer.echo(f"{user} is removed. The data stay; --erase deletes them, too.")
        return
    from healthhub.erasure import erase_user  # noqa: PLC0415 (rarely needed)

    project = project_folder()
    with migrated_database() as lease:
        with lease.database.connect() as connection:
            user_id = _id_to_erase(connection, who)
            known = [u for u in all_users(connection) if str(u.user_id) == user_id]
        if not yes:
            typer.confirm(
                f"Delete everything of {who} from {lease.database.address}?", abort=True
            )
        for line in erase_user(
            lease.database,
            user_id,
            project_settings().healthhub_home,
            name=str(known[0]) if known else user_id,
            log_out=lambda: _logged_out(
                lease.database, user_id, known[0] if known else None
            ),
        ):
            typer.echo(line)
        forget_ended_runs(project)


def _logged_out(database: Database, user_id: str, user: User | None) -> str:
    """Give a user's login back to Oura, if there is one."""
    if user and has_token_variable(user):
        return (
            f"The token in {user.alias} was issued elsewhere: revoke it there, and "
            "take the variable away."
        )
    project = project_folder()
    known = variables(project)
    try:
        environment = known | login_environment(known, database, user or user_id)
        said = log_out(project, environment, user_id)
    except HealthHubError as error:
        return f"Oura was not told ({error}) Remove the application in the Oura app."
    store = environment["TAP_OURA_TOKEN_STORE"]
    if "://" not in store:
        Path(f"{store}.{user_id}.lock").expanduser().unlink(missing_ok=True)
    return said


def _id_to_erase(connection: psycopg.Connection, who: str) -> str:
    """A user in the list, or the id of one who was removed from it."""
    users = all_users(connection)
    try:
        return str(find_user(users, who).user_id)
    except HealthHubError:
        try:
            return str(checked_id(who))
        except HealthHubError:
            pass
        raise


@contextmanager
def _connection() -> Iterator[psycopg.Connection]:
    with migrated_database() as lease, lease.database.connect() as connection:
        yield connection


@contextmanager
def _found(who: str) -> Iterator[tuple[psycopg.Connection, User]]:
    with _connection() as connection:
        yield connection, find_user(all_users(connection), who)
