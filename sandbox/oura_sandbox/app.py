"""The application: all endpoints, over one state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from oura_sandbox import errors, twins, usercollection
from oura_sandbox.control import Control
from oura_sandbox.oauth import OAuth
from oura_sandbox.traffic import Traffic

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from oura_sandbox.state import State


def build(state: State) -> ASGIApp:
    """Put the application together."""
    app = Starlette(
        routes=[
            *usercollection.routes(state),
            *twins.routes(state),
            *OAuth(state).routes(),
            Control(state).mount(),
        ],
        exception_handlers={
            errors.Problem: errors.answer,
            HTTPException: _answer_http,
        },
    )
    return Traffic(app, state)


def _answer_http(_: Request, problem: Exception) -> Response:
    """Answer an unknown path, or a method that a path does not have, with JSON."""
    assert isinstance(problem, HTTPException)  # noqa: S101 - registered for it only
    return errors.reply({"detail": problem.detail}, problem.status_code)
