"""`healthhub export`: the tables as files."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (typer reads it)
from typing import Annotated

import typer

from healthhub.commands.common import migrated_database
from healthhub.errors import HealthHubError
from healthhub.masking import without_values
from healthhub.users import all_users, find_user, found_users


def export(  # noqa: PLR0913 (its options)
    folder: Annotated[Path, typer.Argument(metavar="DIR", file_okay=False)],
    file_format: Annotated[
        str, typer.Option("--format", help="parquet or csv.")
    ] = "parquet",
    user: Annotated[
        list[str] | None,
        typer.Option(help="Only this user, by name or id; may be repeated."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="Only files with something new since that day, like 2026-01-31, or "
            "since the `last` export into DIR."
        ),
    ] = None,
    tables: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME",
            help="Only these; views of samples as rows, like heart_rate, only so.",
        ),
    ] = None,
    *,
    study: Annotated[
        bool,
        typer.Option(
            "--study", help="To share: without names and texts, with ids at random."
        ),
    ] = False,
    shift_dates: Annotated[
        bool,
        typer.Option(
            "--shift-dates", help="With --study: move each user's days by whole weeks."
        ),
    ] = False,
) -> None:
    """Write the tables as files.

    By table, user and year, for other tools and for others: docs/exports.md.
    """
    if file_format not in ("parquet", "csv"):
        raise HealthHubError(
            f"There is no format {file_format!r}. Take parquet or csv."
        )
    if shift_dates and not study:
        raise HealthHubError("--shift-dates is for --study. Add that, too.")
    try:
        import healthhub_export as work  # noqa: PLC0415 (large, optional)
    except ModuleNotFoundError:
        raise HealthHubError(
            "Exports need pyarrow and ADBC, 200 MB that nothing else needs. "
            "Install them with: make exports"
        ) from None
    folder = folder.expanduser().absolute()
    names = tuple(name.strip() for name in (tables or "").split(",") if name.strip())
    try:
        begin = work.moment(since) if since else None
        with migrated_database() as lease:
            with lease.database.connect() as connection:
                there = [*all_users(connection), *found_users(connection)]
            request = work.ExportRequest(
                folder,
                file_format,
                tuple(str(find_user(there, each).user_id) for each in user or ()),
                names,
                begin,
                study,
                shift_dates,
            )
            outcome = work.export(lease.database.url, request)
    except work.ExportError as error:
        raise HealthHubError(str(error)) from None
    except work.DriverError as error:
        reason = without_values(str(error)).partition("\n")[0]
        raise HealthHubError(
            f"The database ended the export: {reason}. The files that are there "
            "are whole: run it again."
        ) from None
    typer.echo(f"{folder}: {outcome}.")
    if study:
        typer.echo(
            f"The key that links the new ids to users: {work.key_file(folder)}. "
            "Keep it, and do not share it."
        )
