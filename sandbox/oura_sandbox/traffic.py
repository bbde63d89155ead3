"""Between the network and the API: the log, the latency, and the way to the faults."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers

from oura_sandbox.auth import bearer
from oura_sandbox.spoiling import spoil

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from oura_sandbox.faults import Fault
    from oura_sandbox.state import State

API = "/v2/usercollection/"
CONTROL = "/_sandbox/"


class Traffic:
    """Stands before the application; only control routes pass untouched."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        """Stand before an application."""
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write a request down, and let it pass or not."""
        if scope["type"] != "http" or scope["path"].startswith(CONTROL):
            await self._app(scope, receive, send)
            return
        user = self._user(scope)
        entry: dict[str, Any] = {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode("latin-1"),
            "user": user,
            "status": None,
        }
        self._state.requests.append(entry)

        async def note(message: Message) -> None:
            """Note the status as it goes out."""
            if message["type"] == "http.response.start":
                entry["status"] = message["status"]
            await send(message)

        if self._state.settings.latency_ms:
            await asyncio.sleep(self._state.settings.latency_ms / 1000)
        faults = self._faults(scope["path"], user)
        if faults:
            await spoil(self._app, faults, self._state.today, scope, receive, note)
        else:
            await self._app(scope, receive, note)

    def _user(self, scope: Scope) -> int | None:
        token = bearer(Headers(scope=scope).get("authorization", ""))
        access = self._state.grants.access.get(token)
        return access.grant.user.number if access else None

    def _faults(self, path: str, user: int | None) -> list[Fault]:
        if path.startswith(API):
            route = path.removeprefix(API).partition("/")[0]
        else:
            route = path.strip("/")
        return [
            active.fault
            for active in self._state.faults.values()
            if active.happens(route, user)
        ]
