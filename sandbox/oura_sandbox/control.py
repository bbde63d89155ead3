"""The control routes under /_sandbox/, with which tests and people steer it."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

import orjson
from starlette.responses import Response
from starlette.routing import Route

from oura_sandbox.errors import Problem, bad_request, forbidden, json, not_found
from oura_sandbox.routes import DOCUMENTS, Document, DocumentRoute

if TYPE_CHECKING:
    from starlette.requests import Request

    from oura_sandbox.accounts import Account
    from oura_sandbox.state import State

PREFIX = "/_sandbox"


class Control:
    """The control routes over a state."""

    def __init__(self, state: State) -> None:
        """Steer a state."""
        self._state = state

    def routes(self) -> list[Route]:
        """Return the endpoints."""
        document = f"{PREFIX}/documents/{{route}}/{{document_id}}"
        return [
            Route(document, self.document, methods=["GET", "PUT", "PATCH", "DELETE"]),
            Route(f"{PREFIX}/requests", self.requests, methods=["GET", "DELETE"]),
            Route(f"{PREFIX}/reset", self.reset, methods=["POST"]),
        ]

    async def document(self, request: Request) -> Response:
        """Show, add, revise or delete one document."""
        _only_from_here(request)
        route, account = self._target(request)
        identifier = request.path_params["document_id"]
        if request.method == "PUT":
            document = await _body(request)
            _put(account, route, {**document, "id": identifier})
            return Response(status_code=204)
        entry = account.documents.find(route, identifier)
        if entry is None:
            raise not_found()
        if request.method == "PATCH":
            document = merge(orjson.loads(entry.body), await _body(request))
            _put(account, route, {**document, "id": identifier})
        elif request.method == "DELETE":
            account.documents.delete(route, identifier)
        else:
            return Response(entry.body, media_type="application/json")
        return Response(status_code=204)

    async def requests(self, request: Request) -> Response:
        """Show, or forget, what clients have asked."""
        _only_from_here(request)
        if request.method == "DELETE":
            self._state.requests.clear()
            return Response(status_code=204)
        return json(list(self._state.requests))

    async def reset(self, request: Request) -> Response:
        """Go back to how the sandbox started."""
        _only_from_here(request)
        self._state.reset()
        return Response(status_code=204)

    def _target(self, request: Request) -> tuple[DocumentRoute, Account]:
        route = DOCUMENTS.get(request.path_params["route"])
        number = request.query_params.get("account", "1")
        account = self._state.accounts.get(int(number) if number.isdigit() else 0)
        if route is None or account is None:
            raise not_found()
        return route, account


def merge(document: Document, change: Document) -> Document:
    """Lay a change over a document, object by object; null is a value like others."""
    merged = dict(document)
    for name, value in change.items():
        old = merged.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[name] = merge(old, value)
        else:
            merged[name] = value
    return merged


def _put(account: Account, route: DocumentRoute, document: Document) -> None:
    try:
        account.documents.put(route, document)
    except (TypeError, ValueError, AttributeError):
        reason = f"{route.day} or {route.instant} is not a date or time"
        raise bad_request(reason) from None


async def _body(request: Request) -> Document:
    try:
        document = orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        reason = "The body must be a JSON object"
        raise Problem(400, {"detail": reason})
    return document


def _only_from_here(request: Request) -> None:
    """Refuse whoever is not on this machine: here nobody has to log in."""
    if request.client and not ip_address(request.client.host).is_loopback:
        reason = "The control routes answer this machine only"
        raise forbidden(reason)
