"""Logins that are kept: encrypted, and changed by one at a time.

Oura's refresh tokens can be spent once. A process that spends one holds
the user's lock until the next pair is stored; all others wait and find it there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from tap_oura.errors import SettingError, TokenStoreError
from tap_oura.oauth import Login

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

#: Longer than the slowest refresh, in seconds.
LOCK_TIMEOUT = 240.0


class TokenStore(ABC):
    """Logins by user."""

    @abstractmethod
    def read(self, user_id: str) -> Login | None:
        """A user's login, without waiting for its lock."""

    @abstractmethod
    def write(self, user_id: str, login: Login) -> None:
        """Store a login. The caller holds the user's lock."""

    @abstractmethod
    def user_ids(self) -> list[str]:
        """The users that have a login."""

    @abstractmethod
    def delete(self, user_id: str) -> None:
        """Forget a login."""

    @abstractmethod
    def lock(self, user_id: str) -> AbstractContextManager[None]:
        """Hold a user's lock, whatever process or machine asks for it too."""

    def rotate(self) -> int:
        """Encrypt everything with the first key. Returns how many logins there are."""
        user_ids = self.user_ids()
        for user_id in user_ids:
            with self.lock(user_id):
                if login := self.read(user_id):
                    self.write(user_id, login)
        return len(user_ids)


class Cipher:
    """Turns a login into a text that only the key's owner can read, and back."""

    def __init__(self, keys: str) -> None:
        """Prepare the keys.

        Args:
            keys: Fernet keys, separated by commas. The first one encrypts, the
                others still decrypt, so that a key can be changed.

        Raises:
            SettingError: A key is none.
        """
        try:
            self._fernet = MultiFernet([Fernet(k.strip()) for k in keys.split(",")])
        except ValueError:
            raise SettingError(
                "`token_key` is no Fernet key. Make one with `tap-oura-auth new-key`."
            ) from None

    def encrypt(self, login: Login) -> str:
        """A login as it is stored."""
        return self._fernet.encrypt(msgspec.json.encode(login)).decode()

    def decrypt(self, stored: str) -> Login:
        """The login that was stored.

        Raises:
            TokenStoreError: With another key.
        """
        try:
            return msgspec.json.decode(self._fernet.decrypt(stored), type=Login)
        except (InvalidToken, msgspec.MsgspecError):
            raise TokenStoreError(
                "The token store cannot be read with this `token_key`. "
                "Give the key that it was written with."
            ) from None
