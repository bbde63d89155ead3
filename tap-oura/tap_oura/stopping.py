"""Ending a run that is told to stop: between two windows, never within a message."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


class StoppedError(BaseException):
    """The run ends before everything was read.

    Not an `Exception`, so that nothing but the tap takes it for a failure of a stream.

    Attributes:
        exit_code: What the process ends with.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Stop:
    """Waits for SIGINT and SIGTERM.

    A signal may come while a record is half written or a bookmark half moved. It is
    only noted then, and ends the run as soon as that waits for something.
    """

    def __init__(self) -> None:
        self._signal: signal.Signals | None = None
        self._is_waiting = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle the signals of a run."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self._note) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While nothing is half done.

        Raises:
            StoppedError: A signal has come, or comes.
        """
        self._is_waiting = True
        try:
            self._end_if_told()
            yield
        finally:
            self._is_waiting = False

    def _note(self, number: int, _: FrameType | None) -> None:
        # A second signal ends the process at once.
        signal.signal(number, signal.SIG_DFL)
        self._signal = signal.Signals(number)
        if self._is_waiting:
            self._end_if_told()

    def _end_if_told(self) -> None:
        if self._signal is not None:
            raise StoppedError(
                f"Stopped by {self._signal.name}. What was read is kept: "
                "the next run goes on from there.",
                128 + self._signal,
            )
