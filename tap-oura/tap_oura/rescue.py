"""A second place for logins that the token store does not take."""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import backoff
from typing_extensions import override

from tap_oura.errors import TokenStoreError
from tap_oura.token_store import TokenStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_oura.file_token_store import FileTokenStore
    from tap_oura.oauth import Login

#: How often the store is asked again to take a login, which is about half a minute.
TRIES = 7

_logger = logging.getLogger("tap-oura")


class RescuingTokenStore(TokenStore):
    """A token store, and a file for what it does not take.

    The pair of tokens before is spent when there is a new one, so a store that fails
    in between would end the login. The file keeps it, encrypted as well, until the
    store takes it.
    """

    def __init__(self, store: TokenStore, rescue: FileTokenStore, folder: Path) -> None:
        """Put a file beside a store.

        Args:
            store: Where logins belong.
            rescue: Where they are kept meanwhile.
            folder: The folder of that, for messages.
        """
        self._store = store
        self._rescue = rescue
        self._folder = folder
        self._held: set[str] = set()

    @override
    def read(self, user_id: str) -> Login | None:
        if user_id not in self._held and self._rescue.read(user_id):
            with suppress(TokenStoreError), self.lock(user_id):
                """It is brought home by whoever holds the lock, and nobody else."""
        stored, rescued = self._store.read(user_id), self._rescue.read(user_id)
        return rescued if _is_newer(rescued, stored) else stored

    @override
    def write(self, user_id: str, login: Login) -> None:
        try:
            self._store.write(user_id, login)
        except TokenStoreError:
            if not self._insist(user_id, login):
                return
        self._rescue.delete(user_id)

    @override
    def user_ids(self) -> list[str]:
        return self._store.user_ids()

    @override
    def delete(self, user_id: str) -> None:
        self._rescue.delete(user_id)
        self._store.delete(user_id)

    @override
    @contextmanager
    def lock(self, user_id: str) -> Iterator[None]:
        with self._store.lock(user_id):
            self._held.add(user_id)
            try:
                with suppress(TokenStoreError):
                    self._bring_home(user_id)
                yield
            finally:
                self._held.discard(user_id)

    def _bring_home(self, user_id: str) -> None:
        rescued = self._rescue.read(user_id)
        if rescued is None:
            return
        if _is_newer(rescued, self._store.read(user_id)):
            self._store.write(user_id, rescued)
        self._rescue.delete(user_id)

    def _insist(self, user_id: str, login: Login) -> bool:
        """Ask the store again, for half a minute, with the login in the second place.

        Returns:
            Whether the store has taken it.
        """
        is_kept = True
        try:
            self._rescue.write(user_id, login)
        except TokenStoreError:
            is_kept = False
        again = backoff.on_exception(
            backoff.expo, TokenStoreError, max_tries=TRIES, logger=None
        )
        try:
            again(self._store.write)(user_id, login)
        except TokenStoreError as error:
            if not is_kept:
                message = (
                    f"The new tokens of user {user_id} could be kept neither in "
                    f"`token_store` nor in `rescue_folder` {self._folder}. Put both "
                    f"right, then run `tap-oura-auth login {user_id}`."
                )
                raise TokenStoreError(message) from None
            _logger.warning(
                "The new tokens of user %s are kept in %s until `token_store` takes "
                "them: do not delete it. %s",
                user_id,
                self._folder,
                error,
            )
            return False
        return True


def _is_newer(rescued: Login | None, stored: Login | None) -> bool:
    """Each pair ends later than the one before it, also after a new login."""
    if rescued is None or stored is None:
        return rescued is not None
    return rescued.tokens.expires_at > stored.tokens.expires_at
