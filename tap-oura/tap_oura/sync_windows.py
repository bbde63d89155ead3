"""What was asked of Oura, as a stream: the basis of coverage and of deletions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk import Stream
from singer_sdk import typing as th
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE
from typing_extensions import override

from tap_oura.errors import Outcome
from tap_oura.ledger import PENDING, user_states

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context, Record

    from tap_oura.run import Run


class SyncWindowsStream(Stream):
    """One record per user, stream and window that was asked for.

    It is written after all other streams, so that a window is never on record
    before its documents are.
    """

    name = "sync_windows"
    replication_method = REPLICATION_FULL_TABLE  # whatever a catalogue says of all
    primary_keys = (
        "user_id",
        "stream",
        "window_start",
        "window_end",
        "synced_at",
    )
    schema = th.PropertiesList(
        th.Property("user_id", th.UUIDType, required=True, description="The user."),
        th.Property("stream", th.StringType, required=True, description="The stream."),
        th.Property(
            "window_start",
            th.DateType,
            required=True,
            description="First day asked for.",
        ),
        th.Property(
            "window_end",
            th.DateType,
            required=True,
            description="Last day asked for, or to be asked for had it not failed.",
        ),
        th.Property(
            "synced_at",
            th.DateTimeType,
            required=True,
            description="When its first request was sent.",
        ),
        th.Property(
            "outcome",
            th.StringType,
            description=f"How it ended: {', '.join(Outcome)}.",
        ),
        th.Property(
            "detail",
            th.StringType,
            description="One more word, e.g. the scope that is missing.",
        ),
        th.Property(
            "document_count",
            th.IntegerType,
            description="Records of the window: documents, samples, or days of them.",
        ),
        th.Property("request_count", th.IntegerType, description="Pages read."),
    ).to_dict()

    def __init__(self, tap: Tap, run: Run) -> None:
        super().__init__(tap)
        self._run = run

    @property
    @override
    def partitions(self) -> None:
        """None: it has no bookmarks."""

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        users = self._run.users
        entries = [e for e in self._run.ledger.entries if e["user_id"] in users]
        yield from entries[: self.ABORT_AT_RECORD_COUNT]
        for state in user_states(self.tap_state):
            if state["context"]["user_id"] in users:
                state.pop(PENDING, None)  # they are on record now
