"""The OAuth server: consent, tokens, revocation."""

from __future__ import annotations

import hmac
import time
from base64 import b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from oura_sandbox import scopes
from oura_sandbox.auth import bearer
from oura_sandbox.consent import consent_page, refusal_page
from oura_sandbox.errors import reply, token_error, unauthorized
from oura_sandbox.grants import Code, Grant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from oura_sandbox.grants import Pair
    from oura_sandbox.options import Settings
    from oura_sandbox.state import State

LEGACY = "/oauth/token"
NEW = "/oauth/v2/ext/oauth-token"
"""Where apps that were registered on Oura's new portal have to ask."""
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class OAuth:
    """The endpoints of the OAuth server, over a state."""

    def __init__(self, state: State) -> None:
        """Hand out what a state keeps."""
        self._state = state

    def routes(self) -> list[Route]:
        """Return the endpoints."""
        return [
            Route("/oauth/authorize", self.ask, methods=["GET"]),
            Route("/oauth/authorize", self.decide, methods=["POST"]),
            Route(LEGACY, self.token, methods=["POST"]),
            Route(NEW, self.token, methods=["POST"]),
            Route("/oauth/revoke", self.revoke, methods=["GET", "POST"]),
        ]

    async def ask(self, request: Request) -> Response:
        """Show the consent form."""
        query = dict(request.query_params)
        problem = _problem(query, self._state.settings)
        if problem:
            return HTMLResponse(refusal_page(problem), 400)
        page = consent_page(query, list(self._state.users.values()))
        return HTMLResponse(page)

    async def decide(self, request: Request) -> Response:
        """Send the browser back, with a code if the user agreed."""
        form, chosen = await _form(request)
        problem = _problem(form, self._state.settings)
        user = self._state.user(form.get("user", "1"))
        if problem or user is None:
            return HTMLResponse(refusal_page(problem or "Unknown user."), 400)
        back = {"state": form["state"]} if "state" in form else {}
        if form.get("decision") != "allow":
            return _redirect(form["redirect_uri"], {"error": "access_denied", **back})
        granted = scopes.read(" ".join(chosen)) & user.standing.scopes
        code = Code(
            grant=Grant(user, granted),
            client_id=form["client_id"],
            redirect_uri=form["redirect_uri"],
            challenge=form.get("code_challenge"),
            expires=time.time() + self._state.settings.code_lifetime,
        )
        text = self._state.grants.code(code)
        listed = scopes.write(granted, prefix=self._state.settings.scope_prefix)
        return _redirect(form["redirect_uri"], {"code": text, "scope": listed, **back})

    async def token(self, request: Request) -> Response:
        """Exchange a code, or a refresh token, for a new pair."""
        settings = self._state.settings
        form, _ = await _form(request)
        kind = form.get("grant_type", "")
        _check_endpoint(request.url.path, kind, settings)
        _check_client(request, form, settings)
        if kind == "authorization_code":
            code = self._state.grants.redeem(form.get("code", ""))
            _check_code(code, form)
            grant = code.grant
        elif kind == "refresh_token":
            grant = self._state.grants.rotate(form.get("refresh_token", ""))
        else:
            description = "Unknown grant_type."
            raise token_error(400, "unsupported_grant_type", description)
        pair = self._state.grants.issue(grant, settings.token_lifetime)
        return reply(pair_response(pair, settings))

    async def revoke(self, request: Request) -> Response:
        """End a grant: by the token in the query, or the one in the header."""
        token = request.query_params.get("access_token") or bearer(
            request.headers.get("authorization", "")
        )
        if not self._state.grants.revoke(token):
            detail = "Token already used or revoked."
            raise unauthorized(detail)
        return Response(status_code=200)


def pair_response(pair: Pair, settings: Settings) -> dict[str, object]:
    """Write a pair of tokens as the token endpoint does."""
    body: dict[str, object] = {
        "token_type": "bearer",
        "access_token": pair.access_token,
        "expires_in": pair.expires_in,
        "refresh_token": pair.refresh_token,
    }
    if not settings.omit_scope:
        prefix = settings.scope_prefix
        body["scope"] = scopes.write(pair.grant.scopes, prefix=prefix)
    return body


def _problem(query: Mapping[str, str], settings: Settings) -> str | None:
    """Say why an authorization request cannot be shown to the user."""
    redirect = query.get("redirect_uri", "")
    if settings.redirect_uri:
        known = redirect in settings.redirect_uri
    else:
        known = urlsplit(redirect).hostname in LOOPBACK
    if query.get("client_id") != settings.client_id:
        return "Invalid client_id."
    if not known:
        return "The redirect_uri is not registered; it has to match exactly."
    if query.get("response_type") != "code":
        return "The response_type must be code."
    if "code_challenge" in query and query.get("code_challenge_method") != "S256":
        return "The code_challenge_method must be S256."
    return None


def _check_endpoint(path: str, kind: str, settings: Settings) -> None:
    """Answer as an endpoint does that does not know the client."""
    if settings.token_endpoint == {LEGACY: "new", NEW: "legacy"}[path]:
        if kind == "refresh_token":
            raise token_error(400, "invalid_request", "Invalid request.")
        raise token_error(401, "invalid_client", "Invalid client_id.")


def _check_client(
    request: Request, form: Mapping[str, str], settings: Settings
) -> None:
    """Check the client's id and secret, in the body or by Basic authentication."""
    given = (form.get("client_id", ""), form.get("client_secret", ""))
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, secret = b64decode(encoded).decode().partition(":")
        except ValueError:
            name = secret = ""
        given = (name, secret)
    if given[0] != settings.client_id:
        raise token_error(400, "invalid_client", "Invalid client_id.")
    if given[1] != settings.client_secret:
        raise token_error(400, "invalid_client", "Invalid client_secret.")


def _check_code(code: Code, form: Mapping[str, str]) -> None:
    """Check that whoever has a code is who asked for it."""
    if form.get("redirect_uri") != code.redirect_uri:
        description = "The redirect_uri does not match the authorization request."
        raise token_error(400, "invalid_grant", description)
    if code.challenge is not None:
        digest = sha256(form.get("code_verifier", "").encode()).digest()
        expected = urlsafe_b64encode(digest).decode().rstrip("=")
        if not hmac.compare_digest(expected, code.challenge.rstrip("=")):
            description = "The code_verifier does not match the code_challenge."
            raise token_error(400, "invalid_grant", description)


async def _form(request: Request) -> tuple[dict[str, str], list[str]]:
    """Read a form: its fields, and the scopes that were ticked."""
    pairs = parse_qsl((await request.body()).decode(), keep_blank_values=True)
    return dict(pairs), [value for name, value in pairs if name == "scope"]


def _redirect(uri: str, answer: Mapping[str, str]) -> Response:
    joint = "&" if urlsplit(uri).query else "?"
    return RedirectResponse(f"{uri}{joint}{urlencode(answer)}", 302)
