"""Serving the sandbox from this process."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING, NoReturn

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from oura_sandbox.app import build
from oura_sandbox.child import GREETING
from oura_sandbox.spoiling import TRANSPORT

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from starlette.types import Receive, Scope, Send

    from oura_sandbox.state import State

STDIN = 0


def serve(state: State, listener: socket.socket, *, until_stdin_closes: bool) -> None:
    """Serve until a signal comes, or standard input ends."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    server = Announcing(_config(state))
    if until_stdin_closes:
        Thread(target=_watch_stdin, args=(server,), daemon=True).start()
    server.run(sockets=[listener])


@contextmanager
def serving(state: State) -> Iterator[str]:
    """Serve in a thread, for tests that change the state meanwhile.

    Yields:
        Where it listens.
    """
    server = uvicorn.Server(_config(state))
    with listen("127.0.0.1", 0) as listener:
        thread = Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def listen(host: str, port: int) -> socket.socket:
    """Take a port; 0 stands for any that is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named in full, or asyncio leaves Nagle's algorithm on: 40 ms an answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(2048)
    return listener


def _config(state: State) -> uvicorn.Config:
    return uvicorn.Config(
        build(state),
        access_log=False,
        log_level="warning",
        lifespan="off",
        http=Connection,
        timeout_keep_alive=75,
        server_header=False,
        timeout_graceful_shutdown=1,
    )


class Connection(H11Protocol):
    """A connection that a fault can close."""

    def connection_made(  # type: ignore[override]  # narrower, as its parent's
        self, transport: asyncio.Transport
    ) -> None:
        """Give each request its connection, for a fault to close."""
        super().connection_made(transport)
        app = self.app

        async def show(scope: Scope, receive: Receive, send: Send) -> None:
            """Pass the connection on."""
            scope[TRANSPORT] = transport
            await app(scope, receive, send)

        self.app = show


class Announcing(uvicorn.Server):
    """A server that says when, and where, it can be reached."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections, and tell the parent."""
        await super().startup(sockets)
        for listener in sockets or []:
            host, port = listener.getsockname()[:2]
            host = f"[{host}]" if ":" in host else host
            print(f"{GREETING}http://{host}:{port}", flush=True)  # noqa: T201


def _leave(_number: int, _frame: object) -> NoReturn:
    # The server catches signals while it runs and raises them again at its end.
    raise SystemExit(0)


def _watch_stdin(server: uvicorn.Server) -> None:
    # Python's own reader would hold a lock that the interpreter needs to exit.
    with suppress(OSError):
        while os.read(STDIN, 4096):
            pass
    server.should_exit = True
