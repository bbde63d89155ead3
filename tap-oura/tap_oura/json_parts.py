"""JSON that a decoder refuses as a whole, in parts: one bad value costs no other.

Oura's answers are decoded by msgspec. This is for the rare ones that it does not take,
because somewhere in them is `NaN`, half a character, or ten thousand brackets.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Texts, whatever is in them, and the marks that JSON is made of.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:]', re.DOTALL)

#: More levels than any document has, and fewer than any program behind the tap takes.
DEEPEST = 64

#: What msgspec raises when it does not take something.
UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

#: PostgreSQL, among others, has no text with it.
NUL = b"\\u0000"


def elements(part: bytes) -> list[bytes]:
    """What stands between the commas of a list, still encoded.

    Raises:
        msgspec.DecodeError: It is not a complete list.
    """
    return [piece.strip() for piece, _ in _split(part, b"[") if piece.strip()]


def members(part: bytes) -> list[tuple[bytes, bytes]]:
    """Names and values of an object, both still encoded.

    Raises:
        msgspec.DecodeError: It is not a complete object.
    """
    return [
        (piece[:colon].strip(), piece[colon + 1 :].strip())
        for piece, colon in _split(part, b"{")
        if colon > 0
    ]


def storable(part: bytes) -> Any:  # noqa: ANN401
    """A value, if every program behind the tap can take it.

    Raises:
        UNDECODABLE: It is no value, or holds one that not all of them take.
    """
    if is_suspicious(part) and (NUL in part or _depth(part) > DEEPEST):
        raise msgspec.DecodeError("not storable")
    return msgspec.json.decode(part)


def is_suspicious(part: bytes) -> bool:
    """Whether a value has to be looked at closely, which is cheap to say."""
    return NUL in part or part.count(b"[") + part.count(b"{") > DEEPEST


def as_text(part: bytes) -> str:
    """A value as Oura wrote it, with escapes for what is no text."""
    return part.decode(errors="backslashreplace").replace("\0", "\\u0000")


def _split(part: bytes, bracket: bytes) -> Iterator[tuple[bytes, int]]:
    """Pieces on the first level, each with the place of its first colon."""
    depth = begin = colon = 0
    if not part.lstrip().startswith(bracket):
        raise msgspec.DecodeError(f"no {bracket!r}")
    for token in _TOKEN.finditer(part):
        mark = token[0]
        if mark in b"[{":
            depth += 1
            if depth == 1:
                begin = token.end()
        elif mark in b"]}":
            depth -= 1
        elif mark == b":" and depth == 1:
            colon = colon or token.start()
        if (mark == b"," and depth == 1) or (mark in b"]}" and depth == 0):
            yield part[begin : token.start()], colon - begin
            begin, colon = token.end(), 0
        if mark in b"]}" and depth == 0:
            if not part[begin:].strip():
                return
            break
    raise msgspec.DecodeError("not complete")


def _depth(part: bytes) -> int:
    depth = deepest = 0
    for token in _TOKEN.finditer(part):
        depth += (token[0] in b"[{") - (token[0] in b"]}")
        deepest = max(deepest, depth)
    return deepest
