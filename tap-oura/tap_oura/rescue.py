"""A second place for logins that the token store does not take."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import backoff
from typing_extensions import override

from tap_oura.errors import TokenStoreError
from tap_oura.token_store import TokenStore

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tap_oura.file_token_store import FileTokenStore
    from tap_oura.oauth import Login

#: How often the store is asked to take a login before the second place is, which is
#: about half a minute.
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

    @override
    def read(self, user_id: str) -> Login | None:
        stored, rescued = self._store.read(user_id), self._rescue.read(user_id)
        if rescued is None:
            return stored
        # Each pair ends later than the one before it, also after a new login.
        if stored and stored.tokens.expires_at >= rescued.tokens.expires_at:
            return stored
        try:
            self._store.write(user_id, rescued)
        except TokenStoreError:
            return rescued
        self._rescue.delete(user_id)
        return rescued

    @override
    def write(self, user_id: str, login: Login) -> None:
        again = backoff.on_exception(
            backoff.expo, TokenStoreError, max_tries=TRIES, logger=None
        )
        try:
            again(self._store.write)(user_id, login)
        except TokenStoreError as error:
            self._keep(user_id, login, error)
        else:
            self._rescue.delete(user_id)

    @override
    def user_ids(self) -> list[str]:
        return self._store.user_ids()

    @override
    def delete(self, user_id: str) -> None:
        self._rescue.delete(user_id)
        self._store.delete(user_id)

    @override
    def lock(self, user_id: str) -> AbstractContextManager[None]:
        return self._store.lock(user_id)

    def _keep(self, user_id: str, login: Login, why: TokenStoreError) -> None:
        try:
            self._rescue.write(user_id, login)
        except TokenStoreError:
            message = (
                f"The new tokens of user {user_id} could be kept neither in "
                f"`token_store` nor in `rescue_folder` {self._folder}. Put both right, "
                f"then run `tap-oura-auth login {user_id}`."
            )
            raise TokenStoreError(message) from None
        _logger.warning(
            "The new tokens of user %s are kept in %s until `token_store` takes "
            "them: do not delete it. %s",
            user_id,
            self._folder,
            why,
        )
