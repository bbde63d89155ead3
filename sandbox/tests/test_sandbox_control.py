from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

DAYS = {"start_date": "2026-11-10", "end_date": "2026-11-16"}


def ask(api: httpx.Client) -> list[dict[str, Any]]:
    documents: list[dict[str, Any]] = api.get("daily_sleep", params=DAYS).json()["data"]
    return documents


def test_a_revision_changes_its_document_only(
    api: httpx.Client, control: httpx.Client
) -> None:
    before = ask(api)
    path = f"documents/daily_sleep/{before[2]['id']}"
    change = {"score": None, "contributors": {"timing": 3}, "new_field": {"a": 1}}
    assert control.patch(path, json=change).status_code == 204
    expected = {
        **before[2],
        "score": None,
        "contributors": {**before[2]["contributors"], "timing": 3},
        "new_field": {"a": 1},
    }
    assert ask(api) == [*before[:2], expected, *before[3:]]
    assert api.get(f"daily_sleep/{before[2]['id']}").json() == expected
    assert control.get(path).json() == expected


def test_a_document_can_move_to_another_day(
    api: httpx.Client, control: httpx.Client
) -> None:
    before = ask(api)
    change = {"timestamp": "2026-10-01T00:00:00+00:00", "day": "2026-10-01"}
    control.patch(f"documents/daily_sleep/{before[0]['id']}", json=change)
    assert ask(api) == before[1:]


def test_a_deleted_document_is_gone_until_reset(
    api: httpx.Client, control: httpx.Client
) -> None:
    before = ask(api)
    path = f"documents/daily_sleep/{before[1]['id']}"
    assert control.delete(path).status_code == 204
    assert ask(api) == [before[0], *before[2:]]
    assert api.get(f"daily_sleep/{before[1]['id']}").status_code == 404
    assert control.delete(path).status_code == 404
    assert control.post("reset").status_code == 204
    assert ask(api) == before


def test_a_document_can_be_added_under_any_id(
    api: httpx.Client, control: httpx.Client
) -> None:
    before = ask(api)
    document = {**before[0], "id": "other", "day": "2026-11-11", "extra": [1]}
    document["timestamp"] = "2026-11-11T12:00:00+00:00"
    path = "documents/daily_sleep/added%20by%20hand"
    assert control.put(path, json=document).status_code == 204
    added = {**document, "id": "added by hand"}
    assert ask(api) == [*before[:2], added, *before[2:]]


@pytest.mark.parametrize("body", ["[]", "nonsense", ""])
def test_a_change_must_be_an_object(
    api: httpx.Client, control: httpx.Client, body: str
) -> None:
    path = f"documents/daily_sleep/{ask(api)[0]['id']}"
    assert control.patch(path, content=body).status_code == 400


def test_a_day_must_be_a_day(api: httpx.Client, control: httpx.Client) -> None:
    before = ask(api)
    path = f"documents/daily_sleep/{before[0]['id']}"
    assert control.patch(path, json={"timestamp": "soon"}).status_code == 400
    assert ask(api) == before


def test_nothing_is_changed_where_there_is_nothing(control: httpx.Client) -> None:
    for path in ("daily_sleep/nobody", "heartrate/x", "meal/x"):
        assert control.patch(f"documents/{path}", json={}).status_code == 404
    path = "documents/daily_sleep/x?user=7"
    assert control.put(path, json={"day": "2026-11-11"}).status_code == 404


def test_what_was_asked_is_written_down(
    api: httpx.Client, control: httpx.Client
) -> None:
    api.get("sleep", params={"start_date": "2026-11-23"})
    api.get("sleep", headers={"Authorization": "Bearer wrong"})
    path = "/v2/usercollection/sleep"
    found = control.get("requests").json()
    assert [(each["path"], each["query"], each["status"]) for each in found] == [
        (path, "start_date=2026-11-23", 200),
        (path, "", 401),
    ]
    assert control.delete("requests").status_code == 204
    assert control.get("requests").json() == []
