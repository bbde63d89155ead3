"""Whatever ends a command, as one sentence without anybody's data."""

from __future__ import annotations

import errno
import traceback
from pathlib import Path

import psycopg

from healthhub.errors import HealthHubError
from healthhub.masking import without_values
from healthhub.signals import Interrupted

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
