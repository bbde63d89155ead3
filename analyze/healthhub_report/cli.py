"""The `healthhub-report` command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from healthhub_report.errors import ReportError
from healthhub_report.report import write_report

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)


def main() -> None:
    """Run the command; what goes wrong is one sentence on stderr."""
    try:
        app()
    except ReportError as error:
        sys.stderr.write(f"healthhub-report: {error}\n")
        sys.exit(1)
    except OSError as error:
        sys.stderr.write(f"healthhub-report: {error.strerror} ({error.filename}).\n")
        sys.exit(1)


@app.command()
def report(
    path: Annotated[
        Path, typer.Argument(help="The HTML file or folder to write.")
    ] = Path("output/report.html"),
    database_url: Annotated[
        str,
        typer.Option(
            envvar="SUPABASE_DB_URL",
            help="PostgreSQL URL. Default: the database that PGHOST and so on name.",
        ),
    ] = "",
    user_id: Annotated[
        str | None, typer.Option(help="Only this user (a UUID).")
    ] = None,
    lang: Annotated[
        str | None, typer.Option(help="en or ja; left out, the browser's.")
    ] = None,
) -> None:
    """Write the report: a file to open in a browser, which needs no network."""
    typer.echo(write_report(database_url, path, user_id=user_id, language=lang))
