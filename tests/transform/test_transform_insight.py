"""The overview of days and the effects of tags, against what Python works out."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.transform.conftest import Database, Dbt

USER = "0a0a0a0a-0000-4000-8000-000000000001"
OTHER = "0a0a0a0a-0000-4000-8000-000000000002"
START = date(2026, 1, 1)
SCORES = ("daily_sleep_summaries", "document_revisions", "daily_overview")
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
    dbt.build(*SCORES)
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
            assert row["sleep_score_z_score"] is None
        else:
            deviation = (scores[number] - mean(month)) / stdev(month)
            assert float(row["sleep_score_mean_28d"]) == pytest.approx(
                mean(month), abs=0.006
            )
            assert float(row["sleep_score_z_score"]) == pytest.approx(
                deviation, abs=0.006
            )
    constant = database(OVERVIEW, OTHER)[-1]
    assert constant["sleep_score_mean_28d"] == 99
    assert constant["sleep_score_z_score"] is None, "nothing varies"


def test_no_value_that_its_table_takes_is_too_large_for_what_is_made_of_it(
    dbt: Dbt, database: Database
) -> None:
    """A single one would end every run from then on, for all users."""
    largest = 2**31 - 1
    activity = ("steps", "total_calories", "active_calories", "sedentary_time")
    for number in range(1, 41):
        value = largest if number > 30 else number % 2
        at = {"day": day(number), "id": f"document {number}"}
        database.load("daily_activity", {**at, **dict.fromkeys(activity, value)})
        database.load(
            "daily_stress", {**at, "stress_high": value, "recovery_high": value}
        )
        naps = ({**night(number, 50), "id": f"{number}.{n}"} for n in range(3))
        database.load(
            "sleep", *({**nap, "total_sleep_duration": value} for nap in naps)
        )
        workouts = (
            {**at, "id": f"{number}.{n}", "calories": 9_999_999 if value else 0}
            for n in range(3)
        )
        times = {
            f"{end}_datetime": f"{day(number)}T10:00:00Z" for end in ("start", "end")
        }
        database.load("workout", *({**workout, **times} for workout in workouts))
    dbt.build("daily_overview", "figures", "weekly_figures", "monthly_figures")
    rows = database(OVERVIEW, USER)
    newest, first_of_those = rows[-1], rows[30]
    assert newest["steps"] == first_of_those["steps"] == largest
    assert first_of_those["steps_z_score"] is None
    for too_large in ("steps_mean_7d", "nap_duration", "workout_calories"):
        assert newest[too_large] is None, too_large
    views = ("figures", "weekly_figures", "monthly_figures")
    assert all(database(f"select * from healthhub.{view}") for view in views)


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
    dbt.build("figures")
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
        "stream_count": 8,
    }
    assert {name: row[name] for name in expected} == expected
    assert str(row["bedtime_start_local"]) == "2026-01-01 23:00:00"
    assert float(row["temperature_deviation"]) == -0.25


def test_a_change_reaches_the_days_that_it_concerns(
    dbt: Dbt, database: Database
) -> None:
    database.load("daily_sleep", *(sleep_score(n, 70 + n % 7) for n in range(60)))
    dbt.build(*SCORES)
    before = database(OVERVIEW, USER)
    database.load("daily_sleep", sleep_score(20, 10))
    dbt.build(*SCORES)
    after = database(OVERVIEW, USER)
    changed = [
        n for n, (old, new) in enumerate(zip(before, after, strict=True)) if old != new
    ]
    assert changed == list(range(20, 49))
    dbt.build(*SCORES, full_refresh=True)
    assert database(OVERVIEW, USER) == after


def test_a_day_is_complete_once_it_was_read_after_its_end(
    dbt: Dbt, database: Database
) -> None:
    """It ends at 4 a.m. by the user's clock, whatever the server's is."""
    database(
        "create table healthhub.users as select %s::uuid as user_id,"
        " 'Pacific/Kiritimati' as timezone",
        USER,
    )
    for user in (USER, OTHER):
        for minutes in (48 * 60, 0):
            database.ask("daily_sleep", day(0), minutes_ago=minutes, user_id=user)
        complete = database.one(
            "select (now() at time zone %s - interval '28 hours')::date as day",
            "Pacific/Kiritimati" if user == USER else "UTC",
        )["day"]
        database.load(
            "daily_sleep",
            *(
                {"id": f"{n}", "day": str(complete + timedelta(n)), "user_id": user}
                for n in (-1, 0, 1)
            ),
        )
    dbt.succeed("build", "--select", "int_oura__users")
    dbt.build(*SCORES)
    for user in (USER, OTHER):
        marks = [row["is_complete"] for row in database(OVERVIEW, user)]
        assert marks == [True, True, False]


def test_whoever_was_read_is_among_the_users(dbt: Dbt, database: Database) -> None:
    database(
        "create table healthhub.users (user_id uuid primary key,"
        " oura_pat_alias text unique, timezone text not null default 'UTC',"
        " is_added boolean not null default true)"
    )
    database("insert into healthhub.users values (%s, 'hanako')", USER)
    for user in (USER, OTHER):
        database.ask("daily_sleep", day(0), user_id=user)
    for _ in range(2):
        dbt.succeed("build", "--select", "int_oura__users")
        rows = database("select * from healthhub.users order by user_id")
        assert [(str(row["user_id"]), row["is_added"]) for row in rows] == [
            (USER, True),
            (OTHER, False),
        ]


def test_a_day_becomes_complete_though_nothing_changed(
    dbt: Dbt, database: Database
) -> None:
    today = database.one("select current_date as day")["day"]
    database.load("daily_sleep", {"id": "s", "day": str(today - timedelta(5))})
    database.ask("daily_sleep", day(0), minutes_ago=5 * 24 * 60)
    dbt.build(*SCORES)
    assert [row["is_complete"] for row in database(OVERVIEW, USER)] == [False]
    database("update healthhub_staging.models set read_at = now() + interval '1 day'")
    database.ask("daily_sleep", day(0))
    dbt.build(*SCORES)
    assert [row["is_complete"] for row in database(OVERVIEW, USER)] == [True]


def test_figures_are_all_numbers_of_the_overview(dbt: Dbt, database: Database) -> None:
    scores = {n: 60 + n * 37 % 35 for n in range(60)}
    database.load("daily_sleep", *(sleep_score(n, s) for n, s in scores.items()))
    dbt.build(*SCORES)
    (known,) = database(
        "select array_agg(attname::text) as names from pg_attribute"
        " where attrelid = 'healthhub.daily_overview'::regclass and attnum > 0"
        " and atttypid in ('int2'::regtype, 'int4'::regtype, 'numeric'::regtype)"
        " and attname !~ '_(7d|28d|z_score)$' and attname != 'stream_count'"
    )
    columns = ", ".join(f"{name} = 1" for name in known["names"])
    database(f"update healthhub.daily_overview set {columns} where day = %s", day(0))
    rows = database("select figure from healthhub.figures where day = %s", day(0))
    assert {row["figure"] for row in rows} == set(known["names"])
    compared = database(
        "select sleep_score, sleep_score_mean_28d, sleep_score_z_score,"
        " value, mean_28d, z_score from healthhub.daily_overview"
        " join healthhub.figures using (user_id, day) where figure = 'sleep_score'"
        " and day > %s",
        day(29),
    )
    for row in compared:
        assert row["value"] == row["sleep_score"]
        assert row["mean_28d"] == row["sleep_score_mean_28d"]
        assert row["z_score"] == row["sleep_score_z_score"]
    assert len(compared) == 30


def test_figures_by_week_and_month_are_of_days_that_are_over(
    dbt: Dbt, database: Database
) -> None:
    scores = {n: 60 + n * 37 % 35 for n in range(60)}
    database.load("daily_sleep", *(sleep_score(n, s) for n, s in scores.items()))
    dbt.build(*SCORES)
    database(
        "update healthhub.daily_overview set is_complete = false where day = %s", day(5)
    )
    del scores[5]
    for period in ("week", "month"):
        groups: dict[date, list[int]] = {}
        for n, score in scores.items():
            one = START + timedelta(n)
            monday = one - timedelta(one.weekday())
            first = monday if period == "week" else one.replace(day=1)
            groups.setdefault(first, []).append(score)
        rows = database(
            f"select * from healthhub.{period}ly_figures where figure = 'sleep_score'"
        )
        assert len(rows) == len(groups)
        for row in rows:
            values = groups[row[period]]
            assert float(row["mean"]) == pytest.approx(mean(values), abs=0.006)
            assert (row["lowest"], row["highest"]) == (min(values), max(values))
            assert row["days"] == len(values)


def tag(number: int, name: str = "alcohol") -> dict[str, Any]:
    """A tag whose night is that of the same number."""
    return {
        "id": f"{name} {number}",
        "start_day": day(number - 1),
        "tag_type_code": name,
        "start_time": f"{day(number - 1)}T20:00:00+02:00",
    }


def effects(database: Database) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (row["tag"], row["figure"]): row
        for row in database("select * from healthhub.tag_effects")
    }


def test_effects_are_of_occasions_and_nights_like_them(
    dbt: Dbt, database: Database
) -> None:
    lengths = {5: 1, 17: 3, 33: 1, 44: 2, 58: 1, 70: 4, 85: 1, 99: 2, 112: 1, 125: 1}
    occasions = [
        [first + n for n in range(length) if (first, n) != (70, 2)]  # a night between
        for first, length in lengths.items()
    ]
    tagged = {n for occasion in occasions for n in occasion}
    in_rest_mode = {84, 85, 86, 92}
    hrv = {n: 40 + n * 37 % 30 - 15 * (n in tagged) for n in range(140) if n != 51}
    database.load("sleep", *(night(n, value) for n, value in hrv.items()))
    database.load("enhanced_tag", *(tag(n) for n in tagged))
    database.load("enhanced_tag", *(tag(10 * n, "sauna") for n in range(1, 8)))
    database.load("enhanced_tag", *(tag(n, "always") for n in range(140)))
    database.load(
        "rest_mode_period",
        *({"id": day(n), "start_day": day(n), "end_day": day(n)} for n in in_rest_mode),
    )
    dbt.build("tag_effects")
    known = hrv.keys() - in_rest_mode
    owner: dict[int, int] = {}
    for n in sorted(known - tagged):
        near = [t for t in tagged & known if (t - n) % 7 == 0 and abs(t - n) <= 28]
        if near:
            owner[n] = min(near, key=lambda t: (abs(t - n), t))
    differences = []
    for occasion in occasions:
        nights = [n for n in occasion if n in known and n in owner.values()]
        usual = [mean(hrv[c] for c in owner if owner[c] == n) for n in nights]
        if nights:
            differences.append(mean(hrv[n] for n in nights) - mean(usual))
    found = effects(database)
    row = found["alcohol", "average_hrv"]
    assert row["n_occasions"] == len(differences) == 9
    assert row["n_without"] == len(owner)
    assert float(row["difference"]) == pytest.approx(mean(differences), abs=0.006)
    # Two tags have enough occasions to be judged, by two figures each.
    assert found["always", "average_hrv"]["verdict"] == "nothing to compare"
    assert found["alcohol", "total_sleep_duration"]["verdict"] == "no variation"
    assert row["verdict"] == "lower"
    margin = student_t(8, 0.025 / 2) * stdev(differences) / 3
    for end, sign in (("difference_from", -1), ("difference_to", 1)):
        assert float(row[end]) == pytest.approx(
            mean(differences) + sign * margin, rel=0.01
        )
    rare = found["sauna", "average_hrv"]
    assert (rare["n_occasions"], rare["verdict"]) == (7, "too few occasions")
    assert rare["difference"] is None
    assert ("alcohol", "sleep_score") not in found


def student_t(freedom: float, tail: float, steps: int = 20_000) -> float:
    """The quantile of Student's t above which `tail` lies, by adding up its density."""
    width, mass, t = 10 / steps, 0.0, 0.0
    density = [
        (1 + (i * width) ** 2 / freedom) ** (-(freedom + 1) / 2)
        for i in range(40 * steps // 10)
    ]
    half = sum(density) * width
    for value in density:
        mass += value * width
        if mass >= (1 - 2 * tail) * half:
            return t
        t += width
    raise AssertionError


def trip(random: Random) -> set[int]:
    first = random.randrange(30, DAYS - 40)
    return set(range(first, first + 12))


def weekends(random: Random) -> set[int]:
    return {n for n in range(DAYS) if n % 7 in {4, 5} and random.random() < 0.6}


def at_random(random: Random) -> set[int]:
    return {n for n in range(DAYS) if random.random() < 0.2}


def trips(random: Random) -> set[int]:
    starts = [random.randrange(DAYS) for _ in range(14)]
    return {n for first in starts for n in range(first, first + random.randrange(2, 9))}


DAYS = 300
PEOPLE = 300
FIGURES = (
    ("sleep_score", 75, 8),
    ("readiness_score", 75, 8),
    ("total_sleep_duration", 27000, 3600),
    ("average_hrv", 50, 12),
    ("lowest_heart_rate", 50, 5),
)


@pytest.mark.parametrize("tagged", [trip, weekends, at_random, trips])
def test_a_tag_without_effect_seldom_seems_to_have_one(
    database: Database, tagged: Callable[[Random], set[int]]
) -> None:
    """Nights that resemble the one before and those of their weekday."""
    random = Random(tagged.__name__)  # noqa: S311 (the same each time)
    for person in range(PEOPLE):
        nights, tags = simulated_person(random, tagged)
        copy(database, "daily_overview", OVERVIEW_COLUMNS, person, nights)
        copy(database, "tags", TAG_COLUMNS, person, tags)
    database("analyze healthhub.daily_overview, healthhub.tags")
    (row,) = database(
        "select count(distinct user_id)"
        " filter (where verdict in ('higher', 'lower')) as misled,"
        " count(distinct user_id)"
        " filter (where verdict = 'no clear difference') as judged"
        " from healthhub.tag_effects"
    )
    assert row["misled"] <= 0.06 * PEOPLE
    if tagged is trip:
        assert row["judged"] == 0
    else:
        assert row["judged"] > 0.9 * PEOPLE


OVERVIEW_COLUMNS = ("day", *(name for name, *_ in FIGURES), "is_rest_mode")
TAG_COLUMNS = ("day", "start_time_local", "tag_type_code", "document_id", "stream")


def simulated_person(
    random: Random, tagged: Callable[[Random], set[int]]
) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """Rows of the overview and of tags."""
    weekday = [[random.gauss(0, 0.6) for _ in FIGURES] for _ in range(7)]
    state = [random.gauss(0, 1) for _ in FIGURES]
    nights: list[tuple[object, ...]] = []
    for n in range(DAYS):
        state = [0.5 * value + 0.75**0.5 * random.gauss(0, 1) for value in state]
        figures = (
            round(usual + spread * (state[i] + weekday[n % 7][i]))
            for i, (_, usual, spread) in enumerate(FIGURES)
        )
        nights.append((day(n), *figures, False))
    tags: list[tuple[object, ...]] = [
        (day(n - 1), f"{day(n - 1)} 20:00", "placebo", uuid4(), "enhanced_tag")
        for n in tagged(random)
    ]
    return nights, tags


def copy(
    database: Database,
    table: str,
    columns: tuple[str, ...],
    person: int,
    rows: list[tuple[object, ...]],
) -> None:
    """Add rows of a person to a table, without what the table demands besides."""
    statement = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier("healthhub", table),
        sql.SQL(", ").join(map(sql.Identifier, ("user_id", *columns))),
    )
    with (
        database.connection.cursor() as cursor,
        cursor.copy(statement) as copying,
    ):
        for row in rows:
            copying.write_row((UUID(int=person), *row))
