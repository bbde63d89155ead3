"""What the rivals are given: where to read and write, and which windows to ask for."""

from __future__ import annotations

import json
import os
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLES = "heartrate"
LONGEST = {SAMPLES: 30}
"""Days that one request may ask for; Oura limits samples."""
USUAL = 90


class Task(NamedTuple):
    """One work, as the environment says it."""

    api: str
    token: str
    database: str
    route: str
    start: date
    end: date
    folder: str
    """Of this database alone, for what a rival keeps from run to run."""

    @classmethod
    def given(cls) -> Task:
        """Read it from the environment."""
        task = json.loads(os.environ["BENCH_TASK"])
        for bound in ("start", "end"):
            task[bound] = date.fromisoformat(task[bound])
        return cls(**task)

    @property
    def key(self) -> list[str]:
        """What tells one record from another."""
        return ["timestamp", "source"] if self.route == SAMPLES else ["id"]

    def windows(self) -> list[dict[str, str]]:
        """The parameters of the first request of each window."""
        return list(self._windows())

    def _windows(self) -> Iterator[dict[str, str]]:
        is_samples = self.route == SAMPLES
        # A document's instant may lie outside of the UTC day that it is labelled with.
        padding = timedelta(days=0 if is_samples else 2)
        start, last = self.start - padding, self.end + padding
        while start <= last:
            length = timedelta(days=LONGEST.get(self.route, USUAL) - 1)
            end = min(start + length, last)
            if is_samples:
                yield {
                    "start_datetime": f"{start}T00:00:00Z",
                    "end_datetime": f"{end}T23:59:59Z",
                }
            else:
                after = end + timedelta(days=1)
                yield {"start_date": f"{start}", "end_date": f"{after}"}
            start = end + timedelta(days=1)

    def pages(self) -> Iterator[list[dict[str, Any]]]:
        """The records of each response, as fast as `requests` and orjson read them."""
        with requests.Session() as session:
            session.headers["Authorization"] = f"Bearer {self.token}"
            url = f"{self.api}/v2/usercollection/{self.route}"
            for window in self.windows():
                parameters = dict(window)
                while True:
                    response = session.get(url, params=parameters)
                    response.raise_for_status()
                    page = orjson.loads(response.content)
                    yield page["data"]
                    if not (token := page.get("next_token")):
                        break
                    parameters["next_token"] = token
