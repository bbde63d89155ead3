"""The documents of one user: rendered once, kept as bytes, open to revision."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from msgspec import json

from oura_sandbox import windows
from oura_sandbox.ids import day_of
from oura_sandbox.person.clock import midnight_utc
from oura_sandbox.person.rings import set_up_days
from oura_sandbox.routes import DOCUMENTS, Document, DocumentRoute

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oura_sandbox.person import Person
    from oura_sandbox.windows import Window

REMEMBERED = 1 << 16
"""Days of a route that are kept; three years of one user are 18,000."""

MARGIN = 2
"""Days between the day a document belongs to and its instant in UTC, at most."""


class Entry(NamedTuple):
    """A document, ready to be served; entries sort as the API does."""

    instant: int
    id: str
    body: bytes


class Documents:
    """All documents of a user from a first day up to today."""

    def __init__(self, person: Person, first: date) -> None:
        """Open a person's documents."""
        self._person = person
        self._first = first
        self._revised: dict[str, dict[str, Entry | None]] = {}

    def wake(self, person: Person) -> None:
        """Go on with the person as they are on another day."""
        self._person = person

    def select(self, route: DocumentRoute, window: Window) -> list[Entry]:
        """Return the documents of a window, oldest first."""
        days: Iterable[int]
        if route.dated:
            first, today = self._first, self._person.today
            days = windows.days(window, first, today, margin=MARGIN)
        else:
            days = [day.toordinal() for day in set_up_days(self._person)]
        revised = self._revised.get(route.name, {})
        found = [
            entry
            for day in days
            for entry in _rendered(self._person, route.name, day)
            if entry.id not in revised
        ]
        found += [entry for entry in revised.values() if entry]
        if route.dated:
            start, end = window
            found = [entry for entry in found if start <= entry.instant <= end]
        found.sort()
        return found

    def find(self, route: DocumentRoute, identifier: str) -> Entry | None:
        """Return one document."""
        revised = self._revised.get(route.name, {})
        if identifier in revised:
            return revised[identifier]
        day = day_of(identifier)
        known = day and (self._first <= day <= self._person.today or not route.dated)
        if not day or not known:
            return None
        entries = _rendered(self._person, route.name, day.toordinal())
        return next((entry for entry in entries if entry.id == identifier), None)

    def put(self, route: DocumentRoute, document: Document) -> None:
        """Add a document, or replace the one that has its id."""
        entry = render(route, document)
        self._revised.setdefault(route.name, {})[entry.id] = entry

    def delete(self, route: DocumentRoute, identifier: str) -> None:
        """Take a document away."""
        self._revised.setdefault(route.name, {})[identifier] = None

    def reset(self) -> None:
        """Undo all that was put and deleted."""
        self._revised.clear()


@lru_cache(REMEMBERED)
def _rendered(person: Person, name: str, ordinal: int) -> tuple[Entry, ...]:
    route = DOCUMENTS[name]
    documents = route.documents(person, date.fromordinal(ordinal))
    return tuple(render(route, document) for document in documents)


def render(route: DocumentRoute, document: Document) -> Entry:
    """Turn a document into bytes, and find the instant it is filtered by."""
    return Entry(_instant(route, document), document["id"], json.encode(document))


def merge(document: Document, change: Document) -> Document:
    """Lay a change over a document, object by object; null is a value like others."""
    merged = dict(document)
    for name, value in change.items():
        old = merged.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[name] = merge(old, value)
        else:
            merged[name] = value
    return merged


def _instant(route: DocumentRoute, document: Document) -> int:
    stamp = route.instant and document.get(route.instant)
    if stamp:
        return windows.moment(stamp)
    day = document.get(route.day)
    return 1000 * midnight_utc(date.fromisoformat(day)) if day else 0
