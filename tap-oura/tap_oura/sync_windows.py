"""What was asked of Oura, as a stream: the basis of coverage and of deletions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import Stream
from singer_sdk import typing as th
from typing_extensions import override

from tap_oura.errors import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context, Record

    from tap_oura.accounts import Account
    from tap_oura.client import OuraStream
    from tap_oura.errors import OuraError
    from tap_oura.prefetch import WindowRead
    from tap_oura.tap import TapOura
    from tap_oura.windows import Window


class Ledger:
    """Remembers each window of this run.

    Attributes:
        failures: Why an account, or a stream of it, could not be read.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self._windows: dict[str, list[Record]] = {}
        self.failures: list[tuple[Account, OuraError]] = []

    def add(
        self,
        stream: OuraStream,
        account: Account,
        window: Window,
        read: WindowRead,
        documents: int,
    ) -> None:
        """Note a window, after its records were written."""
        failure = read.failure
        if failure is not None:
            self.failures.append((account, failure))
        self._windows.setdefault(account.user_id, []).append(
            {
                "user_id": account.user_id,
                "stream": stream.name,
                "window_start": window.start.isoformat(),
                "window_end": window.end.isoformat(),
                "synced_at": read.started.isoformat(),
                "outcome": failure.outcome if failure else Outcome.OK,
                "detail": failure.detail if failure else None,
                "document_count": documents,
                "request_count": read.requests,
            }
        )

    def take(self, user_id: str) -> list[Record]:
        """The windows of an account that were not taken before."""
        return self._windows.pop(user_id, [])


class SyncWindowsStream(Stream):
    """One record per account, stream and window that was asked for.

    It is written after all other streams, so that a window is never on record
    before its documents are.
    """

    name = "sync_windows"
    primary_keys = (
        "user_id",
        "stream",
        "window_start",
        "window_end",
        "synced_at",
    )
    schema = th.PropertiesList(
        th.Property("user_id", th.UUIDType, required=True, description="The account."),
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
            description="Last day asked for.",
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
            description="Documents that belong to the window.",
        ),
        th.Property("request_count", th.IntegerType, description="Pages read."),
    ).to_dict()

    _tap: TapOura

    @property
    @override
    def partitions(self) -> list[dict[str, Any]]:
        return [{"user_id": account.user_id} for account in self._tap.accounts]

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        yield from self._tap.ledger.take((context or {})["user_id"])
