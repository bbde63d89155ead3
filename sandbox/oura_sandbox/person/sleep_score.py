"""How good a night was."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from oura_sandbox.person.clock import HOUR, before, instant
from oura_sandbox.person.grades import grade, weighted
from oura_sandbox.person.night import AWAKE, DEEP, REM

if TYPE_CHECKING:
    from datetime import date

    from oura_sandbox.person import Person
    from oura_sandbox.person.night import Night
    from oura_sandbox.person.plan import Nap

SLEEP_DAY_ENDS = 18
"""A nap that ends after six in the evening belongs to the next day."""
OVERTIRED = 240
"""Falling asleep faster than this, in seconds, is no good sign."""


def naps(person: Person, day: date) -> list[Nap]:
    """Return the naps that the ring saw and that count for a day."""
    yesterday = person.plan(before(day))
    today = person.plan(day)
    return [
        nap
        for plan, late in ((yesterday, True), (today, False))
        for nap in plan.naps
        if plan.worn
        and late == (nap.end >= instant(plan.day, SLEEP_DAY_ENDS, nap.zone))
    ]


def sleep_contributors(person: Person, day: date) -> dict[str, int]:
    """Grade the night that ended on a day."""
    night = person.night(day)
    napped = sum(
        60 * nap.minutes
        for nap in naps(person, day)
        if nap.kind in {"sleep", "late_nap"}
    )
    asleep = night.asleep
    middle = bedtime(night) + night.in_bed / 2 / HOUR
    total = (asleep + napped) / HOUR
    return {
        "deep_sleep": grade(night.seconds(DEEP) / asleep, 0.06, 0.25),
        "efficiency": grade(night.efficiency, 72, 96),
        "latency": (
            70 if night.latency < OVERTIRED else grade(night.latency, 3000, 600)
        ),
        "rem_sleep": grade(night.seconds(REM) / asleep, 0.08, 0.28),
        "restfulness": grade(night.seconds(AWAKE) / asleep, 0.26, 0.04),
        "timing": grade(abs(middle - 3), 3.5, 0.2),
        "total_sleep": grade(total, 3.8, person.traits.sleep_need + 1),
    }


def sleep_score(contributors: dict[str, int]) -> int:
    """Weigh the contributors; how long the person slept matters most."""
    weights = {"total_sleep": 3.5, "rem_sleep": 1.0, "deep_sleep": 1.0}
    return weighted(
        (value, weights.get(name, 1.2)) for name, value in contributors.items()
    )


@lru_cache(1 << 14)
def night_score(person: Person, day: date) -> int:
    """Return the score of the night that ended on a day."""
    return sleep_score(sleep_contributors(person, day))


def bedtime(night: Night) -> float:
    """Return when the person went to bed, in hours from midnight."""
    return (night.start - instant(night.day, 0, night.zone)) / HOUR
