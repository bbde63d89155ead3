"""Writing Singer messages."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from singer_sdk.contrib.msgspec import MsgSpecWriter, serialize_jsonl
from singer_sdk.singerlib import RecordMessage, StateMessage
from typing_extensions import override

from tap_oura.stopping import StoppedError

if TYPE_CHECKING:
    from singer_sdk.helpers.types import TapState
    from singer_sdk.singerlib import Message


class Writer(MsgSpecWriter):
    """The SDK's fast encoder, without a system call for each record.

    Whatever else is written takes the records before it along.
    """

    #: Writing the state between windows may take one part in this many of a run. One
    #: that takes fewer CPU seconds than these is always written: that of hundreds of
    #: users takes milliseconds, and several times as long where it is read.
    STATE_SHARE, STATE_FREE = 100, 0.0002

    _state_due = 0.0

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

    def write_state(self, state: TapState) -> None:
        """Write the state, as the SDK's writer of states does.

        That one keeps a copy to compare with. Streams know when theirs has changed.
        """
        self.write_message(StateMessage(value=state))

    def write_state_when_due(self, state: TapState) -> bool:
        """Write the state between two windows, unless that takes too much time.

        Returns:
            Whether it was written.
        """
        if (now := time.monotonic()) < self._state_due:
            return False
        started = time.thread_time()  # not to wait for who reads, which is no cost
        self.write_state(state)
        cost = time.thread_time() - started
        if cost > self.STATE_FREE:
            self._state_due = now + self.STATE_SHARE * cost
        return True
