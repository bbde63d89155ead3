"""From what Oura sent to records that fit the schema, without losing anything."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import fastjsonschema
import msgspec

from tap_oura.json_parts import UNDECODABLE, as_text, is_suspicious, members, storable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

Record = dict[str, Any]

#: An instant, without an offset too: local times of a user have none.
INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?"
    r"(?P<offset>Z|[+-](0\d|1[0-5])(:?[0-5]\d)?)?",
    re.ASCII,
)

#: As nearly all instants in UTC are written: texts in this form sort by time.
USUAL_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d\+00:00", re.ASCII
)

#: What a column takes, either way from zero.
LARGEST = {"integer": 2**63 - 1, "number": 1e308}

#: Characters of a key. PostgreSQL's indexes take 2,700 bytes a row.
LONGEST_KEY = 500

#: Fields of a record that are not Oura's, even if it should send such names.
OUR_FIELDS = {"user_id", "timestamp_utc", "displaced", "unknown_fields"}


class DocumentParser:
    """Turns documents of one stream into records.

    Fields that the schema does not know, and values that do not fit it, move into
    the record's `unknown_fields`, so that a new field is stored on its first day and
    a broken one stops nothing.

    Attributes:
        key_defaults: What stands in a key where Oura sent nothing usable.
        unknown: How often each unknown field was seen.
        misfits: How often each field had a value that does not fit.
        skipped: How many documents had no usable key.
    """

    def __init__(
        self,
        schema: dict[str, Any],
        keys: Sequence[str],
        key_defaults: Mapping[str, str] | None = None,
    ) -> None:
        """Compile the schema; documents without one of `keys` are skipped."""
        formats = {"date-time": is_instant, "date": _is_day}
        bounded = _bounded(schema, {*keys, "id"}) | {"required": [*keys]}
        self._validate = fastjsonschema.compile(bounded, formats=formats)
        self._make_whole = _whole_numbers(schema) or (lambda record: record)
        self._known = schema["properties"].keys() - OUR_FIELDS
        self._keys = keys
        self.key_defaults = key_defaults or {}
        self.unknown: Counter[str] = Counter()
        self.misfits: Counter[str] = Counter()
        self.skipped = 0

    def parse(self, document: msgspec.Raw, user_id: str) -> Record | None:
        """The record of a document, or `None` if it has no usable key."""
        try:
            record, set_aside = _decoded(bytes(document))
        except UNDECODABLE:
            self.skipped += 1
            return None
        self.misfits.update(set_aside.keys() & self._known)
        if not record.keys() <= self._known:
            for name in record.keys() - self._known:
                set_aside[name] = record.pop(name)
        self.unknown.update(set_aside.keys() - self._known)
        self._make_whole(record)
        record["user_id"] = user_id
        for name, default in self.key_defaults.items():
            if record.get(name) is None:
                record[name] = default
        while (misfit := self._first_misfit(record)) is not None:
            has_default = misfit in self.key_defaults
            if misfit not in record or (misfit in self._keys and not has_default):
                self.skipped += 1
                return None
            set_aside[misfit] = record.pop(misfit)
            self.misfits[misfit] += 1
            if has_default:
                record[misfit] = self.key_defaults[misfit]
        if set_aside:
            record["unknown_fields"] = set_aside
        return record

    def _first_misfit(self, record: Record) -> str | None:
        """The top-level property that does not fit (or is missing), if there is one."""
        try:
            self._validate(record)
        except fastjsonschema.JsonSchemaValueException as error:
            return str(error.path[1]) if len(error.path) > 1 else ""
        return None


def displace(other: Record, record: Record) -> None:
    """Keep a document beside the one that Oura sent after it for the same key.

    Args:
        other: The record that gives up its place.
        record: The one that takes it.
    """
    documents = other.pop("displaced", {})
    name = other.get("id")
    if name is None or name != record.get("id"):
        content = {k: v for k, v in other.items() if k not in OUR_FIELDS}
        content |= other.get("unknown_fields", {})
        documents[name or f"without id {len(documents) + 1}"] = content
    documents.pop(record.get("id"), None)
    if documents:
        record["displaced"] = documents


def _decoded(document: bytes) -> tuple[Record, Record]:
    """The fields of a document, and those that cannot be stored, as texts.

    Raises:
        msgspec.DecodeError: It is not an object.
    """
    if not is_suspicious(document):
        with suppress(*UNDECODABLE):
            return msgspec.json.decode(document, type=Record), {}
    record, texts = {}, {}
    for encoded_name, part in members(document):
        try:
            name = str(storable(encoded_name))
            record[name] = storable(part)
        except UNDECODABLE:
            texts[_name(encoded_name)] = as_text(part)
    return record, texts


def _name(encoded: bytes) -> str:
    try:
        return str(storable(encoded))
    except UNDECODABLE:
        return as_text(encoded).strip('"')


def _bounded(schema: dict[str, Any], short: Collection[str] = ()) -> dict[str, Any]:
    """A schema that keeps out what is too large for a column or an index.

    Args:
        schema: A schema, or a part of one.
        short: The properties that have to fit into an index.
    """
    bounded = dict(schema)
    if "properties" in schema:
        bounded["properties"] = {
            name: _bounded(part) | ({"maxLength": LONGEST_KEY} if name in short else {})
            for name, part in schema["properties"].items()
        }
    if "items" in schema:
        bounded["items"] = _bounded(schema["items"])
    for kind, largest in LARGEST.items():
        if kind in schema.get("type", ()):
            bounded |= {"minimum": -largest, "maximum": largest}
    return bounded


def _whole_numbers(schema: dict[str, Any]) -> Callable[[Any], Any] | None:
    """What makes 62 of 62.0 wherever the schema says integer."""
    if not schema:
        return None
    parts = {
        name: convert
        for name, part in schema.get("properties", {}).items()
        if (convert := _whole_numbers(part))
    }
    items = _whole_numbers(schema.get("items", {}))
    if "integer" in schema.get("type", ()):
        return lambda value: (
            int(value)
            if isinstance(value, float)
            and value.is_integer()
            and abs(value) < LARGEST["integer"]
            else value
        )
    if not (parts or items):
        return None

    def convert_all(value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, dict):
            for name in parts.keys() & value.keys():
                value[name] = parts[name](value[name])
        elif isinstance(value, list) and items:
            value[:] = map(items, value)
        return value

    return convert_all


def is_instant(value: str) -> bool:
    """Whether every database takes a text as a day and a time, and Python too."""
    if not INSTANT.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        return False
    return True


def in_utc(value: str) -> str:
    """An instant as it is written in UTC; as sent where it is none.

    A local time without an offset stays as it is, too.
    """
    if USUAL_INSTANT.fullmatch(value) or not is_instant(value):
        return value
    instant = datetime.fromisoformat(value)
    return instant.astimezone(UTC).isoformat() if instant.tzinfo else value


def _is_day(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False
