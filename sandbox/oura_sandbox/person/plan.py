"""One day as it is lived, before any of it is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from oura_sandbox.person.clock import instant
from oura_sandbox.person.habits import HABITS, SICK, Effect, Habit, together

if TYPE_CHECKING:
    from datetime import date
    from zoneinfo import ZoneInfo

    from oura_sandbox.person.calendar import Calendar
    from oura_sandbox.person.dice import Dice
    from oura_sandbox.person.traits import Traits

TOO_ILL_TO_MOVE = 0.25
SNOW_MELTS = -0.5


@dataclass(frozen=True, slots=True)
class Doing:
    """A habit on the day it happened."""

    habit: Habit
    start: int
    comment: str | None


@dataclass(frozen=True, slots=True)
class Exercise:
    """A workout as it is done."""

    activity: str
    start: int
    minutes: int
    intensity: str
    source: str
    speed: float
    """Metres a minute; 0 where there is no distance."""
    label: str | None

    @property
    def end(self) -> int:
        """When it is over."""
        return self.start + 60 * self.minutes


@dataclass(frozen=True, slots=True)
class Nap:
    """A short sleep in the day, or something the ring takes for one."""

    start: int
    minutes: int
    kind: str
    zone: ZoneInfo

    @property
    def end(self) -> int:
        """When the person gets up again."""
        return self.start + 60 * self.minutes


@dataclass(frozen=True, slots=True)
class Plan:
    """What a day holds."""

    day: date
    zone: ZoneInfo
    """Where the person is in the evening."""
    travels: bool
    free: bool
    warmth: float
    illness: float
    jet_lag: float
    worn: bool
    """Whether the ring is on the finger from this morning to the next."""
    doings: tuple[Doing, ...]
    exercises: tuple[Exercise, ...]
    naps: tuple[Nap, ...]
    effect: Effect
    """What the day does to the night after it."""


# activity, weight, minutes, intensities, metres a minute
SPORTS = (
    ("walking", 5, (25, 70), ("easy", "moderate"), 88),
    ("running", 3, (25, 65), ("moderate", "hard"), 172),
    ("cycling", 2, (30, 110), ("moderate", "hard"), 360),
    ("strengthTraining", 2, (35, 65), ("moderate",), 0),
    ("yoga", 1, (30, 60), ("easy",), 0),
    ("crossCountrySkiing", 1, (40, 110), ("moderate", "hard"), 150),
    ("swimming", 1, (30, 50), ("moderate", "hard"), 38),
)
SOURCES = ("autodetected", "confirmed", "manual", "workout_heart_rate")


def draw(day: date, calendar: Calendar, traits: Traits, rng: Dice) -> Plan:
    """Decide what a day holds."""
    zone = calendar.zone(day)
    free = calendar.free(day)
    travels = calendar.travels(day)
    illness = calendar.illness(day)
    worn = not rng.happens(0.04 if free else 0.015)
    doings = tuple(_doings(day, zone, rng, free=free, illness=illness))
    exercises: tuple[Exercise, ...] = ()
    naps: tuple[Nap, ...] = ()
    if not travels:
        if illness < TOO_ILL_TO_MOVE:
            warmth = calendar.warmth(day)
            exercises = tuple(_exercises(day, zone, rng, traits, warmth, free=free))
        naps = tuple(
            nap
            for nap in _naps(day, zone, rng, free=free, illness=illness)
            if all(nap.end < e.start or e.end < nap.start for e in exercises)
        )
    effects = [doing.habit.effect for doing in doings]
    effects += [
        Effect(heart=2, hrv=-0.05, deep=0.12)
        for exercise in exercises
        if exercise.intensity == "hard"
    ]
    return Plan(
        day=day,
        zone=zone,
        travels=travels,
        free=free,
        warmth=calendar.warmth(day),
        illness=illness,
        jet_lag=calendar.jet_lag(day),
        worn=worn,
        doings=doings,
        exercises=exercises,
        naps=naps,
        effect=together(effects),
    )


def _doings(
    day: date, zone: ZoneInfo, rng: Dice, *, free: bool, illness: float
) -> list[Doing]:
    doings = []
    for habit in HABITS:
        chance = habit.free_day if free else habit.workday
        start = instant(day, habit.hour + rng.uniform(-0.8, 0.8), zone)
        comment = rng.choice(habit.comments) if habit.comments else None
        said = rng.happens(0.4) or not habit.code
        if rng.happens(chance * (1 - illness)):
            doings.append(Doing(habit, start, comment if said else None))
    if illness > TOO_ILL_TO_MOVE and rng.happens(0.7):
        start = instant(day, SICK.hour + rng.uniform(-1, 1), zone)
        doings.append(Doing(SICK, start, None))
    return doings


def _exercises(  # noqa: PLR0913 - what decides about a workout
    day: date,
    zone: ZoneInfo,
    rng: Dice,
    traits: Traits,
    warmth: float,
    *,
    free: bool,
) -> list[Exercise]:
    # Tuesdays and Thursdays are training days, Mondays seldom.
    habit = (0.25, 0.75, 0.35, 0.7, 0.3, 0.65, 0.6)[day.weekday()]
    chance = habit * traits.liveliness * (1 + 0.15 * warmth)
    exercises = []
    for hour in (11.0, 16.0) if free else (17.6,):
        weights = [
            0 if name == "crossCountrySkiing" and warmth > SNOW_MELTS else weight
            for name, weight, *_ in SPORTS
        ]
        name, _, (low, high), intensities, speed = rng.choices(SPORTS, weights)[0]
        exercise = Exercise(
            activity=name,
            start=instant(day, hour + rng.uniform(-0.6, 0.6), zone),
            minutes=rng.randint(low, high),
            intensity=rng.choice(intensities),
            source=rng.choice(SOURCES),
            speed=speed * rng.uniform(0.88, 1.12),
            label=rng.choice((None, None, None, "With the club", "Lunch break")),
        )
        if rng.happens(chance):
            exercises.append(exercise)
        chance *= 0.4
    return exercises


def _naps(
    day: date, zone: ZoneInfo, rng: Dice, *, free: bool, illness: float
) -> list[Nap]:
    naps = []
    hour = rng.uniform(12.8, 15.2)
    if rng.happens((0.11 if free else 0.03) + 0.3 * illness):
        naps.append(Nap(instant(day, hour, zone), rng.randint(20, 95), "sleep", zone))
    hour = rng.uniform(17.6, 18.8)
    if rng.happens(0.015):
        naps.append(
            Nap(instant(day, hour, zone), rng.randint(30, 60), "late_nap", zone)
        )
    hour = rng.uniform(20.2, 20.8)
    if rng.happens(0.05):
        kind = rng.choice(("rest", "rest", "deleted"))
        naps.append(Nap(instant(day, hour, zone), rng.randint(16, 30), kind, zone))
    return naps
