"""The routes daily_cardiovascular_age, vO2_max and daily_spo2."""

from __future__ import annotations

from math import sin, tau
from typing import TYPE_CHECKING, Any

from oura_sandbox.person.clock import instant, local

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from oura_sandbox.person import Person

SUNDAY = 6


def daily_cardiovascular_age(person: Person, day: date) -> Iterator[dict[str, Any]]:
    """Build the vascular age of a day."""
    if not person.slept_with_ring(day):
        return
    traits = person.traits
    rng = person.dice("vascular age", day)
    age = (day - traits.born).days / 365.25
    age += (43 - traits.fitness) / 2 - _fitness_wave(day) + rng.gauss(0, 0.5)
    vascular = max(18, min(100, round(age)))
    yield {
        "id": person.id("daily_cardiovascular_age", day),
        "day": day.isoformat(),
        "pulse_wave_velocity": round(4.1 + 0.073 * age, 2),
        "vascular_age": vascular,
    }


def vo2_max(person: Person, day: date) -> Iterator[dict[str, Any]]:
    """Build the weekly estimate of VO2 max."""
    plan = person.plan(day)
    if day.weekday() != SUNDAY or not plan.worn or plan.illness:
        return
    rng = person.dice("vo2 max", day)
    yield {
        "id": person.id("vO2_max", day),
        "day": day.isoformat(),
        "timestamp": local(instant(day, 9 + rng.uniform(0, 3), plan.zone), plan.zone),
        "vo2_max": round(
            person.traits.fitness + _fitness_wave(day) + rng.gauss(0, 0.6)
        ),
    }


def daily_spo2(person: Person, day: date) -> Iterator[dict[str, Any]]:
    """Build the oxygen saturation of the night that ended on a day."""
    if not person.slept_with_ring(day):
        return
    rng = person.dice("spo2", day)
    average = 97.2 - 1.1 * person.plan(day).illness + rng.gauss(0, 0.45)
    failed = rng.happens(0.03)
    yield {
        "id": person.id("daily_spo2", day),
        "breathing_disturbance_index": None if failed else rng.choice((0, 1, 2, 3, 6)),
        "day": day.isoformat(),
        # Live, a night without a measurement has a document without content.
        "spo2_percentage": {"average": None if failed else round(min(100, average), 3)},
    }


def _fitness_wave(day: date) -> float:
    return 1.8 * sin(tau * (day.toordinal() - 60) / 365)
