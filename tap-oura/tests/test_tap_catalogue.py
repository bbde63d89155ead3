"""What the Singer SDK lets people change works here, however the tap is configured."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from fake_oura import USER_ID, Run
from tap_oura.tap import TapOura

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fake_oura import FakeOura

    Command = Callable[..., Run]

Entry = dict[str, Any]

METADATA = {
    "replication_key": "replication-key",
    "key_properties": "table-key-properties",
}
DAYS = ["2024-02-03", "2026-03-09"]
INSTANT = "2026-03-09T12:00:00+00:00"


@pytest.fixture(params=["file", "environment"])
def command(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Run `tap-oura`, with its settings from a file or from the environment."""
    monkeypatch.chdir(tmp_path)
    is_file = request.param == "file"

    def run(
        catalog: Entry | None = None, state: Entry | None = None, **settings: object
    ) -> Run:
        config = {"access_token": "t", "user_id": USER_ID, **settings}
        arguments = ["--config", "config.json" if is_file else "ENV"]
        if is_file:
            (tmp_path / "config.json").write_text(json.dumps(config))
        else:
            for name, value in config.items():
                text = value if isinstance(value, str) else json.dumps(value)
                monkeypatch.setenv(f"TAP_OURA_{name.upper()}", text)
        for option, content in (("--catalog", catalog), ("--state", state)):
            if content:
                file = tmp_path / f"{option}.json"
                file.write_text(json.dumps(content))
                arguments += [option, str(file)]
        result = CliRunner().invoke(TapOura.get_singer_command(), arguments)
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        return Run(lines, result.exit_code)

    return run


@pytest.fixture(autouse=True)
def documents(oura: FakeOura) -> None:
    contributors = {"deep_sleep": 80, "timing": 7}
    oura.daily("daily_sleep", *DAYS, score=70, contributors=contributors, a_new_field=1)
    oura.daily("daily_activity", DAYS[0])
    oura.documents["heartrate"].append({"timestamp": INSTANT, "bpm": 60, "source": "x"})


def catalogue(*streams: str, **changes: Any) -> Entry:  # noqa: ANN401
    """Some streams, with changes to each; `None` takes a key away."""
    found = TapOura(config={}, validate_config=False).catalog_dict["streams"]
    entries = [e for e in found if e["tap_stream_id"] in {*streams, "sync_windows"}]
    for entry in entries:
        for name, value in changes.items():
            if entry["tap_stream_id"] not in streams and name != "replication_method":
                continue
            entry[name] = value
            if value is None:
                del entry[name]
                for item in entry["metadata"]:
                    item["metadata"].pop(METADATA.get(name), None)
    return {"streams": sorted(entries, key=lambda e: str(e["tap_stream_id"]))}


def schema(result: Run, stream: str) -> Entry:
    (message,) = [
        m for m in result.messages if m["type"] == "SCHEMA" and m["stream"] == stream
    ]
    return dict(message)


BOTH = ("daily_sleep", "heartrate")


@pytest.mark.parametrize(
    "changes",
    [
        {"replication_method": "FULL_TABLE"},
        {"replication_method": "FULL_TABLE", "replication_key": None},
        {"replication_method": None, "replication_key": None},
    ],
)
def test_a_full_table_is_read_whole_each_time(command: Command, changes: Entry) -> None:
    catalog = catalogue(*BOTH, **changes)
    first = command(catalog)
    second = command(catalog, first.state)
    for result in (first, second):
        assert result.exit_code == 0
        assert result.days("daily_sleep") == DAYS
        assert len(result.records("heartrate")) == 1
        assert result.bookmark("daily_sleep") is None
    windows = second.records("sync_windows")
    assert {r["window_start"] for r in windows} == {
        "2015-01-01",
        *(r["window_start"] for r in windows if r["stream"] == "heartrate"),
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"replication_method": "INCREMENTAL", "replication_key": None},
        {"replication_key": "score"},
        {"key_properties": None},
        {"key_properties": ["user_id", "id"]},
    ],
)
def test_other_keys_lose_no_document_and_no_bookmark(
    command: Command, oura: FakeOura, changes: Entry
) -> None:
    catalog = catalogue("daily_sleep", **changes)
    first = command(catalog)
    assert first.days("daily_sleep") == DAYS
    oura.asked.clear()
    second = command(catalog, first.state)
    assert second.exit_code == 0
    assert first.bookmark("daily_sleep") == second.bookmark("daily_sleep") != DAYS[0]
    assert oura.bounds("daily_sleep")[0][0] > DAYS[0]


def test_deselected_properties_stay_away_and_bookmarks_move(
    command: Command, oura: FakeOura
) -> None:
    catalog = catalogue("daily_sleep", "sleep")
    oura.daily("sleep", "2026-11-20", score=70)
    away = [["score"], ["day"], ["contributors", "properties", "timing"]]
    for entry in catalog["streams"]:
        for item in entry["metadata"]:
            if item["breadcrumb"][1:] in away:
                item["metadata"]["selected"] = False
            if entry["tap_stream_id"] == "sleep" and item["breadcrumb"][1:] == ["day"]:
                item["metadata"]["inclusion"] = "available"
    result = command(catalog)
    assert result.exit_code == 0
    for record in result.records("daily_sleep"):
        assert record["contributors"] == {"deep_sleep": 80}
        assert record.keys() == {
            "id",
            "day",
            "contributors",
            "user_id",
            "unknown_fields",
        }
    [night] = result.records("sleep")
    assert "day" not in night
    assert "day" not in schema(result, "sleep")["schema"]["properties"]
    assert result.bookmark("sleep") == "2026-11-20"


def test_stream_maps_rename_count_filter_and_leave_out(command: Command) -> None:
    maps = {
        "daily_sleep": {
            "__alias__": "nights",
            "__filter__": "day > '2025-01-01'",
            "points": "score * 2",
            "contributors": None,
        },
        "heartrate": None,
        "h*": None,
    }
    result = command(catalogue(*BOTH), stream_maps=maps)
    assert result.exit_code == 0
    [record] = result.records("nights")
    assert (record["day"], record["points"]) == (DAYS[1], 140)
    assert "contributors" not in record
    assert result.records("heartrate") == []
    assert "heartrate" not in {m.get("stream") for m in result.messages}
    assert {r["stream"] for r in result.records("sync_windows")} == set(BOTH)


def test_flattening_makes_columns_of_what_is_nested(command: Command) -> None:
    result = command(
        catalogue("daily_sleep"), flattening_enabled=True, flattening_max_depth=1
    )
    assert result.exit_code == 0
    columns = schema(result, "daily_sleep")["schema"]["properties"]
    for record in result.records("daily_sleep"):
        assert record["contributors__deep_sleep"] == 80
        assert record.keys() <= columns.keys()
        assert json.loads(record["unknown_fields"]) == {"a_new_field": 1}


@pytest.mark.parametrize(
    "maps",
    [{"daily_sleep": {"x": "nosuch("}}, {"daily_sleep": {"__key_properties__": ["x"]}}],
)
def test_a_map_that_cannot_be_meant_is_one_sentence(
    command: Command, caplog: pytest.LogCaptureFixture, maps: Entry
) -> None:
    assert command(stream_maps=maps).exit_code == 1
    [error] = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
    assert error.startswith("`stream_maps` ")
