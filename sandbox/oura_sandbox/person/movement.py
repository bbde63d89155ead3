"""What the person's body does by day, five minutes at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from oura_sandbox.person.clock import instant
from oura_sandbox.person.dice import dice

if TYPE_CHECKING:
    from datetime import date
    from zoneinfo import ZoneInfo

    from oura_sandbox.person.dice import Dice
    from oura_sandbox.person.night import Night
    from oura_sandbox.person.plan import Plan
    from oura_sandbox.person.traits import Traits

SLOT = 300
DAY_BEGINS = 4
"""An activity day runs from four in the morning to four in the morning."""
NON_WEAR, REST, INACTIVE, LOW, MEDIUM, HIGH = "012345"
INTENSITY = {"easy": LOW, "moderate": MEDIUM, "hard": HIGH}
STEPS = {LOW: 30, MEDIUM: 85, HIGH: 150}
"""Steps a minute."""


def _pool(low: float, high: float) -> tuple[float, ...]:
    rng = dice("met", low, high)
    return tuple(round(rng.uniform(low, high), 1) for _ in range(256 + 5))


METS = {
    NON_WEAR: _pool(0.1, 0.1),
    REST: _pool(0.9, 1.0),
    INACTIVE: _pool(1.1, 1.5),
    LOW: _pool(1.8, 2.9),
    MEDIUM: _pool(3.2, 5.6),
    HIGH: _pool(6.2, 10.5),
}
"""METs a minute to cut five minutes from; drawing them anew would take too long."""
FIVE = {
    kind: tuple(sum(pool[place : place + 5]) for place in range(256))
    for kind, pool in METS.items()
}
"""What five minutes add up to, by where they begin."""


@dataclass(frozen=True, slots=True)
class Movement:
    """An activity day."""

    day: date
    zone: ZoneInfo
    start: int
    classes: str
    """One digit for each five minutes."""
    places: bytes
    """For each five minutes, where in the pool their METs begin."""
    met_minutes: dict[str, float]
    """MET minutes by class."""
    steps: int
    active_calories: int
    total_calories: int

    @property
    def worn(self) -> bool:
        """Say whether the ring was on the finger for enough of the day."""
        return self.classes.count(NON_WEAR) * 2 < len(self.classes)

    def seconds(self, kind: str) -> int:
        """Return the time spent in one class of activity."""
        return SLOT * self.classes.count(kind)

    @property
    def mets(self) -> list[float]:
        """One value for each minute."""
        slots = zip(self.classes, self.places, strict=True)
        return [met for kind, at in slots for met in METS[kind][at : at + 5]]


def move(
    plans: tuple[Plan, Plan],
    nights: tuple[Night, Night],
    charging: tuple[int, int] | None,
    traits: Traits,
    rng: Dice,
) -> Movement:
    """Work out an activity day from the plans and nights of two days."""
    before, plan = plans
    last, next_ = nights
    start = instant(plan.day, DAY_BEGINS, last.zone)
    end = instant(next_.day, DAY_BEGINS, plan.zone)
    count = (end - start) // SLOT
    slots = [INACTIVE] * count

    def fill(first: float, until: float, kind: str) -> None:
        """Give a stretch of time to one class."""
        low = max(0, round((first - start) / SLOT))
        high = min(count, round((until - start) / SLOT))
        slots[low:high] = [kind] * max(0, high - low)

    vigour = traits.liveliness * (1 - 0.7 * plan.illness) * (1 + 0.1 * plan.warmth)
    vigour *= 1.15 if plan.free else 1.0
    up = last.end
    for _ in range(round(34 * vigour * rng.uniform(0.75, 1.25))):
        moment = rng.uniform(up, next_.start)
        kind = MEDIUM if rng.happens(0.12 * vigour) else LOW
        fill(moment, moment + SLOT * rng.randint(1, 3), kind)
    for _ in range(rng.randrange(4)):
        moment = rng.uniform(up, next_.start)
        fill(moment, moment + SLOT * rng.randint(2, 8), REST)
    for exercise in plan.exercises:
        fill(exercise.start, exercise.end, INTENSITY[exercise.intensity])
    for nap in plan.naps:
        fill(nap.start, nap.end, REST)
    fill(start, last.end, REST)
    fill(next_.start, end, REST)
    if charging:
        fill(*charging, NON_WEAR)
    if not before.worn:
        fill(start, last.end, NON_WEAR)
    if not plan.worn:
        fill(last.end, end, NON_WEAR)
    return measure(last, start, "".join(slots), traits, rng)


def measure(
    night: Night, start: int, classes: str, traits: Traits, rng: Dice
) -> Movement:
    """Count what the ring counts in the day after a night."""
    places = rng.randbytes(len(classes))
    met_minutes = dict.fromkeys(METS, 0.0)
    for kind, place in zip(classes, places, strict=True):
        met_minutes[kind] += FIVE[kind][place]
    calorie_minute = traits.weight * 3.5 / 200
    active = sum(met_minutes[kind] - 5 * classes.count(kind) for kind in STEPS)
    # The body burns on while the ring is in its charger.
    unseen = 5 * classes.count(NON_WEAR)
    steps = sum(5 * each * classes.count(kind) for kind, each in STEPS.items())
    return Movement(
        day=night.day,
        zone=night.zone,
        start=start,
        classes=classes,
        places=places,
        met_minutes=met_minutes,
        steps=round(rng.uniform(0.9, 1.1) * steps),
        active_calories=round(calorie_minute * active),
        total_calories=round(calorie_minute * (sum(met_minutes.values()) + unseen)),
    )
