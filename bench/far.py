"""A database that is far away: passes bytes on to another port, some time later.

python bench/far.py 5432 --round-trip-ms 20
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from contextlib import suppress

GREETING = "far listens on "
LOCAL = "127.0.0.1"
CHUNK = 65_536


async def carry(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, delay: float
) -> None:
    """Pass on what comes, in order, each piece as late as any other."""
    loop = asyncio.get_running_loop()
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def arrive() -> None:
        while True:
            due, piece = await under_way.get()
            await asyncio.sleep(due - loop.time())
            if not piece:
                break
            target.write(piece)
            await target.drain()

    arriving = asyncio.create_task(arrive())
    piece = b"?"
    with suppress(ConnectionError):
        while piece:
            piece = await source.read(CHUNK)
            under_way.put_nowait((loop.time() + delay, piece))
    if piece:
        under_way.put_nowait((loop.time() + delay, b""))
    with suppress(ConnectionError):
        await arriving
    target.close()


async def serve(port: int, delay: float) -> None:
    """Carry each connection, both ways, until standard input ends."""

    async def connect(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        there, back = await asyncio.open_connection(LOCAL, port)
        await asyncio.gather(carry(reader, back, delay), carry(there, writer, delay))

    server = await asyncio.start_server(connect, LOCAL)
    sys.stdout.write(f"{GREETING}{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(os.read, 0, 1)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--round-trip-ms", type=float, default=20)
    options = parser.parse_args()
    asyncio.run(serve(options.port, options.round_trip_ms / 2000))


if __name__ == "__main__":
    main()
