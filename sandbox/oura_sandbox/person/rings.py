"""The rings the person has owned: the route ring_configuration."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from oura_sandbox.person.clock import after

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oura_sandbox.person import Person

# hardware, the day it could be bought, design, colours
MODELS = (
    ("gen1", date(2016, 3, 1), None, ("stealth_black",)),
    ("gen2", date(2018, 5, 1), "heritage", ("silver", "stealth_black")),
    ("gen3", date(2021, 11, 15), "horizon", ("titanium", "glossy_gold", "rose")),
    ("gen4", date(2024, 10, 15), "heritage", ("brushed_silver", "matt_gold")),
    ("or5", date(2026, 5, 20), "horizon", ("titanium", "deep_rose")),
)


def ring_configuration(person: Person, day: date) -> Iterator[dict[str, Any]]:
    """Build the ring that was set up on a day."""
    for hardware, _, design, colors in MODELS:
        if _set_up(person, hardware) != day:
            continue
        rng = person.dice("ring", hardware)
        yield {
            "id": person.id("ring_configuration", day),
            "color": rng.choice(colors),
            "design": design,
            "firmware_version": f"{rng.randint(1, 3)}.{rng.randint(0, 20)}.0",
            "hardware_type": hardware,
            # When the first ring was set up was not written down.
            "set_up_at": (
                None
                if hardware == "gen1"
                else f"{day}T{rng.randint(8, 19):02}:{rng.randint(0, 59):02}:17+00:00"
            ),
            "size": rng.randint(7, 12),
        }


def set_up_days(person: Person) -> list[date]:
    """Return the days on which the person had a new ring, up to today."""
    days = [_set_up(person, hardware) for hardware, *_ in MODELS]
    return [day for day in days if day < person.today]


def current_ring(person: Person, day: date) -> str | None:
    """Return the id of the ring on the finger."""
    days = [each for each in set_up_days(person) if each <= day]
    return person.id("ring_configuration", days[-1]) if days else None


def _set_up(person: Person, hardware: str) -> date:
    released = next(released for name, released, *_ in MODELS if name == hardware)
    return after(released, person.dice("set up", hardware).randrange(120))
