"""`healthhub backup` and `healthhub restore`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 (typer reads it)
from typing import Annotated

import typer

from healthhub.backup import backup as write
from healthhub.backup import restore as read
from healthhub.commands.common import migrated_database, settings
from healthhub.settings import using_database


def backup(
    out: Annotated[
        Path | None,
        typer.Option(help="File to write.", show_default=False),
    ] = None,
) -> None:
    """Write everything into one file that `healthhub restore` reads, anywhere."""
    name = f"healthhub-{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}.sql.gz"
    path = out or settings().healthhub_home / "backups" / name
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
    with using_database(settings()) as lease:
        read(lease, path, replace=replace)
        typer.echo(
            f"{path} is in the database at {lease.database.address}. "
            "Next: healthhub run"
        )
