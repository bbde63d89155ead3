"""A small web server for the redirect from Oura's consent page."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Answer = dict[str, str]

#: Seconds that a visitor may say nothing.
QUIET = 2.0

PAGE = """<!doctype html><meta charset="utf-8"><title>tap-oura</title>
<p>That was it. You can close this page and go back to the terminal."""


@contextmanager
def awaited_answer(
    redirect_uri: str, state: str, patience: float
) -> Iterator[Callable[[], Answer | None]]:
    """Listen on the redirect URI, on this machine only, for the one visit that answers.

    Other visits are possible: from another page, another program, an abandoned login.
    Only a visit with the right `state` is accepted, and none blocks the others.

    Args:
        redirect_uri: As registered with Oura.
        state: What the visit has to bring along.
        patience: How long to wait for it, in seconds.

    Yields:
        What waits for the parameters of the visit, or `None` if it did not come.

    Raises:
        OSError: The port is taken.
    """
    parts = urlsplit(redirect_uri)
    path = parts.path or "/"
    answers: SimpleQueue[Answer] = SimpleQueue()

    class Handler(BaseHTTPRequestHandler):
        # Browsers also open connections on which they never ask anything.
        timeout = QUIET

        def do_GET(self) -> None:
            visited, answer = urlsplit(self.path), answer_from(self.path)
            if visited.path != path or answer.get("state") != state:
                self.send_error(404)
                return
            try:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(PAGE.encode())
                self.wfile.flush()
            finally:  # also of a browser that hangs up
                answers.put(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its parent's)
            """Nothing: the request line holds the code."""

    def wait() -> Answer | None:
        # Once the program is gone that began this one, the port is for the next login.
        parent, end = os.getppid(), time.monotonic() + patience
        while time.monotonic() < end and os.getppid() == parent:
            with suppress(Empty):
                return answers.get(timeout=0.5)
        return None

    with ThreadingHTTPServer(("127.0.0.1", parts.port or 80), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield wait
        finally:
            server.shutdown()


def is_on_this_machine(redirect_uri: str) -> bool:
    """Whether `awaited_answer` can listen there."""
    try:
        parts = urlsplit(redirect_uri)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1"}


def answer_from(pasted: str) -> Answer:
    """The parameters of an address, or of a code that stands alone."""
    text = pasted.strip()
    query = parse_qs(urlsplit(text).query or text)
    if query.keys().isdisjoint({"code", "error"}):
        return {"code": text}
    return {name: values[0] for name, values in query.items()}
