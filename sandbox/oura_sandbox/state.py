"""All that the running sandbox knows."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from oura_sandbox import faults
from oura_sandbox.faults import Active, Fault
from oura_sandbox.grants import Grants
from oura_sandbox.limits import Limiter
from oura_sandbox.users import User

if TYPE_CHECKING:
    from datetime import date

    from oura_sandbox.options import Options
    from oura_sandbox.users import Standing

REMEMBERED = 100_000
"""Requests that the log holds."""


class State:
    """The users and tokens, what goes wrong, and what has been asked."""

    def __init__(self, options: Options) -> None:
        """Make up the users."""
        self._options = options
        self._faults = [faults.parse(spec) for spec in options.fault]
        self.today = options.today or datetime.now(UTC).date()
        self.users = {
            number: User(number, self.today, options)
            for number in range(1, options.users + 1)
        }
        self.settings = options.settings
        self.grants = Grants(self.users.values())
        self.limiter = Limiter()
        self.faults: dict[int, Active] = {}
        self.requests: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)
        self._numbers = count(1)
        self._begin_faults()

    def user(self, number: str) -> User | None:
        """Return a user by what a client calls it."""
        return self.users.get(int(number) if number.isdecimal() else 0)

    def open_user(self, standing: Standing) -> User:
        """Add a user, until the next reset."""
        user = User(len(self.users) + 1, self.today, self._options)
        user.standing = standing
        self.users[user.number] = user
        self.grants.welcome(user)
        return user

    def wake(self, today: date) -> None:
        """Let it be another day, for as long as it runs; what was changed stays."""
        self.today = today
        for user in self.users.values():
            user.wake(today)

    def begin(self, fault: Fault) -> int:
        """Let something go wrong from now on; return the number to end it by."""
        number = next(self._numbers)
        self.faults[number] = Active(fault)
        return number

    def reset(self) -> None:
        """Undo everything that was changed since the start."""
        for number in [n for n in self.users if n > self._options.users]:
            del self.users[number]
        for user in self.users.values():
            user.reset()
        self.settings = self._options.settings
        self.grants.reset()
        self.limiter.reset()
        self.requests.clear()
        self._begin_faults()

    def _begin_faults(self) -> None:
        self.faults.clear()
        for fault in self._faults:
            self.begin(fault)
