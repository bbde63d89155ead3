"""The routes sleep, daily_sleep and sleep_time."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from oura_sandbox.person.clock import before, local, offset
from oura_sandbox.person.dice import dice
from oura_sandbox.person.grades import mean
from oura_sandbox.person.night import AWAKE, DEEP, LIGHT, REM, SLOT, Night, curve
from oura_sandbox.person.readiness import readiness
from oura_sandbox.person.rings import current_ring
from oura_sandbox.person.sleep_score import (
    bedtime,
    naps,
    sleep_contributors,
    sleep_score,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from oura_sandbox.person import Person
    from oura_sandbox.person.dice import Dice
    from oura_sandbox.person.plan import Nap

_rng = dice("moves")
MOVES = {
    phase: "".join(_rng.choices(kinds, k=4099))
    for phase, kinds in (
        (DEEP, "11111112"),
        (LIGHT, "11111212"),
        (REM, "11112213"),
        (AWAKE, "23424321"),
    )
}
"""How restless the person is in each phase, to cut from."""
REASONS = ("foreground_sleep_analysis",) * 6 + (
    "background_created_foreground_updated",
    "background_sleep_analysis",
    "bedtime_edit",
)


def sleep(person: Person, day: date) -> Iterator[dict[str, Any]]:
    """Build the night and the naps of a day."""
    if day == person.today:
        yield _in_progress(person, person.night(day))
    elif person.slept_with_ring(day):
        yield _long_sleep(person, person.night(day))
    for number, nap in enumerate(naps(person, day), start=1):
        if nap.end <= person.now:
            yield _nap(person, day, number, nap)


def daily_sleep(person: Person, day: date) -> Iterator[dict[str, Any]]:
    """Build the sleep score of a day."""
    if person.slept_with_ring(day):
        contributors = sleep_contributors(person, day)
        yield {
            "id": person.id("daily_sleep", day),
            "contributors": contributors,
            "day": day.isoformat(),
            "score": sleep_score(contributors),
            "timestamp": f"{day}T00:00:00+00:00",
        }


def sleep_time(person: Person, day: date) -> Iterator[dict[str, Any]]:
    """Build the bedtime that Oura would suggest."""
    if not person.plan(day).worn:
        return
    rng = person.dice("sleep_time", day)
    recent = [
        each
        for each in (before(day, days) for days in range(14))
        if person.slept_with_ring(each)
    ]
    document: dict[str, Any] = {
        "id": person.id("sleep_time", day),
        "day": day.isoformat(),
        "optimal_bedtime": None,
        "recommendation": None,
        "status": "not_enough_recent_nights",
    }
    if len(recent) > 9:  # noqa: PLR2004 - nights that Oura wants to have seen
        efficiency = mean(person.night(each).efficiency for each in recent)
        start = 900 * round(4 * (person.traits.bedtime - 0.25))
        if efficiency < 84:  # noqa: PLR2004
            document["status"] = "bad_sleep_quality"
            document["recommendation"] = "improve_efficiency"
        else:
            document["status"] = rng.choice(("optimal_found", "only_recommended_found"))
            late = bedtime(person.night(day)) > person.traits.bedtime + 0.75
            document["recommendation"] = (
                "earlier_bedtime" if late else "follow_optimal_bedtime"
            )
            document["optimal_bedtime"] = {
                "day_tz": offset(day, person.plan(day).zone),
                "end_offset": start + 2700,
                "start_offset": start,
            }
    yield document


def _long_sleep(person: Person, night: Night) -> dict[str, Any]:
    rng = person.dice("sleep", night.day)
    found = readiness(person, night.day)
    hrv = curve(night, rng)
    return {
        **_period(person, night.day, 0, local(night.start, night.zone)),
        "time_in_bed": night.in_bed,
        "average_breath": round(8 * night.breath) / 8,
        "average_heart_rate": round(mean(night.heart) + rng.uniform(-0.9, 0.6), 2),
        "average_hrv": round(mean(value for value in hrv if value)),
        "awake_time": night.seconds(AWAKE),
        "bedtime_end": local(night.end, night.zone),
        "deep_sleep_duration": night.seconds(DEEP),
        "efficiency": night.efficiency,
        "heart_rate": _samples(night, [None, *night.heart[1:]]),
        "hrv": _samples(night, hrv),
        "latency": night.latency,
        "light_sleep_duration": night.seconds(LIGHT),
        "low_battery_alert": rng.happens(0.02),
        "lowest_heart_rate": min(night.heart) - rng.randrange(3),
        "movement_30_sec": _movement(night.phases, rng),
        "readiness": {
            "contributors": found["contributors"],
            "score": found["score"],
            "temperature_deviation": found["temperature_deviation"],
            "temperature_trend_deviation": found["temperature_trend_deviation"],
        },
        "readiness_score_delta": 0,
        "rem_sleep_duration": night.seconds(REM),
        "restless_periods": round(night.seconds(AWAKE) / 20 * rng.uniform(1.6, 2.6)),
        "sleep_analysis_reason": rng.choice(REASONS),
        "sleep_phase_30_sec": night.phases,
        "sleep_phase_5_min": night.phases[::10],
        "app_sleep_phase_5_min": night.phases[::10],
        "sleep_score_delta": 0,
        "total_sleep_duration": night.asleep,
        "type": "long_sleep",
    }


def _nap(person: Person, day: date, number: int, nap: Nap) -> dict[str, Any]:
    rng = person.dice("nap", day, number)
    phases = AWAKE * rng.randint(6, 16)
    phases += LIGHT * max(0, 2 * nap.minutes - len(phases))
    lowest = round(person.traits.resting_heart + rng.uniform(2, 8))
    counts = nap.kind in {"sleep", "late_nap"}
    return {
        **_period(person, day, number, local(nap.start, nap.zone)),
        "time_in_bed": 60 * nap.minutes,
        "average_breath": round(8 * rng.uniform(13, 16)) / 8,
        "average_heart_rate": lowest + 4.25,
        "average_hrv": round(person.traits.hrv * rng.uniform(0.7, 1.1)),
        "awake_time": 30 * phases.count(AWAKE),
        "bedtime_end": local(nap.end, nap.zone),
        "deep_sleep_duration": 0,
        "efficiency": round(100 * phases.count(LIGHT) / len(phases)),
        "latency": 30 * phases.count(AWAKE),
        "light_sleep_duration": 30 * phases.count(LIGHT),
        "lowest_heart_rate": lowest,
        "movement_30_sec": _movement(phases, rng),
        "readiness_score_delta": rng.randint(0, 4) if counts else 0,
        "rem_sleep_duration": 0,
        "restless_periods": rng.randint(5, 40),
        "sleep_analysis_reason": "foreground_sleep_analysis",
        "sleep_phase_30_sec": phases,
        "sleep_phase_5_min": phases[::10],
        "app_sleep_phase_5_min": phases[::10],
        "sleep_score_delta": rng.randint(0, 6) if counts else 0,
        "total_sleep_duration": 30 * phases.count(LIGHT),
        "type": nap.kind,
    }


def _in_progress(person: Person, night: Night) -> dict[str, Any]:
    """Build the night from which the person has not got up; live, its end is null."""
    return {
        **_period(person, night.day, 0, local(night.start, night.zone)),
        "time_in_bed": (person.now - night.start) // 30 * 30,
        "type": "long_sleep",
    }


def _period(person: Person, day: date, number: int, start: str) -> dict[str, Any]:
    """Begin a sleep document; what the ring could not tell is null."""
    return {
        "id": person.id("sleep", day, number),
        "average_breath": None,
        "average_heart_rate": None,
        "average_hrv": None,
        "awake_time": None,
        "bedtime_end": None,
        "bedtime_start": start,
        "day": day.isoformat(),
        "deep_sleep_duration": None,
        "efficiency": None,
        "heart_rate": None,
        "hrv": None,
        "latency": None,
        "light_sleep_duration": None,
        "low_battery_alert": False,
        "lowest_heart_rate": None,
        "movement_30_sec": None,
        "period": number,
        "readiness": None,
        "readiness_score_delta": None,
        "rem_sleep_duration": None,
        "restless_periods": None,
        "sleep_algorithm_version": "v2",
        "sleep_analysis_reason": None,
        "sleep_phase_30_sec": None,
        "sleep_phase_5_min": None,
        "sleep_score_delta": None,
        "time_in_bed": 0,
        "total_sleep_duration": None,
        "type": None,
        "ring_id": current_ring(person, day),
        "app_sleep_phase_5_min": None,
    }


def _samples(night: Night, items: list[int | None]) -> dict[str, Any]:
    return {
        "interval": float(SLOT),
        "items": items,
        "timestamp": local(night.start, night.zone),
    }


def _movement(phases: str, rng: Dice) -> str:
    moves = []
    for phase, run in groupby(phases):
        length = len(list(run))
        place = rng.randrange(4099 - length)
        moves.append(MOVES[phase][place : place + length])
    return "".join(moves)
