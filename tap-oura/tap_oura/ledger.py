"""What was asked of Oura in this run, and in a run before it that was killed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_oura.errors import Outcome
from tap_oura.state import PENDING, merged, user_states

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_oura.errors import OuraError
    from tap_oura.prefetch import WindowRead
    from tap_oura.state import Entry
    from tap_oura.users import User
    from tap_oura.windows import Window


@dataclass
class Ledger:
    """The windows of a run.

    Attributes:
        entries: The records that `sync_windows` has of them.
        failures: Why a user, or a stream of it, could not be read.
    """

    entries: list[Entry] = field(default_factory=list)
    failures: list[tuple[User, OuraError]] = field(default_factory=list)

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
                said = {"user_id": user_state["context"]["user_id"], "stream": stream}
                said |= {"outcome": Outcome.OK, "detail": None}
                self.entries += [said | each for each in user_state.get(PENDING, [])]


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


def refused(
    stream: str, user: User, windows: Iterable[Window], read: WindowRead
) -> list[Entry]:
    """The records of windows that are not asked for, as the first of them failed."""
    entries = [ledger_entry(stream, user, window, read, 0) for window in windows]
    for entry in entries[1:]:
        entry["request_count"] = 0
    return merged(entries)
