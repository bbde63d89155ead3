"""What gives a user's access token."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from tap_oura.errors import OuraError, UnauthorizedError
from tap_oura.oauth import Login

if TYPE_CHECKING:
    from tap_oura.oauth import OAuthClient, Tokens
    from tap_oura.token_store import TokenStore


class Credential(Protocol):
    """What gives a user's access token."""

    def token(self) -> str:
        """The access token to send.

        Raises:
            OuraError: There is none.
        """

    def renew(self, refused: str) -> str | None:
        """Another token after one was refused, or `None` if there can be none.

        Raises:
            OuraError: The login has ended.
        """


@dataclass(frozen=True)
class AccessToken:
    """A token that was issued elsewhere and cannot be renewed."""

    value: str

    def token(self) -> str:
        """The token itself."""
        return self.value

    def renew(self, refused: str) -> str | None:  # noqa: ARG002
        """Nothing: it is the only one."""
        return None


class StoredLogin:
    """A login whose pair of tokens is in a token store and renewed as needed.

    A refresh token in the settings is the seed of a chain. It begins the chain, and
    begins a new one when it is another than the one that the stored chain began
    with.
    """

    def __init__(
        self,
        user_id: str,
        client: OAuthClient,
        store: TokenStore,
        seed: str | None = None,
    ) -> None:
        """Read nothing yet: discovery must not touch the login."""
        self._user_id, self._client, self._store = user_id, client, store
        self._seed = seed or None  # a blank one is none
        self._tokens: Tokens | None = None
        self._end: OuraError | None = None
        self._lock = threading.Lock()

    def token(self) -> str:
        """The access token, renewed if it is about to end."""
        with self._lock:
            if self._tokens is None or not self._tokens.is_fresh:
                login = self._current()
                is_fresh = login is not None and login.tokens.is_fresh
                self._tokens = login.tokens if login and is_fresh else self._next(None)
            return self._tokens.access_token

    def renew(self, refused: str) -> str | None:
        """The next access token. Of several threads the first one fetches it."""
        with self._lock:
            if self._tokens is None or self._tokens.access_token == refused:
                self._tokens = self._next(refused)
            return self._tokens.access_token

    def _current(self) -> Login | None:
        """The stored login, unless the settings give a seed for another chain."""
        login = self._store.read(self._user_id)
        if login and self._seed and login.seed != fingerprint(self._seed):
            return None
        return login

    def _next(self, refused: str | None) -> Tokens:
        """Refresh in a thread that Python waits for, whatever ends the run.

        Cut off between Oura's answer and the storing of it, the login would be lost.
        """
        if self._end:
            raise self._end
        try:
            with ThreadPoolExecutor(max_workers=1) as thread:
                return thread.submit(self._refresh, refused).result()
        except OuraError as error:
            if error.ends_user:
                self._end = error
            raise

    def _refresh(self, refused: str | None) -> Tokens:
        """Spend the refresh token, unless another process has done so by now."""
        user_id, store = self._user_id, self._store
        with store.lock(user_id):
            login = self._current()
            old = login.tokens if login else None
            if old and old.is_fresh and old.access_token != refused:
                return old
            refresh_token = old.refresh_token if old else self._seed
            if refresh_token is None:
                raise UnauthorizedError(
                    f"There is no login of user {user_id}. "
                    f"Run `tap-oura-auth login {user_id}`."
                )
            endpoint = old.endpoint if old else None
            try:
                new = self._client.refresh(refresh_token, endpoint, user_id)
            except UnauthorizedError:
                # A process that was held up for long may have stored the next pair.
                now = self._current()
                if now is None or now == login:
                    raise
                return now.tokens
            if old:
                # Oura may leave out what has not changed.
                new = replace(
                    new,
                    refresh_token=new.refresh_token or refresh_token,
                    scopes=new.scopes or old.scopes,
                )
            seed = login.seed if login else None
            seed = fingerprint(self._seed) if self._seed else seed
            store.write(user_id, Login(new, seed))
        return new


def fingerprint(token: str) -> str:
    """What tells one seed from another without giving it away."""
    return hashlib.sha256(token.encode()).hexdigest()
