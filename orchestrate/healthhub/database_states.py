"""The states that databases get into, in words for a person, whoever meets them.

A statement of ours that fails has PostgreSQL's code for it. Of a program that passes an
error on, as Meltano, the loader and dbt do, there are only the words.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class _State(NamedTuple):
    """One of them.

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
        "The database waits for somebody else's lock. Run again later.",
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

    Args:
        text: The error's words. Nothing of them is kept but names of the database's.
        code: The error's code, if it is known.
    """
    for state in _STATES:
        said = state.words.search(text)
        if code.startswith(state.codes) if code else said:
            return state.sentence.format(said[0] if said else "permission denied")
    return None
