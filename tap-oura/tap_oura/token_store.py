"""Logins on disk or in a database: encrypted, and changed by one at a time.

Oura's refresh tokens can be spent once. Whoever spends one holds the account's lock
until the next pair is stored; everybody else waits and finds it there.
"""

from __future__ import annotations

import json
import os
import tempfile
from abc import ABC, abstractmethod
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from filelock import FileLock, Timeout

from tap_oura.errors import SettingError, TokenStoreError
from tap_oura.oauth import Login

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

#: Longer than the slowest refresh, in seconds.
LOCK_TIMEOUT = 180.0


class Slot:
    """One account's place in the store, while its lock is held."""

    def __init__(self, login: Login | None) -> None:
        """Begin with what is stored."""
        self.login = login
        self.changed = False

    def put(self, login: Login) -> None:
        """Store a login when the lock is given back."""
        self.login = login
        self.changed = True


class TokenStore(ABC):
    """Encrypted logins by account."""

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

    @abstractmethod
    def read(self, user_id: str) -> Login | None:
        """An account's login, without waiting for its lock."""

    @abstractmethod
    def user_ids(self) -> list[str]:
        """The accounts that have a login."""

    @abstractmethod
    def delete(self, user_id: str) -> None:
        """Forget a login."""

    @abstractmethod
    def lock(self, user_id: str) -> AbstractContextManager[Slot]:
        """Hold an account's lock, whatever process or machine asks for it too."""

    def rotate(self) -> int:
        """Encrypt everything with the first key. Returns how many logins there are."""
        for user_id in self.user_ids():
            with self.lock(user_id) as slot:
                if slot.login:
                    slot.put(slot.login)
        return len(self.user_ids())

    def _encrypt(self, login: Login) -> str:
        return self._fernet.encrypt(msgspec.json.encode(login)).decode()

    def _decrypt(self, token: str) -> Login:
        try:
            return msgspec.json.decode(self._fernet.decrypt(token), type=Login)
        except (InvalidToken, msgspec.MsgspecError):
            raise TokenStoreError(
                "The token store cannot be read with this `token_key`. "
                "Give the key that it was written with."
            ) from None


class FileTokenStore(TokenStore):
    """Logins in one file, which is replaced as a whole and readable by its owner."""

    def __init__(self, path: Path, keys: str) -> None:
        """Use a file, which need not exist yet."""
        super().__init__(keys)
        self._path = path.expanduser().absolute()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise SettingError(
                f"`token_store` {path} cannot be made ({error.strerror})."
            ) from None

    def read(self, user_id: str) -> Login | None:
        """An account's login, without waiting for its lock."""
        stored = self._load().get(user_id)
        return self._decrypt(stored) if stored else None

    def user_ids(self) -> list[str]:
        """The accounts that have a login."""
        return sorted(self._load())

    def delete(self, user_id: str) -> None:
        """Forget a login."""
        with self._hold(""):
            logins = self._load()
            logins.pop(user_id, None)
            self._save(logins)

    @contextmanager
    def lock(self, user_id: str) -> Iterator[Slot]:
        """Hold the account's lock, and the file's while it changes."""
        with self._hold(f".{user_id}"):
            slot = Slot(self.read(user_id))
            yield slot
            if slot.changed and slot.login:
                with self._hold(""):
                    self._save({**self._load(), user_id: self._encrypt(slot.login)})

    @contextmanager
    def _hold(self, whose: str) -> Iterator[None]:
        """Hold a lock: an account's, or that of the file."""
        lock = FileLock(f"{self._path}{whose}.lock", timeout=LOCK_TIMEOUT)
        try:
            lock.acquire()
        except Timeout:
            raise TokenStoreError(
                f"Another process has locked `token_store` {self._path} for three "
                "minutes. Wait for it or end it, then run again."
            ) from None
        except OSError as error:
            raise self._unusable("written", error) from None
        try:
            yield
        finally:
            lock.release()

    def _load(self) -> dict[str, str]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._unusable("read", error) from None
        except msgspec.MsgspecError:
            raise TokenStoreError(
                f"`token_store` {self._path} is not readable as a token store. "
                "Name another file, or restore it from a backup."
            ) from None

    def _save(self, logins: dict[str, str]) -> None:
        try:
            self._replace(logins)
        except OSError as error:
            raise self._unusable("written", error) from None

    def _unusable(self, use: str, error: OSError) -> TokenStoreError:
        return TokenStoreError(
            f"`token_store` {self._path} cannot be {use} ({error.strerror}). "
            "Name a file of your own, in a folder of your own."
        )

    def _replace(self, logins: dict[str, str]) -> None:
        """Replace the file in one step that survives a crash."""
        prefix = f".{self._path.name}.new-"
        for left_by_killed in self._path.parent.glob(f"{prefix}*"):
            left_by_killed.unlink(missing_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=self._path.parent, prefix=prefix, delete=False
        ) as file:  # created with mode 0600
            json.dump(logins, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(self._path)


def open_token_store(location: str, keys: str | None) -> TokenStore:
    """The token store that the settings name: a file path or a database URL.

    Raises:
        SettingError: It cannot be used.
    """
    if not keys:
        raise SettingError(
            "`token_store` needs `token_key` (environment variable "
            "TAP_OURA_TOKEN_KEY). Make one with `tap-oura-auth new-key`."
        )
    if "://" in location:
        # SQLAlchemy is a third of the tap's start, and few runs need it.
        from tap_oura.database_token_store import (  # noqa: PLC0415 (slow)
            DatabaseTokenStore,
        )

        return DatabaseTokenStore(location, keys)
    return FileTokenStore(Path(location), keys)
