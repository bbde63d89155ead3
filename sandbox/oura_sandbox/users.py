"""The users that the sandbox knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from oura_sandbox.documents import Documents
from oura_sandbox.person import Person
from oura_sandbox.scopes import SCOPES
from oura_sandbox.series import Series

if TYPE_CHECKING:
    from datetime import date

    from oura_sandbox.options import Options


class Standing(Struct, frozen=True, forbid_unknown_fields=True):
    """What Oura would know of a user besides the data."""

    scopes: frozenset[str] = frozenset(SCOPES)
    """The scopes that the user grants."""
    lapsed: bool = False
    """Whether the membership has ended, and with it the use of the API."""


class User:
    """A user, and all that the API has about it."""

    def __init__(self, number: int, today: date, options: Options) -> None:
        """Open the user of a made-up person."""
        first = today.replace(year=today.year - options.years, day=min(today.day, 28))
        self.number = number
        self.token = options.token if number == 1 else f"{options.token}-{number}"
        self._seed = options.seed
        self.person = Person(options.seed, number, today)
        self.documents = Documents(self.person, first)
        self.series = Series(self.person, first)
        without = {
            scope
            for user, scope in (each.split(":") for each in options.without_scope)
            if int(user) == number
        }
        self._standing = Standing(
            frozenset(SCOPES) - without, lapsed=number in options.lapsed
        )
        self.standing = self._standing

    def wake(self, today: date) -> None:
        """Let it be another day."""
        self.person = Person(self._seed, self.number, today)
        self.documents.wake(self.person)
        self.series.wake(self.person)

    def reset(self) -> None:
        """Undo everything that was changed since the start."""
        self.documents.reset()
        self.standing = self._standing
