"""One night: when, how deep, and what the body did."""

from __future__ import annotations

from dataclasses import dataclass
from math import sin, tau
from typing import TYPE_CHECKING

from oura_sandbox.person.clock import instant
from oura_sandbox.person.noise import noise

if TYPE_CHECKING:
    from datetime import date
    from zoneinfo import ZoneInfo

    from oura_sandbox.person.dice import Dice
    from oura_sandbox.person.plan import Plan
    from oura_sandbox.person.traits import Traits

EPOCH = 30
"""Seconds that a letter of the hypnogram stands for."""
SLOT = 300
"""Seconds between two heart rate samples of a night."""
DEEP, LIGHT, REM, AWAKE = "1234"
CYCLE = 92
"""Minutes from one REM sleep to the next."""


@dataclass(frozen=True, slots=True)
class Night:
    """A night, labelled with the day on which it ends."""

    day: date
    zone: ZoneInfo
    start: int
    phases: str
    """One letter for each 30 seconds in bed."""
    latency: int
    heart: tuple[int, ...]
    """Beats a minute, one value for each five minutes in bed."""
    hrv: float
    breath: float
    temperature: float
    """Deviation from the person's own normal."""

    @property
    def in_bed(self) -> int:
        """Seconds in bed."""
        return EPOCH * len(self.phases)

    @property
    def end(self) -> int:
        """When the person gets up."""
        return self.start + self.in_bed

    @property
    def asleep(self) -> int:
        """Seconds asleep."""
        return self.in_bed - self.seconds(AWAKE)

    @property
    def efficiency(self) -> int:
        """Percent of the time in bed spent asleep."""
        return round(100 * self.asleep / self.in_bed)

    def seconds(self, phase: str) -> int:
        """Return the time spent in one phase."""
        return EPOCH * self.phases.count(phase)


def sleep(day: date, last: Plan, traits: Traits, rng: Dice) -> Night:
    """Sleep from the evening of the last day's plan into a day."""
    effect = last.effect
    lag = last.jet_lag
    free = last.day.weekday() in {4, 5}
    bedtime = traits.bedtime + effect.bedtime + rng.gauss(0.7 if free else 0, 0.4)
    # A body clock that runs ahead sends to bed early, one that lags keeps up late.
    bedtime -= max(-2.5, min(2.5, 0.35 * lag))
    hours = (
        traits.sleep_need
        + (0.6 if free else 0)
        - 0.2 * last.warmth
        + 0.9 * last.illness
        - 0.08 * abs(lag)
        + rng.gauss(0, 0.5)
    )
    latency = max(1.0, rng.gauss(11, 5) + effect.latency + 1.5 * max(0, -lag))
    phases = _hypnogram(
        rng,
        minutes=60 * max(3.8, min(hours, 10.5)),
        latency=latency,
        deep=max(0.3, 1 + effect.deep - 0.2 * last.illness + rng.gauss(0, 0.1)),
        rem=max(0.3, 1 + effect.rem - 0.25 * last.illness + rng.gauss(0, 0.1)),
        unrest=max(8, 26 + effect.awake + 22 * last.illness + 2 * abs(lag)),
    )
    form = _form(day)
    lowest = (
        traits.resting_heart
        + effect.heart
        + 9 * last.illness
        + 0.3 * abs(lag)
        - 1.5 * form
        + rng.gauss(0, 1)
    )
    hrv = traits.hrv * (1 + effect.hrv + 0.1 * form + rng.gauss(0, 0.07))
    return Night(
        day=day,
        zone=last.zone,
        start=instant(day, bedtime, last.zone),
        phases=phases,
        latency=EPOCH * (len(phases) - len(phases.lstrip(AWAKE))),
        heart=_heart(phases, lowest, rng, late=effect.heart > 3),  # noqa: PLR2004
        hrv=max(8.0, hrv * (1 - 0.35 * last.illness)),
        breath=14.2 + 1.8 * last.illness + rng.gauss(0, 0.3),
        temperature=effect.temperature
        + 0.95 * last.illness
        + (0.22 * sin(tau * day.toordinal() / 28) if traits.female else 0)
        + rng.gauss(0, 0.13),
    )


def _form(day: date) -> float:
    """Return the slow waves of well-being, from -1 to 1."""
    days = day.toordinal()
    return 0.6 * sin(tau * days / 61) + 0.4 * sin(tau * days / 23)


def _hypnogram(  # noqa: PLR0913 - what shapes a night
    rng: Dice, *, minutes: float, latency: float, deep: float, rem: float, unrest: float
) -> str:
    """Draw the phases of a night, cycle by cycle."""
    cycles = max(2, round(minutes / CYCLE))
    length = minutes / cycles
    phases = [AWAKE * max(1, round(2 * latency))]
    for cycle in range(cycles):
        age = cycle / (cycles - 1)
        deep_minutes = length * min(0.6, max(0.0, 0.4 - 0.4 * age) * deep)
        rem_minutes = length * min(0.55, (0.08 + 0.32 * age) * rem)
        light_minutes = length - deep_minutes - rem_minutes
        falling = light_minutes * rng.uniform(0.3, 0.6)
        for phase, spent in (
            (LIGHT, falling),
            (DEEP, deep_minutes),
            (LIGHT, light_minutes - falling),
            (REM, rem_minutes),
            (AWAKE, unrest / cycles * rng.uniform(0.3, 1.7)),
        ):
            phases.append(phase * round(2 * spent))
    return "".join(phases)


def _heart(phases: str, lowest: float, rng: Dice, *, late: bool) -> tuple[int, ...]:
    """Draw the heart rate, which sinks to its lowest and rises towards morning."""
    count = -(-len(phases) * EPOCH // SLOT)
    turn = count * (0.85 if late else rng.uniform(0.5, 0.75))
    bonus = {DEEP: 0.0, LIGHT: 1.0, REM: 3.0, AWAKE: 6.0}
    heart = []
    for slot, off in enumerate(noise(rng, count)):
        away = (slot - turn) / turn if slot < turn else 0.5 * (slot - turn) / turn
        beats = lowest + 11 * away * away + bonus[phases[slot * 10]] + off
        heart.append(round(max(lowest, beats)))
    return tuple(heart)


def curve(night: Night, rng: Dice) -> list[int | None]:
    """Draw the heart rate variability of a night, a value for each five minutes."""
    samples = [
        max(5, round(night.hrv * (1 + 0.22 * off)))
        for off in noise(rng, len(night.heart))
    ]
    # The ring needs a few minutes until its first value, and loses one at times.
    return [
        None if slot == 0 or rng.happens(0.02) else sample
        for slot, sample in enumerate(samples)
    ]
