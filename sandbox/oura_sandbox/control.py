"""The control routes under /_sandbox/, with which tests, or a user, steer it."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import Struct
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Mount, Route

from oura_sandbox import scopes
from oura_sandbox.documents import merge
from oura_sandbox.errors import bad_request, forbidden, not_found, reply
from oura_sandbox.faults import Fault
from oura_sandbox.grants import Grant
from oura_sandbox.oauth import pair_response
from oura_sandbox.person.info import personal_info
from oura_sandbox.routes import DOCUMENTS, Document, DocumentRoute
from oura_sandbox.users import Standing

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from oura_sandbox.state import State
    from oura_sandbox.users import User

Body = TypeVar("Body")


class Wanted(Struct, forbid_unknown_fields=True):
    """A pair of tokens that is asked for without a consent page."""

    user: int = 1
    scopes: tuple[str, ...] | None = None
    lifetime: int | None = None


class Control:
    """The control routes over a state."""

    def __init__(self, state: State) -> None:
        """Steer a state."""
        self._state = state

    def mount(self) -> Mount:
        """Return the endpoints."""
        document = "/documents/{route}/{document_id}"
        return Mount(
            "/_sandbox",
            routes=[
                Route(document, self.show_document),
                Route(document, self.put_document, methods=["PUT"]),
                Route(document, self.patch_document, methods=["PATCH"]),
                Route(document, self.delete_document, methods=["DELETE"]),
                Route("/users", self.show_users),
                Route("/users", self.open_user, methods=["POST"]),
                Route("/users/{number}", self.patch_user, methods=["PATCH"]),
                Route("/tokens", self.issue_tokens, methods=["POST"]),
                Route("/tokens", self.expire_tokens, methods=["DELETE"]),
                Route("/settings", self.show_settings),
                Route("/settings", self.patch_settings, methods=["PATCH"]),
                Route("/faults", self.show_faults),
                Route("/faults", self.begin_fault, methods=["POST"]),
                Route("/faults", self.end_faults, methods=["DELETE"]),
                Route("/faults/{number:int}", self.end_fault, methods=["DELETE"]),
                Route("/requests", self.show_requests),
                Route("/requests", self.forget_requests, methods=["DELETE"]),
                Route("/reset", self.reset, methods=["POST"]),
            ],
            middleware=[Middleware(OnlyFromHere)],
        )

    async def show_document(self, request: Request) -> Response:
        """Show a document."""
        route, user = self._target(request)
        body = _find(request, route, user)
        return Response(body, media_type="application/json")

    async def put_document(self, request: Request) -> Response:
        """Add a document, or replace one."""
        route, user = self._target(request)
        return _put(request, route, user, await _body(request, dict[str, Any]))

    async def patch_document(self, request: Request) -> Response:
        """Revise a document."""
        route, user = self._target(request)
        document = msgspec.json.decode(_find(request, route, user))
        change = await _body(request, dict[str, Any])
        return _put(request, route, user, merge(document, change))

    async def delete_document(self, request: Request) -> Response:
        """Take a document away."""
        route, user = self._target(request)
        _find(request, route, user)
        user.documents.delete(route, request.path_params["document_id"])
        return Response(status_code=204)

    async def show_users(self, _: Request) -> Response:
        """Show the users, and the token of each that never expires."""
        return reply([_shown(user) for user in self._state.users.values()])

    async def open_user(self, request: Request) -> Response:
        """Add a user, who may grant less than everything."""
        user = self._state.open_user(await _body(request, Standing))
        return reply(_shown(user), 201)

    async def patch_user(self, request: Request) -> Response:
        """Change what a user grants, or whether it is still a member."""
        user = self._state.user(request.path_params["number"])
        if user is None:
            raise not_found()
        user.standing = await _change(request, user.standing)
        grant = self._state.grants.access[user.token].grant
        grant.scopes = user.standing.scopes
        return Response(status_code=204)

    async def issue_tokens(self, request: Request) -> Response:
        """Hand out a pair of tokens, as after a consent."""
        wanted = await _body(request, Wanted)
        user = self._state.users.get(wanted.user)
        if user is None:
            raise not_found()
        names = scopes.SCOPES if wanted.scopes is None else wanted.scopes
        granted = scopes.read(" ".join(names)) & user.standing.scopes
        settings = self._state.settings
        lifetime = wanted.lifetime
        pair = self._state.grants.issue(
            Grant(user, granted),
            settings.token_lifetime if lifetime is None else lifetime,
        )
        return reply(pair_response(pair, settings))

    async def expire_tokens(self, request: Request) -> Response:
        """Let the access tokens of a user expire; refresh tokens go on."""
        user = self._state.user(request.query_params.get("user", "1"))
        if user is None:
            raise not_found()
        self._state.grants.expire(user)
        return Response(status_code=204)

    async def show_settings(self, _: Request) -> Response:
        """Show what can be changed."""
        return reply(self._state.settings)

    async def patch_settings(self, request: Request) -> Response:
        """Change how the sandbox behaves."""
        self._state.settings = await _change(request, self._state.settings)
        return Response(status_code=204)

    async def show_faults(self, _: Request) -> Response:
        """Show the faults that are on, and how often they have happened."""
        return reply(
            [
                {"number": number, "happened": active.happened, "fault": active.fault}
                for number, active in self._state.faults.items()
            ]
        )

    async def begin_fault(self, request: Request) -> Response:
        """Let something go wrong."""
        number = self._state.begin(await _body(request, Fault))
        return reply({"number": number}, 201)

    async def end_faults(self, _: Request) -> Response:
        """Let nothing go wrong any more."""
        self._state.faults.clear()
        return Response(status_code=204)

    async def end_fault(self, request: Request) -> Response:
        """End one fault."""
        if self._state.faults.pop(request.path_params["number"], None) is None:
            raise not_found()
        return Response(status_code=204)

    async def show_requests(self, _: Request) -> Response:
        """Show what clients have asked."""
        return reply(list(self._state.requests))

    async def forget_requests(self, _: Request) -> Response:
        """Forget what clients have asked."""
        self._state.requests.clear()
        return Response(status_code=204)

    async def reset(self, _: Request) -> Response:
        """Go back to how the sandbox started."""
        self._state.reset()
        return Response(status_code=204)

    def _target(self, request: Request) -> tuple[DocumentRoute, User]:
        route = DOCUMENTS.get(request.path_params["route"])
        user = self._state.user(request.query_params.get("user", "1"))
        if route is None or user is None:
            raise not_found()
        return route, user


class OnlyFromHere:
    """Refuses other machines, as the control routes ask for no login."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before the control routes."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass if it comes from this machine."""
        client = scope.get("client")
        if client and not ip_address(client[0]).is_loopback:
            reason = "The control routes answer this machine only"
            raise forbidden(reason)
        await self._app(scope, receive, send)


def _shown(user: User) -> dict[str, object]:
    standing = user.standing
    return {
        "number": user.number,
        "token": user.token,
        "user_id": personal_info(user.person)["id"],
        "timezone": user.person.traits.home.key,
        "lapsed": standing.lapsed,
        "scopes": [scope for scope in scopes.SCOPES if scope in standing.scopes],
    }


def _find(request: Request, route: DocumentRoute, user: User) -> bytes:
    entry = user.documents.find(route, request.path_params["document_id"])
    if entry is None:
        raise not_found()
    return entry.body


def _put(
    request: Request, route: DocumentRoute, user: User, document: Document
) -> Response:
    document["id"] = request.path_params["document_id"]
    try:
        user.documents.put(route, document)
    except (TypeError, ValueError, AttributeError):
        reason = f"{route.day} or {route.instant} is not a date or time"
        raise bad_request(reason) from None
    return Response(status_code=204)


async def _body(request: Request, kind: type[Body]) -> Body:
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except msgspec.MsgspecError as error:
        raise bad_request(str(error)) from None


async def _change(request: Request, current: Body) -> Body:
    """Return a value with some of its fields changed."""
    change = await _body(request, dict[str, Any])
    whole = {**msgspec.to_builtins(current), **change}
    try:
        return msgspec.convert(whole, type(current))
    except msgspec.ValidationError as error:
        raise bad_request(str(error)) from None
