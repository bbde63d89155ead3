"""A server that remembers the sandbox's answers, so that it is never the bottleneck.

    python bench/replay.py http://127.0.0.1:8642 --people 4

Everybody who is measured reads from here. What was not asked before is asked of the
sandbox; the rest are bytes in memory. It also counts requests and bytes. Its accounts
are as many as anybody names: `sandbox-token-37` is served the data of one of `people`.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import re
import sys
from contextlib import closing
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

GREETING = "replay listens on "
COUNTS = "/_bench/counts"
TOKEN = re.compile(rb"\r\nauthorization: *bearer ([^\r]+)", re.IGNORECASE)
NUMBERED = re.compile(r"(?P<name>.+)-(?P<number>\d+)")
OK = 200


class Question(NamedTuple):
    """A request, however its parameters were ordered and quoted."""

    token: str
    path: str
    parameters: tuple[tuple[str, str], ...]


class Memory:
    """The answers so far, and what was asked since the last look.

    Attributes:
        latency: Seconds before each answer.
    """

    def __init__(
        self, upstream: str, people: int, latency: float, *, remembers: bool
    ) -> None:
        """Begin with nothing."""
        self.latency = latency
        self._upstream = urlsplit(upstream).netloc
        self._people = people
        self._remembers = remembers
        self._answers: dict[Question, bytes] = {}
        self._counts = {"requests": 0, "bytes": 0, "unknown": 0}

    def account(self, token: str) -> str:
        """The token of the person whose data stand in for those of an account."""
        found = NUMBERED.fullmatch(token)
        number = (int(found["number"]) - 1) % self._people + 1 if found else 1
        name = found["name"] if found else token
        return name if number == 1 else f"{name}-{number}"

    def known(self, question: Question) -> bytes | None:
        """The answer, if it was given before."""
        return self._answers.get(question)

    def ask(self, question: Question, target: str) -> bytes:
        """The sandbox's answer; runs in a thread."""
        self._counts["unknown"] += 1
        # A new connection each time: the sandbox closes those that nobody uses.
        with closing(http.client.HTTPConnection(self._upstream)) as connection:
            headers = {"Authorization": f"Bearer {question.token}"}
            connection.request("GET", target, headers=headers)
            response = connection.getresponse()
            answer = as_http(response.status, response.read())
        if self._remembers and response.status == OK:
            self._answers[question] = answer
        return answer

    def count(self, answer: bytes) -> None:
        """Note that somebody was answered."""
        self._counts["requests"] += 1
        self._counts["bytes"] += len(answer)

    def take_counts(self) -> bytes:
        """What was asked since the last time."""
        counts = json.dumps(self._counts).encode()
        self._counts = dict.fromkeys(self._counts, 0)
        return as_http(OK, counts)


class Connection(asyncio.Protocol):
    """One client, which waits for each answer before it asks again."""

    def __init__(self, memory: Memory) -> None:
        """Serve from a memory."""
        self._memory = memory
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note where answers go."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer once a request is complete; GET has no body."""
        self._received += data
        if self._received.endswith(b"\r\n\r\n"):
            head, self._received = self._received, b""
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        target = head.split(b" ", 2)[1].decode()
        url = urlsplit(target)
        if url.path == COUNTS:
            self._transport.write(self._memory.take_counts())
            return
        token = TOKEN.search(head)
        question = Question(
            self._memory.account(token[1].decode() if token else ""),
            url.path,
            tuple(sorted(parse_qsl(url.query))),
        )
        answer = self._memory.known(question)
        if answer and not self._memory.latency:
            self._send(answer)
        else:
            self._waiting = asyncio.create_task(self._wait(answer, question, target))

    async def _wait(
        self, answer: bytes | None, question: Question, target: str
    ) -> None:
        await asyncio.sleep(self._memory.latency)
        if answer is None:
            answer = await asyncio.to_thread(self._memory.ask, question, target)
        self._send(answer)

    def _send(self, answer: bytes) -> None:
        self._memory.count(answer)
        self._transport.write(answer)


def as_http(status: int, body: bytes) -> bytes:
    """A whole response."""
    head = (
        f"HTTP/1.1 {status} {http.client.responses[status]}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def serve(memory: Memory) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(memory), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(f"{GREETING}http://127.0.0.1:{port}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("upstream")
    parser.add_argument("--people", type=int, default=1)
    parser.add_argument("--latency-ms", type=int, default=0)
    parser.add_argument("--forgets", action="store_true", help="ask the sandbox always")
    given = parser.parse_args()
    memory = Memory(
        given.upstream,
        given.people,
        given.latency_ms / 1000,
        remembers=not given.forgets,
    )
    asyncio.run(serve(memory))


if __name__ == "__main__":
    main()
