"""The `healthhub` command."""

from __future__ import annotations

import shlex
import sys
from datetime import date
from typing import Annotated, NoReturn

import psycopg
import typer

from healthhub.chosen_database import using_database
from healthhub.embedded import EmbeddedPostgres
from healthhub.errors import HealthHubError
from healthhub.project import project_folder
from healthhub.psql import run_psql
from healthhub.sandbox import TOKEN, USUAL_URL
from healthhub.settings import Settings, load_settings
from healthhub.signals import Interrupted, raise_on_signals

_NOT_RUNNING = 3  # as `pg_ctl status` says it

app = typer.Typer(
    name="healthhub",
    help="Bring Oura data into your own PostgreSQL.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
db = typer.Typer(
    help="The database: the embedded one, unless SUPABASE_DB_URL names another.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(db, name="db")


def main() -> None:
    """Run the command; what goes wrong is one sentence on stderr."""
    raise_on_signals()
    try:
        app()
    except HealthHubError as error:
        _fail(str(error))
    except psycopg.Error as error:
        _fail(f"The database failed: {str(error).splitlines()[0]}. Is it still up?")
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        _fail(f"{error.strerror or error}{where}.")
    except Interrupted as interruption:
        sys.stderr.write(f"healthhub: {interruption}\n")
        sys.exit(interruption.exit_code)


@app.command("run")
def run_command(
    start_date: Annotated[
        str | None, typer.Option(help="First day to read, like 2026-01-31.")
    ] = None,
    end_date: Annotated[
        str | None, typer.Option(help="Last day to read, like 2026-01-31.")
    ] = None,
    *,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Read everything again.")
    ] = False,
) -> None:
    """Load what is new into the database, and show what is in it."""
    first, last = _day("--start-date", start_date), _day("--end-date", end_date)
    if first and last and last < first:
        message = f"--end-date {last} is before --start-date {first}. Swap them."
        raise HealthHubError(message)

    # Alembic takes longer to import than most commands to run.
    from healthhub.job_runs import Request  # noqa: PLC0415
    from healthhub.run import run  # noqa: PLC0415

    run(project_folder(), Request(first, last, full_refresh))


@app.command("migrate")
def migrate_command() -> None:
    """Create or update the schemas and the tables that no model makes."""
    from healthhub.migrations import migrate  # noqa: PLC0415 (as in `run`)

    with using_database(_settings()) as lease:
        migrate(lease.database)
        typer.echo(f"The database at {lease.database.address} is up to date.")


@app.command()
def env() -> None:
    """Print the variables of `meltano run`, for `eval "$(healthhub env)"`."""
    settings = _settings()
    database = settings.external_database or _embedded(settings).database
    if database is None:
        raise HealthHubError(_START_IT)
    variables = database.environment
    if settings.oura_pat is None:
        variables |= {"OURA_PAT": TOKEN, "TAP_OURA_API_URL": USUAL_URL}
    for name, value in variables.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@db.command()
def start() -> None:
    """Start the embedded database, to stay up until `healthhub db stop`."""
    database = _embedded_only().start_and_keep()
    typer.echo(
        f"The database is up at {database.address}, until `healthhub db stop`.\n"
        "Look into it:        healthhub db psql\n"
        'Use it in a shell:   eval "$(healthhub env)"'
    )


@db.command()
def stop() -> None:
    """Stop the embedded database, or leave that to the last command that uses it."""
    if _embedded_only().stop():
        typer.echo("The database is stopped.")
    else:
        typer.echo("Other commands use the database. The last one of them stops it.")


@db.command()
def status() -> None:
    """Say whether the database is up; exit code 3 if it is not."""
    settings = _settings()
    if external := settings.external_database:
        external.connect().close()
        typer.echo(f"The database at {external.address} is up.")
        return
    embedded = _embedded(settings)
    database = embedded.database
    until = "`healthhub db stop`" if embedded.is_kept else "its last user ends"
    up = f"up at {database.address}, until {until}" if database else "not running"
    typer.echo(f"The database is {up}.\ndata: {embedded.folder}\nlog:  {embedded.log}")
    if database is None:
        raise typer.Exit(_NOT_RUNNING)


@db.command()
def url() -> None:
    """Print the database's URL, password included."""
    settings = _settings()
    database = settings.external_database or _embedded(settings).database
    if database is None:
        raise HealthHubError(_START_IT)
    typer.echo(database.url)


@db.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def psql(context: typer.Context) -> None:
    """Open psql on the database; arguments are psql's own."""
    with using_database(_settings()) as lease:
        raise typer.Exit(run_psql(lease, context.args))


_START_IT = "The database is not running. Start it with `healthhub db start`."


def _day(option: str, text: str | None) -> date | None:
    """The day that an option names."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = f"{option} {text!r} is not a day. Write it like 2026-01-31."
        raise HealthHubError(message) from None


def _settings() -> Settings:
    """The settings of the project around the current folder."""
    return load_settings(project_folder())


def _embedded(settings: Settings) -> EmbeddedPostgres:
    """The embedded database of these settings."""
    return EmbeddedPostgres(settings.healthhub_home)


def _embedded_only() -> EmbeddedPostgres:
    """The embedded database, unless the settings name another."""
    settings = _settings()
    if external := settings.external_database:
        message = (
            f"SUPABASE_DB_URL names the database at {external.address}, which is "
            "not started or stopped from here. Unset it to use the embedded one."
        )
        raise HealthHubError(message)
    return _embedded(settings)


def _fail(sentence: str) -> NoReturn:
    """Say it and leave."""
    sys.stderr.write(f"healthhub: {sentence}\n")
    sys.exit(1)
