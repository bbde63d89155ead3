"""How every route is read: windows, pages, records, bookmarks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, cast

from singer_sdk import Stream
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.schema.source import SchemaDirectory
from singer_sdk.singerlib import RecordMessage
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE
from typing_extensions import override

from tap_oura import schemas
from tap_oura.api import Page, Request, as_document, as_page
from tap_oura.documents import DocumentParser, displace, in_utc
from tap_oura.errors import OuraError
from tap_oura.ledger import ledger_entry, refused
from tap_oura.prefetch import Job, WindowRead
from tap_oura.run import Phase
from tap_oura.samples import DayParser, schema_by_day, with_offset
from tap_oura.state import first_days, keep_pending
from tap_oura.windows import FIRST_DAY, ONE_DAY, PADDING, REACH, Window, split

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    import msgspec
    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context, Record

    from tap_oura.output import Writer
    from tap_oura.run import Run
    from tap_oura.users import User

#: A user who wears a ring has a document of this stream each day.
EVERY_DAY = "daily_activity"

#: The newest sample alone, whenever it was: the two routes of samples know `latest`.
LATEST = Window(date.min, date.max, is_newest=True)


class OuraStream(Stream):
    """A route without dates: it is read as a whole, in one window.

    What is asked and how documents are parsed goes by the class's own keys, whatever a
    catalogue says of the stream's.

    Attributes:
        path: The address below `usercollection/`, where it is not the stream's name.
        scope: What the user has to grant.
        is_single_document: The route answers with one bare document, not a list.
        key_defaults: What stands in a key where Oura sent nothing usable.
        phase: When in a run it is read.
    """

    name: str = ""
    path: ClassVar[str] = ""
    scope: ClassVar[str]
    primary_keys: Sequence[str] = ("user_id", "id")
    replication_key: str | None = None
    is_single_document: ClassVar[bool] = False
    key_defaults: ClassVar[Mapping[str, str]] = {}
    phase: ClassVar[Phase] = Phase.DOCUMENTS

    # The parser has made every record fit its schema already.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(self, tap: Tap, run: Run) -> None:
        super().__init__(tap)
        self._writer = cast("Writer", tap.message_writer)  # as `TapOura` names it
        self._run = run
        self._failed: dict[str, OuraError] = {}

    @classmethod
    def address(cls) -> str:
        """Where the route is, below `usercollection/`."""
        return cls.path or cls.name

    @property
    def day_field(self) -> str | None:
        """What says which day a record is of."""
        return type(self).replication_key

    @cached_property
    def document_schema(self) -> dict[str, Any]:
        """The schema of what Oura sends."""
        return SchemaDirectory(schemas).get_schema(self.name)

    @cached_property
    @override
    def schema(self) -> dict[str, Any]:  # asked for several times a record
        return self.document_schema

    @cached_property
    def parser(self) -> DocumentParser:
        """Makes records of documents, and counts what it finds odd."""
        sent = [name.removesuffix("_utc") for name in type(self).primary_keys]
        return DocumentParser(self.document_schema, sent, self.key_defaults)

    @property
    @override
    def partitions(self) -> list[dict[str, Any]]:
        is_test = self.ABORT_AT_RECORD_COUNT is not None
        return [{"user_id": u} for u in islice(self._run.users, 1 if is_test else None)]

    # What to ask for

    def windows(self, user: User) -> Iterator[Window]:  # noqa: ARG002
        """The windows to read of a user, oldest first."""
        yield self.trial

    @property
    def trial(self) -> Window:
        """A window that one request may be enough for."""
        return Window(FIRST_DAY, self._run.today, is_newest=True)

    def window_params(self, window: Window) -> dict[str, str]:  # noqa: ARG002
        """The query that asks for a window."""
        return {}

    # Reading

    def read(self, user: User, window: Window, pages: int | None = None) -> WindowRead:
        """Read all pages of a window, or some. Runs in a thread; changes no state."""
        result = WindowRead()
        try:
            if failure := user.failure or self._failed.get(user.user_id):
                raise failure
            for answer in islice(self._pages(user, window), pages):
                result.documents.extend(answer.data)
                result.requests += 1
        except OuraError as error:
            result.failure = self._failed[user.user_id] = error
            if error.ends_user:
                user.failure = error
        return result

    def _pages(self, user: User, window: Window) -> Iterator[Page]:
        api, path = self._run.api, self.address()
        if self.is_single_document:
            yield Page([api.get(Request(path), user, as_document)])
            return
        params, tokens = self.window_params(window), set[str]()
        while True:
            request = Request(path, params, str(window), len(tokens) + 1)
            answer = api.get(request, user, as_page)
            yield answer
            token = answer.next_token
            if not token:
                return
            if token in tokens:
                raise OuraError(
                    f"Oura repeats a page of {self.name} {window} for ever. "
                    "Run again later; what was read is kept."
                )
            tokens.add(token)
            params = {**params, "next_token": token}

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        user = self._run.users[(context or {})["user_id"]]
        if self.ABORT_AT_RECORD_COUNT is not None:
            yield from self._try_out(user, self.ABORT_AT_RECORD_COUNT)
            return
        prefetcher = self._run.prefetchers[self.phase]
        with self._run.stop.waiting():
            windows = list(self.windows(user))
        for place, window in enumerate(windows):
            read = prefetcher.take(Job(self, user, window))
            if read.failure is not None:
                # Nothing after it is asked for: the refusal stands for all of it.
                entries = refused(self.name, user, windows[place:], read)
                self._run.ledger.add(user, entries, read.failure)
                prefetcher.drop(self, user)
                return
            records = self._records(read, user, window)
            read.documents.clear()
            span = self._span(records)
            yield from records
            self._advance(context, span, window)
            entry = ledger_entry(self.name, user, window, read, len(records))
            self._run.ledger.add(user, [entry])
            # A run that is killed writes no `sync_windows`, and its bookmarks spare the
            # next run from asking again: the state keeps them until they are written.
            keep_pending(self.get_context_state(context), entry)
            is_written = self._writer.write_state_when_due(self.tap_state)
            self.state_manager.is_flushed = is_written  # or the SDK does, at the end

    def _try_out(self, user: User, count: int) -> list[Record]:
        """Up to `count` records, by one request: what `--test` asks for."""
        window = self.trial
        read = self.read(user, window, pages=1)
        records = self._records(read, user, window)
        is_whole = self.is_single_document and not read.failure
        entry = ledger_entry(self.name, user, window, read, len(records))
        self._run.ledger.add(user, [entry] if is_whole else [], read.failure)
        return records[:count]

    # Records

    def _records(self, read: WindowRead, user: User, window: Window) -> list[Record]:
        """The records of a window, each key once: the last one that Oura sent.

        So it is from answer to answer, too. A document with another id that gives up
        its place is kept with the one that takes it.
        """
        records: dict[tuple[Any, ...], Record] = {}
        keeps_others = "displaced" in self.schema["properties"]
        for document in read.documents:
            record = self._parse(document, user.user_id)
            if record is None or not self._belongs(record, window):
                continue
            key = tuple(record[name] for name in type(self).primary_keys)
            if keeps_others and key in records:
                displace(records[key], record)
            records[key] = record
        return list(records.values())

    def _parse(self, document: msgspec.Raw, user_id: str) -> Record | None:
        """The record of a document, or `None` if it has no usable key."""
        record = self.parser.parse(document, user_id)
        if record is not None and "timestamp_utc" in type(self).primary_keys:
            record["timestamp_utc"] = in_utc(record["timestamp"])
        return record

    def _belongs(self, record: Record, window: Window) -> bool:
        """Whether a record is of the window, and not of the padding around it."""
        day = record.get(self.day_field or "")
        return day is None or day in window

    def _span(self, records: list[Record]) -> tuple[str, str] | None:
        """Where the records begin and end, taken before the SDK drops fields."""
        name = self.day_field or ""
        days = [day for record in records if (day := record.get(name))]
        return (min(days), max(days)) if days else None

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

    def report_oddities(self) -> None:
        """Say once what documents had that the schema does not know or allow."""
        parser, say = self.parser, self.logger.warning
        oddities = {
            "Unknown field": parser.unknown,
            "Unexpected type of": parser.misfits,
        }
        kept = "%s `%s` in %d documents, kept in `unknown_fields`."
        for oddity, fields in oddities.items():
            for name, count in fields.items():
                say(kept, oddity, name, count)
        if parser.skipped:
            keys = ", ".join(type(self).primary_keys)
            say("Skipped %d documents without a usable key (%s).", parser.skipped, keys)

    # State. The SDK would move bookmarks by record, and look through the states of all
    # users for that of one.

    def _advance(
        self, context: Context | None, span: tuple[str, str] | None, window: Window
    ) -> None:
        """Move the user's bookmark after all of a window was written."""

    @cached_property
    def _states(self) -> dict[str, dict[str, Any]]:
        """What the state has of each user."""
        partitions = self.stream_state.get("partitions", [])
        return {state["context"]["user_id"]: state for state in partitions}

    @override
    def get_context_state(self, context: Context | None) -> dict[str, Any]:
        if context is None:
            return self.stream_state
        user_id = context["user_id"]
        if user_id not in self._states:
            self._states[user_id] = {"context": dict(context)}
            partitions = self.stream_state.setdefault("partitions", [])
            partitions.append(self._states[user_id])
        return self._states[user_id]

    @override
    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Nothing: windows know where they begin."""

    @override
    def finalize_state_progress_markers(
        self, state: dict[str, Any] | None = None
    ) -> None:
        """Nothing: no state has such markers."""

    @override
    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        """Nothing: a bookmark moves after its window."""

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """None: bookmarks are bounded where they move."""


class DatedStream(OuraStream):
    """A route that is read day by day, in windows.

    Its state has two ends: every day from `asked_from` to the bookmark was asked for.

    Attributes:
        window_length: The most days that one window asks for.
    """

    window_length: ClassVar[timedelta]

    @override
    def windows(self, user: User) -> Iterator[Window]:
        """What is new, oldest first; then what was never asked, newest first.

        In this order there is no hole between the two ends, wherever a run is
        interrupted.
        """
        period, today = self._run.period, self._run.today
        state = self.get_context_state({"user_id": user.user_id})
        bookmark, asked_from = self._bookmark(state), self._asked_from(state)
        start, end = period.days(
            bookmark, today, reconcile=self._needs_reconcile(state)
        )
        first = period.start or FIRST_DAY
        if first == asked_from or period.is_explicit:
            yield from split(start, end, self.window_length, today)
            return
        first = max(first, self.reach(user, asked_from))
        if asked_from is None:
            yield from split(first, end, self.window_length, today)
            return
        yield from split(start, end, self.window_length, today)
        last, length = min(asked_from - ONE_DAY, end), max(self.window_length, REACH)
        yield from reversed([*split(first, last, length, today)])

    @property
    @override
    def trial(self) -> Window:
        start, end = self._run.period.days(None, self._run.today)
        start = max(start, end - self.window_length)
        return Window(start, end, is_newest=end > self._run.today)

    def reach(self, user: User, asked_from: date | None) -> date:  # noqa: ARG002
        """The first day that this run asks for, of those that were never asked for.

        Args:
            user: Whose.
            asked_from: The first day that was asked for before.
        """
        return FIRST_DAY

    @override
    def _advance(
        self, context: Context | None, span: tuple[str, str] | None, window: Window
    ) -> None:
        """Move the ends of what was asked for, never towards each other.

        The bookmark moves to the newest record and not to the window's end: nights
        reach Oura only when the user opens the app, and one who does not for three
        weeks would lose two of them. Only what is older than a reconcile would look
        for is closed for good.
        """
        if self.replication_method == REPLICATION_FULL_TABLE:
            return
        state, run = self.get_context_state(context), self._run
        known, asked_from = self._bookmark(state), self._asked_from(state)
        leaves_hole = known is not None and window.start > known + ONE_DAY
        if leaves_hole and run.period.is_explicit:
            return
        if asked_from is None or (leaves_hole and window.start == run.period.start):
            asked_from = window.start
        elif window.end >= asked_from - ONE_DAY:
            asked_from = min(asked_from, window.start)
        state["asked_from"] = asked_from.isoformat()
        closed = min(window.end, run.today - run.period.reconcile).isoformat()
        newest = min(span[1], run.tomorrow.isoformat()) if span else closed
        candidate = max(newest, closed)
        if known is None or candidate[:10] >= known.isoformat():
            state["replication_key_value"] = max(candidate, self._value(state))
            state["replication_key"] = self.day_field
        if window.is_newest and self._needs_reconcile(state):
            state["reconciled_on"] = run.today.isoformat()

    def _bookmark(self, state: dict[str, Any]) -> date | None:
        value = self._value(state)
        if not value or self.replication_method == REPLICATION_FULL_TABLE:
            return None
        return date.fromisoformat(value[:10])

    def _value(self, state: dict[str, Any]) -> str:
        """What the state has of the replication key, or of that of the other grain.

        Both grains count days in UTC, so the day of an instant can stand for it.
        """
        value: str = state.get("replication_key_value") or ""
        is_known = state.get("replication_key") == self.day_field
        return value if is_known else value[:10]

    def _asked_from(self, state: dict[str, Any]) -> date | None:
        bookmark = self._bookmark(state)
        if bookmark is None or "asked_from" in state:
            return bookmark and date.fromisoformat(state["asked_from"])
        # before 0.1.0: it was not noted. A run without a range has asked for all.
        return FIRST_DAY if "reconciled_on" in state else bookmark

    def _needs_reconcile(self, state: dict[str, Any]) -> bool:
        value = state.get("reconciled_on")
        reconciled_on = date.fromisoformat(value) if value else None
        return self._run.period.needs_reconcile(reconciled_on, self._run.today)


class DocumentStream(DatedStream):
    """A route with `start_date` and `end_date`, whose documents have a day.

    Both are always sent, with padding: what Oura does without them is not documented,
    and how it compares them depends on the route. How long a range may be is not
    limited (2020 to 2026 came in one answer; Tidepool asks from 2000 on).
    """

    replication_key = "day"
    window_length = timedelta(days=36_500)

    @override
    def window_params(self, window: Window) -> dict[str, str]:
        newest = self._run.tomorrow + ONE_DAY
        end = min(window.end + PADDING, max(newest, window.end))
        return {"start_date": str(window.start - PADDING), "end_date": str(end)}

    @override
    def _advance(
        self, context: Context | None, span: tuple[str, str] | None, window: Window
    ) -> None:
        super()._advance(context, span, window)
        if span:
            state = self.get_context_state(context)
            state["first_day"] = min(span[0], state.get("first_day", span[0]))


class TimeSeriesStream(DatedStream):
    """A route with `start_datetime` and `end_datetime`, whose samples have an instant.

    Oura limits these to 30 days a request and ignores `start_date` on them. Windows
    are whole days in UTC, so a day is emitted when all of it was asked for.

    To ask for every month since the first rings would take 145 requests, for nothing
    but the years before the user's own. So a first run begins a month before the
    first document of any other route. Nothing is lost by that: each later run asks for
    one month more, until all have been asked for, and at once for what lies after a
    document that is older than the first ones were.

    Attributes:
        is_by_day: Whether a record holds all samples of a day.
    """

    primary_keys: Sequence[str] = ("user_id", "timestamp")
    replication_key = "timestamp"
    window_length = REACH
    phase = Phase.SAMPLES
    trial = LATEST

    def __init__(self, tap: Tap, run: Run) -> None:
        self.is_by_day = tap.config.get("sample_grain") == "day"
        super().__init__(tap, run)
        if self.is_by_day:
            self.primary_keys = ("user_id", "day")
            self.replication_key = "day"
        self._latest: dict[str, WindowRead] = {}

    @property
    @override
    def day_field(self) -> str | None:
        return "day" if self.is_by_day else super().day_field

    @cached_property
    @override
    def schema(self) -> dict[str, Any]:
        sample = self.document_schema
        return schema_by_day(sample) if self.is_by_day else sample

    @cached_property
    def _day_parser(self) -> DayParser:
        return DayParser(self.parser, self.document_schema)

    @override
    def reach(self, user: User, asked_from: date | None) -> date:
        first = self._first_days.get(user.user_id)
        if first is None:
            if not self._has_nothing(user):
                return FIRST_DAY
            first = self._run.today
        return min(first, asked_from or first) - REACH

    @cached_property
    def _first_days(self) -> dict[str, date]:
        """The first day of any document, by user, as documents have been read."""
        return first_days(self.tap_state, EVERY_DAY)

    def _has_nothing(self, user: User) -> bool:
        """Whether Oura has no sample of a user at all, asked once a run."""
        if user.user_id not in self._latest:
            self._latest[user.user_id] = self.read(user, LATEST)
        read = self._latest[user.user_id]
        return not (read.documents or read.failure)

    @override
    def window_params(self, window: Window) -> dict[str, str]:
        if window is LATEST:
            return {"latest": "true"}
        return {
            "start_datetime": f"{window.start}T00:00:00+00:00",
            "end_datetime": f"{window.end + ONE_DAY}T00:00:00+00:00",
        }

    @override
    def _records(self, read: WindowRead, user: User, window: Window) -> list[Record]:
        if not self.is_by_day:
            return super()._records(read, user, window)
        asked = replace(window, is_newest=False)  # not all of a later day was
        days = self._day_parser.records(read.documents, user.user_id)
        return [record for record in days if record["day"] in asked]

    @override
    def _parse(self, document: msgspec.Raw, user_id: str) -> Record | None:
        # One instant is one key, and of one window, however it is written.
        record = super()._parse(document, user_id)
        if record is not None:
            record["timestamp"] = in_utc(with_offset(record["timestamp"]))
        return record
