"""`healthhub db`, `backup` and `restore`: the database itself."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 (typer reads it)
from typing import TYPE_CHECKING, Annotated

import typer

from healthhub.backup import backup as write
from healthhub.backup import restore as read
from healthhub.citus import distribute as spread
from healthhub.citus import gather
from healthhub.client_programs import run_psql
from healthhub.commands.common import group, migrated_database, project_settings
from healthhub.embedded import EmbeddedPostgres
from healthhub.errors import HealthHubError
from healthhub.settings import using_database

if TYPE_CHECKING:
    from healthhub.database import Database
    from healthhub.settings import Settings

_NOT_RUNNING = 3  # as `pg_ctl status` says it

app = group(
    "The database itself.\n\nThe embedded one, unless SUPABASE_DB_URL names another."
)


@app.command()
def start() -> None:
    """Start the embedded database.

    It stays up until `healthhub db stop`.
    """
    database = _embedded_only().start_and_keep()
    typer.echo(
        f"The database is up at {database.address}, until `healthhub db stop`.\n"
        "Look into it:        healthhub db psql\n"
        'Use it in a shell:   eval "$(healthhub env)"'
    )


@app.command()
def stop() -> None:
    """Stop the embedded database.

    If commands use it, the last one of them stops it.
    """
    if _embedded_only().stop():
        typer.echo("The database is stopped.")
    else:
        typer.echo("Other commands use the database. The last one of them stops it.")


@app.command()
def status() -> None:
    """Say whether the database is up.

    Exit code 3 if it is not.
    """
    chosen = project_settings()
    if external := chosen.external_database:
        external.connect().close()
        typer.echo(f"The database at {external.address} is up.")
        return
    embedded = _embedded(chosen)
    database = embedded.database
    until = "`healthhub db stop`" if embedded.is_kept else "its last user ends"
    up = f"up at {database.address}, until {until}" if database else "not running"
    typer.echo(f"The database is {up}.\ndata: {embedded.folder}\nlog:  {embedded.log}")
    if database is None:
        raise typer.Exit(_NOT_RUNNING)


@app.command()
def url() -> None:
    """Print its URL, with the password."""
    typer.echo(running_database(project_settings()).url)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def psql(context: typer.Context) -> None:
    """Open psql on the database.

    Arguments are psql's own.
    """
    with using_database(project_settings()) as lease:
        raise typer.Exit(run_psql(lease, context.args))


@app.command()
def distribute(
    *,
    back: Annotated[
        bool, typer.Option("--back", help="Bring them back to the first machine.")
    ] = False,
) -> None:
    """Spread the tables over Citus.

    If it is stopped, start it again.
    """
    with migrated_database() as lease:
        for table in (gather if back else spread)(lease.database):
            typer.echo(table)


def backup(
    out: Annotated[
        Path | None,
        typer.Option(help="File to write.", show_default=False),
    ] = None,
) -> None:
    """Write everything into one file.

    `healthhub restore` reads it, on any machine.
    """
    name = f"healthhub-{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}.sql.gz"
    path = out or project_settings().healthhub_home / "backups" / name
    with migrated_database() as lease:
        write(lease, path)
    typer.echo(f"{path} ({path.stat().st_size / 1_000_000:,.1f} MB)")


def restore(
    path: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False)],
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Give up what is in the database now.")
    ] = False,
) -> None:
    """Read a backup back, all of it or nothing."""
    with using_database(project_settings()) as lease:
        read(lease, path, replace=replace)
        typer.echo(
            f"{path} is in the database at {lease.database.address}. "
            "Next: healthhub run"
        )


def running_database(chosen: Settings) -> Database:
    """The database as it is now; none is started."""
    database = chosen.external_database or _embedded(chosen).database
    if database is None:
        raise HealthHubError(
            "The database is not running. Start it with `healthhub db start`."
        )
    return database


def _embedded(chosen: Settings) -> EmbeddedPostgres:
    return EmbeddedPostgres(chosen.healthhub_home)


def _embedded_only() -> EmbeddedPostgres:
    """The embedded database, unless the settings name another."""
    chosen = project_settings()
    if external := chosen.external_database:
        raise HealthHubError(
            f"SUPABASE_DB_URL names the database at {external.address}, which is "
            "not started or stopped from here. Unset it to use the embedded one."
        )
    return _embedded(chosen)
