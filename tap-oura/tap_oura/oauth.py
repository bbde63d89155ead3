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
    UnreachableError,
    UserFailedError,
    is_temporary,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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

#: How often, and for how many seconds, a token endpoint is asked.
MAX_TRIES, MAX_TIME = 4, 60.0

#: What an authorization server can say (RFC 6749, 4.1.2.1 and 5.2). Anything else,
#: such as a proxy's 403, is not its answer and says nothing about a login.
OAUTH_ERRORS = frozenset(
    {
        "access_denied",
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "unauthorized_client",
        "unsupported_grant_type",
    }
)

#: Those of them after which a login can only be begun again.
ENDED = frozenset({"access_denied", "invalid_grant"})


@dataclass(frozen=True)
class Endpoints:
    """Where the login is.

    Attributes:
        authorize: The page on which the user consents.
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
    """What is known of a user's login.

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
        endpoint: Which one.
        word: OAuth's word for it, which holds no secret; empty where it said another.
    """

    def __init__(self, endpoint: str, status: int, word: str) -> None:
        super().__init__(f"{status} {word}".rstrip())
        self.endpoint, self.word = endpoint, word


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
        """The page to send the user to.

        Args:
            redirect_uri: Where the user comes back to, as registered.
            state: Comes back unchanged: no answer to another login is accepted.
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
        """The first pair of tokens, for the code that the user brought back.

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
            if error.word in ENDED:
                raise UnauthorizedError(
                    f"The code is wrong or has expired ({error}). Log in again, and "
                    "bring it within ten minutes."
                ) from None
            raise UnauthorizedError(
                f"Oura did not accept the login ({error}). Check `client_id`, "
                "`client_secret` and `redirect_uri`, then log in again."
            ) from None

    def refresh(self, refresh_token: str, endpoint: str | None, user: str) -> Tokens:
        """The next pair of tokens. It has to be stored before it is used.

        Args:
            refresh_token: The current one. It is spent with this.
            endpoint: The one that worked before, if any.
            user: How messages name the user.

        Raises:
            OuraError: The refresh token was not accepted, or Oura is out of reach.
        """
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        endpoints = sorted(self.endpoints.tokens, key=lambda url: url != endpoint)
        try:
            return self._spend(form, endpoints)
        except RefusedTokenError as error:
            if error.word in ENDED:
                raise UnauthorizedError(
                    f"The login of user {user} has ended ({error}). "
                    f"Run `tap-oura-auth login {user}`."
                ) from None
            raise UserFailedError(
                f"Oura does not renew the login of user {user} ({error}). "
                "Check `client_id` and `client_secret`."
            ) from None

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

    def _spend(self, form: Mapping[str, str], endpoints: Iterable[str]) -> Tokens:
        """Try the endpoints in turn.

        Raises:
            UnreachableError: One of them is out of order.
            RefusedTokenError: The login has ended; or else the first refusal.
        """
        refusals: list[RefusedTokenError] = []
        for endpoint in endpoints:
            try:
                return self._post(endpoint, form)
            except RefusedTokenError as error:
                if error.word in ENDED:
                    raise
                refusals.append(error)
        for refusal in refusals:
            if not refusal.word:
                raise _unavailable(refusal.endpoint, refusal)
        raise refusals[0]

    @backoff.on_exception(
        backoff.expo,
        UnreachableError,
        max_tries=MAX_TRIES,
        max_time=MAX_TIME,
        logger=None,
    )
    def _post(self, endpoint: str, form: Mapping[str, str]) -> Tokens:
        """Ask until there is an answer.

        Also where an answer was lost on the way: if the token was spent with it, the
        login has ended in any case, and if it was not, this saves it.
        """
        application = {"client_id": self.client_id, "client_secret": self.client_secret}
        try:
            response = requests.post(
                endpoint,
                data={**form, **application},
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException:
            host = endpoint.split("/")[2]
            raise UnreachableError(
                f"No connection to {host} for a token. Check the network."
            ) from None
        status = response.status_code
        if is_temporary(response):
            raise _unavailable(endpoint, status)
        answer = _object(response)
        if status != HTTPStatus.OK:
            word = _text(answer, "error")
            known = word if word in OAUTH_ERRORS else ""
            raise RefusedTokenError(endpoint, status, known)
        if not (access_token := _text(answer, "access_token")):
            raise _unavailable(endpoint, status)
        # Oura may put a prefix before what was granted, or say nothing of it.
        granted = _text(answer, "scope").split()
        try:
            lifetime = float(answer["expires_in"])
        except (KeyError, TypeError, ValueError):
            lifetime = DEFAULT_LIFETIME
        return Tokens(
            access_token=access_token,
            refresh_token=_text(answer, "refresh_token") or None,
            expires_at=time.time() + lifetime,
            scopes=tuple(name.removeprefix("extapi:") for name in granted) or None,
            endpoint=endpoint,
        )


def _object(response: requests.Response) -> dict[str, Any]:
    """The JSON object that a token endpoint answered, empty if it is none."""
    try:
        answer = response.json()
    except requests.JSONDecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    return value if isinstance(value, str) else ""


def _unavailable(endpoint: str, why: object) -> UnreachableError:
    host = endpoint.split("/")[2]
    return UnreachableError(f"{host} gives no tokens now ({why}). Run again later.")


def new_secret() -> str:
    """A random value for `state` or the PKCE verifier (RFC 7636: 43 characters)."""
    return secrets.token_urlsafe(32)
