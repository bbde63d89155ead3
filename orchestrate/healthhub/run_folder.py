"""One run at a time in a folder of Meltano's, where bookmarks always have one name."""

from __future__ import annotations

import fcntl
import os
from functools import cache
from typing import TYPE_CHECKING

from meltano.core.error import MeltanoError

if TYPE_CHECKING:
    from pathlib import Path


@cache
def hold(folder: Path) -> None:
    """Hold a folder until this process ends, however it does.

    Raises:
        MeltanoError: Another run holds it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        message = (
            f"Another run uses {folder}. Wait for it to end, or give this one a folder "
            "of its own, as docs/scale.md shows"
        )
        raise MeltanoError(message) from None
