"""Oura's OAuth2: where it is, what it is asked, and what its answers mean."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import backoff
import requests

from tap_oura.errors import (
    UnauthorizedError,
    UnavailableError,
    UnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Everything that the streams need. Oura's own list lacks `stress` and
#: `ring_configuration`, which the live API enforces all the same. A scope that it
#: does not know is dropped silently at consent, so what was granted has to be read.
SCOPES = (
    "email",
    "personal",
    "daily",
    "heartrate",
    "workout",
    "tag",
    "session",
    "spo2",
    "heart_health",
    "stress",
    "ring_configuration",
)

#: What an access token lives for when Oura does not say.
DEFAULT_LIFETIME = 86_400

#: A token this close to its end, in seconds, is renewed before it is used.
MARGIN = 60

TIMEOUT = (10.0, 30.0)


@dataclass(frozen=True)
class Endpoints:
    """Where the login is.

    Attributes:
        authorize: The page on which the wearer consents.
        tokens: Where codes and refresh tokens are spent. Applications registered on
            developer.ouraring.com are known to the second one only, all others to
            the first one only, and nothing but the answer tells which.
        revoke: Where an access token is given back.
    """

    authorize: str = "https://cloud.ouraring.com/oauth/authorize"
    tokens: tuple[str, ...] = (
        "https://api.ouraring.com/oauth/token",
        "https://moi.ouraring.com/oauth/v2/ext/oauth-token",
    )
    revoke: str = "https://api.ouraring.com/oauth/revoke"

    @classmethod
    def at(cls, host: str | None) -> Endpoints:
        """All of them at one host, such as a sandbox, or else Oura's own."""
        if not host:
            return cls()
        host = host.rstrip("/")
        return cls(
            authorize=f"{host}/oauth/authorize",
            tokens=(f"{host}/oauth/token", f"{host}/oauth/v2/ext/oauth-token"),
            revoke=f"{host}/oauth/revoke",
        )


@dataclass(frozen=True)
class Tokens:
    """What a token endpoint answered.

    Attributes:
        access_token: Opens the API until `expires_at`.
        refresh_token: Buys the next pair, once.
        expires_at: Seconds since 1970.
        scopes: What was granted, or `None` where Oura does not say.
        endpoint: The token endpoint that knows the application.
    """

    access_token: str
    refresh_token: str | None
    expires_at: float
    scopes: tuple[str, ...] | None
    endpoint: str

    @property
    def is_fresh(self) -> bool:
        """Whether the access token can still be used."""
        return time.time() < self.expires_at - MARGIN

    @property
    def missing_scopes(self) -> tuple[str, ...]:
        """What was asked for and, as far as Oura says, not granted."""
        if self.scopes is None:
            return ()
        return tuple(scope for scope in SCOPES if scope not in self.scopes)


@dataclass(frozen=True)
class Login:
    """What is known of an account's login.

    Attributes:
        tokens: The current pair.
        seed: Fingerprint of the refresh token that the chain began with, if the
            settings gave one.
    """

    tokens: Tokens
    seed: str | None = None


class RefusedTokenError(Exception):
    """A token endpoint said no.

    Attributes:
        error: OAuth's word for it, which holds no secret.
    """

    def __init__(self, status: int, error: str) -> None:
        """Keep the word, not the body."""
        super().__init__(f"{status} {error}".rstrip())
        self.status = status
        self.error = error


@dataclass(frozen=True)
class OAuthClient:
    """An application that is registered with Oura.

    Attributes:
        client_id: Its id.
        client_secret: Its secret. Oura asks for it with PKCE too.
        endpoints: Where the login is.
    """

    client_id: str
    client_secret: str
    endpoints: Endpoints

    def authorize_url(self, redirect_uri: str, state: str, verifier: str) -> str:
        """The page to send the wearer to.

        Args:
            redirect_uri: Where the wearer comes back to, as registered.
            state: Comes back unchanged, so that nobody else can send the wearer.
            verifier: The PKCE secret, of which only the hash is sent (RFC 7636).
        """
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(SCOPES),
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self.endpoints.authorize}?{urlencode(query)}"

    def exchange(self, code: str, redirect_uri: str, verifier: str) -> Tokens:
        """The first pair of tokens, for the code that the wearer brought back.

        Raises:
            OuraError: The code, or the application, was not accepted.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        try:
            return self._spend(form, self.endpoints.tokens)
        except RefusedTokenError as error:
            message = (
                f"Oura did not accept the login ({error}). Check `client_id`, "
                "`client_secret` and `redirect_uri`, then log in again."
            )
            raise UnauthorizedError(message) from None

    def refresh(self, refresh_token: str, endpoint: str | None, account: str) -> Tokens:
        """The next pair of tokens. It has to be stored before it is used.

        Args:
            refresh_token: The current one. It is spent with this.
            endpoint: The one that worked before, if any.
            account: How messages name the account.

        Raises:
            OuraError: The refresh token was not accepted, or Oura is out of reach.
        """
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        known = (endpoint,) if endpoint in self.endpoints.tokens else ()
        others = tuple(url for url in self.endpoints.tokens if url not in known)
        try:
            return self._spend(form, known + others)
        except RefusedTokenError as error:
            message = (
                f"The login of account {account} has ended ({error}). "
                f"Run `tap-oura-auth login {account}`."
            )
            raise UnauthorizedError(message) from None

    def revoke(self, tokens: Tokens) -> bool:
        """Give a login back. Returns whether Oura took it.

        Sources disagree on how it is named: by the access token in the query, or by
        the refresh token in the header.
        """
        bearer = tokens.refresh_token or tokens.access_token
        try:
            response = requests.post(
                self.endpoints.revoke,
                params={"access_token": tokens.access_token},
                headers={"Authorization": f"Bearer {bearer}"},
                timeout=TIMEOUT,
            )
        except requests.RequestException:
            return False
        # It is as good as revoked where Oura does not know it any more.
        return response.ok or response.status_code == HTTPStatus.UNAUTHORIZED

    def _spend(self, form: Mapping[str, str], endpoints: tuple[str, ...]) -> Tokens:
        """Try the endpoints in turn; the first refusal is the one to report."""
        refusals: list[RefusedTokenError] = []
        for endpoint in endpoints:
            try:
                return self._post(endpoint, form)
            except RefusedTokenError as error:
                refusals.append(error)
                if error.error in {"invalid_grant", "access_denied"}:
                    break
        raise refusals[0]

    def _post(self, endpoint: str, form: Mapping[str, str]) -> Tokens:
        post = backoff.on_exception(
            backoff.expo,
            (requests.ConnectTimeout, _ServerError),
            max_tries=4,
            logger=None,
        )(self._post_once)
        host = endpoint.split("/")[2]
        try:
            return post(endpoint, form)
        except _ServerError as error:
            message = f"{host} gives no tokens now ({error}). Run again later."
            raise UnavailableError(message) from None
        except requests.RequestException:
            message = f"No connection to {host} for a token. Check the network."
            raise UnreachableError(message) from None

    def _post_once(self, endpoint: str, form: Mapping[str, str]) -> Tokens:
        response = requests.post(
            endpoint,
            data={
                **form,
                "client_id": self.client_id,
                "client_secret": self.client_secret,
            },
            timeout=TIMEOUT,
            allow_redirects=False,
        )
        status = response.status_code
        if (
            status >= HTTPStatus.INTERNAL_SERVER_ERROR
            or status == HTTPStatus.TOO_MANY_REQUESTS
        ):
            raise _ServerError(status)
        answer = _object(response)
        if status != HTTPStatus.OK or not answer.get("access_token"):
            error = answer.get("error")
            raise RefusedTokenError(status, error if isinstance(error, str) else "")
        return Tokens(
            access_token=answer["access_token"],
            refresh_token=answer.get("refresh_token"),
            expires_at=time.time() + _lifetime(answer),
            scopes=_scopes(answer),
            endpoint=endpoint,
        )


def _object(response: requests.Response) -> dict[str, Any]:
    """The JSON object that a token endpoint answered, empty if it is none."""
    try:
        answer = response.json()
    except requests.JSONDecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _lifetime(answer: Mapping[str, Any]) -> float:
    """Seconds for which the access token is valid."""
    try:
        return float(answer["expires_in"])
    except (KeyError, TypeError, ValueError):
        return DEFAULT_LIFETIME


def _scopes(answer: Mapping[str, Any]) -> tuple[str, ...] | None:
    """What was granted, without the prefix that Oura may put before it."""
    scope = answer.get("scope")
    if not scope or not isinstance(scope, str):
        return None
    return tuple(name.removeprefix("extapi:") for name in scope.split())


class _ServerError(Exception):
    """A token endpoint that is out of order."""


def new_secret() -> str:
    """A random value for `state` or the PKCE verifier (RFC 7636: 43 characters)."""
    return secrets.token_urlsafe(32)
