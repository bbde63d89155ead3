"""Logins that are kept: encrypted, renewed by one at a time, and never lost.

Oura's refresh tokens can be spent once. A process that spends one holds the user's lock
until the next pair is stored; all others wait and find it there.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

import backoff
import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from tap_oura.errors import SettingError, TokenStoreError
from tap_oura.oauth import Login

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

#: Longer than the slowest refresh, in seconds.
LOCK_TIMEOUT = 240.0

#: How often a place is asked again to take a login, which is about half a minute.
TRIES = 7

_logger = logging.getLogger("tap-oura")


class Place(Protocol):
    """Keeps a text for each user. Its errors are `TokenStoreError`s."""

    def get(self, user_id: str) -> str | None:
        """A user's text, without waiting for its lock."""

    def put(self, user_id: str, text: str) -> None:
        """Keep a text. The caller holds the user's lock."""

    def delete(self, user_id: str) -> None:
        """Forget a text."""

    def user_ids(self) -> list[str]:
        """The users that have a text, in order."""

    def lock(self, user_id: str) -> AbstractContextManager[None]:
        """Hold a user's lock, whatever process or machine asks for it too."""


class TokenStore:
    """Logins, encrypted, in a place, and in a rescue when that does not take them.

    The pair of tokens before is spent when there is a new one, so a place that fails in
    between would end the login. The rescue keeps it until the place takes it.
    """

    def __init__(self, keys: str, place: Place, rescue: Place, folder: object) -> None:
        """Prepare the keys.

        Args:
            keys: Fernet keys, separated by commas. The first one encrypts, the others
                still decrypt, so that a key can be changed.
            place: Where logins belong.
            rescue: Where they are kept meanwhile.
            folder: The folder of that, for messages.

        Raises:
            SettingError: A key is not a Fernet key.
        """
        try:
            self._fernet = MultiFernet([Fernet(k.strip()) for k in keys.split(",")])
        except ValueError:
            raise SettingError(
                "`token_key` is not a Fernet key. "
                "Make one with `tap-oura-auth new-key`."
            ) from None
        self._place, self._rescue, self._folder = place, rescue, folder
        self._held: set[str] = set()

    def user_ids(self) -> list[str]:
        """The users that have a login, in order."""
        return self._place.user_ids()

    @contextmanager
    def lock(self, user_id: str) -> Iterator[None]:
        """Hold a user's lock, whatever process or machine asks for it too."""
        with self._place.lock(user_id):
            self._held.add(user_id)
            try:
                with suppress(TokenStoreError):
                    self._return_rescued(user_id)
                yield
            finally:
                self._held.discard(user_id)

    def read(self, user_id: str) -> Login | None:
        """A user's login, without waiting for its lock unless it was rescued."""
        if user_id not in self._held and self._rescue.get(user_id):
            # Whoever takes the lock brings it home, and nobody else may.
            with suppress(TokenStoreError), self.lock(user_id):
                pass
        stored = self._decrypted(self._place.get(user_id))
        rescued = self._decrypted(self._rescue.get(user_id))
        return rescued if _is_newer(rescued, stored) else stored

    def write(self, user_id: str, login: Login) -> None:
        """Store a login. The caller holds the user's lock."""
        text = self._fernet.encrypt(msgspec.json.encode(login)).decode()
        try:
            self._place.put(user_id, text)
        except TokenStoreError:
            if not self._put_again(user_id, text):
                return
        self._rescue.delete(user_id)

    def delete(self, user_id: str) -> None:
        """Forget a login."""
        self._rescue.delete(user_id)
        self._place.delete(user_id)

    def rotate(self) -> int:
        """Encrypt everything with the first key. Returns how many logins there are."""
        user_ids = self.user_ids()
        for user_id in user_ids:
            with self.lock(user_id):
                if login := self.read(user_id):
                    self.write(user_id, login)
        return len(user_ids)

    def _decrypted(self, text: str | None) -> Login | None:
        if not text:
            return None
        try:
            return msgspec.json.decode(self._fernet.decrypt(text), type=Login)
        except (InvalidToken, msgspec.MsgspecError):
            raise TokenStoreError(
                "The token store cannot be read with this `token_key`. "
                "Give the key that it was written with."
            ) from None

    def _return_rescued(self, user_id: str) -> None:
        if (text := self._rescue.get(user_id)) is None:
            return
        stored = self._decrypted(self._place.get(user_id))
        if _is_newer(self._decrypted(text), stored):
            self._place.put(user_id, text)
        self._rescue.delete(user_id)

    def _put_again(self, user_id: str, text: str) -> bool:
        """Ask the place again, for half a minute, with the login in the rescue.

        Returns:
            Whether the place has taken it.
        """
        is_kept = False
        with suppress(TokenStoreError):
            self._rescue.put(user_id, text)
            is_kept = True
        put = backoff.on_exception(
            backoff.expo, TokenStoreError, max_tries=TRIES, logger=None
        )(self._place.put)
        try:
            put(user_id, text)
        except TokenStoreError as error:
            if is_kept:
                _logger.warning(
                    "The new tokens of user %s are kept in %s until `token_store` "
                    "takes them: do not delete it. %s",
                    user_id,
                    self._folder,
                    error,
                )
                return False
            raise TokenStoreError(
                f"The new tokens of user {user_id} could be kept neither in "
                f"`token_store` nor in `rescue_folder` {self._folder}. Put both "
                f"right, then run `tap-oura-auth login {user_id}`."
            ) from None
        return True


def _is_newer(rescued: Login | None, stored: Login | None) -> bool:
    """Each pair ends later than the one before it, also after a new login."""
    if rescued is None or stored is None:
        return rescued is not None
    return rescued.tokens.expires_at > stored.tokens.expires_at
