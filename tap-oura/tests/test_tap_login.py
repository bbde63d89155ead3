"""Logins: refreshed once, stored before use, never lost."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fake_login import KEY, LEGACY, OTHER_KEY, PORTAL, credential
from fake_oura import USER_ID
from tap_oura.errors import (
    TokenStoreError,
    UnauthorizedError,
    UnreachableError,
    UserFailedError,
)
from tap_oura.oauth import Login, Tokens
from tap_oura.tap import TapOura
from tap_oura.users import token_store

if TYPE_CHECKING:
    from fake_login import FakeLogin
    from fake_oura import FakeOura, Runner

Config = dict[str, Any]
OTHER_USER = "00000000-0000-4000-8000-000000000002"


def test_seed_begins_the_chain_and_the_chain_goes_on_from_the_store(
    any_store: Config, login: FakeLogin
) -> None:
    config = any_store
    assert credential(config).token() == "access-1"
    assert credential(config).token() == "access-1"
    assert login.refreshes == 1
    assert credential(config).renew("access-1") == "access-2"
    assert credential(config).token() == "access-2"
    assert credential(config, refresh_token="").token() == "access-2"  # is none


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


def test_store_is_encrypted_and_private(any_store: Config, tmp_path: Path) -> None:
    credential(any_store).token()
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
        f"The login of user {USER_ID} has ended (400 invalid_grant). "
        f"Run `tap-oura-auth login {USER_ID}`."
    )


def test_what_has_ended_is_not_asked_for_again(
    config: Config, login: FakeLogin
) -> None:
    """As by the other threads of a run."""
    login.current = "somebody else spent it"
    ended = credential(config)
    for _ in range(8):
        with pytest.raises(UnauthorizedError):
            ended.token()
    assert login.refreshes == 1


@pytest.mark.parametrize(
    "oddities",
    [{"expires_in": None}, {"expires_in": "86400"}, {"scope": ["daily"]}],
    ids=str,
)
def test_an_odd_answer_does_not_cost_the_login(
    config: Config, login: FakeLogin, oddities: dict[str, Any]
) -> None:
    login.oddities = oddities
    assert credential(config).token() == "access-1"
    assert credential(config).token() == "access-1"
    assert credential(config).renew("access-1") == "access-2"


@pytest.mark.parametrize(
    "answer",
    [
        (403, "<html>a proxy's</html>"),
        (404, "{}"),
        (401, '{"detail": "who are you"}'),
        (400, '{"error": "teapot"}'),
        (400, '{"error": ["invalid_grant"]}'),
        (302, ""),
        (200, "<html>log in to this network</html>"),
        (200, '{"access_token": 1}'),
        (500, '{"error": "invalid_grant"}'),
    ],
    ids=str,
)
def test_an_answer_that_oauth_does_not_know_ends_no_login(
    config: Config, login: FakeLogin, answer: tuple[int, str]
) -> None:
    login.faults = [answer] * 8
    with pytest.raises(UnreachableError, match=rf"no tokens now \({answer[0]}"):
        credential(config).token()
    login.faults = []
    assert credential(config).token() == "access-1"


def test_an_application_that_is_not_known_ends_no_login(config: Config) -> None:
    with pytest.raises(UserFailedError, match="Check `client_id` and `client_secret`"):
        credential(config, client_secret="wrong").token()
    assert credential(config).token() == "access-1"


def test_an_answer_that_is_lost_is_asked_for_again(
    config: Config, login: FakeLogin
) -> None:
    login.faults = ["drop"] * 3
    assert credential(config).token() == "access-1"
    login.faults = ["drop"] * 4
    with pytest.raises(UnreachableError):
        credential(config).renew("access-1")
    assert credential(config).renew("access-1") == "access-2"


def test_an_answer_that_is_lost_after_the_token_was_spent_is_one_sentence(
    config: Config, login: FakeLogin
) -> None:
    login.faults = ["lose"]
    with pytest.raises(UnauthorizedError, match=r"has ended \(400 invalid_grant"):
        credential(config).token()


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that was away has kept the lock of who could not give it back."""
    monkeypatch.setattr("tap_oura.database_token_store.SILENCE", 0.1)


@pytest.mark.usefixtures("impatience")
@pytest.mark.parametrize("begun", [False, True], ids=["first", "later"])
def test_a_store_that_fails_while_oura_answers_costs_no_login(
    any_store: Config,
    login: FakeLogin,
    caplog: pytest.LogCaptureFixture,
    *,
    begun: bool,
) -> None:
    """The old tokens are spent; the new ones are kept until the store is back."""
    store, rescue = Place(any_store["token_store"]), Path(any_store["rescue_folder"])
    if begun:
        credential(any_store).token()
    login.meanwhile = store.vanish
    now = credential(any_store).renew("access-1")
    assert now == f"access-{login.issued}"
    assert f"are kept in {rescue} until" in caplog.text
    [kept] = rescue.glob("*.json")
    assert kept.stat().st_mode & 0o077 == 0
    assert login.current not in kept.read_text()

    store.come_back()
    assert credential(any_store).token() == now
    assert not kept.exists()
    elsewhere = any_store | {"rescue_folder": f"{rescue}-2"}
    assert credential(elsewhere).token() == now


def test_a_login_that_can_be_kept_nowhere_is_one_sentence(
    any_store: Config, login: FakeLogin, tmp_path: Path
) -> None:
    store = Place(any_store["token_store"])

    def lose_both() -> None:
        store.vanish()
        (tmp_path / "rescue").touch()

    login.meanwhile = lose_both
    with pytest.raises(TokenStoreError, match="could be kept neither in"):
        credential(any_store).token()


@pytest.mark.usefixtures("impatience")
def test_a_newer_login_wins_over_a_rescued_one(
    any_store: Config, login: FakeLogin
) -> None:
    store = Place(any_store["token_store"])
    credential(any_store).token()
    login.meanwhile = store.vanish
    credential(any_store).renew("access-1")
    login.meanwhile = None
    store.come_back()
    newer = Tokens("newer", "r", time.time() + 9999, None, "")
    elsewhere = any_store | {"rescue_folder": any_store["rescue_folder"] + "-2"}
    token_store(elsewhere).write(USER_ID, Login(newer))
    stored = token_store(any_store).read(USER_ID)
    assert stored is not None
    assert stored.tokens.access_token == "newer"


def test_only_who_holds_the_lock_brings_a_login_home(
    config: Config, login: FakeLogin
) -> None:
    """Whoever was about to would put a spent pair in the place of the next one."""
    store = Place(config["token_store"])
    credential(config).token()
    login.meanwhile = store.vanish
    credential(config).renew("access-1")
    login.meanwhile = None
    store.come_back()
    elsewhere = token_store(config | {"rescue_folder": config["rescue_folder"] + "-2"})
    reader = threading.Thread(target=token_store(config).read, args=(USER_ID,))
    with elsewhere.lock(USER_ID):
        reader.start()
        reader.join(0.5)
        assert reader.is_alive()
        next_one = Tokens("next", "r", time.time() + 999_999, None, "")
        elsewhere.write(USER_ID, Login(next_one))
    reader.join()
    stored = elsewhere.read(USER_ID)
    assert stored is not None
    assert stored.tokens.access_token == "next"
    assert list(Path(config["rescue_folder"]).glob("*.json")) == []


def test_what_the_store_does_not_take_is_kept_before_it_is_asked_again(
    any_store: Config, login: FakeLogin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process may be killed while it waits."""
    kept: list[Path] = []

    def asked_again(_: float) -> None:
        kept.extend(Path(any_store["rescue_folder"]).glob("*.json"))

    monkeypatch.setattr("backoff._sync.time.sleep", asked_again)
    login.meanwhile = Place(any_store["token_store"]).vanish
    credential(any_store).token()
    assert kept


class Place:
    """Where a store is, which can be away."""

    def __init__(self, store: str) -> None:
        self._path = Path(store.removeprefix("sqlite:///"))
        self._is_database = store.startswith("sqlite")

    def vanish(self) -> None:
        if self._is_database:
            self._rename("oura_logins", "away")
            return
        if self._path.parent.is_dir():
            self._path.parent.rename(self._path.parent.with_name("away"))
        self._path.parent.touch()

    def come_back(self) -> None:
        if self._is_database:
            self._rename("away", "oura_logins")
            return
        self._path.parent.unlink()
        self._path.parent.with_name("away").rename(self._path.parent)

    def _rename(self, old: str, new: str) -> None:
        with closing(sqlite3.connect(self._path)) as database:
            database.execute(f"alter table {old} rename to {new}")


def test_what_a_process_that_was_killed_left_of_a_store_is_removed(
    config: Config,
) -> None:
    store = Path(config["token_store"])
    store.parent.mkdir()
    leftovers = [store.with_name(f"store.json{end}") for end in (".new", "k1_ll3d0")]
    for leftover in leftovers:
        leftover.touch(mode=0o644)
    credential(config).token()
    assert not any(leftover.exists() for leftover in leftovers)
    assert store.stat().st_mode & 0o077 == 0


def test_a_run_that_ends_lets_a_refresh_finish(
    config: Config, login: FakeLogin
) -> None:
    """Its threads are daemons, which end with it, wherever they are."""
    login.latency = 0.5
    code = (
        "import json, sys, threading, time\n"
        "from tap_oura.users import users_from_config\n"
        "(a,) = users_from_config(json.loads(sys.argv[1]))\n"
        "threading.Thread(target=a.credential.token, daemon=True).start()\n"
        "time.sleep(0.2)"
    )
    command = [sys.executable, "-c", code, json.dumps(config)]
    subprocess.run(command, check=True)
    assert credential(config).token() == "access-1"
    assert login.refreshes == 1


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


def test_key_can_be_changed(any_store: Config, login: FakeLogin) -> None:
    config = any_store
    credential(config).token()
    both = config | {"token_key": f"{OTHER_KEY},{KEY}"}
    assert token_store(both).rotate() == 1
    rotated = config | {"token_key": OTHER_KEY}
    assert credential(rotated).token() == "access-1"
    with pytest.raises(TokenStoreError, match="cannot be read with this"):
        credential(config).token()
    assert login.refreshes == 1


def test_a_login_that_cannot_be_read_stops_its_user_only(
    config: Config, oura: FakeOura, run: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    store = token_store(config)
    store.write(USER_ID, Login(Tokens("a", "r", time.time() + 3600, None, "")))
    users = [{"user_id": USER_ID}, {"user_id": OTHER_USER, "access_token": "t"}]
    oura.daily("daily_stress", "2026-03-09")
    config |= {"api_url": "https://api.ouraring.com", "token_key": OTHER_KEY}
    result = run("daily_stress", **config, users=users)
    assert result.exit_code == 1
    assert [r["user_id"] for r in result.records("daily_stress")] == [OTHER_USER]
    [error] = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
    assert "cannot be read with this `token_key`" in error


def test_eight_processes_refresh_once(config: Config, login: FakeLogin) -> None:
    login.latency = 0.3
    code = (
        "import json, os, sys; from tap_oura import file_token_store, users;"
        "[os.fork() for _ in range(3)];"  # each time, there are twice as many
        "(a,) = users.users_from_config(json.loads(sys.argv[1]));"
        "print(a.credential.token(), flush=True)"
    )
    command = [sys.executable, "-c", code, json.dumps(config)]
    tokens = subprocess.check_output(command, text=True).split()
    assert tokens == ["access-1"] * 8
    assert login.refreshes == 1


def test_a_process_that_dies_while_it_holds_the_lock_blocks_nobody(
    any_store: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = any_store
    code = (
        "import json, os, sys; from tap_oura.users import token_store\n"
        f"with token_store(json.loads(sys.argv[1])).lock('{USER_ID}'): os._exit(9)"
    )
    command = [sys.executable, "-c", code, json.dumps(config)]
    assert subprocess.run(command, check=False).returncode == 9
    monkeypatch.setattr("tap_oura.database_token_store.SILENCE", 0.5)
    assert credential(config).token() == "access-1"


def test_a_lock_is_kept_for_as_long_as_its_holder_lives(
    any_store: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_oura.database_token_store.HEARTBEAT", 0.1)
    monkeypatch.setattr("tap_oura.database_token_store.SILENCE", 1.0)
    taken = threading.Event()

    def take() -> None:
        with token_store(any_store).lock(USER_ID):
            taken.set()

    second = threading.Thread(target=take)
    with token_store(any_store).lock(USER_ID):
        second.start()
        assert not taken.wait(2)
    second.join()
    assert taken.is_set()


def test_discovery_leaves_the_login_alone(config: Config, login: FakeLogin) -> None:
    assert TapOura(config=config).catalog_dict["streams"]
    assert login.requests == []


def test_a_broken_store_is_one_sentence(tmp_path: Path, config: Config) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(TokenStoreError, match="is not readable as a token store"):
        credential(config, token_store=str(broken)).token()
