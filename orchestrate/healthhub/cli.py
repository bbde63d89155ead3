"""The `healthhub` command."""

from __future__ import annotations

import atexit
import gc
import os
import shlex
import sys
import webbrowser
from importlib.metadata import version
from pathlib import Path  # noqa: TC003 (typer reads it)
from typing import Annotated, NoReturn

import typer

from healthhub.commands import db, readers, users
from healthhub.commands.common import group, migrated_database, project_settings
from healthhub.commands.export import export
from healthhub.commands.status import check, logs, runs, status
from healthhub.database import forget_other_databases
from healthhub.errors import HealthHubError, Interrupted, as_failure, raise_on_signals
from healthhub.job_runs import RunRequest
from healthhub.masking import Mask
from healthhub.meltano_files import forget_ended_runs
from healthhub.migrations import migrate
from healthhub.project import project_folder
from healthhub.report import FILE, write_report
from healthhub.run import run
from healthhub.settings import checked_days, variables
from healthhub.tap_environment import TOKEN, USUAL_URL, chosen_users
from healthhub.users import all_users, checked_id, find_user


def _show_version(wanted: bool) -> None:  # noqa: FBT001 (as typer calls it)
    if wanted:
        typer.echo(f"healthhub {version('healthhub')}")
        raise typer.Exit


app = group("Bring Oura data into your own PostgreSQL.")
app.add_typer(users.app, name="users")
app.add_typer(db.app, name="db")
app.add_typer(readers.app, name="readers")


@app.callback()
def about(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_show_version, help="Say which it is."
        ),
    ] = False,
) -> None:
    """Bring Oura data into your own PostgreSQL."""


def main() -> None:
    """Run the command; what goes wrong is one sentence on stderr."""
    os.umask(0o077)  # what it writes is nobody else's to read
    atexit.register(gc.freeze)  # skip garbage collection at exit, which takes long
    raise_on_signals()
    forget_other_databases()
    try:
        app()
    except Interrupted as interruption:
        _fail(str(interruption), interruption.exit_code)
    except Exception as error:  # noqa: BLE001 (nobody is shown a stack trace)
        failure = as_failure(error)
        _fail(str(failure), failure.exit_code)


@app.command("run")
def run_command(
    start_date: Annotated[
        str | None, typer.Option(help="First day to read (again), like 2026-01-31.")
    ] = None,
    end_date: Annotated[
        str | None, typer.Option(help="Last day to read, by default today.")
    ] = None,
    user: Annotated[
        list[str] | None,
        typer.Option(help="Read only this user, by name or id; may be repeated."),
    ] = None,
    *,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Read everything again.")
    ] = False,
) -> None:
    """Load what is new, and show what is there.

    Exit codes: 0 everything was loaded, 1 it failed, 3 some users could not be
    read, 4 the same and a user has to log in again.
    """
    given = {"--start-date": start_date, "--end-date": end_date}
    first, last = checked_days("--start-date", "--end-date", given)
    run(project_folder(), RunRequest(first, last, full_refresh, tuple(user or ())))


@app.command()
def report(
    out: Annotated[
        Path | None, typer.Option(help="File or folder to write.", show_default=False)
    ] = None,
    user: Annotated[str | None, typer.Option(help="Only of this user.")] = None,
    lang: Annotated[
        str | None, typer.Option(help="Language: en or ja; left out, the browser's.")
    ] = None,
) -> None:
    """Write the report, one HTML file.

    Prints where it is.
    """
    path = out or project_settings().healthhub_home / FILE
    with migrated_database() as lease:
        user_id = None
        if user:
            with lease.database.connect() as connection:
                users = all_users(connection)
            user_id = str(find_user(users, user).user_id if users else checked_id(user))
        typer.echo(write_report(lease.database, path, user_id=user_id, language=lang))


@app.command("open")
def open_command() -> None:
    """Open the report in the browser."""
    path = project_settings().healthhub_home / FILE
    if not path.exists():
        raise HealthHubError("There is no report yet. Begin with `healthhub run`.")
    typer.echo(path)
    webbrowser.open(path.as_uri())


@app.command("migrate")
def migrate_command() -> None:
    """Bring the schemas and own tables up to date."""
    with migrated_database() as lease:
        typer.echo(f"The database at {lease.database.address} is up to date.")


@app.command()
def env() -> None:
    """Print the variables that Meltano needs.

    In a shell: eval "$(healthhub env)"
    """
    database = db.running_database(project_settings())
    migrate(database)
    forget_ended_runs(project_folder())
    known = variables(project_folder())
    users = chosen_users(database, known)
    if users is None:
        users = {"OURA_PAT": TOKEN, "TAP_OURA_API_URL": USUAL_URL}
    for name, value in {**database.environment, **users}.items():
        if known.get(name) != value:
            typer.echo(f"export {name}={shlex.quote(value)}")


for command in (check, status, runs, logs, db.backup, db.restore, export):
    app.command()(command)


def _fail(sentence: str, exit_code: int) -> NoReturn:
    try:
        known = variables(project_folder())
    except HealthHubError:
        known = dict(os.environ)
    sys.stderr.write(f"healthhub: {Mask(known).secrets(sentence)}\n")
    sys.exit(exit_code)
