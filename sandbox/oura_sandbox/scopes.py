"""The scopes that the live API knows, which are not those of its specification."""

from __future__ import annotations

SCOPES = (
    "email",
    "personal",
    "daily",
    "heartrate",
    "workout",
    "tag",
    "session",
    "spo2",
    "heart_health",
    "stress",
    "ring_configuration",
)
PREFIX = "extapi:"


def read(text: str) -> frozenset[str]:
    """Read a list of scopes; names that do not exist are dropped without a word."""
    names = {name.removeprefix(PREFIX) for name in text.split()}
    return frozenset(names & set(SCOPES))


def write(scopes: frozenset[str], *, prefix: bool) -> str:
    """Write a list of scopes, in the order in which they are documented."""
    first = PREFIX if prefix else ""
    return " ".join(first + scope for scope in SCOPES if scope in scopes)
