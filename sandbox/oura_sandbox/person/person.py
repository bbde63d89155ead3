"""The person: plans, nights and movement of any day, each a function of the day."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from oura_sandbox.ids import document_id
from oura_sandbox.person.calendar import Calendar
from oura_sandbox.person.clock import after, before
from oura_sandbox.person.dice import Dice, dice
from oura_sandbox.person.movement import move
from oura_sandbox.person.night import sleep
from oura_sandbox.person.plan import draw
from oura_sandbox.person.traits import Traits

if TYPE_CHECKING:
    from datetime import date

    from oura_sandbox.person.movement import Movement
    from oura_sandbox.person.night import Night
    from oura_sandbox.person.plan import Plan

REMEMBERED = 1 << 14
"""Days kept at hand, of all people: each route builds on the same ones."""
DAYS_BETWEEN_CHARGES = 4


class Person:
    """The wearer behind one user."""

    def __init__(self, seed: int, number: int, today: date) -> None:
        """Make up the person of a user, on the night that ends today."""
        self.owner = f"{seed}/{number}"
        self.traits = Traits.of(seed, number)
        self.calendar = Calendar(seed, number, self.traits)
        self.today = today
        tonight = self.night(today)
        # The sandbox's clock stands still, late in the night that ends today.
        self.now = tonight.start + tonight.in_bed * 3 // 4

    def dice(self, *subject: object) -> Dice:
        """Return the dice for something about this person."""
        return dice(self.owner, *subject)

    def id(self, route: str, day: date, number: int = 0) -> str:
        """Return the id of one of this person's documents."""
        return document_id(self.owner, route, day, number)

    def slept_with_ring(self, day: date) -> bool:
        """Say whether the ring saw the night that ended on a day."""
        return self.plan(before(day)).worn

    @lru_cache(REMEMBERED)  # noqa: B019 - people live as long as the sandbox
    def plan(self, day: date) -> Plan:
        """Return what a day holds."""
        return draw(day, self.calendar, self.traits, self.dice("plan", day))

    @lru_cache(REMEMBERED)  # noqa: B019 - people live as long as the sandbox
    def night(self, day: date) -> Night:
        """Return the night that ended on a day."""
        last = self.plan(before(day))
        return sleep(day, last, self.traits, self.dice("night", day))

    @lru_cache(REMEMBERED)  # noqa: B019 - people live as long as the sandbox
    def movement(self, day: date) -> Movement:
        """Return how the person moved on a day."""
        return move(
            (self.plan(before(day)), self.plan(day)),
            (self.night(day), self.night(after(day))),
            self.charging(day),
            self.traits,
            self.dice("movement", day),
        )

    @lru_cache(REMEMBERED)  # noqa: B019
    def charging(self, day: date) -> tuple[int, int] | None:
        """Return when on a day the ring is in its charger, the day's first hours."""
        group, place = divmod(day.toordinal(), DAYS_BETWEEN_CHARGES)
        rng = self.dice("charging", group)
        if rng.randrange(DAYS_BETWEEN_CHARGES) != place:
            return None
        start = self.night(day).end + rng.randint(5, 25) * 60
        return start, start + rng.randint(35, 60) * 60
