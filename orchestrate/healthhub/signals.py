"""Being asked to stop: an exception, so that what was started is also stopped."""

from __future__ import annotations

import signal
from typing import NoReturn

_ASKED_TO_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Somebody pressed Ctrl-C, or sent SIGTERM or SIGHUP."""

    def __init__(self, number: int) -> None:
        """Keep the signal's number."""
        super().__init__(f"interrupted by {signal.Signals(number).name}")
        self.exit_code = 128 + number


def raise_on_signals() -> None:
    """Turn the first signal into an exception; what follows has no more to say."""

    def interrupt(number: int, _frame: object) -> NoReturn:
        for each in _ASKED_TO_STOP:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(number)

    for each in _ASKED_TO_STOP:
        # nohup, and shells that start something in the background, say it first.
        if signal.getsignal(each) is not signal.SIG_IGN:
            signal.signal(each, interrupt)
