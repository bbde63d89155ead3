"""The application: all endpoints, over one state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from oura_sandbox import errors, twins, usercollection
from oura_sandbox.control import PREFIX, Control

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from oura_sandbox.state import State


def build(state: State) -> ASGIApp:
    """Put the application together."""
    app = Starlette(
        routes=[
            *usercollection.routes(state),
            *twins.routes(state),
            *Control(state).routes(),
        ],
        exception_handlers={
            errors.Problem: errors.answer,
            HTTPException: _answer_http,
        },
    )
    return RequestLog(app, state)


def _answer_http(_: Request, problem: Exception) -> Response:
    """Answer an unknown path, or a method that a path does not have, with JSON."""
    assert isinstance(problem, HTTPException)  # noqa: S101 - registered for it only
    return errors.json({"detail": problem.detail}, problem.status_code)


class RequestLog:
    """Writes down what clients ask, for tests to look at."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        """Stand before an application."""
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, and note how it was answered."""
        if scope["type"] != "http" or scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        entry = {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode("latin-1"),
            "status": None,
        }
        self._state.requests.append(entry)

        async def note(message: Message) -> None:
            """Note the status as it goes out."""
            if message["type"] == "http.response.start":
                entry["status"] = message["status"]
            await send(message)

        await self._app(scope, receive, note)
