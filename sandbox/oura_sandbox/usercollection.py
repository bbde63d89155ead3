"""The routes under /v2/usercollection/."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import json
from starlette.responses import Response
from starlette.routing import Route

from oura_sandbox import paging, windows
from oura_sandbox.auth import admit
from oura_sandbox.errors import not_found, reply
from oura_sandbox.paging import Place
from oura_sandbox.person.info import personal_info
from oura_sandbox.routes import DOCUMENTS, PERSONAL_INFO, SERIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from oura_sandbox.routes import Document, DocumentRoute, SeriesRoute
    from oura_sandbox.state import State
    from oura_sandbox.users import User

SERIES_PAGE = 1000
"""Rows on a page of samples, as live."""
ALWAYS = {"id", "day", "start_day", "timestamp"}
"""What is sent even when `fields` does not name it."""
EVERYTHING = windows.Window(0, 0)
"""Stands for the window of a route that has none."""


def routes(state: State) -> list[Route]:
    """Return the endpoints, over a state."""

    async def collection(request: Request) -> Response:
        """Serve many documents, or samples."""
        name = request.path_params["route"]
        query = request.query_params
        if name == PERSONAL_INFO:
            grant = admit(state, request, None)
            return reply(readable(personal_info(grant.user.person), grant.scopes))
        if name in DOCUMENTS:
            route = DOCUMENTS[name]
            user = admit(state, request, route.scope).user
            return documents(user, route, query, state.settings.page_size)
        if name in SERIES:
            user = admit(state, request, SERIES[name].scope).user
            return series(user, SERIES[name], query)
        raise not_found()

    async def single(request: Request) -> Response:
        """Serve one document."""
        route = DOCUMENTS.get(request.path_params["route"])
        if route is None:
            raise not_found()
        user = admit(state, request, route.scope).user
        entry = user.documents.find(route, request.path_params["document_id"])
        if entry is None:
            raise not_found()
        return _respond(entry.body)

    return [
        Route("/v2/usercollection/{route}", collection),
        Route("/v2/usercollection/{route}/{document_id}", single),
    ]


def documents(
    user: User, route: DocumentRoute, query: Mapping[str, str], size: int | None
) -> Response:
    """Serve the documents of a window: in one response, unless pages are wanted."""
    if "next_token" in query:
        window, position = paging.place(route.name, query["next_token"])
    elif route.dated:
        window, position = windows.of_documents(query, user.person.today), 0
    else:
        window, position = EVERYTHING, 0
    entries = user.documents.select(route, window)
    end = len(entries) if size is None else position + size
    bodies = [entry.body for entry in entries[position:end]]
    if route.selects and "fields" in query:
        bodies = [select(body, query["fields"]) for body in bodies]
    token = b"null"
    if end < len(entries):
        token = json.encode(paging.token(route.name, Place(window, end)))
    return _respond(b'{"data":[%b],"next_token":%b}' % (b",".join(bodies), token))


def series(user: User, route: SeriesRoute, query: Mapping[str, str]) -> Response:
    """Serve a page of samples; the last one has no next_token at all."""
    if windows.flag(query, "latest"):
        return _respond(b'{"data":[%b]}' % user.series.latest(route))
    if "next_token" in query:
        window, position = paging.place(route.name, query["next_token"])
    else:
        window = windows.of_series(query, user.person.now)
        position = window.start
    page = user.series.page(route, window, position, SERIES_PAGE)
    rows = page.rows
    if "fields" in query:
        samples = json.decode(b"[%b]" % rows)
        kept = [select(json.encode(sample), query["fields"]) for sample in samples]
        rows = b",".join(kept)
    token = b""
    if page.next is not None:
        text = paging.token(route.name, Place(window, page.next))
        token = b',"next_token":' + json.encode(text)
    return _respond(b'{"data":[%b]%b}' % (rows, token))


def readable(info: Document, scopes: frozenset[str]) -> Document:
    """Keep what the scopes allow: any token may read the id."""
    return {
        name: value
        for name, value in info.items()
        if name == "id" or ("email" if name == "email" else "personal") in scopes
    }


def select(body: bytes, fields: str) -> bytes:
    """Keep the fields asked for; names that do not exist are ignored, as live."""
    document = json.decode(body)
    wanted = {name.strip() for name in fields.split(",")} & document.keys()
    if not wanted:
        return body
    kept = {
        name: value
        for name, value in document.items()
        if name in wanted or name in ALWAYS
    }
    return json.encode(kept)


def _respond(body: bytes) -> Response:
    return Response(body, media_type="application/json")
