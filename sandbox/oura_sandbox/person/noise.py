"""Noise, drawn once and cut into pieces: drawing each sample anew takes too long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oura_sandbox.person.dice import dice

if TYPE_CHECKING:
    from oura_sandbox.person.dice import Dice

_rng = dice("noise")
NOISE = tuple(_rng.gauss(0, 1) for _ in range(8191))


def noise(rng: Dice, count: int) -> tuple[float, ...]:
    """Return some numbers of a normal distribution."""
    place = int(rng.random() * (len(NOISE) - count))
    return NOISE[place : place + count]
