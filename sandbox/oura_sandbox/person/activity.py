"""The route daily_activity."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from oura_sandbox.person.clock import before, local
from oura_sandbox.person.grades import grade, mean, weighted
from oura_sandbox.person.movement import (
    HIGH,
    INACTIVE,
    LOW,
    MEDIUM,
    NON_WEAR,
    REST,
    SLOT,
    Movement,
    measure,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from oura_sandbox.person import Person

METRES_PER_CALORIE = 17
TOO_LONG = re.compile(INACTIVE + "{11}")
"""The ring reminds its wearer after most of an hour without movement."""


def daily_activity(person: Person, day: date) -> Iterator[dict[str, Any]]:
    """Build the activity of a day; today's reaches as far as the day has come."""
    moved = person.movement(day)
    if day == person.today:
        passed = (person.now - moved.start) // SLOT
        if passed <= 0:
            return
        moved = measure(
            person.night(day),
            moved.start,
            moved.classes[:passed],
            person.traits,
            person.dice("today", day),
        )
    yield _document(person, moved)


def activity_contributors(person: Person, moved: Movement) -> dict[str, int]:
    """Grade a day and the week that ends with it."""
    week = [moved, *(person.movement(before(moved.day, days)) for days in range(1, 7))]
    target = person.traits.target_calories
    met = [min(1.0, each.active_calories / target) for each in week]
    hard = [each.seconds(MEDIUM) + each.seconds(HIGH) for each in week]
    return {
        "meet_daily_targets": grade(mean(met), 0.3, 1),
        "move_every_hour": grade(_alerts(moved), 7, 0),
        "recovery_time": grade(sum(each < 1800 for each in hard), 0, 2),  # noqa: PLR2004
        "stay_active": grade(moved.seconds(INACTIVE) / 3600, 15, 7),
        "training_frequency": grade(sum(each > 1800 for each in hard), 0, 5),  # noqa: PLR2004
        "training_volume": grade(sum(hard), 1800, 8 * 3600),
    }


def _document(person: Person, moved: Movement) -> dict[str, Any]:
    contributors = activity_contributors(person, moved)
    target = person.traits.target_calories
    if person.plan(moved.day).illness:
        target = max(150, target - 150)
    mets = moved.mets
    walked = METRES_PER_CALORIE * moved.active_calories
    return {
        "id": person.id("daily_activity", moved.day),
        "active_calories": moved.active_calories,
        "average_met_minutes": round(mean(mets), 5),
        "class_5_min": moved.classes,
        "contributors": contributors,
        "day": moved.day.isoformat(),
        "equivalent_walking_distance": walked,
        "high_activity_met_minutes": round(moved.met_minutes[HIGH]),
        "high_activity_time": moved.seconds(HIGH),
        "inactivity_alerts": _alerts(moved),
        "low_activity_met_minutes": round(moved.met_minutes[LOW]),
        "low_activity_time": moved.seconds(LOW),
        "medium_activity_met_minutes": round(moved.met_minutes[MEDIUM]),
        "medium_activity_time": moved.seconds(MEDIUM),
        "met": {
            "interval": 60.0,
            "items": mets,
            "timestamp": local(moved.start, moved.zone),
        },
        "meters_to_target": max(0, METRES_PER_CALORIE * target - walked),
        "non_wear_time": moved.seconds(NON_WEAR),
        "resting_time": moved.seconds(REST),
        # A day without the ring has a document, and no score.
        "score": (
            weighted((value, 1) for value in contributors.values())
            if moved.worn
            else None
        ),
        "sedentary_met_minutes": round(moved.met_minutes[INACTIVE]),
        "sedentary_time": moved.seconds(INACTIVE),
        "steps": moved.steps,
        "target_calories": target,
        "target_meters": METRES_PER_CALORIE * target,
        "timestamp": local(moved.start, moved.zone),
        "total_calories": moved.total_calories,
    }


def _alerts(moved: Movement) -> int:
    return len(TOO_LONG.findall(moved.classes))
