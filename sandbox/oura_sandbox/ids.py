"""Document ids that look like Oura's, and that tell us their day."""

from __future__ import annotations

from datetime import date
from hashlib import blake2b
from uuid import UUID

DAY_BYTES = 3
"""The last bytes of an id hide the day, so that no index of ids is needed."""


def document_id(owner: str, route: str, day: date, number: int = 0) -> str:
    """Return the id of a document: a version 4 UUID, always the same one."""
    name = f"{owner}/{route}/{day}/{number}".encode()
    random = bytearray(blake2b(name, digest_size=16 - DAY_BYTES).digest())
    random[6] = 0x40 | random[6] & 0x0F
    random[8] = 0x80 | random[8] & 0x3F
    hidden = day.toordinal() ^ _mask(random)
    return str(UUID(bytes=bytes(random) + hidden.to_bytes(DAY_BYTES)))


def day_of(identifier: str) -> date | None:
    """Return the day on which to look for a document."""
    try:
        raw = UUID(identifier).bytes
        hidden = int.from_bytes(raw[-DAY_BYTES:])
        return date.fromordinal(hidden ^ _mask(raw[:-DAY_BYTES]))
    except ValueError:
        return None


def _mask(random: bytes | bytearray) -> int:
    return int.from_bytes(blake2b(random, digest_size=DAY_BYTES).digest())
