"""Chance that always falls the same way."""

from __future__ import annotations

from hashlib import blake2b
from random import Random


class Dice(Random):
    """The random numbers that belong to a subject, and to nothing else.

    Everything about the synthetic person is drawn from here, with the seed, the
    user and the day as the subject: a day is the same whatever else was
    asked for, in whatever order, and whenever "today" is.
    """

    def happens(self, chance: float) -> bool:
        """Say whether something of a given chance happens."""
        return self.random() < chance


def dice(*subject: object) -> Dice:
    """Return the dice of a subject."""
    name = "/".join(map(str, subject)).encode()
    return Dice(int.from_bytes(blake2b(name, digest_size=8).digest()))
