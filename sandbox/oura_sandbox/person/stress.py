"""The routes daily_stress and daily_resilience."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from oura_sandbox.person.clock import before
from oura_sandbox.person.grades import mean
from oura_sandbox.person.sleep_score import night_score

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from oura_sandbox.person import Person


QUARTER = 900
"""Stress is counted in quarters of an hour."""
LEVELS = (
    ("limited", 50),
    ("adequate", 58),
    ("solid", 66),
    ("strong", 74),
    ("exceptional", 101),
)


def daily_stress(person: Person, day: date) -> Iterator[dict[str, Any]]:
    """Build the stress of a day."""
    if not person.plan(day).worn:
        return
    stress, recovery = _quarters(person, day)
    if recovery > stress:
        summary = "restored"
    else:
        summary = "stressful" if stress > 2 * recovery + 5 else "normal"
    yield {
        "id": person.id("daily_stress", day),
        "day": day.isoformat(),
        # Too little was measured in the daytime of a day of travel.
        "day_summary": None if person.plan(day).travels else summary,
        "recovery_high": QUARTER * recovery,
        "stress_high": QUARTER * stress,
    }


def daily_resilience(person: Person, day: date) -> Iterator[dict[str, Any]]:
    """Build the resilience of a day, an average of the last two weeks."""
    if not person.plan(day).worn:
        return
    days = [before(day, each) for each in range(14)]
    quarters = [_quarters(person, each) for each in days]
    nights = mean(night_score(person, each) for each in days)
    contributors = {
        "sleep_recovery": round(min(100.0, max(0.0, 1.9 * nights - 66)), 1),
        "daytime_recovery": round(
            min(100.0, 12.0 * mean(recovery for _, recovery in quarters)), 1
        ),
        "stress": round(
            max(0.0, 100 - 5.5 * mean(stress for stress, _ in quarters)), 1
        ),
    }
    balance = mean(contributors.values())
    yield {
        "id": person.id("daily_resilience", day),
        "day": day.isoformat(),
        "contributors": contributors,
        "level": next(level for level, limit in LEVELS if balance < limit),
    }


@lru_cache(1 << 14)
def _quarters(person: Person, day: date) -> tuple[int, int]:
    """Return the quarters of an hour under stress and in recovery."""
    plan = person.plan(day)
    night = person.night(day)
    rng = person.dice("stress", day)
    tired = max(0.0, person.traits.sleep_need - night.asleep / 3600)
    stress = 3.5 if plan.free else 6.5
    stress += 9 * plan.illness + 1.5 * tired + 0.4 * abs(plan.jet_lag)
    stress += 5 * sum(doing.habit.code == "tag_generic_stress" for doing in plan.doings)
    recovery = (7.0 if plan.free else 4.5) * night.hrv / person.traits.hrv
    return (
        max(0, round(stress + rng.gauss(0, 2))),
        max(0, round(recovery - tired + rng.gauss(0, 1.5))),
    )
