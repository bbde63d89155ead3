"""How far a run is, by what its programs log."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from healthhub.meltano_log import DBT, TAP

if TYPE_CHECKING:
    from healthhub.meltano_log import LogRecord

_BEGINNING = re.compile(r"Beginning sync of '(?P<stream>\w+)'")
_PERIOD = re.compile(r"(?P<first>\d{4}-\d\d-\d\d)\.\.(?P<last>\d{4}-\d\d-\d\d)")
_ENDED = re.compile(r"(?P<done>\d+) of (?P<all>\d+) (?!START)")
# What was asked: the tap's last stream, during which the target writes everything.
_LAST = "sync_windows"
_BUILDING = "Building the tables"


class Progress:
    """What goes on, and how much of it is done.

    The tap asks for the days of a stream in their order, and a little ahead of what
    it writes. What it asked of documents ends today, and so do the samples after them.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.doing = ""
        self.done = ""
        self._stream = ""
        self._first_days: dict[str, date] = {}  # by user
        self._today = date.min

    def observe(self, record: LogRecord) -> bool:
        """Look at a line of the log.

        Returns:
            Whether it says something of that.
        """
        if record.source == TAP:
            if beginning := _BEGINNING.match(record.message):
                self._begin(beginning["stream"])
                return True
            if period := _PERIOD.fullmatch(str(record.details.get("period"))):
                self._reach(record, *map(date.fromisoformat, period.groups()))
                return True
        elif record.source == DBT:
            if self.doing != _BUILDING:
                self.doing, self.done = _BUILDING, ""
            if ended := _ENDED.match(record.message):
                self.done = f" ({ended['done']} of {ended['all']})"
            return True
        return False

    def _begin(self, stream: str) -> None:
        is_ledger = stream == _LAST
        self.doing = "Storing what was read" if is_ledger else f"Reading {stream}"
        self.done = ""
        self._stream, self._first_days = stream, {}

    def _reach(self, record: LogRecord, first: date, last: date) -> None:
        self._today = max(self._today, last)
        if str(record.details.get("endpoint")).lower() != self._stream:
            return
        user = str(record.details.get("user"))
        first = self._first_days.setdefault(user, first)
        days, of = (last - first).days, (self._today - first).days
        users = len(self._first_days)
        whose = f"user {users}, " if users > 1 else ""
        # The first window that is seen may be one of many.
        self.done = f" ({whose}{days:,} of {of:,} days)" if days < of else ""
