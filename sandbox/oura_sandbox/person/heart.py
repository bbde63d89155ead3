"""The route heartrate: what the ring samples, by day and by night."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oura_sandbox.person.clock import DAY, after, before, midnight_utc
from oura_sandbox.person.movement import (
    HIGH,
    INACTIVE,
    LOW,
    MEDIUM,
    NON_WEAR,
    REST,
    SLOT,
)
from oura_sandbox.person.noise import noise

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from oura_sandbox.person import Person
    from oura_sandbox.person.night import Night

ABOVE_REST = {REST: 9, INACTIVE: 17, LOW: 31, MEDIUM: 54, HIGH: 88}
"""Beats a minute above the resting heart rate, by activity."""
SPREAD = {"sleep": 1.0, "rest": 4.0, "awake": 4.0, "workout": 5.0}
# Samples come in bursts: seconds into the five minutes, to choose from.
DAYTIME: tuple[tuple[int, ...], ...] = (
    (15, 26, 37, 48),
    (100, 111, 122),
    (31, 42, 203, 214, 225),
    (64, 75),
    (8, 19, 230, 270),
)
BURSTS: dict[str, tuple[tuple[int, ...], ...]] = {
    "sleep": ((7, 68, 129, 190, 251), (12, 74, 133, 195), (3, 62, 122, 185, 245)),
    "rest": DAYTIME,
    "awake": DAYTIME,
    "workout": (tuple(range(2, 300, 12)), tuple(range(5, 300, 10))),
}
TIMES = tuple(
    f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
    for second in range(DAY)
)


def heartrate(person: Person, day: date) -> Iterator[tuple[int, str]]:
    """Yield the samples of a UTC day: when, and the row as JSON."""
    rng = person.dice("heart rate", day)
    midnight = midnight_utc(day)
    now = person.now
    begin = f'{{"timestamp":"{day}T'
    for start, source, beats in _slots(person, day):
        spread = SPREAD[source]
        bursts = BURSTS[source]
        burst = bursts[int(rng.random() * len(bursts))]
        end = f',"source":"{source}"}}'
        for second, off in zip(burst, noise(rng, len(burst)), strict=True):
            moment = start + second
            if moment > now:
                return
            time = TIMES[moment - midnight]
            bpm = round(beats + spread * off)
            yield (
                moment * 1000,
                f'{begin}{time}+00:00","timestamp_unix":{moment}000,"bpm":{bpm}{end}',
            )


def _slots(person: Person, day: date) -> Iterator[tuple[int, str, float]]:
    """Yield the five minutes of a UTC day that the ring was on the finger."""
    midnight = midnight_utc(day)
    for each in (before(day), day, after(day)):
        moved = person.movement(each)
        plan = person.plan(each)
        resting = person.traits.resting_heart + 8 * plan.illness
        low = max(0, (midnight - moved.start) // SLOT)
        high = max(0, (midnight + DAY - moved.start) // SLOT)
        asleep = _asleep(person.night(each)) | _asleep(person.night(after(each)))
        exercising = {
            slot * SLOT
            for exercise in plan.exercises
            for slot in range(exercise.start // SLOT, exercise.end // SLOT)
        }
        for number, kind in enumerate(moved.classes[low:high], start=low):
            start = moved.start + SLOT * number
            if kind == NON_WEAR:
                continue
            if start in asleep:
                yield start, "sleep", asleep[start]
            elif start in exercising:
                yield start, "workout", resting + ABOVE_REST[kind]
            else:
                source = "rest" if kind == REST else "awake"
                yield start, source, resting + ABOVE_REST[kind]


def _asleep(night: Night) -> dict[int, int]:
    """Return the heart rate of a night by the five minutes of the clock."""
    first = night.start // SLOT
    return {(first + slot) * SLOT: beats for slot, beats in enumerate(night.heart)}
