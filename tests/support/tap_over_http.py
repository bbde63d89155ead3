"""The tap's own commands, against a sandbox over real HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet

USER_ID = "0a0a0a0a-0000-4000-8000-000000000001"
PROGRAMS = Path(sys.executable).parent
Message = dict[str, Any]


def days_ago(days: int) -> str:
    """A day before today, in UTC."""
    return str(datetime.now(UTC).date() - timedelta(days=days))


@dataclass
class Output:
    """What a run of the tap wrote and said."""

    messages: list[Message]
    stderr: str
    exit_code: int

    def records(self, stream: str) -> list[Message]:
        """The records of a stream."""
        return [
            message["record"]
            for message in self.messages
            if message["type"] == "RECORD" and message["stream"] == stream
        ]

    @property
    def state(self) -> Message:
        """The last state."""
        states = [m["value"] for m in self.messages if m["type"] == "STATE"]
        value: Message = states[-1]
        return value

    @property
    def errors(self) -> list[str]:
        """What a person is told at the end."""
        return [line for line in self.stderr.splitlines() if "| ERROR " in line]

    def outcomes(self) -> set[tuple[str, str, str]]:
        """User, stream and outcome of each window."""
        return {
            (r["user_id"], r["stream"], r["outcome"])
            for r in self.records("sync_windows")
        }


def parse(lines: str) -> list[Message]:
    """Whole lines of Singer messages; a killed tap may leave half of one."""
    whole = lines[: lines.rfind("\n") + 1]
    return [json.loads(line) for line in whole.splitlines()]


@cache
def discovered() -> str:
    """The tap's catalogue, which is always the same."""
    discover = [str(PROGRAMS / "tap-oura"), "--discover"]
    return subprocess.run(discover, capture_output=True, text=True, check=True).stdout


@dataclass
class Tap:
    """A folder with a configuration, and the commands that read it."""

    url: str
    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)

    def config(self, **settings: Any) -> Path:  # noqa: ANN401
        """The configuration file."""
        file = self.folder / "config.json"
        config = {
            "api_url": self.url,
            "auth_url": self.url,
            "client_id": "sandbox-client",
            "client_secret": "sandbox-secret",
            **self.settings,
            **settings,
        }
        file.write_text(json.dumps(config))
        return file

    def with_token(self) -> Tap:
        """For one user with the sandbox's first token."""
        token = {"access_token": "sandbox-token", "user_id": USER_ID}
        return Tap(self.url, self.folder, self.settings | token)

    def with_store(self, location: str) -> Tap:
        """For logins in a token store."""
        key = Fernet.generate_key().decode()
        store = {"token_store": location, "token_key": key}
        return Tap(self.url, self.folder, self.settings | store)

    def command(
        self,
        *,
        streams: tuple[str, ...] = (),
        state: Message | None = None,
        **settings: Any,  # noqa: ANN401
    ) -> list[str]:
        """The command line of a run."""
        command = [str(PROGRAMS / "tap-oura"), "--config", str(self.config(**settings))]
        if streams:
            catalog = self.folder / "catalog.json"
            catalog.write_text(json.dumps(self.catalog(streams)))
            command += ["--catalog", str(catalog)]
        if state:
            state_file = self.folder / "state.json"
            state_file.write_text(json.dumps(state))
            command += ["--state", str(state_file)]
        return command

    def run(self, **options: Any) -> Output:  # noqa: ANN401
        """Run it to its end."""
        result = subprocess.run(
            self.command(**options), capture_output=True, text=True, check=False
        )
        assert "Traceback" not in result.stderr, result.stderr
        return Output(parse(result.stdout), result.stderr, result.returncode)

    def catalog(self, streams: tuple[str, ...]) -> Message:
        """The tap's catalogue with only some streams selected."""
        catalog: Message = json.loads(discovered())
        for entry in catalog["streams"]:
            for item in entry["metadata"]:
                if item["breadcrumb"] == []:
                    name = entry["tap_stream_id"]
                    item["metadata"]["selected"] = name in (*streams, "sync_windows")
        return catalog

    # What the sandbox is told and asked

    def control(self, method: str, path: str, body: Any = None) -> Any:  # noqa: ANN401
        """Use a control route of the sandbox."""
        url = f"{self.url}/_sandbox/{path}"
        response = httpx.request(method, url, json=body)
        response.raise_for_status()
        return response.json() if response.content else None

    def fault(self, **fault: Any) -> None:  # noqa: ANN401
        """Begin a fault."""
        self.control("POST", "faults", fault)

    def asked(self) -> list[Message]:
        """What was asked of the API since the last reset."""
        requests: list[Message] = self.control("GET", "requests")
        return requests

    def served(self, route: str, days: int) -> list[Message]:
        """What the sandbox has of a route in the last days."""
        query = {"start_date": days_ago(days + 3), "end_date": days_ago(-3)}
        found: list[Message] = []
        while True:
            answer = httpx.get(
                f"{self.url}/v2/usercollection/{route}",
                params=query,
                headers={"Authorization": "Bearer sandbox-token"},
            ).json()
            found += answer["data"]
            if not answer["next_token"]:
                return [d for d in found if d["day"] >= days_ago(days)]
            query["next_token"] = answer["next_token"]
