"""The bookmarks that a run begins with, as far as they can be true."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from tap_oura.users import is_in_share

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Where a state says of which share of the users it is alone, such as 2/8. Whoever
#: gives a share a copy of the state of all says so, as no run can tell it from the one
#: that other shares go on from.
OWN_SHARE = "shard"

#: How far the clocks of two machines, and the days of two users, may be apart.
_AHEAD = timedelta(days=2)


class _Context(msgspec.Struct):
    user_id: str


class _Bookmark(msgspec.Struct):
    """What the state has of a user and stream, as far as days are read from it."""

    context: _Context
    replication_key_value: str | None = None
    asked_from: date | None = None
    reconciled_on: date | None = None
    first_day: date | None = None
    pending_windows: list[dict[str, Any]] = []

    @property
    def days(self) -> list[date]:
        """Those that no run can have noted before they came."""
        value = self.replication_key_value
        newest = date.fromisoformat(value[:10]) if value else None
        return [day for day in (newest, self.asked_from, self.reconciled_on) if day]


def believed(
    state: Mapping[str, Any], today: date, doubt: Callable[[str], None]
) -> dict[str, Any]:
    """The state without the bookmarks that are none, or of days to come.

    A clock that was wrong, or a hand, may have left them. To go on from there would
    leave out days in silence; without a bookmark, everything is asked for again.

    Args:
        state: As a run before has left it.
        today: The day it is.
        doubt: Is told the streams of which something is left out.
    """
    streams: dict[str, Any] = {}
    for name, stream in state.get("bookmarks", {}).items():
        bookmarks = stream.get("partitions", [])
        kept = [each for each in bookmarks if _is_possible(each, today)]
        streams[name] = stream
        if len(kept) < len(bookmarks):
            streams[name] = {**stream, "partitions": kept}
            doubt(name)
    return {**state, "bookmarks": streams}


def own_share(state: Mapping[str, Any], shard: str | None) -> dict[str, Any]:
    """The state without other shares' users, if it is that of this share alone.

    Each of thousands of users takes memory in every program that passes a state on.
    """
    if not shard or shard != state[OWN_SHARE]:
        return dict(state)
    streams = {
        name: {
            **stream,
            "partitions": [
                each
                for each in stream.get("partitions", [])
                if is_in_share(each["context"]["user_id"], shard)
            ],
        }
        for name, stream in state.get("bookmarks", {}).items()
    }
    return {**state, "bookmarks": streams}


def _is_possible(bookmark: object, today: date) -> bool:
    try:
        days = msgspec.convert(bookmark, _Bookmark).days
    except ValueError:  # a msgspec.ValidationError is one, too
        return False
    return all(day <= today + _AHEAD for day in days)
