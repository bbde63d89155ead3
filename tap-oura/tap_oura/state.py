"""The state: what it keeps of each user and stream, and which of it can be true."""

from __future__ import annotations

import logging
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from tap_oura.users import is_in_share
from tap_oura.windows import ONE_DAY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Entry = dict[str, Any]

#: Names, in a state, the one share of the users that it belongs to, such as 2/8.
#: Whoever copies the state of all users for one share writes it: no run can tell
#: whether other shares go on from the same state.
OWN_SHARE = "shard"

#: Where a user's state of a stream keeps windows that are not on record yet.
PENDING = "pending_windows"

#: What it keeps of each. The user and the stream follow from where it stands, and its
#: outcome is always ok.
_KEPT = ("window_start", "window_end", "synced_at", "document_count", "request_count")

#: How far the clocks of two machines, and the days of two users, may be apart.
_AHEAD = timedelta(days=2)

_logger = logging.getLogger("tap-oura")


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
        """The days that cannot lie in the future."""
        value = self.replication_key_value
        newest = date.fromisoformat(value[:10]) if value else None
        return [day for day in (newest, self.asked_from, self.reconciled_on) if day]


def plausible(state: Mapping[str, Any], today: date) -> dict[str, Any]:
    """The state without bookmarks that are not days, or that lie in the future.

    A clock that was wrong, or a hand, may have left them. To go on from there would
    leave out days in silence; without a bookmark, everything is asked for again.

    Args:
        state: As a run before has left it.
        today: The day it is.
    """
    streams: dict[str, Any] = {}
    for name, stream in state.get("bookmarks", {}).items():
        bookmarks = stream.get("partitions", [])
        kept = [each for each in bookmarks if _is_possible(each, today)]
        streams[name] = stream
        if len(kept) < len(bookmarks):
            streams[name] = {**stream, "partitions": kept}
            _logger.warning(
                "The bookmark of %s is not a day, or in the future: all of it is read "
                "again.",
                name,
            )
    return {**state, "bookmarks": streams}


def of_share(state: Mapping[str, Any], shard: str | None) -> dict[str, Any]:
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


def user_states(
    state: Mapping[str, Any], stream: str | None = None
) -> Iterator[dict[str, Any]]:
    """What the state has of each user, of one stream or of all."""
    for name, stream_state in state.get("bookmarks", {}).items():
        if stream in {None, name}:
            yield from stream_state.get("partitions", [])


def first_days(state: Mapping[str, Any], stream: str) -> dict[str, date]:
    """The first day of any document, by user.

    Args:
        state: Of all streams.
        stream: The one that has a document each day. The days of the others alone say
            little.
    """
    days: dict[str, str] = {}
    for user_state in user_states(state):
        if day := user_state.get("first_day"):
            user_id = user_state["context"]["user_id"]
            days[user_id] = min(day, days.get(user_id, day))
    known = (s for s in user_states(state, stream) if "first_day" in s)
    user_ids = [user_state["context"]["user_id"] for user_state in known]
    return {user_id: date.fromisoformat(days[user_id]) for user_id in user_ids}


def keep_pending(user_state: dict[str, Any], entry: Entry) -> None:
    """Let the state keep a window that is not on record yet."""
    kept = {name: entry[name] for name in _KEPT}
    user_state[PENDING] = merged([*user_state.get(PENDING, []), kept])


def merged(entries: list[Entry]) -> list[Entry]:
    """Windows of one outcome, with those that touch made one, so that few remain.

    The earliest `synced_at` stands for all: a document of any of them was extracted
    after it.
    """
    result: list[Entry] = []
    for entry in sorted(entries, key=lambda e: str(e["window_start"])):
        last = result[-1] if result else None
        if last and entry["window_start"] <= _day_after(last["window_end"]):
            result[-1] = {
                **last,
                "window_end": max(last["window_end"], entry["window_end"]),
                "synced_at": min(last["synced_at"], entry["synced_at"]),
                "document_count": last["document_count"] + entry["document_count"],
                "request_count": last["request_count"] + entry["request_count"],
            }
        else:
            result.append(entry)
    return result


def _day_after(day: str) -> str:
    return (date.fromisoformat(day) + ONE_DAY).isoformat()
