"""The pages that a user sees in the browser."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from oura_sandbox import scopes
from oura_sandbox.person.info import personal_info

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oura_sandbox.users import User

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>oura-sandbox</title>
<style>
  body {{ font: 1rem/1.6 system-ui, sans-serif; max-width: 26rem; margin: 3rem auto }}
  label {{ display: block }}
</style>
<h1>oura-sandbox</h1>
{content}
</html>
"""


def consent_page(query: Mapping[str, str], users: list[User]) -> str:
    """Ask a user what to grant; scopes that do not exist are not offered."""
    wanted = scopes.read(query.get("scope", " ".join(scopes.SCOPES)))
    hidden = [
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in query.items()
        if name != "scope"
    ]
    choices = [
        f'<option value="{user.number}">'
        f"{user.number}: {personal_info(user.person)['email']}</option>"
        for user in users
    ]
    boxes = [
        f'<label><input type="checkbox" name="scope" value="{scope}" checked> '
        f"{scope}</label>"
        for scope in scopes.SCOPES
        if scope in wanted
    ]
    content = [
        f"<p>{escape(query['client_id'])} asks to read:</p>",
        '<form method="post" action="/oauth/authorize">',
        *hidden,
        '<label>User <select name="user">',
        *choices,
        "</select></label>",
        *boxes,
        '<button name="decision" value="allow">Allow</button>',
        '<button name="decision" value="deny">Deny</button>',
        "</form>",
    ]
    return PAGE.format(content="\n".join(content))


def refusal_page(reason: str) -> str:
    """Tell the user why no consent can be asked for."""
    return PAGE.format(content=f"<p>{escape(reason)}</p>")
