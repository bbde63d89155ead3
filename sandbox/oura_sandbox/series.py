"""The samples of one user: each UTC day one piece of bytes, cut where needed."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from datetime import date
from functools import lru_cache
from itertools import accumulate, islice
from typing import TYPE_CHECKING, NamedTuple

from oura_sandbox import windows
from oura_sandbox.routes import SERIES

if TYPE_CHECKING:
    from oura_sandbox.person import Person
    from oura_sandbox.routes import SeriesRoute
    from oura_sandbox.windows import Window

REMEMBERED = 2400
"""Days that are kept, of all users; one of heart rate takes 170 kB."""


class Block(NamedTuple):
    """The rows of one UTC day."""

    instants: array[int]
    ends: array[int]
    """Where in `rows` each row ends; a comma follows."""
    rows: bytes

    def cut(self, low: int, high: int) -> bytes:
        """Return some of the rows, with commas between them."""
        begin = self.ends[low - 1] + 1 if low else 0
        return self.rows[begin : self.ends[high - 1]]


class Page(NamedTuple):
    """Some rows, and the instant at which the page after them begins."""

    rows: bytes
    next: int | None


class Series:
    """All samples of a user from a first day up to now."""

    def __init__(self, person: Person, first: date) -> None:
        """Open a person's samples."""
        self._person = person
        self._first = first

    def wake(self, person: Person) -> None:
        """Go on with the person as they are on another day."""
        self._person = person

    def page(self, route: SeriesRoute, window: Window, start: int, size: int) -> Page:
        """Return a page of a window, oldest first."""
        pieces = []
        window = window._replace(start=max(start, window.start))
        for day in windows.days(window, self._first, self._person.today, margin=0):
            block = _block(self._person, route.name, day)
            low = bisect_left(block.instants, window.start)
            high = bisect_right(block.instants, window.end)
            if high - low > size:
                if size:
                    pieces.append(block.cut(low, low + size))
                return Page(b",".join(pieces), block.instants[low + size])
            if low < high:
                pieces.append(block.cut(low, high))
                size -= high - low
        return Page(b",".join(pieces), None)

    def latest(self, route: SeriesRoute) -> bytes:
        """Return the newest sample."""
        for day in range(self._person.today.toordinal(), self._first.toordinal(), -1):
            block = _block(self._person, route.name, day)
            if block.instants:
                return block.cut(len(block.instants) - 1, len(block.instants))
        return b""


@lru_cache(REMEMBERED)
def _block(person: Person, name: str, ordinal: int) -> Block:
    found = list(SERIES[name].build(person, date.fromordinal(ordinal)))
    rows = [row for _, row in found]
    # Each row but the first has a comma before it.
    ends = accumulate((len(row) + 1 for row in rows), initial=-1)
    return Block(
        instants=array("q", [instant for instant, _ in found]),
        ends=array("I", islice(ends, 1, None)),
        rows=",".join(rows).encode(),
    )
