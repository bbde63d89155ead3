"""The command, as a person or a Meltano project starts it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from cryptography.fernet import Fernet

from fake_oura import USER_ID, FakeOura, example
from tap_oura.tap import TapOura

if TYPE_CHECKING:
    from click.testing import Result

COMMAND = (sys.executable, "-m", "tap_oura")
UNREACHABLE = "http://127.0.0.1:9"
LOGIN = {
    "user_id": USER_ID,
    "client_id": "client",
    "client_secret": "secret-s",
    "refresh_token": "secret-r",
    "token_key": Fernet.generate_key().decode(),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tap(*arguments: str, **config: Any) -> Result:  # noqa: ANN401
    """Run the command in this process, without its console logging."""
    given = {"api_url": UNREACHABLE, "max_tries": 1, **config}
    text = json.dumps({name: value for name, value in given.items() if value})
    Path("config.json").write_text(text)
    command = TapOura.get_singer_command()
    return CliRunner().invoke(command, ["--config", "config.json", *arguments])


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({}, "There is no token: set `access_token`"),
        (
            {"start_date": "soon"},
            "`start_date` is not a date: 'soon'. Write it as YYYY-MM-DD.",
        ),
        (
            {"start_date": "2026-02-02", "end_date": "2026-02-01"},
            "`end_date` 2026-02-01 is before `start_date` 2026-02-02",
        ),
        ({"access_token": "t", "user_id": "me"}, "`user_id` is not a UUID: 'me'"),
        ({"access_token": "t"}, "No connection to 127.0.0.1:9"),
        ({"access_token": "secret-é"}, "`access_token` holds characters"),
        ({"access_token": ["secret-t"]}, "`access_token` has to be of type string."),
        ({"users": "secret-t"}, "`users` has to be of type array."),
        ({"users": [{"access_token": "secret-t"}]}, "`users[0]` lacks `user_id`."),
        ({"lookback_days": -1}, "`lookback_days` has to be at least 0."),
        ({"concurrency": 65}, "`concurrency` has to be at most 64."),
        ({"api_url": "oura"}, "`api_url` has to begin with http:// or https://"),
        ({**LOGIN, "token_store": "config.json"}, "is not readable as a token store"),
        ({**LOGIN, "token_store": "."}, "cannot be read (Is a directory)"),
        ({**LOGIN, "token_store": "config.json/x"}, "cannot be read (Not a directory)"),
        (
            {**LOGIN, "token_store": "sqlite:////secret-p/none.db"},
            "The database of `token_store` cannot be used (OperationalError)",
        ),
        ({**LOGIN, "token_store": "x://secret-p"}, "cannot be used (NoSuchModuleError"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_1(
    caplog: pytest.LogCaptureFixture, config: dict[str, Any], sentence: str
) -> None:
    caplog.set_level("INFO")
    result = tap(**config)
    assert result.exit_code == 1
    [error] = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
    assert sentence in error
    assert "secret-" not in caplog.text + result.output
    assert '"outcome":"ok"' not in result.stdout


@pytest.mark.parametrize("option", ["--config", "--state", "--catalog"])
def test_a_file_that_is_no_json_is_named(
    folder: Path, caplog: pytest.LogCaptureFixture, option: str
) -> None:
    (folder / "broken.json").write_text("{")
    assert tap(option, "broken.json").exit_code == 1
    assert f"`{option}`" in caplog.records[-1].getMessage()
    assert "broken.json" in caplog.records[-1].getMessage()


@pytest.mark.usefixtures("folder")
def test_a_variable_that_cannot_be_read_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TAP_OURA_CONCURRENCY", "many")
    assert tap("--config", "ENV").exit_code == 1
    assert "A variable TAP_OURA_* cannot be read" in caplog.records[-1].getMessage()


def test_discovery_needs_no_settings_and_no_network(folder: Path) -> None:
    command = [*COMMAND, "--discover"]
    result = subprocess.run(command, cwd=folder, check=True, capture_output=True)
    assert len(json.loads(result.stdout)["streams"]) == 20


@pytest.mark.usefixtures("folder")
def test_about_needs_no_settings_and_no_network() -> None:
    result = CliRunner().invoke(TapOura.get_singer_command(), ["--about"])
    assert result.exit_code == 0
    assert "access_token" in result.stdout


def said(caplog: pytest.LogCaptureFixture, level: str) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelname == level]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("grain", ["sample", "day"])
def test_a_test_takes_a_request_a_stream_and_says_nothing_of_errors(
    oura: FakeOura, caplog: pytest.LogCaptureFixture, grain: str
) -> None:
    for name, stream in TapOura(config={}, validate_config=False).streams.items():
        document = example(getattr(stream, "document_schema", stream.schema))
        count = 1 if name == "personal_info" else 3
        oura.documents["vO2_max" if name == "vo2_max" else name] = [document] * count
    others = [USER_ID, USER_ID[:-1] + "1"]
    users = [{"user_id": user_id, "access_token": "t"} for user_id in others]
    result = tap("--test", api_url=None, users=users, sample_grain=grain)
    assert result.exit_code == 0
    assert sorted(Counter(r for r, _ in oura.asked).values()) == [1] * 19
    assert said(caplog, "ERROR") == []
    messages = [json.loads(line) for line in result.stdout.splitlines()]
    records = Counter(m["stream"] for m in messages if m["type"] == "RECORD")
    assert records.keys() > {"heartrate", "sleep", "personal_info"}
    assert set(records.values()) == {1}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("settings", "first"),
    [({"user_id": USER_ID}, "daily_activity"), ({}, "personal_info")],
)
def test_a_test_with_a_token_that_is_refused_fails_in_one_sentence(
    oura: FakeOura,
    caplog: pytest.LogCaptureFixture,
    settings: dict[str, str],
    first: str,
) -> None:
    oura.answer_next(first, (401, {}))
    result = tap("--test", api_url=None, access_token="t", **settings)
    assert result.exit_code == 1
    [error] = said(caplog, "ERROR")
    assert "was refused (401)" in error
    assert len(oura.asked) == 1


@pytest.mark.usefixtures("folder", "oura")
def test_a_test_of_the_schemas_asks_nothing(oura: FakeOura) -> None:
    result = tap("--test=schema", api_url=None, access_token="t", user_id=USER_ID)
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 20
    assert oura.asked == []


def test_a_reader_that_ends_early_is_one_sentence(folder: Path) -> None:
    config = {"access_token": "t", "user_id": USER_ID}
    (folder / "config.json").write_text(json.dumps(config))
    with subprocess.Popen(
        [*COMMAND, "--config", "config.json"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        process.stdout.close()
        _, said = process.communicate()
    assert process.returncode == 1
    assert said.endswith(
        "The program that reads the records has ended: see its messages.\n"
    )
    assert "Traceback" not in said
