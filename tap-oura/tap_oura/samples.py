"""Samples by the day: one record per user and UTC day, its samples as columns."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from itertools import islice
from operator import attrgetter, lt
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from tap_oura.documents import INSTANT, LARGEST, OUR_FIELDS, USUAL_INSTANT, in_utc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tap_oura.documents import DocumentParser

Record = dict[str, Any]

_LARGEST = int(LARGEST["integer"])
_PYTHON_TYPES: dict[str, Any] = {
    "string": str,
    "integer": Annotated[int, msgspec.Meta(ge=-_LARGEST, le=_LARGEST)],
    "number": int | float,
    "boolean": bool,
}


def schema_by_day(sample: dict[str, Any]) -> dict[str, Any]:
    """The schema of a day of samples.

    Args:
        sample: The schema of one. Each of its fields becomes a column.
    """
    properties = sample["properties"]
    columns = {
        name: {
            "type": ["array", "null"],
            "items": {k: v for k, v in field.items() if k != "description"}
            | {"type": [*_kinds(field["type"]), "null"]},
            "description": field["description"],
        }
        for name, field in properties.items()
        if name not in OUR_FIELDS
    }
    return {
        "type": "object",
        "properties": {
            "user_id": properties["user_id"],
            "day": {
                "type": "string",
                "format": "date",
                "description": "The day in UTC.",
            },
            # One object of arrays. An array of objects would be the more usual
            # shape, but costs targets ten times as much.
            "samples": {
                "type": ["object", "null"],
                "description": "All samples of the day by their instant, as sent: "
                "a list for each field, all of the same length.",
                "properties": columns,
            },
            "unknown_fields": {
                "type": ["object", "null"],
                "description": "What Oura sent that `samples` has no place for, as "
                "sent: likewise a list for each field.",
            },
        },
        "required": ["user_id", "day"],
    }


class DayParser:
    """Turns samples, of the schema that is given, into records of whole days.

    Nearly all samples fit their schema, and are decoded by the window at once. Where
    one does not, `parser` takes the window's one by one, and nothing is lost.
    """

    def __init__(self, parser: DocumentParser, schema: dict[str, Any]) -> None:
        self._parser = parser
        fields = {
            name: field
            for name, field in schema["properties"].items()
            if name not in OUR_FIELDS
        }
        self._fields = tuple(fields)
        self._sample_type = msgspec.defstruct(
            "Sample",
            [
                ("timestamp", str),
                *(
                    (name, _python_type(field["type"]), parser.key_defaults.get(name))
                    for name, field in fields.items()
                    if name != "timestamp"
                ),
            ],
            forbid_unknown_fields=True,
            gc=False,  # of thousands of these, looking for circles takes half the time
        )
        self._odd_type = msgspec.defstruct(
            "OddSample",
            [("unknown_fields", Record, msgspec.field(default_factory=dict))],
            bases=(self._sample_type,),
            gc=True,
        )
        self._has_source = "source" in fields
        self._decoder = msgspec.json.Decoder(list[self._sample_type])  # type: ignore[name-defined]

    def records(
        self, documents: Sequence[msgspec.Raw], user_id: str
    ) -> Iterator[Record]:
        """The records of the days that samples lie in, in order."""
        samples = self._all_at_once(documents)
        if samples is not None:
            keys = [s.timestamp for s in samples]
        else:
            samples = self._one_by_one(documents, user_id)
            keys = [in_utc(s.timestamp) for s in samples]
        if not all(map(lt, keys, islice(keys, 1, None))):  # not as Oura sends them
            if self._has_source:
                keys = [at + s.source for at, s in zip(keys, samples, strict=True)]
            # Pages may repeat a sample; the one sent last counts.
            distinct = dict(zip(keys, samples, strict=True))
            keys = sorted(distinct)
            samples = [distinct[key] for key in keys]
        days = [key[:10] for key in keys]
        start = 0
        while start < len(days):
            end = bisect_right(days, days[start], start)
            yield self._record(user_id, days[start], samples[start:end])
            start = end

    def _all_at_once(self, documents: Sequence[msgspec.Raw]) -> list[Any] | None:
        """The samples, or `None` where something is unusual."""
        text = b"[" + b",".join(documents) + b"]"
        if b"\\" in text:
            return None
        try:
            samples = self._decoder.decode(text)
            instants = [s.timestamp for s in samples]
            for day in {at[:10] for at in instants}:
                date.fromisoformat(day)
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
            return None
        return samples if all(map(USUAL_INSTANT.fullmatch, instants)) else None

    def _one_by_one(self, documents: Iterable[msgspec.Raw], user_id: str) -> list[Any]:
        samples = []
        for document in documents:
            record = self._parser.parse(document, user_id)
            if record is None:
                continue
            record["timestamp"] = with_offset(record["timestamp"])
            del record["user_id"]
            samples.append(self._odd_type(**record))
        return samples

    def _record(self, user_id: str, day: str, samples: list[Any]) -> Record:
        columns = {n: list(map(attrgetter(n), samples)) for n in self._fields}
        record = {
            "user_id": user_id,
            "day": day,
            "samples": {
                name: column
                for name, column in columns.items()
                if any(value is not None for value in column)
            },
        }
        if isinstance(samples[0], self._odd_type):  # then all of them were looked at
            unknown = [sample.unknown_fields for sample in samples]
            names = sorted({name for fields in unknown for name in fields})
            if names:
                record["unknown_fields"] = {
                    name: [fields.get(name) for fields in unknown] for name in names
                }
        return record


def with_offset(timestamp: str) -> str:
    """The instant of a sample as sent: without an offset it is UTC."""
    instant = INSTANT.fullmatch(timestamp)
    return timestamp if instant and instant["offset"] else f"{timestamp}+00:00"


def _kinds(types: str | list[str]) -> list[str]:
    """The types of a schema, which names one alone or several in a list."""
    kinds = [types] if isinstance(types, str) else types
    return [kind for kind in kinds if kind != "null"]


def _python_type(types: str | list[str]) -> Any:  # noqa: ANN401
    (kind,) = _kinds(types)
    python_type = _PYTHON_TYPES[kind]
    return python_type | None if "null" in types else python_type
