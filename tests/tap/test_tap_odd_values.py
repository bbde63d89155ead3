"""Odd values in every field of every route, over HTTP and into PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.rows import dict_row

from tap_over_http import USER_ID, Tap, discovered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from healthhub.database import Database

TARGET = Path(__file__).parents[2] / ".meltano/loaders/target-postgres/venv/bin"
FIRST, LAST = "2026-03-01", "2026-04-29"
OURS = {"user_id", "timestamp_utc", "displaced", "unknown_fields"}

#: What cannot be stored as it is, in JSON as Oura would send it.
ODD = [
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"9223372036854775808",
    b"1" + b"0" * 5000,
    b'"a\\u0000b"',
    b'{"a": [{"\\u0000": 1}]}',
    b'"\\ud800"',
    b'["\xff"]',
    b"[" * 10_000 + b"]" * 10_000,
    b'{"a":' * 80 + b"1" + b"}" * 80,
    b'"0001-01-01T00:00:00+14:00"',
    b'"' + b"x" * 12_000 + b'"',
    b"62.0",
    b"62.5",
    b"[1]",
    b"{}",
    b"true",
    b"null",
]

#: Where the specification says nothing, and after everything else.
EVERYWHERE = ("brand_new", "\\u0000", "x" * 300)


@dataclass
class Server:
    """Answers each route with documents that are JSON, or nearly."""

    documents: dict[str, list[bytes]] = field(default_factory=dict)

    def body(self, path: str) -> bytes:
        """What a route answers; samples are all of the first day."""
        route, _, query = path.rpartition("/")[2].partition("?")
        found = self.documents.get(route.lower(), [])
        if route == "personal_info":
            return found[0]
        if "start_datetime" in query and f"start_datetime={FIRST}" not in query:
            found = []
        return b'{"data": [' + b", ".join(found) + b'], "next_token": null}'


@contextmanager
def serving(server: Server) -> Iterator[str]:
    """The server, on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = server.body(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}"
        finally:
            http.shutdown()
            thread.join()


def value(name: str, schema: dict[str, Any]) -> Any:  # noqa: ANN401
    """One that fits."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    match kinds[0]:
        case "object":
            parts = schema.get("properties", {})
            return {key: value(key, part) for key, part in parts.items()}
        case "array":
            return [value(name, schema["items"])]
        case "integer":
            return 1
        case "number":
            return 1.5
        case "boolean":
            return True
    return f"{FIRST}T08:00:00+00:00" if "format" in schema else name


def day(number: int) -> str:
    """Of the document with a number."""
    return str(date.fromisoformat(FIRST) + timedelta(number))


def minute(number: int) -> str:
    """Likewise, in which a document begins."""
    return f"08:{number:02}:00"


def documents(
    schema: dict[str, Any], keys: list[str], odd: dict[str, bytes]
) -> list[bytes]:
    """One that fits, one with each odd value, and one that fits again."""
    fields = {n: s for n, s in schema["properties"].items() if n not in OURS}
    whole = {name: value(name, part) for name, part in fields.items()}
    found = []
    for number, name in enumerate(["", *odd, ""]):
        unique = {
            "id": f"document-{number}",
            "timestamp": f"{FIRST}T{minute(number)}+00:00",
            "day": day(number),
            "start_day": FIRST,
            "end_day": FIRST,
        }
        if {"timestamp", "timestamp_utc"} & {*keys}:
            unique["day"] = FIRST
        document = whole | {n: v for n, v in unique.items() if n in fields}
        document.pop(name, None)
        text = json.dumps(document).encode()
        if name:
            text = text[:-1] + b', "' + name.encode() + b'": ' + odd[name] + b"}"
        found.append(text)
    return found


def streams() -> dict[str, dict[str, Any]]:
    found = json.loads(discovered())["streams"]
    return {s["stream"]: s for s in found if s["stream"] != "sync_windows"}


@settings(
    max_examples=2,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # an example takes seconds
    suppress_health_check=list(HealthCheck),
)
@given(st.randoms(use_true_random=False))
def test_each_costs_its_field_and_nothing_else(
    database: Database,
    tmp_path: Path,
    random: Any,  # noqa: ANN401
) -> None:
    server, odd = Server(), {}
    for name, stream in streams().items():
        fields = [n for n in stream["schema"]["properties"] if n not in OURS]
        odd[name] = {f: random.choice(ODD) for f in (*fields, *EVERYWHERE)}
        server.documents[name] = documents(
            stream["schema"], stream["key_properties"], odd[name]
        )
    with serving(server) as url:
        tap = Tap(url, tmp_path).with_token()
        output = tap.run(start_date=FIRST, end_date=LAST)
    assert output.exit_code == 0, output.stderr[-3000:]
    load(database, tmp_path, output.messages)
    for name, stream in streams().items():
        check(database, name, stream, odd[name])


def load(database: Database, folder: Path, messages: list[dict[str, Any]]) -> None:
    """Into a schema of PostgreSQL that is new."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("drop schema if exists raw_odd cascade")
    config = folder / "target.json"
    names = ("host", "user", "password", "database")
    server = {name: database.environment[f"PG{name.upper()}"] for name in names}
    options = {
        "port": int(database.environment["PGPORT"]),
        "default_target_schema": "raw_odd",
        "load_method": "upsert",
        "use_copy": True,
        "sanitize_null_text_characters": True,
        "validate_records": False,
    }
    config.write_text(json.dumps(server | options))
    done = subprocess.run(
        [TARGET / "target-postgres-on-conflict", "--config", config],
        input="".join(json.dumps(message) + "\n" for message in messages),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def check(
    database: Database, name: str, stream: dict[str, Any], odd: dict[str, bytes]
) -> None:
    """Each document is there but for its odd value, which is beside it."""
    with psycopg.connect(database.url, row_factory=dict_row) as connection:
        query = sql.SQL("select * from raw_odd.{}").format(sql.Identifier(name))
        rows = connection.execute(query).fetchall()
    if name == "personal_info":
        assert len(rows) == 1
        return
    schema, keys = stream["schema"]["properties"], stream["key_properties"]
    assert all(str(row["user_id"]) == USER_ID for row in rows)
    lost = set()
    for number, (field_name, text) in enumerate(odd.items(), 1):
        found = [
            row
            for row in rows
            if ("id" in keys and row["id"] == f"document-{number}")
            or ("day" in keys and str(row["day"]) == day(number))
            or (
                {"timestamp", "timestamp_utc"} & {*keys}
                and minute(number) in str(row["timestamp"])
            )
        ]
        if not found:
            lost.add(field_name)
            continue
        [row] = found
        if field_name in schema and row[field_name] is not None:
            kinds = schema[field_name]["type"]
            if "integer" in kinds:
                assert text == b"62.0"
                assert row[field_name] == 62
        elif text != b"null":
            assert field_name in row["unknown_fields"], (name, field_name, text)
        others = schema.keys() - OURS - {field_name}
        empty = {other for other in others if row[other] is None}
        assert not empty, (name, field_name, text)
    # `timestamp_utc` is made of `timestamp`.
    assert lost <= {key.removesuffix("_utc") for key in keys}, (name, lost)
    assert len(rows) == len(odd) + 2 - len(lost)
