"""From what Oura sent to records that fit the schema, without losing anything."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

import fastjsonschema
import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Record = dict[str, Any]

#: Fields of a record that are not Oura's, even if it should send such names.
OUR_FIELDS = {"user_id", "unknown_fields"}


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
        """Compile the schema.

        Args:
            schema: The stream's JSON schema.
            keys: Its primary key.
            key_defaults: What stands in a key where Oura sent nothing usable. Other
                documents without one are skipped.
        """
        formats = {"date-time": _is_instant}
        self._validate = fastjsonschema.compile(schema, formats=formats)
        self._known = schema["properties"].keys() - OUR_FIELDS
        self._keys = keys
        self.key_defaults = key_defaults or {}
        self.unknown: Counter[str] = Counter()
        self.misfits: Counter[str] = Counter()
        self.skipped = 0

    def parse(self, document: msgspec.Raw, user_id: str) -> Record | None:
        """The record of a document, or `None` if it has no usable key."""
        record = _decoded(document)
        if record is None:
            self.skipped += 1
            return None
        set_aside: Record = {}
        if not record.keys() <= self._known:
            for name in record.keys() - self._known:
                set_aside[name] = record.pop(name)
            self.unknown.update(set_aside.keys())
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

    def key(self, record: Record) -> tuple[Any, ...]:
        """What tells one record of the stream from another."""
        return tuple(record[name] for name in self._keys)

    def _first_misfit(self, record: Record) -> str | None:
        """The top-level property that does not fit (or is missing), if there is one."""
        try:
            self._validate(record)
        except fastjsonschema.JsonSchemaValueException as error:
            return str(error.path[1]) if len(error.path) > 1 else ""
        return None


def _decoded(document: msgspec.Raw) -> Record | None:
    try:
        return msgspec.json.decode(document, type=Record)
    except msgspec.MsgspecError:  # such as a number beyond all bounds
        return None


def _is_instant(value: str) -> bool:
    """Whether a text names a day and a time, with or without an offset."""
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return value[10:11] in {"T", "t", " "}
