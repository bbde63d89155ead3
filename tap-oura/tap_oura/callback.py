"""A small web server for the redirect from Oura's consent page."""

from __future__ import annotations

import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from types import TracebackType

Answer = dict[str, str]

#: Seconds that a visitor may say nothing.
QUIET = 2.0

PAGE = """<!doctype html><meta charset="utf-8"><title>tap-oura</title>
<p>That was it. You can close this page and go back to the terminal."""


class CallbackServer:
    """Waits on the redirect URI for the one visit that answers.

    Other visits are possible: from another page, another program, an abandoned login.
    Only a visit with the right `state` is accepted, and none blocks the others.

    Used as a context manager, so that it listens before the browser is sent away.
    """

    def __init__(self, redirect_uri: str, state: str, patience: float) -> None:
        """Listen where the redirect URI points, on this machine only.

        Args:
            redirect_uri: As registered with Oura.
            state: What the visit has to bring along.
            patience: How long `wait` waits, in seconds.

        Raises:
            OSError: The port is taken.
        """
        parts = urlsplit(redirect_uri)
        path = parts.path or "/"
        server = self

        class Handler(BaseHTTPRequestHandler):
            # Browsers also open connections on which they never ask anything.
            timeout = QUIET

            def do_GET(self) -> None:
                visited, answer = urlsplit(self.path), answer_from(self.path)
                if visited.path != path or answer.get("state") != state:
                    self.send_error(404)
                    return
                server.answer = answer
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(PAGE.encode())
                self.wfile.flush()
                server.answered.set()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Nothing: the request line holds the code."""

        self.answer: Answer | None = None
        self.answered = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", parts.port or 80), Handler)
        self._patience = patience

    def __enter__(self) -> Self:
        """Listen."""
        serve = threading.Thread(
            target=self._http.serve_forever, args=(0.05,), daemon=True
        )
        serve.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.shutdown()
        self._http.server_close()

    def wait(self) -> Answer | None:
        """The parameters of the visit, or `None` if none came in time.

        Nobody waits any more once the program is gone that began this one: the port is
        then for the next login.
        """
        parent, end = os.getppid(), time.monotonic() + self._patience
        while not self.answered.wait(0.5):
            if time.monotonic() > end or os.getppid() != parent:
                break
        return self.answer


def is_on_this_machine(redirect_uri: str) -> bool:
    """Whether a `CallbackServer` can wait there."""
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
