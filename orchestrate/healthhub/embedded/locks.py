"""Locks that the kernel drops when their process dies, even by SIGKILL."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Wait until nobody else is inside."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class SharedLock:
    """A lock that many hold at once, and that knows whether it is the last."""

    def __init__(self, path: Path) -> None:
        """Open the file; hold nothing yet."""
        self._file = path.open("a")

    def close(self) -> None:
        """Let go."""
        self._file.close()

    def fileno(self) -> int:
        """Descriptor that holds the lock; a child that inherits it holds it too."""
        return self._file.fileno()

    def acquire(self) -> None:
        """Join those who hold it."""
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def is_last(self) -> bool:
        """Give up the share, and hold the lock alone if nobody else has a share."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
