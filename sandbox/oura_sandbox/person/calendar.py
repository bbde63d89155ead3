"""What happens to the person: trips, illnesses, and the seasons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from math import cos, tau
from zoneinfo import ZoneInfo

from oura_sandbox.person.clock import HOUR, after, before, offset
from oura_sandbox.person.dice import dice
from oura_sandbox.person.traits import HOMES, Traits

QUARTERS = (1, 4, 7, 10)
LONGEST_JET_LAG = 12
SEVERE = 0.7
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Spell:
    """Some days in a row."""

    first: date
    last: date

    def holds(self, day: date) -> bool:
        """Say whether a day is one of them."""
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class Trip(Spell):
    """Days away: the person arrives on the first and flies home after the last."""

    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Illness(Spell):
    """An infection; a severe one brings fever and is marked with rest mode."""

    severity: float

    @property
    def severe(self) -> bool:
        """Say whether the person stays in bed."""
        return self.severity > SEVERE

    def at(self, day: date) -> float:
        """Return how ill the person is: it announces itself and fades out."""
        if day == before(self.first):
            return 0.3 * self.severity
        if self.holds(day):
            return self.severity * (0.75 if day == self.first else 1.0)
        late = (day - self.last).days
        return self.severity * {1: 0.5, 2: 0.3, 3: 0.15}.get(late, 0.0)


class Calendar:
    """The events of one person's life, drawn a year at a time."""

    def __init__(self, seed: int, number: int, traits: Traits) -> None:
        """Prepare the calendar of one user."""
        self._subject = (seed, number)
        self._traits = traits
        self.trips = lru_cache(maxsize=64)(self._draw_trips)
        self.illnesses = lru_cache(maxsize=64)(self._draw_illnesses)

    def zone(self, day: date) -> ZoneInfo:
        """Return the time zone in which the person ends a day."""
        trip = self._trip(day)
        return trip.zone if trip else self._traits.home

    def travels(self, day: date) -> bool:
        """Say whether the person flies on a day."""
        return self.zone(day) != self.zone(before(day))

    def jet_lag(self, day: date) -> float:
        """Return by how many hours the body's clock is ahead of the local one.

        The body regains an hour a day after each change of zone.
        """
        zone = self.zone(day)
        for days in range(1, LONGEST_JET_LAG + 1):
            earlier = self.zone(before(day, days))
            if earlier != zone:
                ahead = (offset(day, earlier) - offset(day, zone)) / HOUR
                ahead = (ahead + 12) % 24 - 12
                left = max(0.0, abs(ahead) - (days - 1))
                return left if ahead > 0 else -left
        return 0.0

    def illness(self, day: date) -> float:
        """Return how ill the person is, from 0 to 1."""
        near = {*self.illnesses(day.year), *self.illnesses(before(day, 5).year)}
        near |= set(self.illnesses(after(day).year))
        return max((spell.at(day) for spell in near), default=0.0)

    def warmth(self, day: date) -> float:
        """Return the season, from -1 in deep winter to 1 in high summer."""
        summer = cos(tau * (day.timetuple().tm_yday - 196) / 365.25)
        return -summer if self._traits.southern else summer

    def free(self, day: date) -> bool:
        """Say whether nobody has to get up for work."""
        holiday = (day.month, day.day) >= (12, 23) or (day.month, day.day) == (1, 1)
        return day.weekday() >= SATURDAY or holiday or bool(self._trip(day))

    def _trip(self, day: date) -> Trip | None:
        return next((t for t in self.trips(day.year) if t.holds(day)), None)

    def _draw_trips(self, year: int) -> tuple[Trip, ...]:
        trips = []
        for month in QUARTERS:
            rng = dice(*self._subject, "trip", year, month)
            elsewhere = [zone for zone in HOMES if zone != self._traits.home.key]
            first = after(date(year, month, 1), rng.randrange(60))
            last = after(first, rng.randrange(3, 14))
            zone = ZoneInfo(rng.choice(elsewhere))
            if rng.happens(0.75):
                trips.append(Trip(first, last, zone))
        return tuple(trips)

    def _draw_illnesses(self, year: int) -> tuple[Illness, ...]:
        illnesses = []
        for month in QUARTERS:
            rng = dice(*self._subject, "illness", year, month)
            first = after(date(year, month, 1), rng.randrange(75))
            last = after(first, rng.randrange(2, 7))
            severity = rng.uniform(0.45, 1.0)
            if rng.happens(0.62 - 0.32 * self.warmth(first)):
                illnesses.append(Illness(first, last, severity))
        return tuple(illnesses)
