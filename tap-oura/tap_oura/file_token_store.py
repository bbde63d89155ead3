"""Logins in a file."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from filelock import FileLock, Timeout

from tap_oura.errors import TokenStoreError
from tap_oura.json_parts import UNDECODABLE
from tap_oura.token_store import LOCK_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class LoginFile:
    """A `Place` for logins: a file, replaced as a whole and readable by its owner.

    Attributes:
        path: Absolute. The file need not exist yet.
    """

    path: Path

    def get(self, user_id: str) -> str | None:
        """A user's text."""
        return self._load().get(user_id)

    def put(self, user_id: str, text: str) -> None:
        """Keep a text."""
        with self.lock(), self._in_words("written"):
            self._save({**self._load(), user_id: text})

    def delete(self, user_id: str) -> None:
        """Forget a text."""
        if not self.path.exists():
            return
        with self.lock(), self._in_words("written"):
            logins = self._load()
            logins.pop(user_id, None)
            if logins:
                self._save(logins)
            else:
                self.path.unlink()

    def user_ids(self) -> list[str]:
        """The users that have a text, in order."""
        return sorted(self._load())

    @contextmanager
    def lock(self, user_id: str = "") -> Iterator[None]:
        """Hold a user's lock, or that of the file."""
        suffix = f".{user_id}.lock" if user_id else ".lock"
        lock = FileLock(f"{self.path}{suffix}", timeout=LOCK_TIMEOUT)
        with self._in_words("written"):
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _load(self) -> dict[str, str]:
        with self._in_words("read"):
            try:
                return msgspec.json.decode(self.path.read_bytes(), type=dict[str, str])
            except FileNotFoundError:
                return {}
            except UNDECODABLE:
                raise TokenStoreError(
                    f"`token_store` {self.path} is not readable as a token store. "
                    "Name another file, or restore it from a backup."
                ) from None

    def _save(self, logins: dict[str, str]) -> None:
        """Replace the file in one step that survives a crash.

        The new one always has the same name, as only one writes at a time: what a
        process that was killed has left there is overwritten by the next.
        """
        new = self.path.with_name(f"{self.path.name}.new")
        new.unlink(missing_ok=True)
        with open(new, "x", opener=lambda p, flags: os.open(p, flags, 0o600)) as file:
            json.dump(logins, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)
        # before 0.1.0: such a file had a random name of eight characters.
        for leftover in self.path.parent.glob(f"{self.path.name}{'[a-z0-9_]' * 8}"):
            leftover.unlink(missing_ok=True)

    @contextmanager
    def _in_words(self, use: str) -> Iterator[None]:
        try:
            yield
        except Timeout:
            raise TokenStoreError(
                f"Another process has locked `token_store` {self.path} for minutes. "
                "Wait for it or end it, then run again."
            ) from None
        except OSError as error:
            raise TokenStoreError(
                f"`token_store` {self.path} cannot be {use} ({error.strerror}). "
                "Name a file of your own, in a folder of your own."
            ) from None
