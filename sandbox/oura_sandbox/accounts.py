"""The accounts that the sandbox knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oura_sandbox.documents import Documents
from oura_sandbox.person import Person
from oura_sandbox.series import Series

if TYPE_CHECKING:
    from datetime import date


class Account:
    """One wearer and all that the API has about them."""

    def __init__(self, number: int, seed: int, today: date, years: int) -> None:
        """Open the account of a made-up person."""
        first = today.replace(year=today.year - years, day=min(today.day, 28))
        self.number = number
        self.person = Person(seed, number, today)
        self.documents = Documents(self.person, first)
        self.series = Series(self.person, first)
