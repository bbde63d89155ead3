"""What was asked of Oura in this run, and in a run before it that was killed."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from tap_oura.errors import Outcome
from tap_oura.windows import ONE_DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tap_oura.errors import OuraError
    from tap_oura.prefetch import WindowRead
    from tap_oura.users import User
    from tap_oura.windows import Window

Entry = dict[str, Any]

#: Where a user's state of a stream keeps windows that are not on record yet.
PENDING = "pending_windows"

#: What it keeps of each: whose they are it says already, and each went well.
_KEPT = ("window_start", "window_end", "synced_at", "document_count", "request_count")


class Ledger:
    """The windows of a run.

    Attributes:
        entries: The records that `sync_windows` has of them.
        failures: Why a user, or a stream of it, could not be read.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.failures: list[tuple[User, OuraError]] = []

    def add(
        self, user: User, entries: list[Entry], failure: OuraError | None = None
    ) -> None:
        """Note windows, after their records were written."""
        self.entries += entries
        if failure is not None:
            self.failures.append((user, failure))

    def carry_over(self, state: Mapping[str, Any]) -> None:
        """Note the windows of a run that was killed before it could."""
        for stream in state.get("bookmarks", {}):
            for user_state in user_states(state, stream):
                said = {
                    "user_id": user_state["context"]["user_id"],
                    "stream": stream,
                    "outcome": Outcome.OK,
                    "detail": None,
                }
                self.entries += [
                    said | window for window in user_state.get(PENDING, [])
                ]


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


def ledger_entry(
    stream: str, user: User, window: Window, read: WindowRead, documents: int
) -> Entry:
    """The record that `sync_windows` has of a window."""
    return {
        "user_id": user.user_id,
        "stream": stream,
        "window_start": window.start.isoformat(),
        "window_end": window.end.isoformat(),
        "synced_at": read.started.isoformat(),
        "outcome": read.failure.outcome if read.failure else Outcome.OK,
        "detail": read.failure.detail if read.failure else None,
        "document_count": documents,
        "request_count": read.requests,
    }


def keep_pending(user_state: dict[str, Any], entry: Entry) -> None:
    """Let the state keep a window that is not on record yet."""
    kept = {name: entry[name] for name in _KEPT}
    user_state[PENDING] = merged([*user_state.get(PENDING, []), kept])


def refused(
    stream: str, user: User, windows: Iterable[Window], read: WindowRead
) -> list[Entry]:
    """The records of windows that are not asked for, as the first of them failed."""
    entries = [ledger_entry(stream, user, window, read, 0) for window in windows]
    for entry in entries[1:]:
        entry["request_count"] = 0
    return merged(entries)


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
