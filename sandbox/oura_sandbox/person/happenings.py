"""The routes workout, session, enhanced_tag, tag and rest_mode_period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oura_sandbox.person.clock import after, before, instant, local

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from oura_sandbox.person import Person
    from oura_sandbox.person.calendar import Illness
    from oura_sandbox.person.dice import Dice

CALORIES = {"easy": 4.2, "moderate": 7.5, "hard": 11.5}
"""Kilocalories a minute at 70 kg."""
MOMENTS = ("meditation", "breathing", "relaxation", "body_status")
MOODS = ("bad", "worse", "same", "good", "good", "great", None)


def workout(person: Person, day: date) -> Iterator[dict[str, Any]]:
    """Build the workouts of a day."""
    plan = person.plan(day)
    if not plan.worn:
        return
    for number, exercise in enumerate(plan.exercises):
        rate = CALORIES[exercise.intensity] * person.traits.weight / 70
        yield {
            "id": person.id("workout", day, number),
            "activity": exercise.activity,
            "calories": round(rate * exercise.minutes, 3),
            "day": day.isoformat(),
            "distance": (
                round(exercise.speed * exercise.minutes, 1) if exercise.speed else None
            ),
            "end_datetime": local(exercise.end, plan.zone),
            "intensity": exercise.intensity,
            "label": exercise.label,
            "source": exercise.source,
            "start_datetime": local(exercise.start, plan.zone),
        }


def session(person: Person, day: date) -> Iterator[dict[str, Any]]:
    """Build the moments of a day: breathing exercises and measurements."""
    plan = person.plan(day)
    rng = person.dice("session", day)
    if not plan.worn or not rng.happens(0.3):
        return
    start = instant(day, rng.uniform(12.2, 12.8), plan.zone)
    minutes = rng.randint(3, 20)

    def samples(usual: float, spread: float, interval: float) -> dict[str, Any]:
        """Record one signal of the moment."""
        count = round(60 * minutes / interval)
        return {
            "interval": interval,
            "items": [
                max(0.0, round(rng.gauss(usual, spread), 1)) for _ in range(count)
            ],
            "timestamp": local(start, plan.zone),
        }

    yield {
        "id": person.id("session", day),
        "day": day.isoformat(),
        "end_datetime": local(start + 60 * minutes, plan.zone),
        "heart_rate": samples(person.traits.resting_heart + 10, 2, 5.0),
        "heart_rate_variability": samples(person.traits.hrv, 9, 5.0),
        "mood": rng.choice(MOODS),
        "motion_count": samples(1, 1.5, 5.0),
        "start_datetime": local(start, plan.zone),
        "type": rng.choice(MOMENTS),
    }


def enhanced_tag(person: Person, day: date) -> Iterator[dict[str, Any]]:
    """Build the tags of a day."""
    plan = person.plan(day)
    for number, doing in enumerate(plan.doings):
        habit = doing.habit
        end = doing.start + 60 * habit.minutes
        yield {
            "id": person.id("enhanced_tag", day, number),
            "tag_type_code": habit.code or None,
            "start_time": local(doing.start, plan.zone),
            "end_time": local(end, plan.zone) if habit.minutes else None,
            "start_day": day.isoformat(),
            "end_day": day.isoformat() if habit.minutes else None,
            "comment": doing.comment,
            "custom_name": habit.name or None,
        }


def tag(person: Person, day: date) -> Iterator[dict[str, Any]]:
    """Build the old-style notes: the tags of a day that say something."""
    plan = person.plan(day)
    for number, doing in enumerate(plan.doings):
        if doing.comment:
            yield {
                "id": person.id("tag", day, number),
                "day": day.isoformat(),
                "text": doing.comment,
                "timestamp": local(doing.start, plan.zone),
                "tags": [doing.habit.code] if doing.habit.code else [],
            }


def rest_mode_period(person: Person, day: date) -> Iterator[dict[str, Any]]:
    """Build the rest mode that was switched on on a day: in a severe illness."""
    for illness in person.calendar.illnesses(day.year):
        if illness.severe and illness.first == day:
            yield _rest_mode(person, illness)


def _rest_mode(person: Person, illness: Illness) -> dict[str, Any]:
    day = illness.first
    rng = person.dice("rest mode", day)
    zone = person.plan(day).zone
    last = after(illness.last)
    start = instant(day, rng.uniform(9, 12), zone)
    end = instant(last, rng.uniform(8, 11), person.plan(last).zone)
    ended = end <= person.now
    return {
        "id": person.id("rest_mode_period", day),
        "end_day": last.isoformat() if ended else None,
        "end_time": local(end, person.plan(last).zone) if ended else None,
        "episodes": list(_episodes(person, illness, rng)),
        "start_day": day.isoformat(),
        "start_time": local(start, zone),
    }


def _episodes(person: Person, illness: Illness, rng: Dice) -> Iterator[dict[str, Any]]:
    day = illness.first
    while day <= min(illness.last, before(person.today)):
        zone = person.plan(day).zone
        yield {
            "tags": rng.sample(["fever", "headache", "sore_throat", "cough"], 2),
            "timestamp": local(instant(day, rng.uniform(12, 20), zone), zone),
        }
        day = after(day)
