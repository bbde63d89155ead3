"""Oura's own sandbox under /v2/sandbox/usercollection/, and how little it does.

It is a generator, not a filter: any token will do, every day of the window but the
last gets a document, ids are no UUIDs, samples are always two, and there are no
pages. It is here because clients meet it, not because they could be tested with it.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import json
from starlette.routing import Route

from oura_sandbox import windows
from oura_sandbox.errors import not_found, reply, unauthorized
from oura_sandbox.person.clock import before
from oura_sandbox.routes import DOCUMENTS, SERIES, Document, DocumentRoute

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from oura_sandbox.routes import SeriesRoute
    from oura_sandbox.state import State
    from oura_sandbox.users import User

SAMPLES = 2


def routes(state: State) -> list[Route]:
    """Return the endpoints, over a state."""
    user = state.users[1]
    twin = Twin(user)

    async def collection(request: Request) -> Response:
        """Serve one document for each day but the last, or two samples."""
        _authorize(request)
        name = request.path_params["route"]
        query = request.query_params
        if name in SERIES:
            window = windows.of_series(query, user.person.now)
            return reply({"data": twin.samples(SERIES[name], window)})
        if name not in DOCUMENTS:
            raise not_found()
        window = windows.of_documents(query, user.person.today)
        documents = twin.documents(DOCUMENTS[name], window)
        return reply({"data": documents, "next_token": None})

    async def single(request: Request) -> Response:
        """Serve a document under whatever id was asked for."""
        _authorize(request)
        route = DOCUMENTS.get(request.path_params["route"])
        if route is None:
            raise not_found()
        identifier = request.path_params["document_id"]
        return reply({**twin.sample(route.name), "id": identifier})

    return [
        Route("/v2/sandbox/usercollection/{route}", collection),
        Route("/v2/sandbox/usercollection/{route}/{document_id}", single),
    ]


def _authorize(request: Request) -> None:
    if not request.headers.get("authorization"):
        detail = "Invalid or expired access token."
        raise unauthorized(detail)


class Twin:
    """Makes up documents from the first user's."""

    def __init__(self, user: User) -> None:
        """Borrow from a user."""
        self._user = user
        self.sample = lru_cache(len(DOCUMENTS))(self._sample)

    def documents(self, route: DocumentRoute, window: windows.Window) -> list[Document]:
        """Put the sample on each day but the last."""
        days = windows.days(window, date.min, date.max, margin=0)
        return [
            self._on(route, date.fromordinal(ordinal), number)
            for number, ordinal in enumerate(days[:-1], start=1)
        ]

    def samples(self, route: SeriesRoute, window: windows.Window) -> list[Document]:
        """Take two rows, wherever the window lies."""
        person = self._user.person
        day = date.fromordinal(windows.ordinal(window.start))
        rows = route.build(person, day)
        return [
            json.decode(row) for (_, row), _ in zip(rows, range(SAMPLES), strict=False)
        ]

    def _sample(self, name: str) -> Document:
        """Find the newest document of a route."""
        person = self._user.person
        day = person.today
        while True:
            day = before(day)
            for document in DOCUMENTS[name].documents(person, day):
                return document

    def _on(self, route: DocumentRoute, day: date, number: int) -> Document:
        """Move the sample to a day: its dates, and its id."""
        text = json.encode(self.sample(route.name)).decode()
        old = self.sample(route.name).get(route.day)
        if old:
            text = text.replace(old, day.isoformat())
        document: Document = json.decode(text)
        document["id"] = f"{route.name}-{number}-{day.year}-{day.month}-{day.day}"
        return document
