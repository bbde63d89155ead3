"""All that the running sandbox knows."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from oura_sandbox import faults
from oura_sandbox.accounts import Account
from oura_sandbox.faults import Active, Fault
from oura_sandbox.grants import Grants
from oura_sandbox.limits import Limiter

if TYPE_CHECKING:
    from oura_sandbox.accounts import Standing
    from oura_sandbox.options import Options

REMEMBERED = 100_000
"""Requests that the log holds."""


class State:
    """The accounts and tokens, what goes wrong, and what has been asked."""

    def __init__(self, options: Options) -> None:
        """Make up the accounts."""
        self._options = options
        self._faults = [faults.parse(spec) for spec in options.fault]
        self.today = options.today or datetime.now(UTC).date()
        self.accounts = {
            number: Account(number, self.today, options)
            for number in range(1, options.accounts + 1)
        }
        self.settings = options.settings
        self.grants = Grants(self.accounts.values())
        self.limiter = Limiter()
        self.faults: dict[int, Active] = {}
        self.requests: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)
        self._numbers = count(1)
        self._begin_faults()

    def account(self, number: str) -> Account | None:
        """Return an account by what a client calls it."""
        return self.accounts.get(int(number) if number.isdecimal() else 0)

    def open_account(self, standing: Standing) -> Account:
        """Let one more wearer in, until the next reset."""
        account = Account(len(self.accounts) + 1, self.today, self._options)
        account.standing = standing
        self.accounts[account.number] = account
        self.grants.welcome(account)
        return account

    def begin(self, fault: Fault) -> int:
        """Let something go wrong from now on; return the number to end it by."""
        number = next(self._numbers)
        self.faults[number] = Active(fault)
        return number

    def reset(self) -> None:
        """Undo everything that was changed since the start."""
        for number in [n for n in self.accounts if n > self._options.accounts]:
            del self.accounts[number]
        for account in self.accounts.values():
            account.reset()
        self.settings = self._options.settings
        self.grants.reset()
        self.limiter.reset()
        self.requests.clear()
        self._begin_faults()

    def _begin_faults(self) -> None:
        self.faults.clear()
        for fault in self._faults:
            self.begin(fault)
