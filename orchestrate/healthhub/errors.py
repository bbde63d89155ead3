"""What ends a command early, in words for a person, and the exit code for programs."""

from __future__ import annotations

import errno
import signal
import traceback
from pathlib import Path
from typing import NoReturn

import psycopg

from healthhub.masking import without_values

_ASKED_TO_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# What a person can do about the states that databases get into (SQLSTATE).
_STATES = {
    "25006": "is read-only. Find out why (on Supabase: a full disk), then run again",
    "53100": "has no space left. Make room in it, then run again",
    "53200": "is out of memory. Run again later",
    "53300": "accepts no more connections. Close others, then run again",
    "57014": "took too long, and ended the statement. Run again later",
    "55P03": "waits for somebody else's lock. Run again later",
}
_LOST = ("08", "57P")


class HealthHubError(Exception):
    """What a person can put right: one clear sentence that ends with the next step.

    Attributes:
        public: What an alert may say of it, which leaves this machine.
    """

    exit_code = 1
    title = "a run failed"

    def __init__(self, message: str, *, public: str | None = None) -> None:
        """Keep the sentence, and what may be said of it elsewhere.

        Args:
            message: The sentence.
            public: Another one, where the first may quote a user's data.
        """
        super().__init__(message)
        self.public = public or message


class PartialFailureError(HealthHubError):
    """Something was loaded, but not everything."""

    exit_code = 3
    title = "some users could not be read"


class LoginNeededError(HealthHubError):
    """Somebody has to log in again before everything can be loaded."""

    exit_code = 4
    title = "a login is needed"


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


def as_failure(error: BaseException) -> HealthHubError:
    """The sentence about an error of any kind."""
    match error:
        case HealthHubError():
            return error
        case Interrupted():
            return HealthHubError(f"The run was {error}. Run again.")
        case psycopg.Error():
            return HealthHubError(f"The database {_about_database(error)}.")
        case OSError():
            return HealthHubError(_about_system(error))
    frame = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" ({Path(frame[0].filename).name}:{frame[0].lineno})" if frame else ""
    return HealthHubError(
        f"An unexpected {type(error).__name__}{where}: this is a mistake of healthHub. "
        "Please report it, then run again."
    )


def _about_database(error: psycopg.Error) -> str:
    """What PostgreSQL says, where that cannot quote a row."""
    state = error.sqlstate
    if state is None or state.startswith(_LOST):
        said = error.diag.message_primary or str(error).partition("\n")[0]
        said = without_values(said)
        return f"failed: {said.rstrip('.')}. See that it is up, then run again"
    if known := _STATES.get(state):
        return known
    if state == "42501":
        said = without_values(error.diag.message_primary or "permission denied")
        return f"refuses: {said}. Give its user that right, then run again"
    return (
        f"refused a statement ({type(error).__name__}, {state}). "
        "Run `healthhub check`, then run again"
    )


def _about_system(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    next_step = " Make room, then run again." if full else ""
    return f"{error.strerror or type(error).__name__}{where}.{next_step}"
