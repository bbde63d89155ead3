"""What must not be written anywhere: secrets, and what rows hold, which is health.

Databases and libraries quote the value that they cannot use, in their errors. So of
what others say, only quoted names are kept, and only what stands before a row.
"""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LEFT_OUT = "(left out)"
SECRET = "(secret)"  # noqa: S105 (instead of one)

# Variables that hold secrets, ours and those that others keep beside them.
_SECRET_VARIABLE = re.compile(
    r"OURA_PAT|PASS|SECRET|TOKEN|_KEY$|_URLS$|_DB_URL$|DATABASE_UR[IL]$|_USERS$"
)
_NOT_SECRET = ("user_id", "timezone")
_SHORTEST_SECRET = 4

# Words that programs look for in a line; they come from a few known ones.
_FOR_PROGRAMS = ("name", "level", "outcome", "block_type")
_URL = re.compile(r"\w+://(?:(?P<user>[^\s:/@]*):(?P<password>.*)@)?")

# Secrets that are in no setting, such as a token that was renewed a minute ago.
_TELLTALE = re.compile(
    r"(?P<before>\bBearer\s+|://[^\s:/@]+:|"
    r"\b(?:access_token|refresh_token|client_secret|token_key|password)"
    r"[\"']?\s*[:=]\s*[\"']?)"
    r"(?P<secret>[^\s\"',;&}@]+)",
    re.IGNORECASE,
)

# What PostgreSQL, SQLAlchemy, psycopg and JSON Schema put before a row's values.
_ROW = re.compile(
    r"DETAIL:|CONTEXT:|\bLINE \d+:|\[SQL:|\[parameters:|Validation ?Error:|"
    r"On instance\b|Failing row contains"
)
# A value may hold quotation marks itself, so it ends at the last one.
_VALUE = re.compile(r"(?P<before>: |\bvalue )(?P<mark>[\"']).*(?P=mark)", re.DOTALL)
_QUOTED = re.compile(r"(?<!\w)([\"'])(?:.+?)\1(?!\w)", re.DOTALL)
_NAME_FOLLOWS = re.compile(
    r"\b(?:column|relation|table|view|schema|constraint|index|type|function|database|"
    r"role|user|server at|model|test|source|macro|extension|named|file|attribute|"
    r"environment|plugin|extractor|loader|utility|stream|sink for|sync of|setting|"
    r"variable|parameter|argument|with name|run ID|Another) $",
    re.IGNORECASE,
)

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LOG_LINE = re.compile(r"\d{2,4}[-:]\d{2}")


def is_secret(variable: str) -> bool:
    """Whether a variable of that name holds a secret."""
    return _SECRET_VARIABLE.search(variable) is not None


def without_secrets(variables: Mapping[str, str], *needed: str) -> dict[str, str]:
    """An environment without secrets, except those whose names begin with `needed`."""
    return {
        name: value
        for name, value in variables.items()
        if not is_secret(name) or name.startswith(needed)
    }


def printable(text: str) -> str:
    """A text without characters that control a terminal."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in "\n\t" else "?"
        for char in _COLOUR.sub("", text)
    )


def without_values(text: str) -> str:
    """A message of a program without what it quotes of a user's rows."""
    if row := _ROW.search(text):
        text = f"{text[: row.end()]} {LEFT_OUT}"
    text = _VALUE.sub(_left_out_unless_name, text)
    return _QUOTED.sub(_left_out_unless_name, text)


class Mask:
    """Takes secrets and values out of texts."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Learn the secrets of an environment."""
        self._variables = variables
        self._row_of: set[str] = set()

    @cached_property
    def _known(self) -> re.Pattern[str] | None:
        secrets = set(_secrets(self._variables))
        spelled = {
            spelling
            for secret in secrets
            if len(secret) >= _SHORTEST_SECRET
            for spelling in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1])
        }
        longest_first = sorted(spelled, key=len, reverse=True)
        alternatives = "|".join(map(re.escape, longest_first))
        return re.compile(rf"(?<![\w-])(?:{alternatives})(?!\w)") if spelled else None

    def secrets(self, text: str) -> str:
        """A text of ours without secrets, safe to print."""
        if self._known:
            text = self._known.sub(SECRET, text)
        return printable(_TELLTALE.sub(rf"\g<before>{SECRET}", text))

    def message(self, text: str) -> str:
        """A text of others, without secrets and values, safe to print."""
        return self.secrets(without_values(text))

    def line(self, source: str, text: str) -> str:
        """One of the lines that a program writes; what a row holds may fill several.

        Args:
            source: The program; none where the text is a whole message.
            text: Its line.
        """
        if (fields := json_object(text)) is not None:
            return json.dumps(self.json(fields))
        if not source:
            return self.message(text)
        if source in self._row_of and not _LOG_LINE.match(text):
            return LEFT_OUT
        self._row_of.discard(source)
        if _ROW.search(text):
            self._row_of.add(source)
        return self.message(text)

    def json(self, value: Any) -> Any:  # noqa: ANN401 (JSON)
        """JSON, however deep its messages are."""
        if isinstance(value, dict):
            return {
                key: each if key in _FOR_PROGRAMS else self.json(each)
                for key, each in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.json(each) for each in value]
        if not isinstance(value, str):
            return value
        nested = json_object(value)
        return self.message(value) if nested is None else json.dumps(self.json(nested))


def json_object(text: str) -> dict[str, Any] | None:
    """The JSON object in a text, or None."""
    if not text.lstrip().startswith("{"):  # most lines: an exception takes longer
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _left_out_unless_name(match: re.Match[str]) -> str:
    """The match, if a name stands in its quotation marks."""
    before = match.groupdict().get("before") or ""
    if not before and _NAME_FOLLOWS.search(match.string, 0, match.start()):
        return match[0]
    return f"{before}{LEFT_OUT}"


def _secrets(variables: Mapping[str, str]) -> Iterator[str]:
    """Each secret of an environment, and each part of one that is a secret itself."""
    for name, value in variables.items():
        if not is_secret(name):
            continue
        yield value
        for part in map(str.strip, value.split(",")):
            yield from (part, part.partition("://")[2])
            if (url := _URL.match(part)) and url["password"] != url["user"]:
                yield url["password"] or ""
                yield unquote(url["password"] or "")
        yield from _strings(json_object(f'{{"all": {value}}}'))


def _strings(value: Any) -> Iterator[str]:  # noqa: ANN401 (JSON)
    """The strings in JSON that are not known to be harmless."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key not in _NOT_SECRET:
                yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)
    elif isinstance(value, str):
        yield value
