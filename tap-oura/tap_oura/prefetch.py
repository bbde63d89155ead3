"""Reading ahead: some windows are under way while earlier ones are written out."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    import msgspec

    from tap_oura.errors import OuraError
    from tap_oura.stopping import Stop
    from tap_oura.users import User
    from tap_oura.windows import Window


@dataclass
class WindowRead:
    """What came of reading a window.

    Attributes:
        started: When its first request was sent.
        documents: What Oura sent, still encoded.
        requests: Pages read.
        failure: Why it is not complete.
    """

    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    documents: list[msgspec.Raw] = field(default_factory=list)
    requests: int = 0
    failure: OuraError | None = None


class Reader(Protocol):
    """A stream, as far as reading it ahead goes."""

    def read(self, user: User, window: Window) -> WindowRead:
        """Read a window. Runs in a thread; changes no state."""


@dataclass(frozen=True)
class Job:
    """One window of one stream of one user."""

    stream: Reader
    user: User
    window: Window

    def run(self) -> WindowRead:
        """Read it."""
        return self.stream.read(self.user, self.window)


class Prefetcher:
    """Runs jobs in the order in which they will be taken, a bounded number ahead.

    Its threads are daemons, unlike those of an executor of the standard library: a run
    that is told to stop does not wait for Oura. Memory holds up to `concurrency`
    windows under way and as many that wait for their turn, so that a window which
    takes long to write does not leave threads idle.
    """

    def __init__(self, jobs: Iterator[Job], concurrency: int, stop: Stop) -> None:
        """Prepare; threads start with the first `take`."""
        self._jobs, self._concurrency, self._stop = jobs, concurrency, stop
        self._ahead: deque[tuple[Job, Future[WindowRead]]] = deque()
        self._queue: SimpleQueue[tuple[Job, Future[WindowRead]]] = SimpleQueue()
        self._thread_count = 0

    def take(self, job: Job) -> WindowRead:
        """The result of a job; one that was not announced is run at once."""
        with self._stop.waiting():
            self._fill()  # which may ask where samples begin
            if not self._ahead or self._ahead[0][0] != job:
                return job.run()
            _, future = self._ahead.popleft()
            self._fill()
            return future.result()

    def drop(self, stream: Reader, user: User) -> None:
        """Forget what was announced of a stream and user that ended early."""
        while self._ahead:
            job = self._ahead[0][0]
            if job.stream is not stream or job.user is not user:
                return
            self._ahead.popleft()
            self._fill()

    def _fill(self) -> None:
        while len(self._ahead) < 2 * self._concurrency:
            if (job := next(self._jobs, None)) is None:
                return
            self._ahead.append((job, Future()))
            self._queue.put(self._ahead[-1])
            if self._thread_count < self._concurrency:
                self._thread_count += 1
                threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while True:
            job, future = self._queue.get()
            try:
                future.set_result(job.run())
            except BaseException as error:  # noqa: BLE001 - raised where it is taken
                future.set_exception(error)
