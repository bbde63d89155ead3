"""The next_token: it carries all that is needed to go on, so nothing is remembered."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple

from msgspec import json

from oura_sandbox.errors import bad_request
from oura_sandbox.windows import Window


class Place(NamedTuple):
    """Where a page begins: how many documents, or which instant, came before."""

    window: Window
    position: int


def token(route: str, place: Place) -> str:
    """Write down where the next page begins."""
    content = [route, place.window.start, place.window.end, place.position]
    return urlsafe_b64encode(json.encode(content)).decode().rstrip("=")


def place(route: str, text: str) -> Place:
    """Read where a page begins; the dates that are repeated with it do not count."""
    try:
        padded = text + "=" * (-len(text) % 4)
        name, start, end, position = json.decode(urlsafe_b64decode(padded))
        if name == route:
            return Place(Window(int(start), int(end)), int(position))
    except (ValueError, TypeError):
        pass
    reason = "Invalid next_token"
    raise bad_request(reason)
