"""From query parameters to the stretch of time that was asked for."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, NamedTuple

from oura_sandbox.errors import bad_request, unprocessable
from oura_sandbox.person.clock import DAY, midnight_utc

if TYPE_CHECKING:
    from collections.abc import Mapping

EPOCH = date(1970, 1, 1).toordinal()
LONGEST_SERIES = 30 * DAY
DATE = re.compile(r"\d{4}-\d\d-\d\d(?!\d)")


class Window(NamedTuple):
    """From one instant to another, in milliseconds; both belong to it."""

    start: int
    end: int


def of_documents(query: Mapping[str, str], today: date) -> Window:
    """Read `start_date` and `end_date`; a date is its first moment in UTC.

    This holds for the end, too: a document stamped 04:00 on the last day is not
    served, one stamped 00:00 is. It explains what was measured of the live API.
    """
    end = _read(query, "end_date", ("datetime", "date"))
    if end is None:
        end = 1000 * midnight_utc(today)
    start = _read(query, "start_date", ("datetime", "date"))
    if start is None:
        start = end - 1000 * DAY
    return _in_order(start, end)


def of_series(query: Mapping[str, str], now: int) -> Window:
    """Read `start_datetime` and `end_datetime`; without them, the last 24 hours."""
    end = _read(query, "end_datetime", ("datetime",))
    if end is None:
        end = 1000 * now
    start = _read(query, "start_datetime", ("datetime",))
    if start is None:
        start = end - 1000 * DAY
    window = _in_order(start, end)
    if window.end - window.start > 1000 * LONGEST_SERIES:
        reason = "Oura limits the timerange to 30 days per request"
        raise bad_request(reason)
    return window


def flag(query: Mapping[str, str], name: str) -> bool:
    """Read a parameter that is true or false."""
    value = query.get(name, "false").lower()
    if value in {"true", "1", "on", "t", "yes", "y"}:
        return True
    if value in {"false", "0", "off", "f", "no", "n"}:
        return False
    raise unprocessable(name, value, ("boolean",), "unable to interpret input")


def moment(text: str) -> int:
    """Return the instant that a document's field names, in milliseconds."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return round(1000 * found.timestamp())


def days(window: Window, first: date, last: date, *, margin: int) -> range:
    """Return the ordinals of the days that may hold something of a window."""
    low = ordinal(window.start) - margin
    high = ordinal(window.end) + margin
    return range(max(low, first.toordinal()), min(high, last.toordinal()) + 1)


def ordinal(milliseconds: int) -> int:
    """Return the UTC day that an instant falls on."""
    return EPOCH + milliseconds // (1000 * DAY)


def _read(query: Mapping[str, str], name: str, kinds: tuple[str, ...]) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not DATE.match(text):
        raise unprocessable(name, text, kinds, "invalid character in year")
    try:
        return moment(text)
    except (ValueError, OverflowError):
        reason = "a value is outside its expected range"
        raise unprocessable(name, text, kinds, reason) from None


def _in_order(start: int, end: int) -> Window:
    if start > end:
        reason = "Start time is greater than end time"
        raise bad_request(reason)
    return Window(start, end)
