from __future__ import annotations

import json
import logging

import pytest

from healthhub.masking import Mask
from healthhub.meltano_log import Diagnosis, LogRecord, as_json, parse

_CONSOLE = "2026-11-24 13:35:12,914 | ERROR    | target-postgres.main | Disk is full"
_DBT_ERROR = {"info": {"level": "error", "msg": "Database Error in model a\n  boom"}}


def line(
    event: str,
    name: str | None = None,
    level: str = "info",
    more: dict[str, object] | None = None,
) -> str:
    named = {"name": name} if name else {}
    return json.dumps({"event": event, "level": level, **named, **(more or {})})


def block(err: str, exit_codes: dict[str, int], block_type: str = "") -> str:
    outcome = {"success": False, "err": err, "exit_codes": exit_codes}
    return line("Block run completed", more={**outcome, "block_type": block_type})


_TAP_BLOCK = block(err="Extractor failed", exit_codes={"extractors": 1})
_BOTH_BLOCK = block(err="Loader failed", exit_codes={"extractors": 1, "loaders": 1})
_DBT_BLOCK = block(err="`dbt` failed", exit_codes={}, block_type="InvokerCommand")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (line("Using it"), ("Using it", logging.INFO, "meltano")),
        (line("Odd", "tap-oura", "warning"), ("Odd", logging.WARNING, "tap-oura")),
        (line(_CONSOLE, "target-postgres"), ("Disk is full", 40, "target-postgres")),
        (
            line(json.dumps(_DBT_ERROR), "dbt-postgres"),
            ("Database Error in model a\n  boom", 40, "dbt-postgres"),
        ),
        ("Meltano 4.4.1\n", ("Meltano 4.4.1", logging.INFO, "meltano")),
        ("[1, 2]", ("[1, 2]", logging.INFO, "meltano")),
        (line('{"a": 1}', "tap-oura"), ('{"a": 1}', logging.INFO, "tap-oura")),
    ],
)
def test_understands_what_each_plugin_writes(
    text: str, expected: tuple[str, int, str]
) -> None:
    record = parse(text)
    assert (record.message, record.level, record.source) == expected


def test_keeps_the_rest_of_a_line() -> None:
    assert parse(
        line("METRIC", "tap-oura", more={"metric_info": {"value": 3}})
    ).details == {"metric_info": {"value": 3}}


_TRACEBACK = """Traceback (most recent call last):
  File "queue.py", line 1, in __init__
OSError: No space left
"""


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        pytest.param(
            [
                line("First", "tap-oura", "error"),
                line("The token was refused.", "tap-oura", "error"),
                line("Broken", "target-postgres", "error"),
                _TAP_BLOCK,
            ],
            "The token was refused.",
            id="the last error of the plugin that failed",
        ),
        pytest.param(
            [
                line("Broken pipe", "tap-oura", "error"),
                line(_CONSOLE, "target-postgres"),
                _BOTH_BLOCK,
            ],
            "Disk is full.",
            id="a target takes the tap with it",
        ),
        pytest.param(
            [
                line("ValueError: boom", "tap-oura"),
                line("^^^^", "tap-oura"),
                _TAP_BLOCK,
            ],
            "ValueError: boom.",
            id="a traceback's last line",
        ),
        pytest.param(
            [line(_TRACEBACK, "dbt-postgres", "error"), _DBT_BLOCK],
            "OSError: No space left.",
            id="a traceback in one piece",
        ),
        pytest.param(
            [
                line("Encountered an error: no space", "dbt-postgres", "error"),
                line(_TRACEBACK, "dbt-postgres", "error"),
                _DBT_BLOCK,
            ],
            "Encountered an error: no space.",
            id="a traceback explains less than an error",
        ),
        pytest.param(
            [line(json.dumps(_DBT_ERROR), "dbt-postgres"), _DBT_BLOCK],
            "Database Error in model a boom.",
            id="dbt's own words",
        ),
        pytest.param(
            [
                line("ImportError: no such module", "tap-oura"),
                line("Cannot start plugin tap-oura:\n Traceback", None, "error"),
                block("Cannot start plugin tap-oura:\n Traceback", {}),
            ],
            "ImportError: no such module.",
            id="a plugin that does not start",
        ),
        pytest.param(
            [
                line(
                    "Cannot start plugin tap-oura: Catalog discovery failed: command "
                    "['/a/tap-oura', '--discover'] returned -9 with stderr:\n",
                    None,
                    "error",
                ),
            ],
            "tap-oura was ended from outside (signal 9). Run again.",
            id="a plugin that was killed at its start",
        ),
        pytest.param(
            [
                line("Broken pipe", "tap-oura", "error"),
                block("Loader failed", {"extractors": 1, "loaders": -9}),
            ],
            "target-postgres was ended from outside (signal 9). Run again.",
            id="a loader that was killed",
        ),
        pytest.param(
            [block("Extractor failed", {"extractors": -15})],
            "tap-oura was ended from outside (signal 15). Run again.",
            id="a tap that was killed",
        ),
        pytest.param(
            [block("`dbt build` failed with exit code: -9", {}, "InvokerCommand")],
            "dbt-postgres was ended from outside (signal 9). Run again.",
            id="dbt that was killed",
        ),
        pytest.param(
            [
                line(
                    "Task exception was never retrieved\nfuture: <Task>", "x", "error"
                ),
                block("Loader failed", {"loaders": 1}),
            ],
            "Loader failed.",
            id="what Python says of itself",
        ),
        pytest.param(
            [
                line(
                    "(psycopg.OperationalError) connection refused\n"
                    "(Background on this error at: https://sqlalche.me/e/20/e3q8)",
                    "target-postgres",
                    "error",
                ),
            ],
            "connection refused.",
            id="what SQLAlchemy says of itself",
        ),
        pytest.param([_DBT_BLOCK], "`dbt` failed.", id="a silent plugin"),
        pytest.param(
            [line("Another run is active", None, "error")],
            "Another run is active.",
            id="Meltano itself",
        ),
        pytest.param([], "Meltano ended without saying why.", id="silence"),
        pytest.param(
            [line(" ", None, "error"), block("", {})],
            "Meltano ended without saying why.",
            id="an error without a word",
        ),
    ],
)
def test_finds_the_sentence_that_explains(lines: list[str], sentence: str) -> None:
    diagnosis = Diagnosis()
    for text in lines:
        diagnosis.observe(parse(text))
    assert diagnosis.sentence == sentence


def test_long_explanations_are_cut() -> None:
    diagnosis = Diagnosis()
    diagnosis.observe(LogRecord("word " * 1000, logging.ERROR, "tap-oura"))
    assert len(diagnosis.sentence) < 500


_ROW = 'null value in column "a"\nDETAIL:  Failing row contains ("sesame", 7,\n7).'
_BOUND = "insert failed\n[SQL: insert ...]\n[parameters: {'a': 'sesame'}]"
_NESTED = json.dumps({"info": {"level": "error", "msg": _ROW}})


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (line(_ROW, "target-postgres", "error"), "null value in column"),
        (line(_BOUND, "target-postgres", "error"), "insert failed"),
        (line(_NESTED, "dbt-postgres", "error"), "null value in column"),
        (line("no", more={"exception": [{"value": _ROW}]}), "null value in column"),
        ("DETAIL:  Failing row contains (sesame).\n", "DETAIL: (left out)"),
    ],
)
def test_log_is_json_and_quotes_nobodys_data(written: str, kept: str) -> None:
    text = as_json(written, Mask({}))
    assert json.loads(text)["event"]
    assert kept in json.dumps(json.loads(text)).replace("\\", "")
    assert "sesame" not in text
    diagnosis = Diagnosis()
    diagnosis.observe(parse(text))
    assert "sesame" not in diagnosis.sentence


def test_log_keeps_what_quotes_nothing() -> None:
    plain = line("all is well", "tap-oura", more={"status": 200})
    assert as_json(f"{plain}\n", Mask({})) == plain


def test_commands_of_the_tap_have_our_names() -> None:
    diagnosis = Diagnosis()
    told = "There is no login of user x. Run `tap-oura-auth login x`."
    diagnosis.observe(parse(line(told, "tap-oura", "error", {"outcome": "error"})))
    assert diagnosis.sentence.endswith("Run `healthhub users login x`.")
    assert diagnosis.told == [diagnosis.sentence]
    assert not diagnosis.needs_login
