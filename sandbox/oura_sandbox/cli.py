"""The command `oura-sandbox`."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - typer reads it
from importlib.metadata import version as version_of
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from typer import Option

from oura_sandbox.options import Options
from oura_sandbox.server import listen, serve
from oura_sandbox.state import State

if TYPE_CHECKING:
    from collections.abc import Mapping

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

USERS, LOGIN, TROUBLE = "Users", "Login", "Trouble"


def _say_version(wanted: bool) -> None:  # noqa: FBT001 - typer's way
    if wanted:
        typer.echo(f"oura-sandbox {version_of('oura-sandbox')}")
        raise typer.Exit


@app.command()
def run(  # noqa: PLR0913 - a switch each
    *,
    host: Annotated[str, Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, Option(min=0, max=65535, help="Port; 0 picks a free one.")
    ] = 8642,
    until_stdin_closes: Annotated[
        bool, Option("--until-stdin-closes", help="End with the parent.")
    ] = False,
    page_size: Annotated[
        int | None, Option(help="Documents a page; default: all on one, as live.")
    ] = None,
    seed: Annotated[
        int,
        Option(
            help="Seed of what is made up: another one makes other users.",
            rich_help_panel=USERS,
        ),
    ] = 1,
    years: Annotated[
        int,
        Option(min=0, max=30, help="Years of history.", rich_help_panel=USERS),
    ] = 3,
    today: Annotated[
        datetime | None,
        Option(
            formats=["%Y-%m-%d"],
            help="The day that counts as today; default: the real one.",
            rich_help_panel=USERS,
        ),
    ] = None,
    users: Annotated[
        int, Option(min=1, help="How many users.", rich_help_panel=USERS)
    ] = 1,
    without_scope: Annotated[
        list[str] | None,
        Option(
            metavar="USER:SCOPE",
            help="A scope that a user does not grant.",
            rich_help_panel=USERS,
        ),
    ] = None,
    lapsed: Annotated[
        list[int] | None,
        Option(
            metavar="USER",
            help="A user whose membership has ended: answered 403.",
            rich_help_panel=USERS,
        ),
    ] = None,
    token: Annotated[
        str,
        Option(
            help="Access token of the first user; TOKEN-2 is the second's.",
            rich_help_panel=LOGIN,
        ),
    ] = "sandbox-token",  # noqa: S107 - the way in, for everyone
    client_id: Annotated[
        str, Option(help="OAuth client.", rich_help_panel=LOGIN)
    ] = "sandbox-client",
    client_secret: Annotated[
        str, Option(help="OAuth client's secret.", rich_help_panel=LOGIN)
    ] = "sandbox-secret",  # noqa: S107 - the way in, for everyone
    redirect_uri: Annotated[
        list[str] | None,
        Option(
            help="A registered redirect URI; default: any on this machine.",
            rich_help_panel=LOGIN,
        ),
    ] = None,
    token_endpoint: Annotated[
        str,
        Option(
            metavar="both|legacy|new",
            help="Which token endpoint knows the client.",
            rich_help_panel=LOGIN,
        ),
    ] = "both",  # noqa: S107 - which one, no secret
    token_lifetime: Annotated[
        int, Option(help="Seconds an access token is valid.", rich_help_panel=LOGIN)
    ] = 86_400,
    code_lifetime: Annotated[
        int, Option(help="Seconds a code is valid.", rich_help_panel=LOGIN)
    ] = 600,
    omit_scope: Annotated[
        bool,
        Option(
            "--omit-scope",
            help="Token responses do not name the scopes.",
            rich_help_panel=LOGIN,
        ),
    ] = False,
    scope_prefix: Annotated[
        bool,
        Option(
            "--scope-prefix",
            help="Granted scopes are called extapi:daily.",
            rich_help_panel=LOGIN,
        ),
    ] = False,
    token_limit: Annotated[
        str | None,
        Option(
            metavar="REQUESTS/SECONDS",
            help="Rate limit of each access token.",
            rich_help_panel=TROUBLE,
        ),
    ] = None,
    app_limit: Annotated[
        str | None,
        Option(
            metavar="REQUESTS/SECONDS",
            help="Rate limit of all tokens together.",
            rich_help_panel=TROUBLE,
        ),
    ] = None,
    latency_ms: Annotated[
        int,
        Option(help="Milliseconds before each answer.", rich_help_panel=TROUBLE),
    ] = 0,
    fault: Annotated[
        list[str] | None,
        Option(
            metavar="SPEC",
            help="Something that goes wrong: kind=error,route=sleep,times=2 or JSON.",
            rich_help_panel=TROUBLE,
        ),
    ] = None,
    version: Annotated[
        bool,
        Option("--version", is_eager=True, callback=_say_version, help="Say which."),
    ] = False,
) -> None:
    """Serve a local Oura API with made-up users."""
    del version  # said, and ended
    given = {
        "seed": seed,
        "years": years,
        "today": today.date() if today else None,
        "users": users,
        "token": token,
        "without_scope": without_scope or (),
        "lapsed": lapsed or (),
        "fault": fault or (),
        "settings": {
            "page_size": page_size,
            "latency_ms": latency_ms,
            "token_limit": token_limit,
            "app_limit": app_limit,
            "client_id": client_id,
            "client_secret": client_secret,
            "redirect_uri": redirect_uri or (),
            "token_endpoint": token_endpoint,
            "token_lifetime": token_lifetime,
            "code_lifetime": code_lifetime,
            "omit_scope": omit_scope,
            "scope_prefix": scope_prefix,
        },
    }
    try:
        state = State(read(given))
        listener = listen(host, port)
    except ValueError as error:
        typer.echo(f"{error}; see oura-sandbox --help.", err=True)
        raise typer.Exit(2) from None
    except OSError as error:
        reason = f"Cannot listen on {host} port {port} ({error.strerror})"
        typer.echo(f"{reason}: choose another with --port, or 0 for any.", err=True)
        raise typer.Exit(1) from None
    serve(state, listener, until_stdin_closes=until_stdin_closes)


def read(given: Mapping[str, object]) -> Options:
    """Check the switches.

    Raises:
        ValueError: With the name of the switch, and what is wrong with it.
    """
    try:
        return msgspec.convert(given, Options)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at ")
        name = path.strip("`").split(".")[-1].partition("[")[0]
        sentence = f"--{name.replace('_', '-')}: {reason}"
        raise ValueError(sentence) from None


def main() -> None:
    """Run the command."""
    app()
