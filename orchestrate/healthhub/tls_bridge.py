"""A local door to a database that demands TLS, for programs that have none.

The PostgreSQL programs of the wheel are built without OpenSSL. They talk to this bridge
on 127.0.0.1, in clear, and it talks TLS to the server, with the same checks as libpq.
Whoever else finds the door still has to give the server a password.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import struct
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from healthhub.database import Database

# PostgreSQL's protocol: a message of 8 bytes that asks for TLS, answered by one byte.
_SSL_REQUEST = struct.pack("!ii", 8, 80_877_103)
_YES = b"S"

# And one that lists the ways to prove a password (AuthenticationSASL).
_SASL = struct.pack("!i", 10)

_DOOR = "127.0.0.1"
_TIMEOUT = 10  # seconds, to connect
_BUFFER = 65_536


@contextmanager
def without_tls(database: Database) -> Iterator[Database]:
    """Have a way to a database that needs no TLS.

    Yields:
        The database itself where it needs none; else the same behind the bridge.
    """
    if database.is_local or database.parameters.get("sslmode") == "disable":
        yield database
        return
    database.connect().close()  # what is wrong is said before anything starts
    context = _context(database)
    with socket.create_server((_DOOR, 0)) as door:
        bridge = _Bridge(database, context, door)
        bridge.start()
        try:
            yield _behind(database, door)
        finally:
            bridge.stop()


class _Bridge(threading.Thread):
    """Serves the door until it is stopped."""

    def __init__(
        self, database: Database, context: ssl.SSLContext, door: socket.socket
    ) -> None:
        """Prepare the thread."""
        super().__init__(daemon=True)
        self._database = database
        self._context = context
        self._door = door
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()

    def run(self) -> None:
        """Serve."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())  # and then cancel what is still under way

    def stop(self) -> None:
        """End everything."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self.join()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._pass_on, sock=self._door)
        await self._ended.wait()
        server.close()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one client to its end, which may be ours."""
        with suppress(OSError, EOFError, asyncio.CancelledError):
            connected = await asyncio.to_thread(_asked_for_tls, self._database)
            there_reader, there_writer = await asyncio.open_connection(
                sock=connected,
                ssl=self._context,
                server_hostname=self._database.host,
            )
            try:
                await asyncio.gather(
                    _pump(reader, there_writer), _answer(there_reader, writer)
                )
            finally:
                there_writer.transport.abort()  # it has nothing more to say
                with suppress(OSError):
                    await there_writer.wait_closed()
        with suppress(OSError):
            writer.close()
            await writer.wait_closed()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hand on what the server says.

    Its first message may offer to bind the password to the TLS connection. A client
    that has none would take that for an attack.
    """
    kind, length = struct.unpack("!ci", await reader.readexactly(5))
    body = await reader.readexactly(length - 4)
    if kind == b"R" and body.startswith(_SASL):
        offers = body.removeprefix(_SASL).split(b"\0")
        kept = [offer for offer in offers if not offer.endswith(b"-PLUS")]
        body = _SASL + b"\0".join(kept)
    writer.write(struct.pack("!ci", kind, len(body) + 4) + body)
    await _pump(reader, writer)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hand on what comes, as fast as the other side takes it."""
    while data := await reader.read(_BUFFER):
        writer.write(data)
        await writer.drain()
    writer.close()


def _asked_for_tls(database: Database) -> socket.socket:
    """Connect, and get the server to speak TLS.

    Raises:
        ConnectionError: It does not.
    """
    address = (database.host, int(database.parameters["port"]))
    connected = socket.create_connection(address, _TIMEOUT)
    connected.sendall(_SSL_REQUEST)
    if connected.recv(1) != _YES:
        connected.close()
        raise ConnectionError
    connected.setblocking(False)  # noqa: FBT003 (the name of the method says it)
    return connected


def _context(database: Database) -> ssl.SSLContext:
    """What libpq would check of the server's certificate."""
    mode = _parameter(database, "sslmode") or "require"
    roots = _parameter(database, "sslrootcert") or _usual_roots()
    context = ssl.create_default_context(
        cafile=roots if roots and roots != "system" else None
    )
    context.check_hostname = mode == "verify-full"
    if not (mode.startswith("verify-") or roots):
        context.verify_mode = ssl.CERT_NONE
    if certificate := _parameter(database, "sslcert"):
        context.load_cert_chain(certificate, _parameter(database, "sslkey"))
    return context


def _usual_roots() -> str | None:
    """Where libpq looks when nobody names a file."""
    usual = Path.home() / ".postgresql" / "root.crt"
    return str(usual) if usual.exists() else None


def _parameter(database: Database, name: str) -> str | None:
    """A parameter of the connection, or libpq's variable for it."""
    return database.parameters.get(name) or os.environ.get(f"PG{name.upper()}")


def _behind(database: Database, door: socket.socket) -> Database:
    """The same database, at the door."""
    kept = {
        name: value
        for name, value in database.parameters.items()
        if not name.startswith("ssl") and name != "channel_binding"
    }
    here = {"host": _DOOR, "port": str(door.getsockname()[1]), "sslmode": "disable"}
    return replace(database, parameters=kept | here)
