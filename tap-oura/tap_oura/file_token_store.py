"""Logins in a file."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
from filelock import FileLock, Timeout
from typing_extensions import override

from tap_oura.errors import TokenStoreError
from tap_oura.token_store import LOCK_TIMEOUT, TokenStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_oura.oauth import Login
    from tap_oura.token_store import Cipher


class FileTokenStore(TokenStore):
    """Logins in one file, which is replaced as a whole and readable by its owner."""

    def __init__(self, path: Path, cipher: Cipher) -> None:
        """Use a file, which need not exist yet."""
        self._path = path.expanduser().absolute()
        self._cipher = cipher

    @override
    def read(self, user_id: str) -> Login | None:
        stored = self._load().get(user_id)
        return self._cipher.decrypt(stored) if stored else None

    @override
    def write(self, user_id: str, login: Login) -> None:
        with self._hold(""):
            self._save({**self._load(), user_id: self._cipher.encrypt(login)})

    @override
    def user_ids(self) -> list[str]:
        return sorted(self._load())

    @override
    def delete(self, user_id: str) -> None:
        if self._path.exists():
            with self._hold(""):
                logins = self._load()
                logins.pop(user_id, None)
                if logins:
                    self._save(logins)
                else:
                    self._path.unlink()

    @override
    @contextmanager
    def lock(self, user_id: str) -> Iterator[None]:
        with self._hold(f".{user_id}"):
            yield

    @contextmanager
    def _hold(self, whose: str) -> Iterator[None]:
        """Hold a lock: a user's, or that of the file."""
        lock = FileLock(f"{self._path}{whose}.lock", timeout=LOCK_TIMEOUT)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock.acquire()
        except Timeout:
            raise TokenStoreError(
                f"Another process has locked `token_store` {self._path} for minutes. "
                "Wait for it or end it, then run again."
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
        """Replace the file in one step that survives a crash.

        The new one always has the same name, as only one writes at a time: what a
        process that was killed has left there is overwritten by the next.
        """
        new = self._path.with_name(f"{self._path.name}.new")
        new.unlink(missing_ok=True)
        with open(
            new, "x", opener=lambda path, flags: os.open(path, flags, 0o600)
        ) as file:
            json.dump(logins, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
        # Until 0.1.0, such a file had a random name of eight characters.
        for leftover in self._path.parent.glob(f"{self._path.name}{'[a-z0-9_]' * 8}"):
            leftover.unlink(missing_ok=True)
