"""Which users a run reads."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.helpers import _state as sdk_state

from fake_login import credential
from fake_oura import USER_ID
from tap_oura.errors import SettingError
from tap_oura.users import token_store, users_from_config

if TYPE_CHECKING:
    from pathlib import Path

    from fake_oura import FakeOura, Runner

OTHER_USER = "00000000-0000-4000-8000-000000000002"
TWO = [
    {"user_id": USER_ID, "access_token": "a"},
    {"user_id": OTHER_USER, "access_token": "b", "timezone": "Asia/Tokyo"},
]


def user_ids(**config: Any) -> list[str]:  # noqa: ANN401
    return [user.user_id for user in users_from_config(config)]


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


def test_a_share_leaves_others_bookmarks_out_of_a_state_of_its_own_alone(
    oura: FakeOura, run: Runner
) -> None:
    oura.daily("daily_stress", "2026-03-09")
    first = run("daily_stress", users=TWO)
    both = {USER_ID, OTHER_USER}
    for alone, kept in ((None, both), ("2/2", both), ("1/2", {OTHER_USER})):
        state = first.state | ({"shard": alone} if alone else {})
        result = run("daily_stress", users=TWO, shard="1/2", state=state)
        states = result.state["bookmarks"]["daily_stress"]["partitions"]
        assert {state["context"]["user_id"] for state in states} == kept
        assert result.state.get("shard") == alone


def test_a_file_names_more_users_than_a_variable_holds(tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    file.write_text(json.dumps(TWO[1:]))
    assert user_ids(user_list=str(file)) == [OTHER_USER]
    assert user_ids(users=TWO[:1], user_list=str(file)) == [USER_ID, OTHER_USER]


@pytest.mark.parametrize("content", [None, b"", b"{}", b'[{"user_id": 1}]', b"\xff"])
def test_a_file_that_lists_no_users_is_one_sentence(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "users.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingError, match="cannot be read as a list of users"):
        user_ids(user_list=str(file))


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"users": TWO + TWO[:1]}, "names 7f0a1c1e-5b5c-4c0e-9f7a-3d2f1c8b9a00 twice"),
        ({"users": TWO, "user_filter": ["you"]}, "`user_id` is not a UUID: 'you'"),
        ({"users": TWO[:1], "user_filter": [OTHER_USER]}, "which is not a user"),
        ({"users": TWO, "shard": "0/3"}, "write it as 2/8"),
        ({"users": TWO, "shard": "4/3"}, "write it as 2/8"),
        ({"users": [{"user_id": "me", "access_token": "a"}]}, "is not a UUID: 'me'"),
        ({"users": [{"user_id": USER_ID}]}, "A login needs `token_store`"),
        ({"token_store": "x"}, "needs `token_key`"),
        ({"token_store": "x", "token_key": "short"}, "is not a Fernet key"),
    ],
)
def test_users_that_cannot_be_are_one_sentence(
    config: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(SettingError) as error:
        users_from_config(config)
    assert sentence in str(error.value)


def test_all_logins_are_read_where_no_user_is_named(
    any_store: dict[str, Any],
) -> None:
    config = any_store
    credential(config).token()
    store = token_store(config)
    stored = store.read(USER_ID)
    assert stored is not None
    store.write(OTHER_USER, replace(stored, seed=None))
    del config["user_id"], config["refresh_token"]
    assert sorted(user_ids(**config)) == sorted([USER_ID, OTHER_USER])


def test_no_user_costs_more_for_the_others(
    oura: FakeOura, run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state is that of all users: to search it for each is their square."""

    def of_all_users(*_: object) -> None:
        raise AssertionError

    oura.daily("daily_stress", "2026-03-09")
    oura.daily("daily_sleep", "2026-03-08")
    users = [
        {"user_id": f"00000000-0000-4000-8000-{n:012}", "access_token": "t"}
        for n in range(30)
    ]
    monkeypatch.setattr(sdk_state, "_find_in_partitions_list", of_all_users)
    first = run("daily_stress", "daily_sleep", users=users)
    result = run("daily_stress", "daily_sleep", users=users, state=first.state)
    for stream, day in (("daily_stress", "2026-03-09"), ("daily_sleep", "2026-03-08")):
        assert result.days(stream) == [day] * len(users)
        assert {result.bookmark(stream, str(u["user_id"])) for u in users} == {day}
        # Nobody has two states, as a state that is not found would be added.
        states = result.state["bookmarks"][stream]["partitions"]
        assert len(states) == len(users)
    assert "pending_windows" not in json.dumps(result.state)
