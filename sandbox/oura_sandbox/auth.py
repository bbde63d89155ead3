"""Who is asking, and may they: from the Authorization header to a user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oura_sandbox.errors import forbidden, unauthorized

if TYPE_CHECKING:
    from starlette.requests import Request

    from oura_sandbox.grants import Grant
    from oura_sandbox.state import State


def bearer(header: str) -> str:
    """Return the token of an Authorization header."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def admit(state: State, request: Request, scope: str | None) -> Grant:
    """Return the grant behind a request, if it may have what it asks for.

    A missing scope is answered 401 like a bad token, with another text; a lapsed
    membership 403, whatever is asked.
    """
    token = bearer(request.headers.get("authorization", ""))
    access = state.grants.access.get(token)
    if access is None or not access.valid():
        detail = "Access token is invalid, expired or revoked."
        raise unauthorized(detail)
    state.limiter.admit(token, state.settings)
    grant = access.grant
    if grant.user.standing.lapsed:
        detail = "The user's Oura membership has expired."
        raise forbidden(detail)
    if scope is not None and scope not in grant.scopes:
        detail = f"Token is not authorized access {scope} scope."
        raise unauthorized(detail)
    return grant
