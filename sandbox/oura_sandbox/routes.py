"""The routes of the API: what each one serves, and how it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oura_sandbox.person.activity import daily_activity
from oura_sandbox.person.battery import ring_battery_level
from oura_sandbox.person.happenings import (
    enhanced_tag,
    rest_mode_period,
    session,
    tag,
    workout,
)
from oura_sandbox.person.heart import heartrate
from oura_sandbox.person.heart_health import (
    daily_cardiovascular_age,
    daily_spo2,
    vo2_max,
)
from oura_sandbox.person.readiness import daily_readiness
from oura_sandbox.person.rings import ring_configuration
from oura_sandbox.person.sleep import daily_sleep, sleep, sleep_time
from oura_sandbox.person.stress import daily_resilience, daily_stress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from oura_sandbox.person import Person

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DocumentRoute:
    """A route that serves documents, which have an id and a day."""

    name: str
    scope: str
    build: Callable[[Person, date], Iterator[Document]]
    """Makes the documents of a day that is over."""
    instant: str | None = None
    """The field that windows are compared with; None stands for the start of `day`."""
    day: str = "day"
    selects: bool = True
    """Whether `fields` is honoured."""
    dated: bool = True
    """Whether the route has a window; without one it serves all there is."""
    begins: bool = False
    """Whether the day that has only begun has documents, too."""

    def documents(self, person: Person, day: date) -> Iterator[Document]:
        """Return the documents of a day, as far as the day has come."""
        if day < person.today or (self.begins and day == person.today):
            return self.build(person, day)
        return iter(())


@dataclass(frozen=True, slots=True)
class SeriesRoute:
    """A route that serves samples, which have only an instant."""

    name: str
    scope: str
    build: Callable[[Person, date], Iterator[tuple[int, str]]]


PERSONAL_INFO = "personal_info"

DOCUMENTS = {
    route.name: route
    for route in (
        DocumentRoute(
            "daily_activity", "daily", daily_activity, "timestamp", begins=True
        ),
        DocumentRoute(
            "daily_cardiovascular_age", "heart_health", daily_cardiovascular_age
        ),
        DocumentRoute("daily_readiness", "daily", daily_readiness, "timestamp"),
        DocumentRoute("daily_resilience", "stress", daily_resilience, selects=False),
        DocumentRoute("daily_sleep", "daily", daily_sleep, "timestamp"),
        DocumentRoute("daily_spo2", "spo2", daily_spo2),
        DocumentRoute("daily_stress", "daily", daily_stress),
        DocumentRoute(
            "enhanced_tag",
            "tag",
            enhanced_tag,
            "start_time",
            "start_day",
            selects=False,
        ),
        DocumentRoute(
            "rest_mode_period", "daily", rest_mode_period, "start_time", "start_day"
        ),
        DocumentRoute(
            "ring_configuration",
            "ring_configuration",
            ring_configuration,
            "set_up_at",
            dated=False,
        ),
        DocumentRoute("session", "session", session, "start_datetime"),
        DocumentRoute("sleep", "daily", sleep, "bedtime_start", begins=True),
        DocumentRoute("sleep_time", "daily", sleep_time),
        DocumentRoute("tag", "tag", tag, "timestamp", selects=False),
        DocumentRoute("vO2_max", "heart_health", vo2_max, "timestamp"),
        DocumentRoute("workout", "workout", workout, "start_datetime"),
    )
}

SERIES = {
    route.name: route
    for route in (
        SeriesRoute("heartrate", "heartrate", heartrate),
        SeriesRoute("ring_battery_level", "ring_configuration", ring_battery_level),
    )
}
