"""The command `oura-sandbox`."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - typer reads it
from typing import Annotated

import typer

from oura_sandbox.server import listen, serve
from oura_sandbox.state import Options, State

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def run(  # noqa: PLR0913 - a switch each
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port; 0 picks a free one.")
    ] = 8642,
    seed: Annotated[int, typer.Option(help="Another seed, other people.")] = 1,
    years: Annotated[
        int, typer.Option(min=0, max=30, help="Years of history up to today.")
    ] = 3,
    today: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="The day it is; default: the real one."
        ),
    ] = None,
    token: Annotated[
        str, typer.Option(help="Access token that is accepted.")
    ] = "sandbox-token",  # noqa: S107 - the way in, for everyone
    page_size: Annotated[
        int | None,
        typer.Option(min=1, help="Documents a page; default: all on one, as live."),
    ] = None,
    until_stdin_closes: Annotated[
        bool, typer.Option("--until-stdin-closes", help="End with the parent.")
    ] = False,
) -> None:
    """Serve a local Oura API with a made-up wearer."""
    options = Options(
        seed=seed,
        years=years,
        today=today.date() if today else None,
        token=token,
        page_size=page_size,
    )
    try:
        listener = listen(host, port)
    except OSError as error:
        reason = f"Cannot listen on {host} port {port} ({error.strerror})"
        typer.echo(f"{reason}: choose another with --port, or 0 for any.", err=True)
        raise typer.Exit(1) from None
    serve(State(options), listener, until_stdin_closes=until_stdin_closes)


def main() -> None:
    """Run the command."""
    app()
