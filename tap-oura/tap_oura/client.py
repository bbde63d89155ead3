"""How every route is read: windows, pages, records, bookmarks."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.schema.source import SchemaDirectory
from singer_sdk.singerlib import RecordMessage
from singer_sdk.streams.rest import HTTPRequest, PageContext, RESTStream
from typing_extensions import override

from tap_oura import schemas
from tap_oura.api import Page, Place
from tap_oura.documents import DocumentParser
from tap_oura.errors import OuraError, Outcome, UnavailableError
from tap_oura.ledger import PENDING, ledger_entry, merged
from tap_oura.prefetch import Job, WindowRead
from tap_oura.samples import DayParser, schema_by_day
from tap_oura.windows import FIRST_DAY, PADDING, Window, in_utc, split

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from singer_sdk.helpers.types import Context, Record

    from tap_oura.accounts import Account
    from tap_oura.tap import TapOura


class OuraStream(RESTStream[str]):
    """A route without dates: it is read as a whole, in one window.

    Attributes:
        scope: What the wearer has to grant.
        is_single_document: The route answers with one bare document, not a list.
    """

    name: str
    path: str
    primary_keys: Sequence[str] = ("user_id", "id")
    scope: ClassVar[str]
    is_single_document: ClassVar[bool] = False

    # The parser has made every record fit its schema already.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    _tap: TapOura

    def __init_subclass__(cls, **kwargs: Any) -> None:  # noqa: ANN401
        """A stream's path is its name unless it says otherwise."""
        super().__init_subclass__(**kwargs)
        if "name" in vars(cls):
            cls.path = vars(cls).get("path", cls.name)

    def __init__(self, tap: TapOura) -> None:
        """Create the stream."""
        super().__init__(tap)
        self._failed: dict[str, OuraError] = {}

    @cached_property
    @override
    def schema(self) -> dict[str, Any]:  # asked for several times a record
        return SchemaDirectory(schemas).get_schema(self.name)

    @property
    @override
    def url_base(self) -> str:
        return f"{self.config['api_url'].rstrip('/')}/v2/usercollection/"

    @cached_property
    def parser(self) -> DocumentParser:
        """Makes records of documents, and counts what it finds odd."""
        return DocumentParser(self.schema, self.primary_keys)

    @property
    @override
    def partitions(self) -> list[dict[str, Any]]:
        return [{"user_id": account.user_id} for account in self._tap.accounts]

    # What to ask for

    def windows(self, account: Account) -> Iterator[Window]:  # noqa: ARG002
        """The windows to read of an account, oldest first."""
        yield Window(FIRST_DAY, self._tap.today, is_newest=True)

    def window_params(self, window: Window) -> dict[str, str]:  # noqa: ARG002
        """The query that asks for a window."""
        return {}

    @override
    def get_http_request(self, *, page: PageContext[str]) -> HTTPRequest:
        context = page.stream_context or {}
        params: dict[str, Any] = {**self.window_params(context["window"])}
        if page.next_page_token is not None:
            params["next_token"] = page.next_page_token
        return HTTPRequest(url=self.get_url(None), params=params)

    # Reading

    def read(self, account: Account, window: Window) -> WindowRead:
        """Read all pages of a window. Runs in a thread; changes no state."""
        result = WindowRead()
        try:
            if failure := account.failure or self._failed.get(account.user_id):
                raise failure
            for page in self._pages(account, window):
                result.documents.extend(page.data)
                result.requests += 1
        except OuraError as error:
            result.failure = error
            self._failed[account.user_id] = error
            if error.ends_account:
                account.failure = error
        return result

    def _pages(self, account: Account, window: Window) -> Iterator[Page]:
        api = self._tap.api
        if self.is_single_document:
            request = self.get_http_request(page=PageContext({"window": window}, None))
            yield Page([api.get_document(request, account)])
            return
        token: str | None = None
        tokens: set[str] = set()
        while True:
            request = self.get_http_request(page=PageContext({"window": window}, token))
            page = api.get_page(request, account, Place(str(window), len(tokens) + 1))
            yield page
            token = page.next_token
            if not token:
                return
            if token in tokens:
                message = (
                    f"Oura repeats a page of {self.name} {window} for ever. "
                    "Run again later; what was read is kept."
                )
                raise UnavailableError(message)
            tokens.add(token)

    def report_oddities(self) -> None:
        """Say once what documents had that the schema does not know or allow."""
        parser = self.parser
        oddities = (
            ("Unknown field", parser.unknown),
            ("Unexpected type of", parser.misfits),
        )
        for oddity, fields in oddities:
            for name, count in fields.items():
                self.log(
                    "%s `%s` in %d documents, kept in `unknown_fields`.",
                    oddity,
                    name,
                    count,
                    level=logging.WARNING,
                )
        if parser.skipped:
            self.log(
                "Skipped %d documents without a usable key (%s).",
                parser.skipped,
                ", ".join(self.primary_keys),
                level=logging.WARNING,
            )

    # Records and bookmarks

    @cached_property
    def _goes_out_as_is(self) -> bool:
        """Whether every property is selected and nothing is mapped."""
        return (
            [type(m) for m in self.stream_maps] == [SameRecordTransform]
            and all(self.mask.values())
            and not self.config.get("flattening_enabled")
        )

    @override
    def _generate_record_messages(
        self, record: Record
    ) -> Generator[RecordMessage, None, None]:
        """As the SDK does, without the work that changes nothing.

        That is a third of the time of a backfill, and as requests overlap, writing
        is what a backfill waits for.
        """
        if not self._goes_out_as_is:
            yield from super()._generate_record_messages(record)
            return
        yield RecordMessage(
            stream=self.name, record=record, time_extracted=datetime.now(UTC)
        )

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        account = self._tap.account((context or {})["user_id"])
        windows = list(self.windows(account))
        for window in windows:
            read = self._tap.prefetcher.take(Job(self, account, window))
            records: list[Record] = []
            if read.failure is None:
                records = self._records(read, account, window)
                yield from records
                self._advance(context, records, window)
            else:
                # Nothing after it is asked for: the refusal stands for all of it.
                window = replace(window, end=windows[-1].end)  # noqa: PLW2901
            entry = ledger_entry(self.name, account, window, read, len(records))
            self._tap.ledger.add(account, entry, read.failure)
            self._remember(context, entry)
            with self._tap.state_budget as is_due:
                if is_due:
                    self._write_state_message()
            if read.failure is not None:
                self._tap.prefetcher.drop(self, account)
                return

    def _records(
        self,
        read: WindowRead,
        account: Account,
        window: Window,
    ) -> list[Record]:
        """The records of a window, each key once: the last one that Oura sent."""
        records: dict[tuple[Any, ...], Record] = {}
        for document in read.documents:
            record = self.parser.parse(document, account.user_id)
            if record is not None and self._belongs(record, window):
                records[self.parser.key(record)] = record
        read.documents.clear()
        return list(records.values())

    def _belongs(self, record: Record, window: Window) -> bool:  # noqa: ARG002
        """Whether a record is of the window, and not of the padding around it."""
        return True

    def _advance(
        self,
        context: Context | None,
        records: list[Record],
        window: Window,
    ) -> None:
        """Move the account's bookmark after all of a window was written."""

    def _remember(self, context: Context | None, entry: Record) -> None:
        """Keep a window in the state until `sync_windows` has it.

        A run that is killed writes no `sync_windows`, and its bookmarks spare the
        next run from asking again.
        """
        state = self.get_context_state(context)
        if entry["outcome"] is Outcome.OK:
            pending = state.setdefault(PENDING, [])
            state[PENDING] = merged([*pending, entry])
        self.state_manager.is_flushed = False

    @override
    def _increment_stream_state(
        self,
        latest_record: Record,
        *,
        context: Context | None = None,
    ) -> None:
        """Nothing: bookmarks move by window."""

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """None: bookmarks are bounded where they move."""


class DatedStream(OuraStream):
    """A route that is read day by day, in windows.

    Attributes:
        window_length: The most days that one window asks for.
    """

    window_length: ClassVar[timedelta]

    @override
    def windows(self, account: Account) -> Iterator[Window]:
        state = self.get_context_state({"user_id": account.user_id})
        period, today = self._tap.period, self._tap.today
        start, end = period.days(
            self._bookmark(state),
            today,
            reconcile=period.needs_reconcile(self._reconciled_on(state), today),
        )
        yield from split(start, end, self.window_length, today)

    @override
    def _belongs(self, record: Record, window: Window) -> bool:
        day = record.get(self._replication_key_name)
        return day is None or day in window

    @property
    def _replication_key_name(self) -> str:
        assert self.replication_key is not None  # noqa: S101
        return self.replication_key

    @override
    def _advance(
        self,
        context: Context | None,
        records: list[Record],
        window: Window,
    ) -> None:
        """Move the bookmark to the newest record, never backwards.

        It does not move to the window's end: nights reach Oura only when the wearer
        opens the app, and whoever does not for three weeks would lose two of them.
        Only what is older than a reconcile would look for is closed for good.
        """
        state = self.get_context_state(context)
        tap, key = self._tap, self._replication_key_name
        closed = min(window.end, tap.today - tap.period.reconcile)
        newest: str = max((r[key] for r in records if r.get(key)), default="")
        if newest[:10] > tap.tomorrow.isoformat():
            newest = tap.tomorrow.isoformat()
        candidate = max(newest, closed.isoformat())
        known = self._bookmark(state)
        skipped = known is not None and window.start > known + timedelta(days=1)
        if tap.period.is_explicit and skipped:
            return
        if known is None or candidate[:10] >= known.isoformat():
            state["replication_key_value"] = max(candidate, self._value(state))
            state["replication_key"] = key
        if window.is_newest and tap.period.needs_reconcile(
            self._reconciled_on(state), tap.today
        ):
            state["reconciled_on"] = tap.today.isoformat()

    def _bookmark(self, state: dict[str, Any]) -> date | None:
        value = self._value(state)
        return date.fromisoformat(value[:10]) if value else None

    def _value(self, state: dict[str, Any]) -> str:
        """What the state has of the replication key, or of that of the other grain.

        A day is one in UTC in both; that of an instant is not finished.
        """
        value: str = state.get("replication_key_value") or ""
        is_known = state.get("replication_key") == self.replication_key
        return value if is_known else value[:10]

    def _reconciled_on(self, state: dict[str, Any]) -> date | None:
        value = state.get("reconciled_on")
        return date.fromisoformat(value) if value else None


class DocumentStream(DatedStream):
    """A route with `start_date` and `end_date`, whose documents have a day.

    Both are always sent, with padding: what Oura does without them is not documented,
    and how it compares them depends on the route.
    """

    replication_key: str = "day"
    window_length = timedelta(days=90)

    @override
    def window_params(self, window: Window) -> dict[str, str]:
        newest = self._tap.tomorrow + timedelta(days=1)
        end = min(window.end + PADDING, max(newest, window.end))
        return {
            "start_date": (window.start - PADDING).isoformat(),
            "end_date": end.isoformat(),
        }


class TimeSeriesStream(DatedStream):
    """A route with `start_datetime` and `end_datetime`, whose samples have an instant.

    Oura limits these to 30 days a request and ignores `start_date` on them. Windows
    are whole days in UTC, so a day is emitted when all of it was asked for.

    Attributes:
        key_defaults: What stands in a key where Oura sent nothing usable.
        is_by_day: Whether a record holds all samples of a day.
    """

    primary_keys: Sequence[str] = ("user_id", "timestamp")
    replication_key: str = "timestamp"
    window_length = timedelta(days=30)
    key_defaults: ClassVar[dict[str, str]] = {}

    def __init__(self, tap: TapOura) -> None:
        """Create the stream in the grain that the settings ask for."""
        self.is_by_day = tap.config.get("sample_grain") == "day"
        if self.is_by_day:
            self.primary_keys = ("user_id", "day")
            self.replication_key = "day"
        super().__init__(tap)

    @cached_property
    def sample_schema(self) -> dict[str, Any]:
        """The schema of one sample."""
        return SchemaDirectory(schemas).get_schema(self.name)

    @cached_property
    @override
    def schema(self) -> dict[str, Any]:
        return (
            schema_by_day(self.sample_schema) if self.is_by_day else self.sample_schema
        )

    @cached_property
    @override
    def parser(self) -> DocumentParser:
        return DocumentParser(
            self.sample_schema, type(self).primary_keys, self.key_defaults
        )

    @cached_property
    def _day_parser(self) -> DayParser:
        return DayParser(self.parser, self.sample_schema)

    @override
    def window_params(self, window: Window) -> dict[str, str]:
        end = window.end + timedelta(days=1)
        return {
            "start_datetime": f"{window.start}T00:00:00+00:00",
            "end_datetime": f"{end}T00:00:00+00:00",
        }

    @override
    def _records(
        self, read: WindowRead, account: Account, window: Window
    ) -> list[Record]:
        if not self.is_by_day:
            return super()._records(read, account, window)
        asked = replace(
            window, is_newest=False
        )  # of a later day, not all was asked for
        days = self._day_parser.records(read.documents, account.user_id)
        records = [record for record in days if record["day"] in asked]
        read.documents.clear()
        return records

    @override
    def _belongs(self, record: Record, window: Window) -> bool:
        # Cut as it was asked for, or a sample could fall between two windows.
        return in_utc(record["timestamp"]) in window
