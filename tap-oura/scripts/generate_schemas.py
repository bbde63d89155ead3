"""Write the streams' JSON schemas from Oura's OpenAPI file.

    python scripts/generate_schemas.py openapi.json

The file itself is Oura's and is not part of this package: `spec-url` on
https://cloud.ouraring.com/v2/docs names the current one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_oura.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEMAS = Path(__file__).parent.parent / "tap_oura" / "schemas"

#: Oura's names for its kinds of strings (it declares no formats), and the format
#: that a target may rely on. A local date-time gets none: targets that store it
#: without a zone would lose the only record of where the user was.
FORMATS = {"ISODate": "date", "UtcDateTime": "date-time"}

USER_ID = {
    "type": "string",
    "format": "uuid",
    "description": "The user, as the settings name it.",
}
TIMESTAMP_UTC = {
    "type": "string",
    "description": "`timestamp` in UTC; as sent where it is no instant.",
}
DISPLACED = {
    "type": ["object", "null"],
    "description": "Other documents that Oura sent for the same key in the same "
    "answer, by their id, as sent. The one sent last has the place.",
}
UNKNOWN_FIELDS = {
    "type": ["object", "null"],
    "description": "What Oura sent that no other property has a place for, as sent.",
}

Schema = dict[str, Any]


def document_schema(spec: Schema, path: str) -> Schema:
    """Oura's schema of the documents that a route below `usercollection/` sends."""
    operation = spec["paths"][f"/v2/usercollection/{path}"]["get"]
    envelope = operation["responses"]["200"]["content"]["application/json"]["schema"]
    envelope = envelope.get("anyOf", [envelope])[0]
    body = follow(spec, envelope)
    data = body["properties"].get("data")
    return follow(spec, data["items"]) if data else body


def follow(spec: Schema, schema: Schema) -> Schema:
    """The schema itself where only a reference to it stands."""
    if "$ref" not in schema:
        return schema
    name = schema["$ref"].rpartition("/")[2]
    found = {**spec["components"]["schemas"][name], **schema}
    if name in FORMATS:
        found["format"] = FORMATS[name]
    return found


def loosen(spec: Schema, schema: Schema, *, nullable: bool = True) -> Schema:
    """One property, without anything that Oura does not keep to.

    Everything may be null, because Oura sends less than its file promises; enums
    are dropped, because Oura extends them.
    """
    if "anyOf" in schema:
        (inner,) = (s for s in schema["anyOf"] if s != {"type": "null"})
        schema = {**inner, **schema}
    schema = follow(spec, schema)
    loose: Schema = {"type": [schema["type"], "null"] if nullable else schema["type"]}
    for kept in ("format", "description"):
        if schema.get(kept):
            loose[kept] = schema[kept]
    if "properties" in schema:
        loose["properties"] = {
            name: loosen(spec, inner) for name, inner in schema["properties"].items()
        }
    if "items" in schema:
        loose["items"] = loosen(spec, schema["items"])
    return loose


def stream_schema(spec: Schema, path: str, keys: Sequence[str]) -> Schema:
    """The schema of one stream, in which only its keys are required."""
    properties = document_schema(spec, path)["properties"]
    ours: Schema = {}
    needed = {key.removesuffix("_utc") for key in keys}
    if "timestamp_utc" in keys:
        ours["timestamp_utc"] = TIMESTAMP_UTC
    if "id" in properties and keys[-1] in ("day", "timestamp_utc"):
        ours["displaced"] = DISPLACED
    return {
        "type": "object",
        "properties": {
            "user_id": USER_ID,
            **{
                name: loosen(spec, inner, nullable=name not in needed)
                for name, inner in properties.items()
            },
            **ours,
            "unknown_fields": UNKNOWN_FIELDS,
        },
        "required": list(keys),
    }


def main(spec_file: str) -> None:
    """Write one file a stream."""
    spec = json.loads(Path(spec_file).read_text(encoding="utf-8"))
    for stream in STREAMS:
        schema = stream_schema(spec, stream.address(), stream.primary_keys)
        text = json.dumps(schema, indent=2, ensure_ascii=False)
        (SCHEMAS / f"{stream.name}.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
