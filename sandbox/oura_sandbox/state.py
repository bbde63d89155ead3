"""All that the running sandbox knows."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from oura_sandbox.accounts import Account
from oura_sandbox.auth import Tokens

REMEMBERED = 100_000
"""Requests that the log holds."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a sandbox was started."""

    seed: int = 1
    years: int = 3
    today: date | None = None
    token: str = "sandbox-token"  # noqa: S105 - the way in, for everyone
    page_size: int | None = None


class State:
    """The accounts, their tokens, and what has been asked."""

    def __init__(self, options: Options) -> None:
        """Make up the accounts."""
        self.options = options
        today = options.today or datetime.now(UTC).date()
        account = Account(1, options.seed, today, options.years)
        self.accounts = {account.number: account}
        self.tokens = Tokens({options.token: account})
        self.requests: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)

    def reset(self) -> None:
        """Undo everything that was changed since the start."""
        for account in self.accounts.values():
            account.documents.reset()
        self.requests.clear()
