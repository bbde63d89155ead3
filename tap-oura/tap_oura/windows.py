"""Which days to ask for: periods, bookmarks and the windows between them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tap_oura.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: The first rings reached their owners in the autumn of 2015.
FIRST_DAY = date(2015, 1, 1)

ONE_DAY = timedelta(days=1)

#: The longest range of samples that Oura takes, and how far a run without a range looks
#: for them beyond what it has a reason to ask for.
REACH = timedelta(days=30)

#: Oura compares a document's own instant, in UTC, with bounds that it reads as
#: 00:00Z. A document can lie up to 14 hours from the UTC day of its label and a
#: whole day before the end of it, so two more days on both sides are asked for.
PADDING = timedelta(days=2)


@dataclass(frozen=True)
class Window:
    """The days from `start` to `end`, both included.

    Attributes:
        start: First day.
        end: Last day.
        is_newest: Nothing later is asked for, so a document that Oura labels
            with a later day belongs here too.
    """

    start: date
    end: date
    is_newest: bool = False

    @cached_property
    def _bounds(self) -> tuple[str, str]:
        """First and last day as records have them; this is asked for each record."""
        last = date.max if self.is_newest else self.end
        return self.start.isoformat(), last.isoformat()

    def __contains__(self, day: str) -> bool:
        """Whether a document of this day (`YYYY-MM-DD...`) belongs here."""
        first, last = self._bounds
        return first <= day[:10] <= last

    def __str__(self) -> str:
        """Both bounds, as messages show them."""
        return f"{self.start}..{self.end}" if self.end < date.max else "latest"


@dataclass(frozen=True, slots=True)
class Period:
    """What the settings say of the days to read.

    Attributes:
        start: `start_date`, the first day ever to read.
        end: `end_date`, the last one.
        lookback: Days before the bookmark that are read again, because Oura
            revises documents and delivers late without saying so.
        reconcile: The same, for the larger look now and then.
        reconcile_every: Days between two of those.
    """

    start: date | None
    end: date | None
    lookback: timedelta
    reconcile: timedelta
    reconcile_every: timedelta

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Period:
        """Read the settings.

        Raises:
            SettingError: A setting is not a date, or the end is before the start.
        """
        start = _day_setting(config, "start_date")
        end = _day_setting(config, "end_date")
        if start and end and end < start:
            raise SettingError(
                f"`end_date` {end} is before `start_date` {start}: "
                "swap them or leave one out."
            )
        return cls(
            start=start,
            end=end,
            lookback=timedelta(days=config["lookback_days"]),
            reconcile=timedelta(days=config["reconcile_days"]),
            reconcile_every=timedelta(days=config["reconcile_every_days"]),
        )

    @property
    def is_explicit(self) -> bool:
        """Whether exactly one range is asked for, whatever was read before."""
        return self.start is not None and self.end is not None

    def needs_reconcile(self, reconciled_on: date | None, today: date) -> bool:
        """Whether the larger look back is due."""
        if self.is_explicit:
            return False
        return reconciled_on is None or today - reconciled_on >= self.reconcile_every

    def days(
        self, bookmark: date | None, today: date, *, reconcile: bool = False
    ) -> tuple[date, date]:
        """First and last day to read for one user and stream.

        Args:
            bookmark: The newest day that was read before.
            today: The day it is in UTC. The user may already have the next.
            reconcile: Whether to look back further than usual.
        """
        end = self.end or today + ONE_DAY
        if bookmark is None or self.is_explicit:
            return self.start or FIRST_DAY, end
        lookback = max(self.lookback, self.reconcile) if reconcile else self.lookback
        start = bookmark - lookback
        return max(start, self.start or start), end


def split(start: date, end: date, length: timedelta, today: date) -> Iterator[Window]:
    """Cut the days from `start` to `end` into windows of at most `length`.

    A window is what an interrupted run loses at most, and what has to fit in memory.
    """
    while start <= end:
        last = min(start + length - ONE_DAY, end)
        yield Window(start, last, is_newest=last == end and end > today)
        start = last + ONE_DAY


def _day_setting(config: Mapping[str, Any], name: str) -> date | None:
    value = config.get(name)
    if not value:
        return None
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise SettingError(
            f"`{name}` is not a date: {value!r}. Write it as YYYY-MM-DD."
        ) from None
