"""Writing Singer messages."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from singer_sdk.contrib.msgspec import MsgSpecWriter, serialize_jsonl
from singer_sdk.helpers._state import StateWriter
from singer_sdk.singerlib import RecordMessage, StateMessage
from typing_extensions import override

from tap_oura.stopping import StoppedError

if TYPE_CHECKING:
    from types import TracebackType

    from singer_sdk.helpers.types import TapState
    from singer_sdk.singerlib import Message


class BufferedWriter(MsgSpecWriter):
    """The SDK's fast encoder, without a system call for each record.

    Whatever else is written takes the records before it along.
    """

    @override
    def serialize_message(self, message: Message) -> bytearray:
        if isinstance(message, StateMessage):
            # That of all users: to copy it takes fifty times as long as to encode it.
            return serialize_jsonl({"type": "STATE", "value": message.value})
        return super().serialize_message(message)

    @override
    def write_message(self, message: Message) -> None:
        try:
            sys.stdout.buffer.write(self.format_message(message))
            if not isinstance(message, RecordMessage):
                sys.stdout.flush()
        except BrokenPipeError:
            # What is left in the buffer would raise again when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            reason = "The program that reads the records has ended: see its messages."
            raise StoppedError(reason, 1) from None


class FrugalStateWriter(StateWriter):
    """Keeps no copy of all to compare with, as the SDK does: streams know better."""

    @override
    def write_state(self, state: TapState) -> None:
        self._message_writer.write_message(StateMessage(value=state))


class StateBudget:
    """When the state may be written between two windows.

    The state of a few users takes no time worth counting, and is written after each
    window. That of hundreds takes milliseconds, thousands of times, and several times
    as long where it is read: it may take a hundredth of the run here. At the end of
    each stream it is written in any case.

    Used as a context manager around the writing, which it times.
    """

    SHARE = 100
    FREE = 0.0002  # seconds

    def __init__(self) -> None:
        self._due = 0.0
        self._started = 0.0
        self._is_due = True

    def __enter__(self) -> bool:
        """Whether it is due."""
        self._started = time.monotonic()
        self._is_due = self._started >= self._due
        return self._is_due

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        now = time.monotonic()
        cost = now - self._started
        if self._is_due and cost > self.FREE:
            self._due = now + self.SHARE * cost
