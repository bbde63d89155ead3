"""`tap-oura-auth`: logging users in and out.

It reads the same settings as the tap, from `--config` or from the environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import webbrowser
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

import click
from cryptography.fernet import Fernet
from singer_sdk.configuration._dict_config import parse_environment_config
from typing_extensions import override

from tap_oura.callback import answer_from, awaited_answer, is_on_this_machine
from tap_oura.credentials import AccessToken, StoredLogin, fingerprint
from tap_oura.errors import OuraError, Outcome, UnauthorizedError
from tap_oura.oauth import Login, new_secret
from tap_oura.run import Run
from tap_oura.settings import ENVIRONMENT_PREFIX, read_object, readable
from tap_oura.streams import STREAMS
from tap_oura.tap import TapOura
from tap_oura.users import (
    User,
    checked_user_id,
    oauth_client,
    seed_from_config,
    token_store,
    users_from_config,
)

if TYPE_CHECKING:
    from tap_oura.oauth import OAuthClient, Tokens

#: An authorisation code is valid for ten minutes (Oura's OpenAPI description).
PATIENCE = 600.0


class Commands(click.Group):
    """Turns what went wrong into one sentence and exit code 1."""

    @override
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except OuraError as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=Commands)
@click.option(
    "--config",
    "config_file",
    type=click.File("rb"),
    help="The tap's settings as JSON. Without it they come from TAP_OURA_*.",
)
@click.pass_context
def main(context: click.Context, config_file: IO[bytes] | None) -> None:
    """Log users of Oura in and out, and see who is."""
    with readable():
        if config_file:
            given = read_object("--config", config_file)
        else:
            # By itself the SDK looks for a `.env`, which it would let win.
            schema = TapOura.config_jsonschema
            given = parse_environment_config(schema, ENVIRONMENT_PREFIX, os.devnull)
        context.obj = dict(TapOura(config=given).config)


@main.command()
@click.argument("user_id", required=False)
@click.option(
    "--browser/--no-browser",
    default=True,
    help="Without one here, open the address elsewhere and paste what comes back.",
)
@click.pass_obj
def login(config: dict[str, Any], user_id: str | None, *, browser: bool) -> None:
    """Log a user in, and store its tokens.

    USER_ID is the user's UUID in every stream. Without it, it is derived from
    Oura's own id of the user.
    """
    if user_id:
        user_id = checked_user_id(user_id)
    client, store = oauth_client(config), token_store(config)
    tokens = consent(client, config["redirect_uri"], browser=browser)
    # Oura tells every token, whatever was granted, whose it is.
    owner = User("", AccessToken(tokens.access_token))
    user_id = user_id or Run(config).find_user_id(owner)
    with store.lock(user_id):
        # The seed that the settings still give is older than this login.
        seed = seed_from_config(config, user_id)
        stored = store.read(user_id)
        known = stored.seed if stored else None
        seed = fingerprint(seed) if seed else known
        store.write(user_id, Login(tokens, seed=seed))
    click.echo(f"User {user_id} is logged in.")
    show_scopes(tokens)


@main.command("list")
@click.pass_obj
def list_(config: dict[str, Any]) -> None:
    """Show the users that are logged in."""
    store = token_store(config)
    for user_id in store.user_ids():
        stored = store.read(user_id)
        if stored:
            ends = datetime.fromtimestamp(stored.tokens.expires_at, tz=UTC)
            click.echo(f"{user_id}  access token until {ends:%Y-%m-%d %H:%M} UTC")
            show_scopes(stored.tokens)


@main.command()
@click.pass_obj
def check(config: dict[str, Any]) -> None:
    """Try the token of each user, and say how it went: a line of JSON for each."""
    run = Run(config)
    for user in users_from_config(config):
        click.echo(json.dumps(tried(run, config, user)))


@main.command()
@click.argument("user_id")
@click.pass_obj
def revoke(config: dict[str, Any], user_id: str) -> None:
    """Log a user out: at Oura, and in the token store."""
    user_id = checked_user_id(user_id)
    client, store = oauth_client(config), token_store(config)
    stored = store.read(user_id)
    if stored is None:
        raise click.ClickException(f"There is no login of user {user_id}.")
    revoked = client.revoke(stored.tokens)
    store.delete(user_id)
    click.echo(f"User {user_id} is logged out here.")
    if not revoked:
        click.echo("Oura did not confirm it: remove the application in the Oura app.")


@main.command("new-key")
def new_key() -> None:
    """Make a key for `token_key`."""
    click.echo(Fernet.generate_key().decode())


@main.command("rotate-key")
@click.pass_obj
def rotate_key(config: dict[str, Any]) -> None:
    """Encrypt all logins with the first key of `token_key`."""
    count = token_store(config).rotate()
    click.echo(f"{count} logins are encrypted with the first key now.")


def consent(client: OAuthClient, redirect_uri: str, *, browser: bool) -> Tokens:
    """Send the user to Oura and exchange the code that comes back."""
    state, verifier = new_secret(), new_secret()
    url = client.authorize_url(redirect_uri, state, verifier)
    click.echo(f"Open this address and allow the access:\n\n  {url}\n")
    if browser:
        answer = catch(url, redirect_uri, state)
    else:
        click.echo(
            f"The browser then goes to {redirect_uri}, and may say that it cannot "
            "connect. That is right: copy the whole address from its address bar."
        )
        pasted = click.prompt("Paste the address, or the code in it")
        answer = {"state": state} | answer_from(pasted)
    if answer.get("state") != state:
        raise UnauthorizedError("The answer belongs to another login. Log in again.")
    if "code" not in answer:
        raise UnauthorizedError(
            f"Oura did not allow it ({answer.get('error', 'no code')})."
        )
    return client.exchange(answer["code"], redirect_uri, verifier)


def catch(url: str, redirect_uri: str, state: str) -> dict[str, str]:
    """Open the browser and wait for it to come back to the redirect URI."""
    if not is_on_this_machine(redirect_uri):
        raise click.ClickException(
            f"A login comes back to {redirect_uri}, which is not on this machine. "
            "Use `--no-browser`, or register a `redirect_uri` at http://localhost."
        )
    with contextlib.ExitStack() as listening:
        try:
            wait = listening.enter_context(
                awaited_answer(redirect_uri, state, PATIENCE)
            )
        except OSError as error:
            raise click.ClickException(
                f"This program cannot listen at {redirect_uri} ({error.strerror}). "
                "Use `--no-browser`, or register another `redirect_uri`."
            ) from None
        click.echo(
            "Waiting for the browser. If it is on another machine, stop this with "
            "Ctrl-C and add `--no-browser`."
        )
        with contextlib.suppress(webbrowser.Error):
            webbrowser.open(url)
        answer = wait()
    if answer is None:
        raise click.ClickException(
            "The login was not finished within ten minutes. Log in again."
        )
    return answer


def tried(run: Run, config: dict[str, Any], user: User) -> dict[str, Any]:
    """What comes of a user's token, which is renewed if it has to be."""
    outcome, problem = Outcome.OK, None
    try:
        run.find_user_id(user)
    except OuraError as error:
        outcome, problem = error.outcome, str(error)
    scopes = missing = None
    if isinstance(user.credential, StoredLogin):
        stored = token_store(config).read(user.user_id)
        if stored and stored.tokens.scopes is not None:
            scopes, missing = stored.tokens.scopes, stored.tokens.missing_scopes
    return {
        "user_id": user.user_id or None,
        "outcome": outcome,
        "problem": problem,
        "scopes": scopes,
        "missing_scopes": missing,
    }


def show_scopes(tokens: Tokens) -> None:
    """Say what was granted and what stays empty for it."""
    if tokens.scopes is None:
        click.echo("  Oura does not say which scopes were granted.")
        return
    click.echo(f"  Granted: {', '.join(tokens.scopes) or 'nothing'}")
    if missing := tokens.missing_scopes:
        empty = [each.name for each in STREAMS if each.scope in missing]
        click.echo(f"  Not granted: {', '.join(missing)}")
        click.echo(f"  Will be empty: {', '.join(empty) or 'nothing'}")


if __name__ == "__main__":
    main()
