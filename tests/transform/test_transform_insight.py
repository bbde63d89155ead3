"""The overview of days and the effects of tags, against what Python works out."""

from __future__ import annotations

from datetime import date, timedelta
from statistics import mean, stdev, variance
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.transform.conftest import Database, Dbt

USER = "0a0a0a0a-0000-4000-8000-000000000001"
OTHER = "0a0a0a0a-0000-4000-8000-000000000002"
START = date(2026, 1, 1)
OVERVIEW = "select * from healthhub.daily_overview where user_id = %s order by day"


def day(number: int) -> str:
    return (START + timedelta(days=number)).isoformat()


def sleep_score(number: int, score: int | None, user: str = USER) -> dict[str, Any]:
    return {"id": day(number), "day": day(number), "score": score, "user_id": user}


def night(number: int, hrv: int, **fields: object) -> dict[str, Any]:
    return {
        "id": f"night {number}",
        "day": day(number),
        "type": "long_sleep",
        "bedtime_start": f"{day(number - 1)}T23:00:00+02:00",
        "bedtime_end": f"{day(number)}T07:00:00+02:00",
        "total_sleep_duration": 27000,
        "average_hrv": hrv,
        **fields,
    }


def test_baselines_are_of_the_days_before(dbt: Dbt, database: Database) -> None:
    scores = {n: 60 + n * 37 % 35 for n in range(60) if n not in {20, 21, 45}}
    database.load("daily_sleep", *(sleep_score(n, s) for n, s in scores.items()))
    database.load("daily_sleep", *(sleep_score(n, 99, OTHER) for n in range(40)))
    dbt.build("daily_overview")
    rows = {(row["day"] - START).days: row for row in database(OVERVIEW, USER)}
    assert rows.keys() == scores.keys()
    for number, row in rows.items():
        week = [scores[n] for n in range(number - 7, number) if n in scores]
        month = [scores[n] for n in range(number - 28, number) if n in scores]
        if len(week) < 3:
            assert row["sleep_score_mean_7d"] is None
        else:
            assert float(row["sleep_score_mean_7d"]) == pytest.approx(
                mean(week), abs=0.006
            )
        if len(month) < 14:
            assert row["sleep_score_mean_28d"] is None
            assert row["sleep_score_deviation"] is None
        else:
            deviation = (scores[number] - mean(month)) / stdev(month)
            assert float(row["sleep_score_mean_28d"]) == pytest.approx(
                mean(month), abs=0.006
            )
            assert float(row["sleep_score_deviation"]) == pytest.approx(
                deviation, abs=0.006
            )
    constant = database(OVERVIEW, OTHER)[-1]
    assert constant["sleep_score_mean_28d"] == 99
    assert constant["sleep_score_deviation"] is None, "nothing varies"


def test_a_day_has_the_figures_of_all_routes(dbt: Dbt, database: Database) -> None:
    database.load("daily_sleep", sleep_score(1, 80))
    database.load(
        "daily_readiness",
        {"id": "r", "day": day(1), "score": 70, "temperature_deviation": -0.25},
    )
    database.load("daily_activity", {"id": "a", "day": day(1), "steps": 9000})
    database.load(
        "daily_stress",
        {"id": "s", "day": day(1), "stress_high": 1800, "day_summary": "normal"},
    )
    database.load(
        "daily_spo2", {"id": "o", "day": day(1), "spo2_percentage": {"average": 97.125}}
    )
    nap = night(1, 90, id="nap", type="sleep", total_sleep_duration=1800)
    rest = night(1, 10, id="rest", type="rest", total_sleep_duration=9000)
    database.load("sleep", night(1, 55), nap, rest)
    for number, calories in ((1, 100.5), (2, 50)):
        database.load(
            "workout",
            {
                "id": f"w{number}",
                "day": day(1),
                "calories": calories,
                "start_datetime": f"{day(1)}T10:00:00+02:00",
            },
        )
    database.load(
        "enhanced_tag",
        {"id": "t", "start_day": day(1), "tag_type_code": "tag_generic_sauna"},
    )
    database.load("rest_mode_period", {"id": "m", "start_day": day(0)})
    dbt.build("daily_overview")
    (row,) = database(OVERVIEW, USER)
    expected = {
        "sleep_score": 80,
        "readiness_score": 70,
        "activity_score": None,
        "steps": 9000,
        "stress_high": 1800,
        "stress_summary": "normal",
        "average_hrv": 55,
        "total_sleep_duration": 27000,
        "nap_count": 1,
        "nap_duration": 1800,
        "workout_count": 2,
        "workout_calories": 150.5,
        "tags": ["tag_generic_sauna"],
        "is_rest_mode": True,
        "session_count": 0,
        "routes": 8,
    }
    assert {name: row[name] for name in expected} == expected
    assert str(row["bedtime_start_local"]) == "2026-01-01 23:00:00"
    assert float(row["temperature_deviation"]) == -0.25


def test_a_change_reaches_the_days_that_it_concerns(
    dbt: Dbt, database: Database
) -> None:
    database.load("daily_sleep", *(sleep_score(n, 70 + n % 7) for n in range(60)))
    dbt.build("daily_overview")
    before = database(OVERVIEW, USER)
    database.load("daily_sleep", sleep_score(20, 10))
    dbt.build("daily_overview")
    after = database(OVERVIEW, USER)
    changed = [
        n for n, (old, new) in enumerate(zip(before, after, strict=True)) if old != new
    ]
    assert changed == list(range(20, 49))
    dbt.build("daily_overview", full_refresh=True)
    assert database(OVERVIEW, USER) == after


def test_effects_are_those_that_welch_finds(dbt: Dbt, database: Database) -> None:
    tagged = {10 + n * 29 % 80 for n in range(20)}
    hrv = {n: 30 + n * 37 % 30 - 8 * (n - 1 in tagged) for n in range(100)}
    database.load("sleep", *(night(n, value) for n, value in hrv.items()))
    database.load(
        "enhanced_tag",
        *(
            {
                "id": f"tag {n}",
                "start_day": day(n),
                "tag_type_code": "alcohol",
                "start_time": f"{day(n)}T20:00:00+02:00",
            }
            for n in tagged
        ),
    )
    database.load(
        "enhanced_tag",
        *(
            {
                "id": f"rare {n}",
                "start_day": day(n),
                "tag_type_code": "custom",
                "custom_name": "Sauna",
            }
            for n in range(7)
        ),
    )
    dbt.build("tag_effects")
    effects = {
        (row["tag"], row["figure"]): row
        for row in database("select * from healthhub.tag_effects")
    }
    nights = {n + 1 for n in tagged}
    span = range(min(nights) - 28, max(nights) + 29)
    with_tag = [v for n, v in hrv.items() if n in nights]
    without = [v for n, v in hrv.items() if n in span and n not in nights]
    row = effects["alcohol", "average_hrv"]
    assert (row["n_with"], row["n_without"]) == (len(with_tag), len(without))
    difference = mean(with_tag) - mean(without)
    assert float(row["difference"]) == pytest.approx(difference, abs=0.006)
    low, high = welch(with_tag, without)
    assert float(row["difference_from"]) == pytest.approx(low, abs=0.02)
    assert float(row["difference_to"]) == pytest.approx(high, abs=0.02)
    assert row["verdict"] == "lower"
    assert effects["alcohol", "total_sleep_duration"]["verdict"] == "no variation"
    rare = effects["Sauna", "average_hrv"]
    assert (rare["n_with"], rare["verdict"]) == (7, "too few nights")
    assert rare["difference"] is None
    assert ("alcohol", "sleep_score") not in effects


def welch(first: list[int], second: list[int]) -> tuple[float, float]:
    """The 95 % confidence interval, with t by numerical integration."""
    a, b = variance(first) / len(first), variance(second) / len(second)
    freedom = (a + b) ** 2 / (a**2 / (len(first) - 1) + b**2 / (len(second) - 1))
    margin = student_t(freedom) * (a + b) ** 0.5
    difference = mean(first) - mean(second)
    return difference - margin, difference + margin


def student_t(freedom: float, steps: int = 20_000) -> float:
    """The 97.5 % quantile of Student's t, by adding up its density."""
    width, mass, t = 10 / steps, 0.0, 0.0
    density = [
        (1 + (i * width) ** 2 / freedom) ** (-(freedom + 1) / 2)
        for i in range(40 * steps // 10)
    ]
    half = sum(density) * width
    for value in density:
        mass += value * width
        if mass >= 0.95 * half:
            return t
        t += width
    raise AssertionError
