from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from statistics import correlation, mean
from typing import TYPE_CHECKING, Any

import pytest

from oura_sandbox.person import Person
from oura_sandbox.person.battery import ring_battery_level
from oura_sandbox.person.heart import heartrate
from oura_sandbox.routes import DOCUMENTS, SERIES

if TYPE_CHECKING:
    from collections.abc import Iterator

TODAY = date(2026, 11, 24)
Documents = dict[str, dict[str, Any]]


def days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)


LIFE = list(days(date(2024, 1, 1), date(2026, 11, 23)))


@pytest.fixture(scope="module")
def person() -> Person:
    return Person(1, 1, TODAY)


@cache
def history(person: Person, route: str) -> list[dict[str, Any]]:
    return [each for day in LIFE for each in DOCUMENTS[route].documents(person, day)]


def nights(person: Person) -> Documents:
    documents = history(person, "sleep")
    return {each["day"]: each for each in documents if each["type"] == "long_sleep"}


def by_day(person: Person, route: str) -> Documents:
    return {each["day"]: each for each in history(person, route)}


@pytest.mark.parametrize("route", sorted(DOCUMENTS))
def test_the_past_does_not_depend_on_today(route: str) -> None:
    build = DOCUMENTS[route].documents
    other = Person(1, 1, TODAY + timedelta(days=400))
    seen = Person(1, 1, TODAY)
    # Backwards, so that the order of questions is another one, too.
    past = list(days(date(2026, 2, 1), TODAY - timedelta(days=1)))
    later = {day: list(build(other, day)) for day in reversed(past)}
    assert {day: list(build(seen, day)) for day in past} == later


@pytest.mark.parametrize("route", sorted(SERIES))
def test_past_samples_do_not_depend_on_today(route: str) -> None:
    build = SERIES[route].build
    other = Person(1, 1, TODAY + timedelta(days=400))
    seen = Person(1, 1, TODAY)
    day = date(2026, 11, 22)
    assert list(build(seen, day)) == list(build(other, day))


def test_users_and_seeds_are_different_people(person: Person) -> None:
    ids = {
        next(DOCUMENTS["daily_stress"].documents(each, date(2026, 11, 20)))["id"]
        for each in (person, Person(1, 2, TODAY), Person(2, 1, TODAY))
    }
    assert len(ids) == 3


def test_a_night_adds_up(person: Person) -> None:
    for night in history(person, "sleep"):
        if night["total_sleep_duration"] is None:
            continue
        phases = night["sleep_phase_30_sec"]
        asleep = night["total_sleep_duration"]
        assert asleep + night["awake_time"] == night["time_in_bed"] == 30 * len(phases)
        assert asleep == sum(
            night[f"{phase}_sleep_duration"] for phase in ("deep", "light", "rem")
        )
        start, end = (
            datetime.fromisoformat(night[name])
            for name in ("bedtime_start", "bedtime_end")
        )
        assert (end - start).total_seconds() == night["time_in_bed"]
        assert len(night["movement_30_sec"]) == len(phases)


def test_a_night_belongs_to_the_day_of_waking(person: Person) -> None:
    for day, night in nights(person).items():
        assert night["bedtime_end"][:10] == day


def test_an_activity_day_adds_up(person: Person) -> None:
    lengths = set()
    for document in history(person, "daily_activity"):
        spent = sum(
            document[name]
            for name in (
                "non_wear_time",
                "resting_time",
                "sedentary_time",
                "low_activity_time",
                "medium_activity_time",
                "high_activity_time",
            )
        )
        assert spent == 60 * len(document["met"]["items"])
        assert document["timestamp"][10:16] == "T04:00"
        lengths.add(spent // 3600)
    # Summer time comes and goes; flights make days longer and shorter still.
    assert {23, 24, 25} < lengths


def test_offsets_change_with_summer_time_and_travel(person: Person) -> None:
    offsets = {each["timestamp"][19:] for each in history(person, "daily_activity")}
    assert {"+02:00", "+03:00"} < offsets
    assert "+09:00" in offsets


def test_readiness_follows_sleep(person: Person) -> None:
    slept = by_day(person, "daily_sleep")
    ready = by_day(person, "daily_readiness")
    common = slept.keys() & ready.keys()
    pairs = [(slept[day]["score"], ready[day]["score"]) for day in common]
    assert correlation(*zip(*pairs, strict=True)) > 0.4


@pytest.mark.parametrize(
    ("code", "field", "sign"),
    [
        ("tag_generic_alcohol", "lowest_heart_rate", 1),
        ("tag_generic_alcohol", "average_hrv", -1),
        ("tag_generic_caffeine", "latency", 1),
        ("tag_generic_sauna", "deep_sleep_duration", 1),
        ("tag_generic_late_meal", "average_heart_rate", 1),
    ],
)
def test_a_tag_matters_to_the_next_night(
    person: Person, code: str, field: str, sign: int
) -> None:
    tagged = {
        str(date.fromisoformat(tag["start_day"]) + timedelta(days=1))
        for tag in history(person, "enhanced_tag")
        if tag["tag_type_code"] == code
    }
    after: list[float] = []
    other: list[float] = []
    for day, night in nights(person).items():
        (after if day in tagged else other).append(night[field])
    assert len(after) > 30
    assert sign * (mean(after) - mean(other)) > 0.05 * mean(other)


def test_weekends_are_for_sleeping_in(person: Person) -> None:
    up: dict[bool, list[float]] = {True: [], False: []}
    for day, night in nights(person).items():
        end = datetime.fromisoformat(night["bedtime_end"])
        weekend = date.fromisoformat(day).weekday() > 4
        up[weekend].append(end.hour + end.minute / 60)
    assert mean(up[True]) > mean(up[False]) + 0.75


def test_summers_are_livelier(person: Person) -> None:
    steps: dict[bool, list[int]] = {True: [], False: []}
    for day, document in by_day(person, "daily_activity").items():
        if day[5:7] in {"06", "07", "08", "12", "01", "02"}:
            steps[day[5:7] in {"06", "07", "08"}].append(document["steps"])
    assert mean(steps[True]) > 1.05 * mean(steps[False])


def test_illness_shows(person: Person) -> None:
    periods = history(person, "rest_mode_period")
    assert periods
    nightly = nights(person)
    ready = by_day(person, "daily_readiness")
    usual = mean(each["score"] for each in ready.values())
    for period in periods:
        start = date.fromisoformat(period["start_day"]) + timedelta(days=1)
        end = date.fromisoformat(period["end_day"])
        ill = [str(day) for day in days(start, end) if str(day) in nightly]
        assert mean(ready[day]["temperature_deviation"] for day in ill) > 0.5
        assert mean(ready[day]["score"] for day in ill) < usual - 10


def test_a_long_life_has_everything_that_happens(person: Person) -> None:
    sleeps = history(person, "sleep")
    types = {each["type"] for each in sleeps}
    assert types == {"long_sleep", "sleep", "late_nap", "rest", "deleted"}
    assert len({each["ring_id"] for each in sleeps}) > 1
    without = {str(day) for day in LIFE} - nights(person).keys()
    assert 0.005 * len(LIFE) < len(without) < 0.05 * len(LIFE)
    activity = history(person, "daily_activity")
    assert len(activity) == len(LIFE)
    assert any(each["score"] is None for each in activity)
    oxygen = history(person, "daily_spo2")
    assert any(each["spo2_percentage"]["average"] is None for each in oxygen)
    codes = {each["tag_type_code"] for each in history(person, "enhanced_tag")}
    assert {None, "custom", "tag_generic_sick"} < codes


def test_a_late_nap_counts_for_the_next_day(person: Person) -> None:
    late = [each for each in history(person, "sleep") if each["type"] == "late_nap"]
    assert late
    for nap in late:
        end = datetime.fromisoformat(nap["bedtime_end"])
        assert end.hour >= 18
        assert nap["day"] == str(end.date() + timedelta(days=1))


def test_the_last_night_is_not_over(person: Person) -> None:
    (night,) = DOCUMENTS["sleep"].documents(person, TODAY)
    assert night["bedtime_end"] is None
    assert night["total_sleep_duration"] is None


def test_today_has_only_begun(person: Person) -> None:
    (today,) = DOCUMENTS["daily_activity"].documents(person, TODAY)
    assert 0 < len(today["met"]["items"]) < 480
    *_, (newest, _) = heartrate(person, TODAY)
    assert newest <= 1000 * person.now
    for name in DOCUMENTS.keys() - {"sleep", "daily_activity"}:
        assert not list(DOCUMENTS[name].documents(person, TODAY))


def test_heart_rate_agrees_with_the_night(person: Person) -> None:
    night = person.night(date(2026, 11, 20))
    rows = [
        row
        for day in (date(2026, 11, 19), date(2026, 11, 20))
        for instant, row in heartrate(person, day)
        if 1000 * (night.start + 300) <= instant < 1000 * (night.end - 300)
    ]
    assert all('"source":"sleep"' in row for row in rows)
    beats = [int(row.split('"bpm":')[1].split(",")[0]) for row in rows]
    assert abs(mean(beats) - mean(night.heart)) < 1


def test_the_battery_drains_and_is_charged(person: Person) -> None:
    levels = []
    for day in days(date(2026, 10, 1), date(2026, 10, 31)):
        for _, row in ring_battery_level(person, day):
            level = int(row.split('"level":')[1].rstrip("}"))
            levels.append((level, '"charging":true' in row))
    assert all(0 < level <= 100 for level, _ in levels)
    for (before, _), (now, charging) in pairwise(levels):
        assert charging or now <= before or now >= 98
    assert (
        5 < sum(now and not before for (_, before), (_, now) in pairwise(levels)) < 11
    )


def test_the_clock_stands_in_the_last_night(person: Person) -> None:
    now = datetime.fromtimestamp(person.now, UTC).astimezone(person.traits.home)
    assert now.date() == TODAY
    assert now.hour < 9
