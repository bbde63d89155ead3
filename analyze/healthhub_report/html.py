"""Puts a page together: one file that loads nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES = ("en", "ja")

#: In this order they are one script.
_SCRIPTS = (
    "words.js",
    "format.js",
    "statistics.js",
    "data.js",
    "elements.js",
    "scales.js",
    "panel.js",
    "cursor.js",
    "today.js",
    "trends.js",
    "contributors.js",
    "nights.js",
    "heart.js",
    "bars.js",
    "stress.js",
    "workouts.js",
    "rhythm.js",
    "year.js",
    "relation.js",
    "tags.js",
    "coverage.js",
    "users.js",
    "main.js",
)


def page(data: Mapping[str, Any], language: str | None, origin: str = "") -> str:
    """The page that shows these data, first in this language or the browser's.

    Args:
        data: What it shows.
        language: In which it opens.
        origin: A word for what it was made of.
    """
    script, style = _script(), _read("style.css")
    # The page may run this script and nothing else, and load nothing at all.
    policy = (
        "default-src 'none'; "
        f"script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return Template(_read("page.html")).substitute(
        language=language or "",
        origin=origin,
        policy=policy,
        style=style,
        data=_embedded(data),
        script=script,
    )


def _embedded(data: Mapping[str, Any]) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", r"\u003c")


@cache
def _script() -> str:
    parts = "\n".join(_read(f"script/{name}") for name in _SCRIPTS)
    # Without indentation and comments, which are a sixth of it.
    parts = re.sub(r"^\s*(//.*)?\n|^ +", "", parts, flags=re.MULTILINE)
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


@cache
def _read(name: str) -> str:
    return files("healthhub_report").joinpath("page", name).read_text("utf-8")


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
