"""What each fault does to a request and its answer."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import msgspec
from starlette.datastructures import QueryParams
from starlette.responses import HTMLResponse, Response

from oura_sandbox.documents import merge
from oura_sandbox.errors import not_found, refused
from oura_sandbox.limits import too_many
from oura_sandbox.person.clock import before

if TYPE_CHECKING:
    from datetime import date

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from oura_sandbox.faults import Fault
    from oura_sandbox.routes import Document

TRANSPORT = "sandbox.transport"
"""Where in a request's scope its connection is found."""
REPLACING = ("error", "html", "rate-limit")
HTML = """<!DOCTYPE html>
<html><head><title>{status}</title></head>
<body><h1>Error {status}</h1><p>The web server reported a bad gateway.</p></body></html>
"""


async def spoil(  # noqa: PLR0913, PLR0917 - an application's three, and what to do
    app: ASGIApp,
    faults: list[Fault],
    today: date,
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """Answer a request with the faults that happen to it."""
    kinds = {fault.kind for fault in faults}
    for fault in faults:
        if fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
    if "drop" in kinds:
        scope[TRANSPORT].abort()
        await _gone(receive)
        return
    replacing = [fault for fault in faults if fault.kind in REPLACING]
    if replacing:
        response = _replacement(replacing[0])
    else:
        response = await _answer(app, scope, receive)
        if response.status_code == 200:  # noqa: PLR2004
            for fault in faults:
                response = _changed(response, fault, today, scope)
    if "truncate" in kinds:
        response = _with(response, _half(response))
    if "cut" in kinds:
        await _cut(response, scope, receive, send)
    else:
        await response(scope, receive, send)


def _replacement(fault: Fault) -> Response:
    """Return the answer that stands in for the API's."""
    if fault.kind == "html":
        status = fault.status or 502
        return HTMLResponse(HTML.format(status=status), status)
    if fault.kind == "rate-limit":
        seconds = max(1, round(fault.seconds))
        full = time.time() + seconds
        return too_many(fault.tier, 5000, 300, seconds, full).response()
    detail = "The sandbox was asked to fail."
    return refused(fault.status or 503, "Error", detail).response()


async def _answer(app: ASGIApp, scope: Scope, receive: Receive) -> Response:
    """Return what the application itself answers."""
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        """Keep the answer here."""
        messages.append(message)

    await app(scope, receive, keep)
    start, *rest = messages
    response = Response(status_code=start["status"])
    response.raw_headers = list(start["headers"])
    return _with(response, b"".join(message["body"] for message in rest))


def _changed(response: Response, fault: Fault, today: date, scope: Scope) -> Response:
    """Change the documents of an answer, or its token."""
    if fault.kind not in {"hide", "change", "repeat-token"}:
        return response
    content = msgspec.json.decode(bytes(response.body))
    if fault.kind == "repeat-token":
        token = QueryParams(scope["query_string"]).get("next_token")
        if token and "next_token" in content:
            content["next_token"] = token
    elif "data" in content:
        touched = [_touch(fault, today, document) for document in content["data"]]
        content["data"] = [document for document in touched if document is not None]
    else:
        content = _touch(fault, today, content)
        if content is None:
            return not_found().response()
    return _with(response, msgspec.json.encode(content))


def _touch(fault: Fault, today: date, document: Document) -> Document | None:
    """Return a document as the fault leaves it, or nothing."""
    name = str(document.get("id", document.get("timestamp")))
    if not fault.meets(name):
        return document
    day = str(document.get("day") or document.get("start_day") or name)
    if fault.days and day < before(today, fault.days - 1).isoformat():
        return document
    if fault.kind == "hide":
        return None
    merged = merge(document, fault.set)
    return {key: value for key, value in merged.items() if key not in fault.remove}


def _half(response: Response) -> bytes:
    return bytes(response.body[: len(response.body) // 2])


def _with(response: Response, body: bytes) -> Response:
    """Give a response another body, and say how long that is."""
    response.body = body
    response.headers["content-length"] = str(len(body))
    return response


async def _cut(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Promise a whole body, send half of it, and close the connection."""
    await send(
        {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": response.raw_headers,
        }
    )
    body = {"type": "http.response.body", "body": _half(response), "more_body": True}
    await send(body)
    scope[TRANSPORT].close()
    await _gone(receive)


async def _gone(receive: Receive) -> None:
    """Wait until the server has noticed that the connection is closed."""
    while (await receive())["type"] != "http.disconnect":
        pass
