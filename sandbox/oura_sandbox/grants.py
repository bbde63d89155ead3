"""What users have granted: codes, access tokens, and refresh tokens used once."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import TYPE_CHECKING

from oura_sandbox.errors import token_error

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oura_sandbox.users import User


@dataclass(slots=True)
class Grant:
    """A consent, and the tokens that follow from it."""

    user: User
    scopes: frozenset[str]
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """What an access token opens."""

    grant: Grant
    expires: float | None

    def valid(self) -> bool:
        """Say whether the token still opens anything."""
        late = self.expires is not None and time.time() >= self.expires
        return not late and not self.grant.revoked


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code, and what its exchange has to prove."""

    grant: Grant
    client_id: str
    redirect_uri: str
    challenge: str | None
    expires: float


@dataclass(frozen=True, slots=True)
class Pair:
    """An access token and the refresh token that replaces it."""

    grant: Grant
    access_token: str
    refresh_token: str
    expires_in: int


@dataclass(slots=True)
class Grants:
    """All codes and tokens that were handed out."""

    users: Iterable[User]
    access: dict[str, Access] = field(default_factory=dict)
    refresh: dict[str, Grant | None] = field(default_factory=dict)
    """The grant of each refresh token; None once it was used."""
    codes: dict[str, Code | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Give each user a token that never expires."""
        for user in self.users:
            self.welcome(user)

    def welcome(self, user: User) -> None:
        """Give a user its token that never expires, for what it shares now."""
        grant = Grant(user, user.standing.scopes)
        self.access[user.token] = Access(grant, None)

    def reset(self) -> None:
        """Forget everything that was handed out since the start."""
        for store in (self.access, self.refresh, self.codes):
            store.clear()
        self.__post_init__()

    def code(self, code: Code) -> str:
        """Hand out an authorization code."""
        text = token_urlsafe(24)
        self.codes[text] = code
        return text

    def redeem(self, text: str) -> Code:
        """Take a code, which works once and for ten minutes."""
        code = self.codes.get(text)
        if code is None or time.time() >= code.expires:
            description = "Invalid, expired or used authorization code."
            raise token_error(400, "invalid_grant", description)
        self.codes[text] = None
        return code

    def issue(self, grant: Grant, lifetime: int) -> Pair:
        """Hand out a new pair of tokens."""
        pair = Pair(grant, token_urlsafe(24), token_urlsafe(24), lifetime)
        self.access[pair.access_token] = Access(grant, time.time() + lifetime)
        self.refresh[pair.refresh_token] = grant
        return pair

    def rotate(self, text: str) -> Grant:
        """Take a refresh token, which works once."""
        grant = self.refresh.get(text)
        if grant is None or grant.revoked:
            used = text in self.refresh and not (grant and grant.revoked)
            description = "Refresh token already used." if used else "Invalid token."
            raise token_error(400, "invalid_grant", description)
        self.refresh[text] = None
        return grant

    def revoke(self, text: str) -> bool:
        """End the grant that an access or refresh token belongs to."""
        access = self.access.get(text)
        grant = access.grant if access else self.refresh.get(text)
        if grant is None or grant.revoked:
            return False
        grant.revoked = True
        return True

    def expire(self, user: User) -> None:
        """Let all access tokens of a user expire that can."""
        for text, access in self.access.items():
            if access.grant.user is user and access.expires is not None:
                self.access[text] = Access(access.grant, time.time())
