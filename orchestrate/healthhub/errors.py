"""What ends a command early: a sentence for people, an exit code for programs.

Anything that a person can put right ends in a `HealthHubError`, wherever it is found.
"""

from __future__ import annotations

import errno
import re
import signal
import traceback
from pathlib import Path
from typing import NamedTuple, NoReturn

import psycopg

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
        """Keep the sentence, and another for elsewhere if it may quote data."""
        super().__init__(message)
        self.public = public or message


class PartialFailureError(HealthHubError):
    """Something was loaded, but not everything."""

    exit_code = 3
    title = "some users could not be read"


class LoginNeededError(HealthHubError):
    """A user has to log in again before everything can be loaded."""

    exit_code = 4
    title = "a login is needed"


class Interrupted(BaseException):
    """Somebody pressed Ctrl-C, or sent SIGTERM or SIGHUP."""

    def __init__(self, number: int) -> None:
        """Keep the signal's number."""
        super().__init__(f"interrupted by {signal.Signals(number).name}")
        self.exit_code = 128 + number


def raise_on_signals() -> None:
    """Turn the first signal into an exception, and ignore those after it."""

    def interrupt(number: int, _frame: object) -> NoReturn:
        for each in _ASKED_TO_STOP:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(number)

    for each in _ASKED_TO_STOP:
        # nohup and background jobs begin with a signal ignored: leave that so.
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


class _State(NamedTuple):
    """A state that a database gets into.

    A statement of ours that fails has PostgreSQL's code for it. Of a program that
    passes an error on, as Meltano, the loader and dbt do, there are only the words.

    Attributes:
        codes: What its codes begin with (SQLSTATE).
        words: How PostgreSQL, libpq, psycopg and poolers say it.
        sentence: What it means, with the next step; `{}` is what they said.
    """

    codes: tuple[str, ...]
    words: re.Pattern[str]
    sentence: str


_STATES = (
    _State(
        (),  # it is Python that says so
        re.compile(r"\[Errno (?:28|122)\]"),
        "This machine has no space left. Make room, then run again.",
    ),
    _State(
        ("25006",),
        re.compile(r"in a read-only transaction"),
        "The database is read-only. Find out why (on Supabase: a full disk), then run "
        "again.",
    ),
    _State(
        ("53100",),
        re.compile(r"could not \w+ .*No space left on device"),
        "The database has no space left. Make room in it, then run again.",
    ),
    _State(
        ("53200",),
        re.compile(r"out of (?:shared )?memory"),
        "The database is out of memory. Run again later.",
    ),
    _State(
        ("53300",),
        re.compile(
            r"too many (?:connections|clients)|remaining connection slots|"
            r"max clients reached|no more connections allowed"
        ),
        "The database accepts no more connections. Close others, then run again.",
    ),
    _State(
        ("57014",),
        re.compile(r"canceling statement due to (?:statement timeout|user request)"),
        "The database took too long, and ended the statement. Run again later.",
    ),
    _State(
        ("55P03",),
        re.compile(r"lock timeout|could not obtain lock"),
        "The database waits for a lock that another program holds. Run again later.",
    ),
    _State(
        ("42501",),
        re.compile(
            r"(?:permission denied (?:for|to)|must be owner of) [a-z]+ "
            r"""(?:[\w.]+|"[^"]+")"""
        ),
        "The database refuses: {}. Give its user that right, then run again.",
    ),
    _State(
        ("08", "57P"),
        re.compile(
            r"server closed the connection|Connection refused|Connection reset by peer|"
            r"terminating connection|connection to server .* failed: (?!FATAL)|"
            r"the database system is|the connection is (?:closed|lost)|"
            r"SSL connection has been closed|could not receive data from server|"
            r"consuming input failed|no connection to the server"
        ),
        "The database went away, or ended the connection. See that it is up, then run "
        "again.",
    ),
)


def about_state(text: str, code: str | None = None) -> str | None:
    """The sentence about the state of a database that an error tells of, if it does.

    Of the words, nothing is kept but names of the database's.
    """
    for state in _STATES:
        said = state.words.search(text)
        if code.startswith(state.codes) if code else said:
            return state.sentence.format(said[0] if said else "permission denied")
    return None
