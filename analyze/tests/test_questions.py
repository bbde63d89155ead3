"""The questions of a study, beside the same worked out in Python."""

from __future__ import annotations

import json
import math
import random
import re
import statistics
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.conftest import Tables

QUESTIONS = Path(__file__).parents[1] / "questions"
FIRST, LAST = date(2025, 11, 20), date(2026, 3, 10)
GIVEN = {"first_day": str(FIRST), "last_day": str(LAST), "tag": "late_meal"}
# What has a row a user, day or occasion; all else is made of samples.
FIT = {"daily_overview", "daily_activity_summaries", "personal_info"}

Row = dict[str, Any]


def user(number: int) -> str:
    return f"0a0a0a0a-0000-4000-8000-{number:012d}"


def statement(name: str) -> sql.Composed:
    """A question, with psql's variables filled in as psql does."""
    parts = re.split(r":'(\w+)'", (QUESTIONS / f"{name}.sql").read_text("utf-8"))
    filled = [
        sql.Literal(GIVEN[part]) if number % 2 else sql.SQL(part)
        for number, part in enumerate(parts)
    ]
    return sql.Composed(filled)


def ask(tables: Tables, name: str) -> list[Row]:
    cursor = tables.connection.execute(statement(name))
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def percentile(values: Iterable[float], share: float) -> float:
    """As percentile_cont has it: between two values, a value between them."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    return ordered[low] + (place - low) * (
        ordered[min(low + 1, len(ordered) - 1)] - ordered[low]
    )


@pytest.fixture(scope="module")
def tables(shared_tables: Tables) -> Tables:
    """All that is read is the same for all questions."""
    return shared_tables


@pytest.fixture(scope="module")
def days(tables: Tables) -> dict[int, dict[date, Row]]:
    """Fourteen users with gaps, days out of range, and nothing where it may be."""
    dice = random.Random(7)  # noqa: S311 (no secret)
    users: dict[int, dict[date, Row]] = {}
    for number in range(14):
        age = None if number == 13 else 24 + number  # two bands, and nobody knows
        tables.insert("healthhub.personal_info", user_id=user(number), age=age)
        begun = FIRST - timedelta(5) + timedelta(dice.randrange(40))
        users[number] = {}
        for n in range((LAST + timedelta(4) - begun).days):
            if dice.random() < 0.15 or (number == 5 and 30 < n < 75):
                continue
            has_night = dice.random() < 0.9
            row = {
                "main_sleep_id": user(n) if has_night else None,
                "average_hrv": dice.randrange(20, 90) if has_night else None,
                "lowest_heart_rate": dice.randrange(40, 70) if has_night else None,
                "total_sleep_duration": dice.randrange(15000, 33000)
                if has_night
                else None,
                # Not before there is something to compare with.
                "tags": ["late_meal"]
                if number < 12 and n > 30 and dice.random() < 0.2
                else [],
                "is_complete": dice.random() < 0.97,
            }
            day = begun + timedelta(n)
            worn = {"non_wear_time": dice.choice([0, 3600, 14399, 14400, 80000, None])}
            tables.overview(day, user_id=user(number), **row)
            tables.insert(
                "healthhub.daily_activity_summaries",
                user_id=user(number),
                day=day,
                **worn,
            )
            if FIRST <= day <= LAST:
                users[number][day] = row | worn
    return users


def test_percentiles_by_age(tables: Tables, days: dict[int, dict[date, Row]]) -> None:
    groups: dict[tuple[int, date], list[float]] = defaultdict(list)
    for number, known in days.items():
        months: dict[date, list[int]] = defaultdict(list)
        for day, row in known.items():
            if row["is_complete"] and row["average_hrv"] is not None:
                months[day.replace(day=1)].append(row["average_hrv"])
        for month, values in months.items():
            if len(values) >= 10 and number != 13:
                groups[(24 + number) // 10 * 10, month].append(statistics.mean(values))
    expected = [
        {"age_from": age, "month": month, "users": len(values)}
        | {f"hrv_{p}": percentile(values, p / 100) for p in (10, 50, 90)}
        for (age, month), values in sorted(groups.items())
        if len(values) >= 5
    ]
    assert {row["age_from"] for row in expected} == {20, 30}
    assert ask(tables, "percentiles_by_age") == [
        {k: pytest.approx(v) if k.startswith("hrv") else v for k, v in row.items()}
        for row in expected
    ]


def test_effect_of_a_tag(tables: Tables, days: dict[int, dict[date, Row]]) -> None:
    differences = []
    for known in days.values():
        nights: dict[bool, list[int]] = {True: [], False: []}
        for day, row in known.items():
            before = known.get(day - timedelta(1))
            if before is not None and row["lowest_heart_rate"] is not None:
                nights[bool(before["tags"])].append(row["lowest_heart_rate"])
        if all(len(values) >= 8 for values in nights.values()):
            differences.append(
                statistics.mean(nights[True]) - statistics.mean(nights[False])
            )
    mean = statistics.mean(differences)
    margin = 1.96 * statistics.stdev(differences) / math.sqrt(len(differences))
    assert len(differences) > 5
    [row] = ask(tables, "tag_effect")
    assert {name: float(value) for name, value in row.items()} == pytest.approx(
        {
            "users": len(differences),
            "mean_difference": mean,
            "from_95": mean - margin,
            "to_95": mean + margin,
            "median_difference": percentile(differences, 0.5),
            "share_higher": sum(d > 0 for d in differences) / len(differences),
        }
    )


def test_adherence(tables: Tables, days: dict[int, dict[date, Row]]) -> None:
    months: dict[date, list[tuple[int, int, int]]] = defaultdict(list)
    for known in days.values():
        counted: dict[date, list[int]] = {}
        for n in range((LAST - min(known)).days + 1):
            day = min(known) + timedelta(n)
            of_month = counted.setdefault(day.replace(day=1), [0, 0, 0])
            row = known.get(day, {})
            of_month[0] += 1
            of_month[1] += (row.get("non_wear_time") or 0) < 14400 and (
                row.get("non_wear_time") is not None
            )
            of_month[2] += row.get("main_sleep_id") is not None
        for month, (length, worn, nights) in counted.items():
            months[month].append((length, worn, nights))
    expected = [
        {
            "month": month,
            "users": len(found),
            "mean_share_of_days": statistics.mean(w / n for n, w, _ in found),
            "mean_share_of_nights": statistics.mean(s / n for n, _, s in found),
            "users_of_80_percent": sum(w >= 0.8 * n for n, w, _ in found),
        }
        for month, found in sorted(months.items())
    ]
    rows = ask(tables, "adherence")
    assert [row["month"] for row in rows] == [row["month"] for row in expected]
    for row, wanted in zip(rows, expected, strict=True):
        for name in wanted.keys() - {"month"}:
            assert float(row[name]) == pytest.approx(wanted[name]), (row, name)


def test_response_to_a_date(tables: Tables, days: dict[int, dict[date, Row]]) -> None:
    by_day: dict[int, list[float]] = defaultdict(list)
    for number, known in days.items():
        tagged = [day for day, row in known.items() if row["tags"]]
        if not tagged:
            continue
        # What lies before the days asked for is known all the same.
        of_user = tables.connection.execute(
            "select day, total_sleep_duration from healthhub.daily_overview"
            " where user_id = %s and total_sleep_duration is not null",
            (user(number),),
        ).fetchall()
        figures = {(day - min(tagged)).days: value for day, value in of_user}
        before = [value for n, value in figures.items() if -28 <= n < 0]
        if len(before) >= 14:
            for n, value in figures.items():
                if 0 <= n <= 28:
                    by_day[n].append(value - statistics.mean(before))
    rows = ask(tables, "response")
    assert by_day
    assert [row["day_after"] for row in rows] == sorted(by_day)
    for row in rows:
        found = by_day[row["day_after"]]
        assert row["users"] == len(found)
        assert float(row["mean_difference"]) == pytest.approx(statistics.mean(found))
        for p in (25, 50, 75):
            wanted = pytest.approx(percentile(found, p / 100))
            assert row[f"difference_{p}"] == wanted


@pytest.mark.parametrize("name", sorted(file.stem for file in QUESTIONS.glob("*.sql")))
def test_no_question_reads_samples(tables: Tables, name: str) -> None:
    explain = sql.SQL("explain (format json) {}").format(statement(name))
    [(plan,)] = tables.connection.execute(explain).fetchall()
    read = set(re.findall(r'"Relation Name": "(\w+)"', json.dumps(plan)))
    assert read
    assert read <= FIT
