"""Meltano's log, one JSON object a line, and what it says about a failure."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from healthhub.errors import about_state
from healthhub.masking import json_object

if TYPE_CHECKING:
    from healthhub.masking import Mask

MELTANO = "meltano"
TAP, TARGET, DBT = "tap-oura", "target-postgres", "dbt-postgres"

# What the tap says of a user whose token is refused.
UNAUTHORIZED = "unauthorized"

# How the Singer SDK writes to a console: `time | LEVEL | logger | message`.
_CONSOLE_LINE = re.compile(
    r"^[\d\-:,. ]+ \| (?P<level>[A-Z]+) *\| \S+ *\| (?P<text>.*)$"
)
_EXCEPTION_LINE = re.compile(r"^[\w.]*(?:Error|Exception|Failure)\b: \S")
# What Python and SQLAlchemy say about themselves, which explains nothing.
_NOISE = "Task exception was never retrieved"
_TRACEBACK = "Traceback (most recent call last)"
_BACKGROUND = re.compile(r"^\(psycopg\.\w+\) |\(Background on this error at: .*?\)")
# How Meltano puts that a plugin was killed: before a block, and at the end of one.
_KILLED_EARLY = re.compile(
    r"^Cannot start plugin ([\w-]+): .*returned -(\d+) with", re.DOTALL
)
_KILLED = re.compile(r"exit code: -(\d+)")
_LONGEST_SENTENCE = 400
_BLOCK_ENDED = "Block run completed"


@dataclass(frozen=True)
class LogRecord:
    """One line of it: what the plugin `source` says, and all else on the line."""

    message: str
    level: int = logging.INFO
    source: str = MELTANO
    details: dict[str, Any] = field(default_factory=dict)


def in_our_words(text: str) -> str:
    """A sentence of the tap, with the names that its commands have here."""
    return text.replace("`tap-oura-auth ", "`healthhub users ")


def as_json(line: str, mask: Mask) -> str:
    """A line for the log: one JSON object, without secrets and anybody's data."""
    fields = json_object(line) or {
        "event": line.strip(),
        "name": MELTANO,
        "level": "info",
        "timestamp": datetime.now(UTC).isoformat(),
    }
    event = mask.line(str(fields.get("name", "")), str(fields.pop("event", "")))
    return json.dumps({"event": event, **mask.json(fields)})


def parse(line: str) -> LogRecord:
    """Read a line that was masked; what is no JSON is a message as it stands."""
    fields = json_object(line)
    if fields is None:
        return LogRecord(line.strip())
    message = str(fields.pop("event", ""))
    source = str(fields.pop("name", MELTANO))
    level = _level(str(fields.pop("level", "info")))
    # Meltano passes on what plugins write without understanding all of it.
    if (event := json_object(message)) and isinstance(info := event.get("info"), dict):
        message, level = str(info.get("msg", "")), _level(str(info.get("level")))
    elif written := _CONSOLE_LINE.match(message):
        message, level = written["text"], _level(written["level"])
    if message.startswith(_TRACEBACK):  # it explains less than an error in words
        message, level = message.rstrip().splitlines()[-1], logging.INFO
    return LogRecord(message, level, source, fields)


@dataclass
class Diagnosis:
    """Why a run failed, in the words of the plugin that knows.

    Attributes:
        errors: Who said what went wrong, in order.
        told: What the tap says of users and settings, which quotes no data.
        remarks: The same, of what no failure is: the users' choices.
        culprit: The plugin whose exit code ended the run.
        needs_login: Whether a user's token was refused.
        killed: Which program was ended from outside, in a sentence of ours.
    """

    errors: list[tuple[str, str]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    culprit: str | None = None
    needs_login: bool = False
    killed: str | None = None
    _exceptions: dict[str, str] = field(default_factory=dict)
    _verdict: str | None = None

    def observe(self, record: LogRecord) -> None:
        """Remember what may explain a failure."""
        if record.message == _BLOCK_ENDED:
            if record.details.get("success") is False:
                self._verdict = str(record.details.get("err")).partition("\n")[0]
                self.culprit = _culprit(record.details)
                if number := _signal(record.details):
                    self.was_killed(self.culprit or MELTANO, number)
        elif killed := _KILLED_EARLY.match(record.message):
            self.was_killed(killed[1], int(killed[2]))
        elif record.message.startswith(_NOISE) or not record.message.strip():
            pass
        elif record.level >= logging.ERROR:
            self.errors.append((record.source, _sentence(record.message)))
            if outcome := record.details.get("outcome"):
                self.told.append(_sentence(record.message))
                self.needs_login |= outcome == UNAUTHORIZED
        elif record.details.get("outcome"):
            self.remarks.append(_sentence(record.message))
        elif _EXCEPTION_LINE.match(record.message):
            self._exceptions[record.source] = _sentence(record.message)

    @property
    def of_the_database(self) -> str | None:
        """The state of the database, if that is the cause: as the first error says it.

        What the tap says of connections is about Oura.
        """
        said = (*self.errors, *self._exceptions.items())
        states = (about_state(text) for source, text in said if source != TAP)
        return next(filter(None, states), None)

    @property
    def in_our_words(self) -> str | None:
        """What is known about the failure without quoting anybody."""
        return self.of_the_database or self.killed

    def was_killed(self, program: str, number: int) -> None:
        """Note which program was ended by a signal."""
        self.killed = f"{program} was ended from outside (signal {number}). Run again."

    @property
    def sentence(self) -> str:
        """The last error of the plugin that failed, or the next best there is."""
        if ours := self.in_our_words:
            return ours
        errors, exceptions = self.errors, list(self._exceptions.items())
        for candidates in (
            [text for source, text in errors if source == self.culprit],
            [text for source, text in exceptions if source == self.culprit],
            [text for source, text in errors if source != MELTANO],
            [text for source, text in exceptions if source != MELTANO],
            [self._verdict] if self._verdict else [],
            [text for _, text in errors + exceptions],
        ):
            if candidates:
                return _sentence(candidates[-1])
        return "Meltano ended without saying why."


def _culprit(details: dict[str, Any]) -> str | None:
    """The plugin whose exit code ended a block, if one did.

    A target that dies takes the tap with it, so it is blamed first.
    """
    exit_codes = details.get("exit_codes") or {}
    if "loaders" in exit_codes:
        return TARGET
    if "extractors" in exit_codes:
        return TAP
    return DBT if details.get("block_type") == "InvokerCommand" else None


def _signal(details: dict[str, Any]) -> int:
    """The number of the signal that ended the culprit, or 0."""
    if killed := _KILLED.search(str(details.get("err"))):
        return int(killed[1])
    codes: dict[str, int] = details.get("exit_codes") or {}
    return max(0, -codes.get("loaders", codes.get("extractors", 0)))


def _sentence(text: str) -> str:
    """One line that ends as a sentence does."""
    line = " ".join(_BACKGROUND.sub("", in_our_words(text)).split())
    if len(line) > _LONGEST_SENTENCE:
        line = f"{line[:_LONGEST_SENTENCE].rstrip()} ..."
    return line if line.endswith((".", "!", "?")) else f"{line}."


def _level(name: str) -> int:
    """A level's number; dbt and Meltano have names of their own for some."""
    return logging.getLevelNamesMapping().get(name.upper(), logging.INFO)
