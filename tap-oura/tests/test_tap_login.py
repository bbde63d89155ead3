"""Logins: refreshed once, stored before use, never lost."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.fernet import Fernet
from singer_sdk.exceptions import ConfigValidationError

from fake_login import CLIENT, LEGACY, PORTAL, FakeLogin
from fake_oura import USER_ID
from tap_oura.accounts import accounts_from_config, token_store
from tap_oura.errors import UnauthorizedError
from tap_oura.oauth import SCOPES
from tap_oura.tap import TapOura

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_oura.credentials import Credential

KEY, OTHER_KEY = Fernet.generate_key().decode(), Fernet.generate_key().decode()
Config = dict[str, Any]


@pytest.fixture
def login() -> Iterator[FakeLogin]:
    with FakeLogin() as server:
        yield server


@pytest.fixture(params=["file", "database"])
def config(request: pytest.FixtureRequest, login: FakeLogin, tmp_path: Path) -> Config:
    stores = {
        "file": str(tmp_path / "logins" / "store.json"),
        "database": f"sqlite:///{tmp_path}/store.db",
    }
    return {
        **CLIENT,
        "auth_url": login.url,
        "api_url": login.url,
        "user_id": USER_ID,
        "token_store": stores[request.param],
        "token_key": KEY,
        "refresh_token": "refresh-0",
    }


def credential(config: Config, **changes: Any) -> Credential:  # noqa: ANN401
    (account,) = accounts_from_config(config | changes)
    return account.credential


def test_seed_begins_the_chain_and_the_chain_goes_on_from_the_store(
    config: Config, login: FakeLogin
) -> None:
    assert credential(config).token() == "access-1"
    assert credential(config).token() == "access-1"
    assert login.refreshes == 1
    assert credential(config).renew("access-1") == "access-2"
    assert credential(config).token() == "access-2"


def test_expires_in_is_obeyed(config: Config, login: FakeLogin) -> None:
    login.expires_in = 30
    assert credential(config).token() == "access-1"
    assert credential(config).token() == "access-2"


def test_a_new_seed_wins_over_the_stored_chain(
    config: Config, login: FakeLogin
) -> None:
    credential(config).token()
    login.current = "a-new-seed"
    assert credential(config, refresh_token="a-new-seed").token() == "access-2"
    assert credential(config, refresh_token="a-new-seed").token() == "access-2"


def test_the_new_pair_is_stored_before_it_is_used(
    config: Config, login: FakeLogin
) -> None:
    credential(config).token()
    stored = token_store(config).read(USER_ID)
    assert stored is not None
    assert stored.tokens.refresh_token == login.current == "refresh-1"


def test_store_is_encrypted_and_private(config: Config, tmp_path: Path) -> None:
    credential(config).token()
    for file in tmp_path.rglob("store.*"):
        assert b"access-1" not in file.read_bytes()
        assert b"refresh-1" not in file.read_bytes()
        if file.suffix == ".json":
            assert file.stat().st_mode & 0o077 == 0


def test_a_spent_refresh_token_is_one_sentence(
    config: Config, login: FakeLogin
) -> None:
    login.current = "somebody else spent it"
    with pytest.raises(UnauthorizedError) as error:
        credential(config).token()
    assert str(error.value) == (
        f"The login of account {USER_ID} has ended (400 invalid_grant). "
        f"Run `tap-oura-auth login {USER_ID}`."
    )


def test_the_token_endpoint_that_works_is_found_and_remembered(
    config: Config, login: FakeLogin
) -> None:
    login.knows_client = PORTAL
    credential(config).token()
    assert [path for path, _ in login.requests] == [LEGACY, PORTAL]
    login.requests.clear()
    credential(config).renew("access-1")
    assert [path for path, _ in login.requests] == [PORTAL]


def test_a_refresh_that_leaves_out_the_scopes_keeps_them(
    config: Config, login: FakeLogin
) -> None:
    credential(config).token()
    login.scope = None
    credential(config).renew("access-1")
    stored = token_store(config).read(USER_ID)
    assert stored is not None
    assert stored.tokens.scopes == ("daily", "tag")


def test_key_can_be_changed(config: Config, login: FakeLogin) -> None:
    credential(config).token()
    both = config | {"token_key": f"{OTHER_KEY},{KEY}"}
    assert token_store(both).rotate() == 1
    rotated = config | {"token_key": OTHER_KEY}
    assert credential(rotated).token() == "access-1"
    with pytest.raises(ConfigValidationError, match="cannot be read with this"):
        credential(config).token()
    assert login.refreshes == 1


def test_eight_processes_refresh_once(config: Config, login: FakeLogin) -> None:
    login.latency = 0.3
    code = (
        "import json, sys; from tap_oura.accounts import accounts_from_config;"
        "(a,) = accounts_from_config(json.loads(sys.argv[1]));"
        "print(a.credential.token())"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, json.dumps(config)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    tokens = {process.communicate()[0].strip() for process in processes}
    assert tokens == {"access-1"}
    assert login.refreshes == 1


def test_a_process_that_dies_while_it_holds_the_lock_blocks_nobody(
    config: Config,
) -> None:
    code = (
        "import json, os, sys; from tap_oura.accounts import token_store\n"
        f"with token_store(json.loads(sys.argv[1])).lock('{USER_ID}'): os._exit(9)"
    )
    command = [sys.executable, "-c", code, json.dumps(config)]
    assert subprocess.run(command, check=False).returncode == 9
    assert credential(config).token() == "access-1"


def test_discovery_leaves_the_login_alone(config: Config, login: FakeLogin) -> None:
    assert TapOura(config=config).catalog_dict["streams"]
    assert login.requests == []


def test_a_broken_store_is_one_sentence(tmp_path: Path, config: Config) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(ConfigValidationError, match="is not readable as a token store"):
        credential(config, token_store=str(broken)).token()


def tap_oura_auth(
    config: Config,
    *arguments: str,
    stdin: str = "",
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tap_oura.auth_cli", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env={
            **{f"TAP_OURA_{name.upper()}": value for name, value in config.items()},
            **(environment or {}),
        },
    )


def test_login_by_browser_list_and_revoke(
    config: Config, login: FakeLogin, tmp_path: Path, free_port: int
) -> None:
    browser = tmp_path / "browser"
    browser.write_text(
        f"#!{sys.executable}\nimport requests, sys\nrequests.get(sys.argv[1])\n"
    )
    browser.chmod(0o755)
    config["redirect_uri"] = f"http://localhost:{free_port}/callback/"
    result = tap_oura_auth(
        config, "login", USER_ID, environment={"BROWSER": f"{browser} %s &"}
    )
    assert result.returncode == 0, result.stderr
    assert f"Account {USER_ID} is logged in." in result.stdout
    assert "Granted: daily, tag" in result.stdout
    assert "Not granted: email, personal, heartrate" in result.stdout
    assert "Will be empty: daily_cardiovascular_age, daily_resilience" in result.stdout
    asked = dict(login.requests)["/oauth/authorize"]
    assert asked["scope"].split() == list(SCOPES)
    assert asked["redirect_uri"] == config["redirect_uri"]

    assert USER_ID in tap_oura_auth(config, "list").stdout
    assert "logged out" in tap_oura_auth(config, "revoke", USER_ID).stdout
    assert tap_oura_auth(config, "list").stdout == ""
    assert ("/oauth/revoke", {"access_token": "access-1"}) in login.requests


def test_login_by_pasted_address_or_code(config: Config) -> None:
    """As on a machine without a browser; the account is named after Oura's id."""
    result = tap_oura_auth(config, "login", "--no-browser", stdin="wrong-code\n")
    assert result.returncode == 1
    assert "Oura did not accept the login (400 invalid_grant)" in result.stderr
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


def test_check_tries_the_token_of_each_account(
    config: Config, login: FakeLogin
) -> None:
    del config["refresh_token"]
    [absent] = json_lines(tap_oura_auth(config, "check").stdout)
    assert (absent["user_id"], absent["outcome"]) == (USER_ID, "unauthorized")
    assert absent["problem"].startswith(f"There is no login of account {USER_ID}.")
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
    assert result.returncode == 1
    assert "register at https://developer.ouraring.com" in result.stderr


def test_new_key_is_a_key() -> None:
    Fernet(tap_oura_auth({}, "new-key").stdout.strip())


OTHER_USER = "00000000-0000-4000-8000-000000000002"
TWO = [
    {"user_id": USER_ID, "access_token": "a"},
    {"user_id": OTHER_USER, "access_token": "b", "timezone": "Asia/Tokyo"},
]


def user_ids(**config: Any) -> list[str]:  # noqa: ANN401
    return [account.user_id for account in accounts_from_config(config)]


def test_users_may_be_filtered_and_shared_out() -> None:
    assert user_ids(users=TWO) == [USER_ID, OTHER_USER]
    assert user_ids(users=TWO, user_filter=[OTHER_USER]) == [OTHER_USER]
    many = [
        {"user_id": f"00000000-0000-4000-8000-{n:012}", "access_token": "t"}
        for n in range(100)
    ]
    shares = [user_ids(users=many, shard=f"{n}/3") for n in (1, 2, 3)]
    assert sorted(chain.from_iterable(shares)) == [user["user_id"] for user in many]
    assert all(len(share) > 20 for share in shares)
    assert user_ids(users=many, shard="2/3") == shares[1]


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"users": TWO + TWO[:1]}, "names 7f0a1c1e-5b5c-4c0e-9f7a-3d2f1c8b9a00 twice"),
        ({"users": TWO, "user_filter": ["you"]}, "`user_id` is not a UUID: 'you'"),
        ({"users": TWO[:1], "user_filter": [OTHER_USER]}, "which is no account"),
        ({"users": TWO, "shard": "0/3"}, "write it as 2/8"),
        ({"users": TWO, "shard": "4/3"}, "write it as 2/8"),
        ({"users": [{"user_id": "me", "access_token": "a"}]}, "is not a UUID: 'me'"),
        ({"users": [{"user_id": USER_ID}]}, "A login needs `token_store`"),
        ({"token_store": "x"}, "needs `token_key`"),
        ({"token_store": "x", "token_key": "short"}, "is no Fernet key"),
    ],
)
def test_accounts_that_cannot_be_are_one_sentence(
    config: Config, sentence: str
) -> None:
    with pytest.raises(ConfigValidationError) as error:
        accounts_from_config(config)
    assert len(error.value.errors) == 1
    assert sentence in error.value.errors[0]


def test_all_logins_are_read_where_no_account_is_named(config: Config) -> None:
    credential(config).token()
    store = token_store(config)
    stored = store.read(USER_ID)
    assert stored is not None
    with store.lock(OTHER_USER) as slot:
        slot.put(replace(stored, seed=None))
    del config["user_id"], config["refresh_token"]
    assert sorted(user_ids(**config)) == sorted([USER_ID, OTHER_USER])
