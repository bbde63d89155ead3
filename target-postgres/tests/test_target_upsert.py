"""What is written, and what is left where it lies."""

from __future__ import annotations

import io
import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from singer_sdk.contrib.msgspec import decoder
from sqlalchemy import event

from singer_loading import SCHEMA, STREAM, config
from target_postgres_on_conflict import connector, sink
from target_postgres_on_conflict import target as target_module
from target_postgres_on_conflict.target import TargetPostgresOnConflict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_loading import Loader

TABLE = f"{SCHEMA}.{STREAM}"
ID = {"type": "string"}
NUMBERS = random.Random(1)  # noqa: S311


def large() -> str:
    """Text that does not fit into a row, compressed or not."""
    return "".join(NUMBERS.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=20_000))


def object_type(**more: object) -> dict[str, Any]:
    return {"type": ["object", "null"], **more}


# Of each type that values can be large of: how it is declared, two of its values.
LARGE: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "jsonb": (object_type(), {"a": large()}, {"a": large()}),
    "jsonb[]": (
        {"type": ["array", "null"], "items": {"type": "object"}},
        [{"a": large()}],
        [{"a": large()}],
    ),
    "text": ({"type": ["string", "null"]}, large(), large()),
    "text[]": (
        {"type": ["array", "null"], "items": {"type": "string"}},
        [large()],
        [large()],
    ),
    "bytea": (
        {"type": ["string", "null"], "contentEncoding": "base16"},
        large().encode().hex(),
        large().encode().hex(),
    ),
    "no type": ({}, large(), large()),
}

# Of each other type: how it is declared, two of its values.
SMALL: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "boolean": ({"type": ["boolean", "null"]}, True, False),
    "smallint": ({"type": ["integer", "null"], "minimum": 0, "maximum": 9}, 1, 2),
    "bigint": ({"type": ["integer", "null"]}, 2**40, 2**41),
    "number": ({"type": ["number", "null"]}, 0.1, 0.2),
    "uuid": (
        {"type": ["string", "null"], "format": "uuid"},
        "0a0a0a0a-0000-4000-8000-000000000001",
        "0a0a0a0a-0000-4000-8000-000000000002",
    ),
    "date": (
        {"type": ["string", "null"], "format": "date"},
        "2026-01-01",
        "2026-01-02",
    ),
    "date-time": (
        {"type": ["string", "null"], "format": "date-time"},
        "2026-01-01T00:00:00+00:00",
        "2026-01-02T00:00:00+00:00",
    ),
    "time": ({"type": ["string", "null"], "format": "time"}, "01:00:00", "02:00:00"),
    "bigint[]": ({"type": ["array", "null"], "items": {"type": "integer"}}, [1], [2]),
}


def large_values_take(load: Loader) -> int:
    """How large the table's values are that lie outside of their rows, in bytes."""
    (row,) = load.query(
        "select pg_relation_size(reltoastrelid) as bytes from pg_class"
        f" where oid = '{TABLE}'::regclass"
    )
    size: int = row["bytes"]
    return size


def test_a_new_row_is_written_once(load: Loader) -> None:
    load({"id": "a"}, {"id": "b"}, properties={"id": ID})
    rows = load.query(f"select id, ctid::text as place from {TABLE} order by id")
    assert rows == [{"id": "a", "place": "(0,1)"}, {"id": "b", "place": "(0,2)"}]


# target-postgres does not say of its type for bytes whether it can be cached.
@pytest.mark.filterwarnings("ignore:TypeDecorator HexByteString")
@pytest.mark.parametrize("kind", LARGE)
def test_large_value_is_written_again_only_if_it_changed(
    load: Loader, kind: str
) -> None:
    definition, one, other = LARGE[kind]
    properties = {"id": ID, "value": definition, "version": {"type": "integer"}}
    run: dict[str, Any] = {"properties": properties, "interpret_content_encoding": True}
    load({"id": "a", "value": one, "version": 1}, **run)
    (first,), size = load.rows(), large_values_take(load)
    assert size > 10_000

    load({"id": "a", "value": one, "version": 2}, **run)
    assert load.rows() == [{**first, "version": 2}]
    assert large_values_take(load) == size

    load({"id": "a", "value": other, "version": 2}, **run)
    (second,) = load.rows()
    assert second["value"] != first["value"]
    assert large_values_take(load) > size

    load({"id": "a", "value": None, "version": 2}, **run)
    assert load.rows() == [{**first, "value": None, "version": 2}]
    load({"id": "a", "value": one, "version": 1}, **run)
    assert load.rows() == [first]


def test_a_value_of_each_other_type_is_replaced(load: Loader) -> None:
    properties = {"id": ID} | {name: kind for name, (kind, _, _) in SMALL.items()}
    one = {name: value for name, (_, value, _) in SMALL.items()}
    other = {name: value for name, (_, _, value) in SMALL.items()}
    stored = []
    for record in (one, other, other, {}, one):
        load({"id": "a", **record}, properties=properties)
        stored += load.rows()
    for name in SMALL:
        first, second, again, nothing, last = (row[name] for row in stored)
        assert first == last != second == again
        assert nothing is None


def test_a_value_is_kept_as_it_was_sent_last(load: Loader) -> None:
    """Even where PostgreSQL takes it for equal to the one before."""
    run: dict[str, Any] = {"properties": {"id": ID, "value": object_type()}}
    load({"id": "a", "value": {"n": 1.0}}, **run)
    load.query(f"""update {TABLE} set value = '{{"n": 1.000}}'""")
    load({"id": "a", "value": {"n": 1.0}}, **run)
    assert load.query(f"select value::text from {TABLE}") == [{"value": '{"n": 1.0}'}]


def test_json_is_stored_to_the_last_digit(load: Loader) -> None:
    text = r"""{
        "a": 1.10, "b": -0.5, "c": 12345678901234567890.123456789, "d": 1E-7,
        "e": 123456789012345678901234567890, "f": "\u00e4\ud83d\ude00 \"\\ \/",
        "g": [[], {}, null, true]
    }"""
    load(
        {"id": "a", "value": decoder.decode(text)},
        properties={"id": ID, "value": object_type()},
    )
    load.connection.execute(
        "create temp table sent as select %s::jsonb as value", [text]
    )
    (row,) = load.query(
        "select stored.value::text = sent.value::text as is_same"
        f" from {TABLE} as stored, sent"
    )
    assert row == {"is_same": True}


def test_the_last_record_of_a_key_wins(load: Loader) -> None:
    """However its key is written: these three UUIDs are the same one."""
    spellings = (
        "0a0a0a0a-0000-4000-8000-00000000000b",
        "0A0A0A0A-0000-4000-8000-00000000000B",
        "0a0a0a0a-0000-4000-8000-00000000000b",
    )
    properties = {
        "id": {"type": "string", "format": "uuid"},
        "value": {"type": "integer"},
    }
    for start in (0, 10):
        records = [{"id": key, "value": start + n} for n, key in enumerate(spellings)]
        load(*records, properties=properties)
        assert [row["value"] for row in load.rows()] == [start + 2]


def test_a_row_that_came_again_says_so(load: Loader) -> None:
    """By these columns deletions are found, and what came back is no longer deleted."""
    load({"id": "a"}, properties={"id": ID}, extracted="2026-01-01T00:00:00+00:00")
    load.query(f"update {TABLE} set _sdc_deleted_at = now()")
    (before,) = load.query(f"select * from {TABLE}")
    load({"id": "a"}, properties={"id": ID}, extracted="2026-01-02T00:00:00+00:00")
    (after,) = load.query(f"select * from {TABLE}")
    assert str(after["_sdc_extracted_at"]) == "2026-01-02 00:00:00"
    assert after["_sdc_deleted_at"] is None
    for name in ("_sdc_received_at", "_sdc_batched_at", "_sdc_sequence"):
        assert after[name] > before[name]


@pytest.mark.parametrize("constraint", ["", "unique (id)", "primary key (value)"])
def test_a_table_without_this_key_is_loaded_all_the_same(
    load: Loader, constraint: str
) -> None:
    load.query(f"create schema {SCHEMA}")
    columns = ", ".join(filter(None, ["id text", "value bigint", constraint]))
    load.query(f"create table {TABLE} ({columns})")
    properties = {"id": ID, "value": {"type": "integer"}}
    load({"id": "a", "value": 1}, {"id": "a", "value": 2}, properties=properties)
    load({"id": "a", "value": 3}, {"id": "b", "value": 4}, properties=properties)
    assert load.rows() == [{"id": "a", "value": 3}, {"id": "b", "value": 4}]


def test_a_stream_without_a_key_is_appended(load: Loader) -> None:
    for _ in range(2):
        load({"id": "a"}, {"id": "a"}, properties={"id": ID}, key=())
    assert load.rows() == [{"id": "a"}] * 4


def test_a_stream_that_is_nothing_but_its_key(load: Loader) -> None:
    plain: dict[str, Any] = {"add_record_metadata": False, "activate_version": False}
    for _ in range(2):
        load({"id": "a"}, properties={"id": ID}, **plain)
    assert load.rows() == [{"id": "a"}]


def test_columns_that_somebody_added_keep_their_values(load: Loader) -> None:
    load({"id": "a"}, properties={"id": ID})
    load.query(
        f"alter table {TABLE} add column note text not null default 'none',"
        " add column upper text generated always as (upper(id)) stored"
    )
    load.query(f"update {TABLE} set note = 'mine'")
    load({"id": "a"}, {"id": "b"}, properties={"id": ID})
    assert load.rows() == [
        {"id": "a", "note": "mine", "upper": "A"},
        {"id": "b", "note": "none", "upper": "B"},
    ]


def test_a_new_column_is_filled_at_once(load: Loader) -> None:
    load({"id": "a"}, properties={"id": ID})
    load({"id": "a", "value": {"b": 1}}, properties={"id": ID, "value": object_type()})
    assert load.rows() == [{"id": "a", "value": {"b": 1}}]


@pytest.mark.parametrize("method", ["upsert", "append-only", "overwrite"])
def test_load_method_decides_nothing(load: Loader, method: str) -> None:
    """As in target-postgres: what has a key is upserted."""
    properties = {"id": ID, "value": {"type": "integer"}}
    for value in (1, 2):
        load({"id": "a", "value": value}, properties=properties, load_method=method)
    load({"id": "b", "value": 3}, properties=properties, load_method=method)
    assert load.rows() == [{"id": "a", "value": 2}, {"id": "b", "value": 3}]


def test_large_records_are_loaded_before_they_fill_the_memory(
    load: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink, "BATCH_BYTES", 50_000)
    values = [{"a": [large()]} for _ in range(6)]
    records = [{"id": str(n), "value": value} for n, value in enumerate(values)]
    load(*records, properties={"id": ID, "value": object_type()})
    assert load.rows() == records
    (row,) = load.query(f"select count(distinct _sdc_batched_at) as n from {TABLE}")
    assert row == {"n": 2}


@pytest.fixture
def statements() -> Iterator[list[str]]:
    seen: list[str] = []

    def note(*arguments: Any) -> None:  # noqa: ANN401
        seen.append(arguments[2])

    event.listen(sa.Engine, "before_cursor_execute", note)
    yield seen
    event.remove(sa.Engine, "before_cursor_execute", note)


def test_a_known_table_takes_few_statements(
    load: Loader, statements: list[str]
) -> None:
    """However many tables there are, five questions to the catalogue at most.

    Then a table and an upsert. Nobody minds of what types the neighbours are.
    """
    load({"id": "a"}, properties={"id": ID})
    load.query(
        f"create type {SCHEMA}.mood as enum ('good');"
        f" create table {SCHEMA}.other (place point, mood {SCHEMA}.mood)"
    )
    for number in range(3):
        load.query(f"create table {SCHEMA}.t{number} (id int primary key)")
    statements.clear()
    load({"id": "a"}, properties={"id": ID})
    assert len(statements) <= 8, statements


@pytest.mark.parametrize("many", ["MANY_RECORDS", "MANY_BYTES"])
def test_memory_holds_one_stream(
    load: Loader,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    many: str,
) -> None:
    """A few large records are as much as many small ones."""
    monkeypatch.setattr(target_module, many, 1)
    schema = {"properties": {"id": ID}}
    target = TargetPostgresOnConflict(config=config(load.url, **load.settings))
    for stream in ("one", "other"):
        described = {"type": "SCHEMA", "schema": schema, "key_properties": ["id"]}
        record = {"type": "RECORD", "record": {"id": "a"}}
        state = {"type": "STATE", "value": {"read": stream}}
        messages = [{"stream": stream} | each for each in (described, record)]
        target.process_lines(
            io.StringIO("\n".join(map(json.dumps, [*messages, state])))
        )
    assert load.query(f"select id from {SCHEMA}.one") == [{"id": "a"}]
    assert load.query(f"select id from {SCHEMA}.other") == []
    assert capsys.readouterr().out == ""  # no state is ahead of what it stands for
    target.process_endofpipe()
    assert load.query(f"select id from {SCHEMA}.other") == [{"id": "a"}]
    assert capsys.readouterr().out == '{"read": "other"}\n'


def test_targets_may_make_the_same_table_at_once(
    load: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has seen that neither schema nor table are there."""
    both_have_seen = threading.Barrier(2)

    def look(*arguments: Any) -> Iterator[tuple[str, sa.Table]]:  # noqa: ANN401
        found = list(reflected(*arguments))
        if len(arguments) == 2:  # all tables of the schema
            both_have_seen.wait(60)
        return iter(found)

    reflected = connector._reflected  # noqa: SLF001
    monkeypatch.setattr(connector, "_reflected", look)

    def load_with(target: TargetPostgresOnConflict, name: str) -> None:
        stream = {"stream": STREAM}
        schema = {"properties": {"id": ID, name: {"type": "integer"}}}
        described = {"type": "SCHEMA", "schema": schema, "key_properties": ["id"]}
        record = {"type": "RECORD", "record": {"id": name, name: 1}}
        messages = [stream | described, stream | record]
        target.process_lines(io.StringIO("\n".join(map(json.dumps, messages))))
        target.process_endofpipe()

    settings = config(load.url, **load.settings)
    targets = [TargetPostgresOnConflict(config=settings) for _ in range(2)]
    with ThreadPoolExecutor() as threads:
        list(threads.map(load_with, targets, "ab"))
    assert load.rows() == [
        {"id": "a", "a": 1, "b": None},
        {"id": "b", "a": None, "b": 1},
    ]
