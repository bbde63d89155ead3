"""Oura's side of a life: what is true there, and what happens to it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from oura_sandbox.faults import Fault, Kind
from oura_sandbox.options import Options
from oura_sandbox.person.info import personal_info
from oura_sandbox.routes import DOCUMENTS, PERSONAL_INFO, SERIES
from oura_sandbox.scopes import SCOPES
from oura_sandbox.state import State
from oura_sandbox.usercollection import readable
from oura_sandbox.users import Standing
from oura_sandbox.windows import Window

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from oura_sandbox.users import User

Document = dict[str, Any]

#: Of these Oura has one document a day.
DAILY = (*(r for r in DOCUMENTS if r.startswith("daily_")), "sleep_time")

#: What a revision may change of each route's documents.
REVISIONS: dict[str, Callable[[Random], Document]] = {
    "daily_activity": lambda r: {
        "score": r.randint(0, 100),
        "steps": r.randint(0, 9**5),
    },
    "daily_cardiovascular_age": lambda r: {"vascular_age": r.randint(18, 100)},
    "daily_readiness": lambda r: {"contributors": {"sleep_balance": r.randint(1, 100)}},
    "daily_resilience": lambda r: {"contributors": {"stress": r.randint(0, 999) / 10}},
    "daily_sleep": lambda r: {"score": r.choice([None, r.randint(0, 100)])},
    "daily_spo2": lambda r: {"spo2_percentage": {"average": r.randint(900, 999) / 10}},
    "daily_stress": lambda r: {"stress_high": 900 * r.randint(0, 20)},
    "enhanced_tag": lambda r: {"comment": f"comment {r.randint(0, 99)}"},
    "rest_mode_period": lambda _: {"episodes": [], "end_day": None, "end_time": None},
    "ring_configuration": lambda r: {"firmware_version": f"3.{r.randint(0, 99)}"},
    "session": lambda r: {"mood": r.choice(["bad", "same", "great"])},
    "sleep": lambda r: {
        "average_hrv": r.randint(10, 150),
        "type": r.choice(["deleted", "rest", "long_sleep"]),
    },
    "sleep_time": lambda r: {"optimal_bedtime": {"day_tz": 900 * r.randint(-40, 40)}},
    "tag": lambda r: {"text": f"text {r.randint(0, 99)}"},
    "vO2_max": lambda r: {"vo2_max": r.randint(200, 600) / 10},
    "workout": lambda r: {"calories": r.randint(0, 9999) / 10, "label": None},
}

#: What no body and no ring can have, and the table whose contract says so.
IMPOSSIBLE: dict[str, tuple[str, Document]] = {
    "daily_activity": ("daily_activity_summaries", {"score": 980}),
    "daily_readiness": ("daily_readiness_summaries", {"score": 980}),
    "daily_sleep": ("daily_sleep_summaries", {"score": 980}),
    "daily_spo2": ("daily_spo2_summaries", {"spo2_percentage": {"average": 980}}),
}

FAILURES: tuple[Kind, ...] = ("error", "drop", "truncate", "html")

ZONES = ("UTC", "Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati")


@dataclass
class Oura:
    """A sandbox in this process, and the dice that decide what happens.

    Attributes:
        since: Nothing before this day matters.
        later: What happens on a later day.
        said: What has happened, for whoever reads a failure.
        zones: Time zones that users have set.
        hidden: The samples that have not been synchronised today: user and route,
            and from which day on.
    """

    dice: Random
    seed: int
    since: date
    today: date
    later: list[tuple[date, Callable[[], None]]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    zones: dict[int, str] = field(default_factory=dict)
    hidden: dict[tuple[int, str], date] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make up two people."""
        options = Options(seed=self.seed, years=1, today=self.today, users=2)
        self.state = State(options)

    # What is true

    def answer(self, number: int, stream: str) -> list[Document]:
        """What Oura has of a route, in its order, of all days that matter."""
        user = self.state.users[number]
        if stream == PERSONAL_INFO:
            return [readable(personal_info(user.person), user.standing.scopes)]
        route = DOCUMENTS["vO2_max" if stream == "vo2_max" else stream]
        # A day may begin on the day before, elsewhere.
        since = _moment(self.since - timedelta(days=2))
        entries = user.documents.select(route, Window(since, 2**60))
        return [msgspec.json.decode(entry.body) for entry in entries]

    def samples(
        self, number: int, stream: str, first: date, last: date
    ) -> list[Document]:
        """The samples of some days in UTC."""
        window = Window(_moment(first), _moment(last + timedelta(days=1)) - 1)
        series = self.state.users[number].series
        rows = series.page(SERIES[stream], window, 0, 10**9).rows
        found: list[Document] = msgspec.json.decode(b"[%b]" % rows)
        hidden = str(self.hidden.get((number, stream), date.max))
        return [sample for sample in found if sample["timestamp"] < hidden]

    # What happens

    def wake(self, today: date) -> None:
        """Let it be the next day, and let things happen."""
        self.today = today
        self.state.wake(today)
        self.state.faults.clear()
        self.state.requests.clear()
        self.hidden.clear()
        due = [happen for day, happen in self.later if day <= today]
        self.later = [(day, happen) for day, happen in self.later if day > today]
        for happen in due:
            happen()
        size = self.dice.choice([None, None, 7])
        self.state.settings = msgspec.structs.replace(
            self.state.settings, page_size=size
        )
        for _ in range(self.dice.randint(2, 12)):
            self.dice.choices(*zip(*self._events(), strict=True))[0]()

    def calm(self) -> None:
        """Let nothing go wrong any more, and every document be possible."""
        self.state.faults.clear()
        self.hidden.clear()
        self.later.clear()
        for user in self.state.users.values():
            self._stand(user, Standing())
            for name, (_, change) in IMPOSSIBLE.items():
                for document in self.answer(user.number, name):
                    if _laid(document, change) == document:
                        mended = dict.fromkeys(change)
                        self._put(user, name, {**document, **mended}, "mended")

    def _events(self) -> list[tuple[Callable[[], None], int]]:
        return [
            (self._revise, 6),
            (self._reissue, 4),
            (self._move, 4),
            (self._swap, 2),
            (self._delete, 3),
            (self._deliver_late, 3),
            (self._twin, 3),
            (self._restamp, 3),
            (self._break, 3),
            (self._refuse, 1),
            (self._lapse, 1),
            (self._fail, 2),
            (self._hide_samples, 1),
            (self._travel, 1),
        ]

    def _revise(self) -> None:
        for user, name, document in self._some():
            self._put(
                user, name, _laid(document, REVISIONS[name](self.dice)), "revised"
            )

    def _reissue(self) -> None:
        for user, name, document in self._some():
            self._remove(user, name, document)
            self._put(user, name, {**document, "id": self._id()}, "under a new id")

    def _move(self) -> None:
        for user, name, document in self._some(dated=True):
            days = self.dice.choice([-12, -3, -2, -1, 1, 2, 3, 12])
            moved = _moved(document, timedelta(days=days))
            if str(self.since) <= moved[DOCUMENTS[name].day] <= str(self.today):
                self._put(user, name, moved, f"moved by {days} days")

    def _swap(self) -> None:
        user, name = self._user(), self.dice.choice(DAILY)
        found = self._recent(user, name)
        if len(found) > 1:
            one, other = self.dice.sample(found, 2)
            self._put(user, name, {**other, "id": one["id"]}, "swapped")
            self._put(user, name, {**one, "id": other["id"]}, "swapped")

    def _delete(self) -> None:
        for user, name, document in self._some():
            self._remove(user, name, document, "deleted")
            if self.dice.random() < 0.5:
                self._later(partial(self._put, user, name, document, "back"))

    def _deliver_late(self) -> None:
        for user, name, document in self._some(days=1, dated=True):
            self._remove(user, name, document, "late")
            self._later(partial(self._put, user, name, document, "delivered"))

    def _twin(self) -> None:
        names = (*DAILY, "vO2_max")
        for user, name, document in self._some(self.dice.choice(names)):
            twin = _laid(document, REVISIONS[name](self.dice)) | {"id": self._id()}
            self._put(user, name, twin, f"beside {document['id']}")
            if self.dice.random() < 0.5:
                gone = self.dice.choice([twin, document])
                self._later(partial(self._remove, user, name, gone, "alone again"))

    def _restamp(self) -> None:
        # Rings are not dated, and say in UTC when they were set up.
        for user, name, document in self._some(dated=True):
            instant = DOCUMENTS[name].instant
            if instant and document.get(instant):
                offset = self.dice.choice(["-05:00", "+00:00", "+01:00", "+09:00"])
                text = document[instant][:19] + offset
                self._put(user, name, {**document, instant: text}, f"stamped {text}")

    def _break(self) -> None:
        name = self.dice.choice(list(IMPOSSIBLE))
        for user, _, document in self._some(name):
            self._put(user, name, _laid(document, IMPOSSIBLE[name][1]), "impossible")
            if self.dice.random() < 0.5:
                self._later(partial(self._put, user, name, document, "possible again"))

    def _refuse(self) -> None:
        user, scope = self._user(), self.dice.choice(SCOPES)
        self._say(user, f"scope {scope} refused")
        self._stand(user, Standing(frozenset(SCOPES) - {scope}))
        self._later(partial(self._stand, user, Standing()))

    def _lapse(self) -> None:
        user = self._user()
        self._say(user, "membership lapsed")
        self._stand(user, Standing(user.standing.scopes, lapsed=True))
        self._later(partial(self._stand, user, Standing()))

    def _fail(self) -> None:
        user, kind = self._user(), self.dice.choice(FAILURES)
        name = self.dice.choice([*DOCUMENTS, *SERIES])
        after = self.dice.choice([0, 0, 1])
        self._say(user, f"{name}: {kind} after {after} requests")
        self.state.begin(Fault(kind=kind, route=name, user=user.number, after=after))

    def _hide_samples(self) -> None:
        user, name = self._user(), self.dice.choice(list(SERIES))
        days = self.dice.randint(1, 3)
        self._say(user, f"{name}: {days} days not synchronised")
        self.hidden[user.number, name] = self.today - timedelta(days=days - 1)
        fault = Fault(kind="hide", route=name, user=user.number, days=days)
        self.state.begin(fault)

    def _travel(self) -> None:
        user = self._user()
        self.zones[user.number] = self.dice.choice(ZONES)
        self._say(user, f"lives in {self.zones[user.number]}")

    # How

    def _some(
        self, name: str | None = None, *, days: int | None = None, dated: bool = False
    ) -> list[tuple[User, str, Document]]:
        """A document of the last days to which something happens, if there is one."""
        names = [name for name, route in DOCUMENTS.items() if route.dated or not dated]
        user, name = self._user(), name or self.dice.choice(names)
        found = self._recent(user, name, days or self.dice.choice([2, 6, 12, 25]))
        return [(user, name, self.dice.choice(found))] if found else []

    def _recent(self, user: User, name: str, days: int = 6) -> list[Document]:
        first = str(self.today - timedelta(days=days))
        return [
            document
            for document in self.answer(user.number, name)
            if not DOCUMENTS[name].dated or document[DOCUMENTS[name].day] >= first
        ]

    def _user(self) -> User:
        return self.state.users[self.dice.choice([1, 1, 2])]

    def _id(self) -> str:
        return str(uuid.UUID(int=self.dice.getrandbits(128), version=4))

    def _later(self, happen: Callable[[], None]) -> None:
        days = self.dice.choice([1, 1, 2, 4, 9, 20])
        self.later.append((self.today + timedelta(days=days), happen))

    def _put(self, user: User, name: str, document: Document, how: str) -> None:
        user.documents.put(DOCUMENTS[name], document)
        day = document.get(DOCUMENTS[name].day)
        self._say(user, f"{name} {document['id']} of {day}: {how}")

    def _remove(
        self, user: User, name: str, document: Document, how: str = "gone"
    ) -> None:
        user.documents.delete(DOCUMENTS[name], document["id"])
        self._say(user, f"{name} {document['id']}: {how}")

    def _stand(self, user: User, standing: Standing) -> None:
        user.standing = standing
        self.state.grants.access[user.token].grant.scopes = standing.scopes

    def _say(self, user: User, what: str) -> None:
        self.said.append(f"{self.today} user {user.number}: {what}")


def _laid(document: Document, change: Document) -> Document:
    laid = dict(document)
    for name, value in change.items():
        old = laid.get(name)
        laid[name] = {**(old or {}), **value} if isinstance(value, dict) else value
    return laid


def _moved(document: Document, by: timedelta) -> Document:
    """A document of another day: with its day, its times move as far."""
    moved = dict(document)
    for field_name in ("day", "start_day", "end_day"):
        if moved.get(field_name):
            moved[field_name] = str(date.fromisoformat(moved[field_name]) + by)
    for field_name in (
        "timestamp",
        "bedtime_start",
        "bedtime_end",
        "start_time",
        "end_time",
        "start_datetime",
        "end_datetime",
    ):
        if moved.get(field_name):
            moment = datetime.fromisoformat(moved[field_name]) + by
            moved[field_name] = moment.isoformat()
    return moved


def _moment(day: date) -> int:
    return round(1000 * datetime.combine(day, time(), UTC).timestamp())
