"""Scores: what was measured, on a scale from 1 to 100."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def grade(value: float, worst: float, best: float) -> int:
    """Return where a value lies between the worst (1) and the best (100)."""
    share = (value - worst) / (best - worst)
    return round(1 + 99 * min(1.0, max(0.0, share)))


def weighted(parts: Iterable[tuple[int | None, float]]) -> int:
    """Return the average of grades by their weights."""
    known = [(value, weight) for value, weight in parts if value is not None]
    total = sum(weight for _, weight in known)
    return round(sum(value * weight for value, weight in known) / total)


def spread(values: Iterable[float]) -> float:
    """Return the standard deviation of values."""
    found = list(values)
    middle = mean(found)
    return sqrt(mean((value - middle) ** 2 for value in found))


def mean(values: Iterable[float]) -> float:
    """Return the average of values, of which there is at least one."""
    found = list(values)
    return sum(found) / len(found)
