"""`tap-oura-auth`: what a person types, and what is said to them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from socket import create_connection
from typing import TYPE_CHECKING, Any

import pytest
import requests
from click.testing import CliRunner
from cryptography.fernet import Fernet

from fake_login import credential
from fake_oura import USER_ID
from tap_oura.auth_cli import main
from tap_oura.callback import awaited_answer
from tap_oura.errors import UnauthorizedError
from tap_oura.oauth import SCOPES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

    from fake_login import FakeLogin

Config = dict[str, Any]

PATIENCE = 300  # seconds, for a machine that is far slower than any


def tap_oura_auth(config: Config, *arguments: str, stdin: str = "") -> Result:
    variables = {f"TAP_OURA_{name.upper()}": text for name, text in config.items()}
    return CliRunner().invoke(main, arguments, input=stdin, env=variables)


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch, free_port: int) -> Iterator[str]:
    """A browser that follows where it is sent; where it is to come back to."""
    threads: list[threading.Thread] = []

    def visit(address: str) -> None:
        """Come back, among strangers of all kinds."""
        here = ("127.0.0.1", free_port)
        with create_connection(here), create_connection(here) as slow:
            slow.sendall(b"GET /callback/?code=slow")
            for query in ("", "?code=x", "?code=x&state=", "?error=x&state=y", "?%"):
                stranger = f"http://127.0.0.1:{free_port}/callback/{query}"
                assert requests.get(stranger, timeout=PATIENCE).status_code == 404
            assert requests.get(address, timeout=PATIENCE).ok

    def open_(address: str) -> bool:
        threads.append(threading.Thread(target=visit, args=[address]))
        threads[-1].start()
        return True

    monkeypatch.setattr("webbrowser.open", open_)
    yield f"http://localhost:{free_port}/callback/"
    for thread in threads:
        thread.join()


def test_login_by_browser_list_and_revoke(
    any_store: Config, login: FakeLogin, browser: str
) -> None:
    config = any_store | {"redirect_uri": browser}
    result = tap_oura_auth(config, "login", USER_ID)
    assert result.exit_code == 0, result.output
    assert f"User {USER_ID} is logged in." in result.stdout
    assert "on another machine" in result.stdout
    assert "Granted: daily, tag" in result.stdout
    assert "Not granted: email, personal, heartrate" in result.stdout
    assert "Will be empty: daily_cardiovascular_age, daily_resilience" in result.stdout
    asked = dict(login.requests)["/oauth/authorize"]
    assert asked["scope"].split() == list(SCOPES)
    assert asked["redirect_uri"] == config["redirect_uri"]

    assert USER_ID in tap_oura_auth(config, "list").stdout
    assert "logged out" in tap_oura_auth(config, "revoke", USER_ID).stdout
    assert tap_oura_auth(config, "list").stdout == ""
    revoked = {"access_token": "access-1", "authorization": "Bearer refresh-1"}
    assert ("/oauth/revoke", revoked) in login.requests


def test_a_login_wins_over_the_seed_that_the_settings_still_give(
    config: Config, login: FakeLogin, browser: str
) -> None:
    credential(config).token()
    login.current = "the user ended the login"
    with pytest.raises(UnauthorizedError):
        credential(config).renew("access-1")
    seedless = {k: v for k, v in config.items() if k != "refresh_token"}
    for settings in (config, seedless):
        settings = settings | {"redirect_uri": browser}  # noqa: PLW2901
        assert tap_oura_auth(settings, "login", USER_ID).exit_code == 0
        issued = f"access-{login.issued}"
        assert credential(config).token() == issued
    login.current = "a-new-seed"
    assert credential(config, refresh_token="a-new-seed").token() != issued


def test_a_login_ends_with_the_program_that_began_it(
    monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    """Its port is then for the next one."""
    for _ in range(2):
        parents = iter([1000, 1])
        monkeypatch.setattr("os.getppid", lambda: next(parents))  # noqa: B023
        with awaited_answer(f"http://localhost:{free_port}/", "state", 600) as wait:
            assert wait() is None


def test_login_by_pasted_address_or_code(config: Config) -> None:
    """As on a machine without a browser; the user is named after Oura's id."""
    for code in ("wrong-code", "wrong?code=", "a/wrong=="):
        result = tap_oura_auth(config, "login", "--no-browser", stdin=f"{code}\n")
        assert result.exit_code == 1
        assert "The code is wrong or has expired (400 invalid_grant)" in result.stderr
    result = tap_oura_auth(
        config, "login", "--no-browser", stdin="http://localhost/?state=x&code=y\n"
    )
    assert "The answer belongs to another login" in result.stderr
    result = tap_oura_auth(
        config, "login", "--no-browser", stdin="http://localhost/?error=access_denied\n"
    )
    assert "Oura did not allow it (access_denied)" in result.stderr
    for word in ("Traceback", "client-secret"):
        assert word not in result.stderr


def test_check_tries_the_token_of_each_user(config: Config, login: FakeLogin) -> None:
    del config["refresh_token"]
    [absent] = json_lines(tap_oura_auth(config, "check").stdout)
    assert (absent["user_id"], absent["outcome"]) == (USER_ID, "unauthorized")
    assert absent["problem"].startswith(f"There is no login of user {USER_ID}.")
    assert login.requests == []

    config["refresh_token"] = "refresh-0"
    [present] = json_lines(tap_oura_auth(config, "check").stdout)
    assert (present["outcome"], present["problem"]) == ("ok", None)
    assert present["scopes"] == ["daily", "tag"]
    assert "heartrate" in present["missing_scopes"]


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_login_without_an_application_says_where_to_get_one(config: Config) -> None:
    del config["client_id"]
    result = tap_oura_auth(config, "login")
    assert result.exit_code == 1
    assert "register at https://developer.ouraring.com" in result.stderr


def test_no_file_wins_over_the_environment(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    file.write_text(f"TAP_OURA_TOKEN_KEY={config['token_key']}")
    search = "singer_sdk.configuration._dict_config.find_dotenv"
    monkeypatch.setattr(search, lambda: str(file))
    result = tap_oura_auth(config | {"token_key": "abc"}, "list")
    assert "`token_key` is not a Fernet key." in result.stderr


def test_new_key_is_a_key() -> None:
    command = [sys.executable, "-m", "tap_oura.auth_cli", "new-key"]
    made = subprocess.run(command, check=True, capture_output=True).stdout.strip()
    key = Fernet(made)
    assert key.decrypt(key.encrypt(b"a login")) == b"a login"


@pytest.mark.parametrize(
    ("command", "changes", "sentence"),
    [
        ("list", {"token_store": ""}, "A login needs `token_store`"),
        ("check", {"users": "secret-u"}, "A variable TAP_OURA_* cannot be read"),
        ("check", {"users": '[{"access_token": "secret-t"}]'}, "lacks `user_id`"),
        ("revoke", {}, f"There is no login of user {USER_ID}."),
        ("login", {"redirect_uri": "https://oura.example/"}, "not on this machine"),
        ("login", {"redirect_uri": "http://localhost:99999"}, "not on this machine"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_1(
    config: Config, command: str, changes: dict[str, str], sentence: str
) -> None:
    argument = [USER_ID] if command in {"login", "revoke"} else []
    result = tap_oura_auth(config | changes, command, *argument)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert sentence in result.stderr
    assert "secret-" not in result.output


def test_a_configuration_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text("[]")
    result = CliRunner().invoke(main, ["--config", str(file), "list"])
    assert result.exit_code == 1
    assert result.stderr == f"Error: `--config` {file} is not a JSON object.\n"
