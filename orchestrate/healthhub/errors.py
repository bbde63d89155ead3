"""What ends a command early, in words for a person, and the exit code for programs."""

from __future__ import annotations

import errno
import signal
import traceback
from pathlib import Path
from typing import NoReturn

import psycopg

from healthhub.database_states import about_state
from healthhub.masking import without_values

_ASKED_TO_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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
            return HealthHubError(_about_database(error))
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
    state, said = error.sqlstate, str(error)
    if known := about_state(error.diag.message_primary or said, state):
        return known
    if state is None:
        reason = without_values(said.partition("\n")[0]).rstrip(".")
        return f"The database failed: {reason}. See that it is up, then run again."
    return (
        f"The database refused a statement ({type(error).__name__}, {state}). "
        "Run `healthhub check`, then run again."
    )


def _about_system(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    next_step = " Make room, then run again." if full else ""
    return f"{error.strerror or type(error).__name__}{where}.{next_step}"
