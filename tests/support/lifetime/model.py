"""What has to be in the database, from Oura's side and the documented rules alone.

Days are told from runs: all that a run does happens between its beginning and that of
the next one, so each moment that is stored is known by the number of its run.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from lifetime.oura import IMPOSSIBLE, Document

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Where the documents of each route go.
TABLES = {
    "daily_activity_series": "daily_activity",
    "daily_activity_summaries": "daily_activity",
    "daily_cardiovascular_age_summaries": "daily_cardiovascular_age",
    "daily_readiness_summaries": "daily_readiness",
    "daily_resilience_summaries": "daily_resilience",
    "daily_sleep_summaries": "daily_sleep",
    "daily_spo2_summaries": "daily_spo2",
    "daily_stress_summaries": "daily_stress",
    "personal_info": "personal_info",
    "rest_mode_periods": "rest_mode_period",
    "ring_configurations": "ring_configuration",
    "sessions": "session",
    "sleep_periods": "sleep",
    "sleep_time_summaries": "sleep_time",
    "vo2_max": "vo2_max",
    "workouts": "workout",
    "enhanced_tag": "enhanced_tag",  # both kinds of tags are in one table
    "tag": "tag",
}
STREAMS = tuple(dict.fromkeys(TABLES.values()))
SAMPLES = ("heartrate", "ring_battery_level")
UNDATED = ("personal_info", "ring_configuration")

#: Long lists, of which revisions are not kept.
LISTS = {
    "daily_activity": ("class_5_min", "met"),
    "session": ("heart_rate", "heart_rate_variability", "motion_count"),
    "sleep": (
        "app_sleep_phase_5_min",
        "heart_rate",
        "hrv",
        "movement_30_sec",
        "sleep_phase_30_sec",
        "sleep_phase_5_min",
    ),
}

#: Columns that have another name than their field.
NAMES = {
    "daily_activity_series": {"starts_at": "timestamp"},
    "enhanced_tag": {"day": "start_day"},
    "personal_info": {"oura_id": "id"},
    "tag": {"start_time": "timestamp", "comment": "text"},
}


@dataclass(frozen=True)
class Window:
    """Days that were asked for in a run, and how that ended."""

    run: int
    synced_at: datetime
    stream: str
    first: date
    last: date
    outcome: str
    detail: str | None


@dataclass
class Revision:
    """A version of a document, and the runs in which it was read."""

    document_id: str
    number: int
    document: Document
    first_seen: int
    last_read: int
    last_seen: int | None = None
    deleted: int | None = None


@dataclass
class User:
    """What is known of one user.

    Attributes:
        zone: The time zone that is set.
        revisions: By stream, all that have been seen.
        rows: By table and document, the last version that was possible.
        displaced: By stream, documents whose place another one has.
        samples: By stream and day in UTC, how many, and the lowest and highest.
        windows: What was asked.
        asked: By stream and day, status and reason if it has nothing.
    """

    zone: str = "UTC"
    first_day: date = date.max
    revisions: dict[str, list[Revision]] = field(
        default_factory=lambda: defaultdict(list)
    )
    rows: dict[str, dict[str, Document]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    displaced: dict[str, list[Document]] = field(
        default_factory=lambda: defaultdict(list)
    )
    samples: dict[tuple[str, date], tuple[int, int, int]] = field(default_factory=dict)
    windows: list[Window] = field(default_factory=list)
    asked: dict[tuple[str, date], tuple[str, str | None]] = field(default_factory=dict)

    # Documents

    def read(self, window: Window, answer: list[Document]) -> None:
        """Take what a complete reading of some days has brought."""
        stream = window.stream
        placed: dict[Any, Document] = {}
        displaced = [d for d in self.displaced[stream] if not _is_within(window, d)]
        for document in answer:
            if _is_within(window, document):
                place = _place(stream, document)
                displaced += [placed[place]] if place in placed else []
                placed[place] = document
        self.displaced[stream] = displaced
        found = {document["id"]: document for document in placed.values()}
        for revision in self.open(stream):
            if revision.document_id not in found:
                if _is_within(window, revision.document):
                    revision.last_seen = revision.last_read
                    revision.deleted = window.run
                continue
            document = found.pop(revision.document_id)
            if said(stream, document) == said(stream, revision.document):
                revision.last_read = window.run
                revision.document = document
            else:
                revision.last_seen = revision.last_read
                self._begin(window, document)
        for document in found.values():
            self._begin(window, document)
        self._fill(stream, list(placed.values()))

    def open(self, stream: str) -> list[Revision]:
        """What is current."""
        return [r for r in self.revisions[stream] if r.last_seen is None]

    def _begin(self, window: Window, document: Document) -> None:
        known = self.revisions[window.stream]
        number = 1 + sum(r.document_id == document["id"] for r in known)
        known.append(Revision(document["id"], number, document, window.run, window.run))

    def _fill(self, stream: str, placed: list[Document]) -> None:
        """Bring the tables of a route to what is current and possible."""
        current = {revision.document_id for revision in self.open(stream)}
        for table in (t for t, s in TABLES.items() if s == stream):
            rows = self.rows[table]
            for name in rows.keys() - current:
                del rows[name]
            for document in placed:
                place, earlier = _place(stream, document), rows.get(document["id"])
                if not is_possible(table, document):
                    if earlier and _place(stream, earlier) != place:
                        del rows[document["id"]]
                    continue
                for name in [n for n, d in rows.items() if _place(stream, d) == place]:
                    del rows[name]
                rows[document["id"]] = document

    def set_aside(self) -> set[tuple[str, str, bool]]:
        """Table, document, and whether an earlier version stays."""
        return {
            (table, revision.document_id, revision.document_id in self.rows[table])
            for table, stream in TABLES.items()
            for revision in self.open(stream)
            if not is_possible(table, revision.document)
        } | {
            (table, document["id"], False)
            for table, stream in TABLES.items()
            for document in self.displaced[stream]
        }

    # Samples

    def measure(self, window: Window, samples: list[Document]) -> None:
        """Take the samples of some days."""
        value = "bpm" if window.stream == "heartrate" else "level"
        days: dict[date, list[int]] = defaultdict(list)
        for sample in samples:
            days[date.fromisoformat(sample["timestamp"][:10])].append(sample[value])
        for day in _days(window.first, window.last):
            found = days.get(day)
            if found:
                measured = len(found), min(found), max(found)
                self.samples[window.stream, day] = measured
            else:
                self.samples.pop((window.stream, day), None)

    # What is known of days

    def ask(self, windows: list[Window]) -> None:
        """Note what a run has asked for, after what it has found."""
        if not windows:
            return
        self.windows += windows
        started = windows[0].synced_at.date()
        days = [
            day
            for stream in STREAMS
            for revision in self.open(stream)
            if (day := _day(revision.document))
        ]
        before, self.first_day = self.first_day, min([self.first_day, started, *days])
        counted = self.windows if self.first_day < before else windows
        for window in sorted(counted, key=lambda w: w.synced_at):
            today = self._today(window.synced_at)
            covered = _days(max(window.first, self.first_day), min(window.last, today))
            if window.stream in UNDATED:
                covered = [window.synced_at.date()]
            for day in covered:
                self.asked[window.stream, day] = self._status(window, day)

    def _today(self, moment: datetime) -> date:
        """The day that it is for the user."""
        return moment.astimezone(ZoneInfo(self.zone)).date()

    def _status(self, window: Window, day: date) -> tuple[str, str | None]:
        if window.outcome == "ok":
            return "empty", None
        if any(
            earlier.outcome == "ok"
            and earlier.stream == window.stream
            and earlier.first <= day <= min(earlier.last, self._last_over(earlier))
            for earlier in self.windows
        ):
            return "empty", None
        status = "failed" if window.outcome == "error" else "refused"
        return status, ": ".join(filter(None, [window.outcome, window.detail]))

    def _last_over(self, window: Window) -> date:
        """The last day that was over when a window was read: they end at 4 a.m."""
        local = window.synced_at.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)
        return (local - timedelta(hours=28)).date()

    def coverage(self, now: datetime) -> dict[tuple[str, date], tuple[str, str | None]]:
        """Status and reason of each day, by stream."""
        if not self.windows:
            return {}
        present = {
            (stream, day)
            for stream in STREAMS
            for revision in self.open(stream)
            for day in _lasts(stream, revision.document)
        } | self.samples.keys()
        known, today = {}, now.astimezone(UTC).date()
        for stream in (*STREAMS, *SAMPLES):
            has_any = stream in UNDATED and bool(self.open(stream))
            for day in _days(self.first_day, today):
                asked = self.asked.get((stream, day))
                if (stream, day) in present or (asked and has_any):
                    asked = "present", None
                if asked or stream not in UNDATED:
                    known[stream, day] = asked or ("not_asked", None)
        return known


def is_possible(table: str, document: Document) -> bool:
    """Whether a document keeps the contract of a table, of those that may break it."""
    for broken, change in IMPOSSIBLE.values():
        if broken == table:
            for name, value in change.items():
                if isinstance(value, dict):
                    found = document.get(name) or {}
                    return all(found.get(key) != v for key, v in value.items())
                return bool(document.get(name) != value)
    return True


def row(
    table: str, stream: str, document: Document, columns: Iterable[str]
) -> Document:
    """The values that a document gives the columns of its table."""
    return {column: _value(table, stream, document, column) for column in columns}


def rounded(value: Any, like: Any) -> Any:  # noqa: ANN401
    """A number as its column keeps it."""
    if isinstance(like, Decimal) and isinstance(value, int | float):
        exponent = Decimal(1).scaleb(int(like.as_tuple().exponent))
        return Decimal(str(value)).quantize(exponent, ROUND_HALF_UP)
    return value


def _value(table: str, stream: str, document: Document, column: str) -> Any:  # noqa: ANN401
    if column == "stream":
        return stream
    if column == "source_timestamp":
        stamped = {"daily_activity", "daily_readiness", "daily_sleep", "tag", "vo2_max"}
        return _instant(document["timestamp"]) if stream in stamped else None
    for ending, convert in (
        ("_utc_offset", _offset),
        ("_local", _local),
        ("", _instant_or_same),
    ):
        if column.endswith(ending):
            name = column.removesuffix(ending)
            name = NAMES.get(table, {}).get(name, name)
            if name in document:
                return convert(document[name])
    head, _, tail = column.partition("_")
    while tail:
        if isinstance(document.get(head), dict):
            return document[head].get(tail)
        word, _, tail = tail.partition("_")
        head += f"_{word}"
    return None


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _instant_or_same(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, str) and len(value) > 10 and value[4:5] == value[7:8] == "-":
        return _instant(value)
    if isinstance(value, str) and len(value) == 10 and value[4] == value[7] == "-":
        return date.fromisoformat(value)
    return value


def _local(text: str | None) -> datetime | None:
    return _instant(text).replace(tzinfo=None) if text else None


def _offset(text: str | None) -> int | None:
    offset = _instant(text).utcoffset() if text else None
    return None if offset is None else offset // timedelta(minutes=1)


def _day(document: Document) -> date | None:
    text = document.get("day") or document.get("start_day")
    return date.fromisoformat(text) if text else None


def _is_within(window: Window, document: Document) -> bool:
    day = _day(document)
    return day is None or window.first <= day <= window.last


def _place(stream: str, document: Document) -> Any:  # noqa: ANN401
    """What only one document can have: two of one day are one too many."""
    if stream.startswith("daily_") or stream == "sleep_time":
        return document["day"]
    if stream == "vo2_max":
        return _instant(document["timestamp"]).astimezone(UTC)
    return document["id"]


def said(stream: str, document: Document) -> Document:
    """A document as revisions keep it: without long lists and empty fields."""
    without = LISTS.get(stream, ())
    kept: Document = _stripped({k: v for k, v in document.items() if k not in without})
    return kept


def _stripped(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {k: _stripped(v) for k, v in value.items() if v is not None}
    return [_stripped(item) for item in value] if isinstance(value, list) else value


def _lasts(stream: str, document: Document) -> list[date]:
    """The days of which a document says something."""
    first = _day(document)
    if first is None:
        return []
    if stream == "rest_mode_period":
        end = document.get("end_day")
        last = date.fromisoformat(end) if end else first + timedelta(days=999)
        return [first, *_days(first, last)]
    if stream == "enhanced_tag" and document.get("end_day"):
        return [first, *_days(first, date.fromisoformat(document["end_day"]))]
    return [first]


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
