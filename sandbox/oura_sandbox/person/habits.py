"""What the person does in an evening, and what it does to the night after."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Effect:
    """What something does to the next night; shares are of the usual amount."""

    heart: float = 0.0
    """Beats a minute."""
    hrv: float = 0.0
    deep: float = 0.0
    rem: float = 0.0
    latency: float = 0.0
    """Minutes."""
    awake: float = 0.0
    """Minutes."""
    temperature: float = 0.0
    """Degrees Celsius."""
    bedtime: float = 0.0
    """Hours."""

    def __add__(self, other: Effect) -> Effect:
        """Two things in one evening add up."""
        return Effect(
            heart=self.heart + other.heart,
            hrv=self.hrv + other.hrv,
            deep=self.deep + other.deep,
            rem=self.rem + other.rem,
            latency=self.latency + other.latency,
            awake=self.awake + other.awake,
            temperature=self.temperature + other.temperature,
            bedtime=self.bedtime + other.bedtime,
        )


@dataclass(frozen=True, slots=True)
class Habit:
    """Something the person tags when it happens."""

    code: str
    workday: float
    """How likely it is on a workday."""
    free_day: float
    hour: float
    """When it usually happens."""
    effect: Effect
    minutes: int = 0
    name: str = ""
    """The name of a custom tag."""
    comments: tuple[str, ...] = ()


HABITS = (
    Habit(
        code="tag_generic_alcohol",
        workday=0.07,
        free_day=0.34,
        hour=20,
        effect=Effect(
            heart=6.5, hrv=-0.24, deep=-0.1, rem=-0.22, awake=14, bedtime=0.6
        ),
        comments=("Two glasses of wine", "Beer with friends", "Birthday party"),
    ),
    Habit(
        code="tag_generic_caffeine",
        workday=0.2,
        free_day=0.12,
        hour=16.5,
        effect=Effect(heart=1, hrv=-0.04, deep=-0.12, latency=19, awake=6),
        comments=("Late espresso", "Green tea after four"),
    ),
    Habit(
        code="tag_generic_sauna",
        workday=0.08,
        free_day=0.22,
        hour=19,
        effect=Effect(heart=-1.2, hrv=0.09, deep=0.2, latency=-5, temperature=0.1),
        minutes=45,
    ),
    Habit(
        code="tag_generic_late_meal",
        workday=0.08,
        free_day=0.16,
        hour=21.5,
        effect=Effect(heart=3.5, hrv=-0.09, deep=-0.06, latency=4),
    ),
    Habit(
        code="tag_generic_stress",
        workday=0.14,
        free_day=0.03,
        hour=17,
        effect=Effect(heart=1.5, hrv=-0.08, latency=11, awake=8),
        comments=("Deadline", "Hard conversation at work", "Too many meetings"),
    ),
    Habit(
        code="custom",
        name="Evening walk",
        workday=0.12,
        free_day=0.15,
        hour=20.5,
        effect=Effect(heart=-0.8, hrv=0.04, latency=-4),
        minutes=30,
    ),
    Habit(
        code="",
        workday=0.02,
        free_day=0.02,
        hour=12,
        effect=Effect(),
        comments=("Tried the new pillow", "Windows open all night", "Moved the desk"),
    ),
)
SICK = Habit("tag_generic_sick", 0, 0, 10, Effect())


def together(effects: Iterable[Effect]) -> Effect:
    """Add up what an evening does to the night."""
    return reduce(Effect.__add__, effects, Effect())
