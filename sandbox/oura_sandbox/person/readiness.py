"""The route daily_readiness, which follows from the night and the days before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oura_sandbox.person.clock import before
from oura_sandbox.person.grades import grade, mean, spread, weighted
from oura_sandbox.person.sleep_score import bedtime, night_score

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from oura_sandbox.person import Person

BALANCE = 14
"""Days that the balances look back."""
WEIGHTS = {
    "previous_night": 2.0,
    "body_temperature": 1.6,
    "resting_heart_rate": 1.6,
    "hrv_balance": 1.3,
    "recovery_index": 0.8,
}


def daily_readiness(person: Person, day: date) -> Iterator[dict[str, Any]]:
    """Build the readiness of a day; without a night there is none."""
    if person.slept_with_ring(day):
        yield {
            "id": person.id("daily_readiness", day),
            **readiness(person, day),
            "day": day.isoformat(),
            "timestamp": f"{day}T00:00:00+00:00",
        }


def readiness(person: Person, day: date) -> dict[str, Any]:
    """Judge how ready the person is after the night that ended on a day."""
    night = person.night(day)
    nights = [person.night(before(day, days)) for days in range(BALANCE)]
    days = [person.movement(before(day, days)) for days in range(1, BALANCE + 1)]
    target = person.traits.target_calories
    lowest = min(night.heart)
    usual = mean(min(each.heart) for each in nights)
    morning = (len(night.heart) - night.heart.index(lowest)) * 300 / 3600
    hrv = mean(each.hrv for each in nights[:3]) / mean(each.hrv for each in nights)
    load = mean(each.active_calories for each in days)
    contributors = {
        "activity_balance": grade(abs(load / target - 1.0), 1.0, 0),
        "body_temperature": grade(abs(night.temperature), 1.0, 0.05),
        "hrv_balance": grade(hrv, 0.76, 1.08),
        "previous_day_activity": grade(
            abs(days[0].active_calories / target - 1.1), 1.6, 0.2
        ),
        "previous_night": night_score(person, day),
        "recovery_index": grade(morning, 0, 5),
        "resting_heart_rate": grade(
            max(lowest - usual, lowest - person.traits.resting_heart), 8, -1
        ),
        "sleep_balance": grade(
            mean(each.asleep for each in nights) / 3600,
            person.traits.sleep_need - 1.5,
            person.traits.sleep_need + 0.6,
        ),
        "sleep_regularity": grade(spread(bedtime(each) for each in nights), 1.6, 0.2),
    }
    return {
        "contributors": contributors,
        "score": weighted(
            (value, WEIGHTS.get(name, 1.0)) for name, value in contributors.items()
        ),
        "temperature_deviation": round(night.temperature, 2),
        "temperature_trend_deviation": round(
            mean(each.temperature for each in nights[:4]), 2
        ),
    }
