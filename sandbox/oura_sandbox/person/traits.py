"""Who the person is: what stays the same from day to day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from oura_sandbox.person.dice import dice

HOMES = (
    "Europe/Helsinki",
    "Asia/Tokyo",
    "America/Los_Angeles",
    "Asia/Kolkata",
    "Europe/London",
    "Australia/Sydney",
    "America/Sao_Paulo",
)
SOUTHERN = {"Australia/Sydney", "America/Sao_Paulo"}


@dataclass(frozen=True, slots=True)
class Traits:
    """The constants of one person's body and home."""

    home: ZoneInfo
    southern: bool
    female: bool
    born: date
    height: float
    weight: float
    bedtime: float
    """Usual bedtime in hours from midnight; negative is before it."""
    sleep_need: float
    """Hours asleep in an ordinary night."""
    resting_heart: float
    hrv: float
    liveliness: float
    """How much this person moves, 1 being average."""
    target_calories: int
    fitness: float
    """VO2 max around which the person's estimates vary."""

    @classmethod
    def of(cls, seed: int, number: int) -> Traits:
        """Draw the person behind a user."""
        rng = dice(seed, number, "traits")
        home = HOMES[(number - 1) % len(HOMES)]
        female = rng.happens(0.5)
        liveliness = rng.uniform(0.8, 1.25)
        height = (1.66 if female else 1.79) + rng.uniform(-0.09, 0.09)
        weight = rng.uniform(20.5, 27) * height * height
        return cls(
            home=ZoneInfo(home),
            southern=home in SOUTHERN,
            female=female,
            born=date(1972, 1, 1) + timedelta(days=rng.randrange(27 * 365)),
            height=round(height, 2),
            weight=round(weight, 1),
            bedtime=rng.uniform(-1.4, 0.1),
            sleep_need=rng.uniform(7.0, 7.9),
            resting_heart=rng.uniform(47, 59),
            hrv=rng.uniform(32, 68),
            liveliness=liveliness,
            target_calories=50 * round(weight * liveliness * 8 / 50),
            fitness=rng.uniform(36, 49),
        )
