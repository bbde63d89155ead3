"""The route ring_battery_level."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from oura_sandbox.person.clock import DAY, after, before, day_utc, local, midnight_utc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from oura_sandbox.person import Person

DRAIN = 11.5 / DAY
"""Percent that a second on the finger costs."""
INTERVAL = 1800
IN_CHARGER = 300


def ring_battery_level(person: Person, day: date) -> Iterator[tuple[int, str]]:
    """Yield the battery events of a UTC day: when, and the row as JSON."""
    midnight = midnight_utc(day)
    charges = [
        charging
        for each in (before(day), day, after(day))
        if (charging := person.charging(each))
    ]
    moments = {midnight + INTERVAL * number: False for number in range(48)}
    for start, end in charges:
        for moment in list(moments):
            if start <= moment < end:
                del moments[moment]
        for moment in range(start, end, IN_CHARGER):
            if midnight <= moment < midnight + DAY:
                moments[moment] = True
    for moment, in_charger in sorted(moments.items()):
        if moment > person.now:
            return
        level = _level(person, moment)
        flag = "true" if in_charger else "false"
        row = f'"charging":{flag},"in_charger":{flag},"level":{level}'
        stamp = f'"timestamp":"{local(moment, UTC)}","timestamp_unix":{moment}000'
        yield moment * 1000, f"{{{stamp},{row}}}"


def _level(person: Person, moment: int) -> int:
    """Return the level at a moment; a charge always fills the battery."""
    start, end = _last_charge(person, moment)
    if moment >= end:
        return max(1, round(100 - DRAIN * (moment - end)))
    begun = _level(person, start - 1)
    return round(begun + (100 - begun) * (moment - start) / (end - start))


def _last_charge(person: Person, moment: int) -> tuple[int, int]:
    day = after(day_utc(moment))
    while True:
        charging = person.charging(day)
        if charging and charging[0] <= moment:
            return charging
        day = before(day)
