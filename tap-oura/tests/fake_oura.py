"""A stand-in for Oura's API, and a way to run the tap against it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tap_oura.tap import TapOura

if TYPE_CHECKING:
    import pytest
    import requests_mock as rm
    from requests_mock.request import _RequestObjectProxy
    from requests_mock.response import _Context

API = "https://api.ouraring.com/v2/usercollection/"
USER_ID = "7f0a1c1e-5b5c-4c0e-9f7a-3d2f1c8b9a00"
TODAY = date(2026, 3, 10)

Document = dict[str, Any]


class FakeOura:
    """Serves documents with the date semantics that were measured of the real API.

    A document's own instant is compared, in UTC, with bounds that mean 00:00Z.
    """

    def __init__(self, mocker: rm.Mocker) -> None:
        self.documents: dict[str, list[Any]] = defaultdict(list)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.page_size = 1000
        self.answers: dict[str, list[Any]] = defaultdict(list)
        mocker.get(re.compile(re.escape(API)), content=self._content)

    def daily(self, route: str, *days: str, **fields: Any) -> None:  # noqa: ANN401
        for day in days:
            document = {"id": f"{route}-{day}", "day": day, **fields}
            self.documents[route].append(document)

    def answer_next(self, route: str, *answers: Any) -> None:  # noqa: ANN401
        """Answer the next requests with (status, body[, headers]) or an exception.

        A body that is a text or bytes is sent as it stands, anything else as JSON.
        """
        self.answers[route].extend(answers)

    def bounds(self, route: str) -> list[tuple[str, str]]:
        """What was asked for, in order of time: requests overlap."""
        return sorted(
            (
                query.get("start_date") or query["start_datetime"],
                query.get("end_date") or query["end_datetime"],
            )
            for name, query in self.asked
            if name == route and query.keys() & {"start_date", "start_datetime"}
            if "next_token" not in query
        )

    def _content(self, request: _RequestObjectProxy, context: _Context) -> bytes:
        answer = self._answer(request, context)
        if isinstance(answer, bytes):
            return answer
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return text.encode()

    def _answer(self, request: _RequestObjectProxy, context: _Context) -> Any:  # noqa: ANN401
        route = request.path.rpartition("/")[2]
        route = "vO2_max" if route == "vo2_max" else route
        query = {name: values[0] for name, values in _query(request).items()}
        self.asked.append((route, query))
        if self.answers[route]:
            answer = self.answers[route].pop(0)
            if isinstance(answer, Exception):
                raise answer
            context.status_code, body, *headers = answer
            context.headers.update(*headers)
            return body
        if route == "personal_info":
            (person,) = self.documents[route] or [{"id": "someone", "age": 40}]
            return person
        found = [d for d in self.documents[route] if _lies_between(d, query)]
        first = int(query.get("next_token", "0"))
        rest = found[first + self.page_size :]
        return {
            "data": found[first : first + self.page_size],
            "next_token": str(first + self.page_size) if rest else None,
        }


def example(schema: dict[str, Any], name: str = "") -> Any:  # noqa: ANN401
    """A value that fits a schema, with something for every property."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    scalars = {"integer": 1, "number": 1.5, "boolean": True, "string": name}
    if types[0] == "object":
        properties = schema.get("properties", {})
        return {key: example(inner, key) for key, inner in properties.items()}
    if types[0] == "array":
        return [example(schema["items"])]
    if schema.get("format") == "date":
        return "2026-03-09"
    if types[0] == "string" and ("time" in name or "format" in schema):
        return "2026-03-09T08:00:00+00:00"
    return scalars[types[0]]


def _query(request: _RequestObjectProxy) -> dict[str, list[str]]:
    return parse_qs(urlsplit(request.url).query)


def _lies_between(document: Any, query: dict[str, str]) -> bool:  # noqa: ANN401
    if not isinstance(document, dict):
        return True
    stamp = document.get("timestamp") or document.get("bedtime_start")
    stamp = stamp or document.get("day") or document.get("start_day")
    start = query.get("start_date") or query.get("start_datetime")
    end = query.get("end_date") or query.get("end_datetime")
    if not isinstance(stamp, str) or start is None or end is None:
        return True
    return _instant(start) <= _instant(stamp) <= _instant(end)


def _instant(value: str) -> datetime:
    instant = datetime.fromisoformat(value)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


class Run:
    """What one run of the tap wrote."""

    def __init__(self, lines: list[dict[str, Any]], exit_code: int) -> None:
        self.messages = lines
        self.exit_code = exit_code

    def records(self, stream: str) -> list[dict[str, Any]]:
        return [
            message["record"]
            for message in self.messages
            if message["type"] == "RECORD" and message["stream"] == stream
        ]

    def days(self, stream: str) -> list[str]:
        return [record["day"] for record in self.records(stream)]

    @property
    def states(self) -> list[dict[str, Any]]:
        return [m["value"] for m in self.messages if m["type"] == "STATE"]

    @property
    def state(self) -> dict[str, Any]:
        return self.states[-1]

    def bookmark(self, stream: str, user_id: str = USER_ID) -> str | None:
        for partition in self.state["bookmarks"][stream]["partitions"]:
            if partition["context"]["user_id"] == user_id:
                value: str | None = partition.get("replication_key_value")
                return value
        return None


class Runner:
    """Runs the tap in this process, with one day as today."""

    def __init__(self, capture: pytest.CaptureFixture[bytes]) -> None:
        self.today = TODAY
        self._capture = capture

    def __call__(
        self,
        *streams: str,
        state: dict[str, Any] | None = None,
        catalog: dict[str, Any] | None = None,
        **config: Any,  # noqa: ANN401
    ) -> Run:
        """Run with only these streams (and `sync_windows`) selected."""
        tap = TapOura(
            config={"access_token": "secret-token", "user_id": USER_ID, **config},
            state=json.loads(json.dumps(state)) if state else None,
            catalog=catalog,
        )
        tap.run.today = self.today
        for name, stream in tap.streams.items():
            stream.selected = name in streams or name == "sync_windows"
        self._capture.readouterr()
        exit_code = 0
        try:
            tap.run.ledger.carry_over(tap.state)
            tap.sync_all()
            tap.conclude()
        except SystemExit as exit_:
            exit_code = int(exit_.code or 0)
        lines = self._capture.readouterr().out.splitlines()
        return Run([json.loads(line) for line in lines], exit_code)
