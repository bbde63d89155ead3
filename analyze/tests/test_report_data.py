"""What the report takes from the tables."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Tables

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(1)
OTHER = "0a0a0a0a-0000-4000-8000-000000000002"
NIGHT = "0b0b0b0b-0000-4000-8000-000000000001"
TEN_YEARS = """
    insert into healthhub.daily_overview (
        user_id, day, {columns}, bedtime_start_local, bedtime_end_local
    )
    select
        '0a0a0a0a-0000-4000-8000-000000000001', day, {values}, day, day
    from generate_series(current_date - 3652, current_date, interval '1 day') as day
"""


def test_a_series_has_a_value_a_day_and_nothing_where_there_is_none(
    tables: Tables, tmp_path: Path
) -> None:
    tables.overview(
        YESTERDAY - timedelta(3), sleep_score=70, total_sleep_duration=25230
    )
    tables.overview(YESTERDAY - timedelta(1), temperature_deviation=-0.1)
    tables.overview(YESTERDAY, sleep_score=81, resilience_level="solid")
    data = tables.data(tmp_path)
    assert data["firstDay"] == str(YESTERDAY - timedelta(3))
    assert data["days"] == 4
    assert data["series"]["sleep_score"] == "70,,,81"
    assert data["series"]["total_sleep_duration"] == "420,,,"  # minutes
    assert data["series"]["temperature_deviation"] == ",,-0.1,"
    assert data["series"]["resilience_level"] == ",,,3"


def test_what_grows_through_the_day_waits_until_it_is_over(
    tables: Tables, tmp_path: Path
) -> None:
    for day in (YESTERDAY, TODAY):
        tables.overview(day, steps=4000, sleep_score=70, is_complete=day < TODAY)
    data = tables.data(tmp_path)
    assert data["series"]["steps"] == "4000,"
    assert data["series"]["sleep_score"] == "70,70"


def test_today_is_the_wearers(tables: Tables, tmp_path: Path) -> None:
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        tables.connection.execute("truncate healthhub.users")
        tables.insert("healthhub.users", oura_pat_alias="taro", timezone=zone)
        tables.overview(TODAY - timedelta(5), sleep_score=70)
        there = tables.connection.execute(
            "select (now() at time zone %s)::date", (zone,)
        ).fetchone()
        assert there
        assert tables.data(tmp_path)["today"] == str(there[0])


def test_bed_and_wake_times_count_from_the_days_midnight(
    tables: Tables, tmp_path: Path
) -> None:
    midnight = datetime(YESTERDAY.year, YESTERDAY.month, YESTERDAY.day, tzinfo=UTC)
    tables.overview(
        YESTERDAY,
        bedtime_start_local=midnight.replace(tzinfo=None) - timedelta(minutes=15),
        bedtime_end_local=midnight.replace(tzinfo=None) + timedelta(minutes=430),
    )
    series = tables.data(tmp_path)["series"]
    assert (series["bedtime"], series["wake_time"]) == ("-15", "430")


def test_a_night_has_its_stages_and_samples_with_their_gaps(
    tables: Tables, tmp_path: Path
) -> None:
    midnight = datetime(YESTERDAY.year, YESTERDAY.month, YESTERDAY.day, tzinfo=UTC)
    local = midnight.replace(tzinfo=None)
    tables.overview(
        YESTERDAY,
        main_sleep_id=NIGHT,
        bedtime_start_local=local - timedelta(minutes=30),
        bedtime_end=midnight,
        bedtime_end_local=local + timedelta(minutes=400),
        nap_count=1,
    )
    tables.insert(
        "healthhub.sleep_periods",
        document_id=NIGHT,
        sleep_phase_5_min="4421",
        sleep_phase_30_sec="44442222",
        app_sleep_phase_5_min="",
    )
    for n, value in enumerate((60, None, 55)):
        tables.insert(
            "healthhub.sleep_samples",
            document_id=NIGHT,
            series="heart_rate",
            sample=n,
            timestamp=midnight + timedelta(minutes=5 * n),
            timestamp_local=local + timedelta(minutes=5 * n),
            value=value,
        )
    assert tables.data(tmp_path)["nights"] == [
        {
            "day": str(YESTERDAY),
            "start": -30,
            "end": 400,
            "naps": 1,
            "stages": "4421",
            "isAsInApp": False,
            "heart_rate": {"start": 0, "step": 5.0, "values": "60,,55"},
            "hrv": None,
        }
    ]


def test_a_night_in_progress_is_not_shown(tables: Tables, tmp_path: Path) -> None:
    tables.overview(TODAY, main_sleep_id=NIGHT, bedtime_start_local=datetime.now(UTC))
    assert tables.data(tmp_path)["nights"] == []


def test_heart_rate_is_means_of_five_minutes_of_the_wearers_clock(
    tables: Tables, tmp_path: Path
) -> None:
    """Of the account's zone where Oura does not tell the clock."""
    tables.overview(TODAY, sleep_score=70)
    tables.insert("healthhub.users", oura_pat_alias="taro", timezone="Asia/Tokyo")
    tables.insert("healthhub.heart_rate_days", day=YESTERDAY)
    began = datetime(YESTERDAY.year, YESTERDAY.month, YESTERDAY.day, tzinfo=UTC)
    for minute, bpm, source in ((0, 60, "rest"), (4, 71, "rest"), (11, 90, "workout")):
        tables.insert(
            "healthhub.heart_rate",
            day=YESTERDAY,
            timestamp=began + timedelta(minutes=minute),
            bpm=bpm,
            source=source,
        )
    assert tables.data(tmp_path)["heartRate"] == [
        {"day": str(YESTERDAY), "slot": 9 * 12, "bpm": "66,,90", "sources": "r1-1w1"}
    ]


def test_heart_rate_is_read_of_the_last_days_that_have_any(
    tables: Tables, tmp_path: Path
) -> None:
    """However long ago they are, with days between them or without."""
    tables.overview(TODAY, sleep_score=70)
    for n in range(40):
        day = TODAY - timedelta(500 + 3 * n)
        tables.insert("healthhub.heart_rate_days", day=day)
        tables.insert(
            "healthhub.heart_rate", day=day, timestamp_local=day, bpm=60, source="rest"
        )
    days = [one["day"] for one in tables.data(tmp_path)["heartRate"]]
    assert len(days) == 28
    assert days[-1] == str(TODAY - timedelta(500))
    assert days[0] == str(TODAY - timedelta(500 + 3 * 27))


def test_workouts_are_columns(tables: Tables, tmp_path: Path) -> None:
    tables.overview(TODAY, sleep_score=70)
    assert tables.data(tmp_path)["workouts"] is None
    for n, (activity, minutes) in enumerate((("yoga", 30), (None, None), ("run", 61))):
        day = TODAY - timedelta(10 - n)
        start = datetime(day.year, day.month, day.day, 9, 15, tzinfo=UTC)
        tables.insert(
            "healthhub.workouts",
            day=day,
            activity=activity,
            intensity="easy" if minutes else None,
            start_datetime=start,
            start_datetime_local=start.replace(tzinfo=None),
            end_datetime=minutes and start + timedelta(minutes=minutes),
            calories=123.4,
        )
    assert tables.data(tmp_path)["workouts"] == {
        "firstDay": str(TODAY - timedelta(10)),
        "kinds": ["", "run", "yoga"],
        "day": "0,1,1",
        "kind": "2,0,1",
        "intensity": "e-e",
        "start": "555,555,555",
        "minutes": "30,,61",
        "calories": "123,123,123",
        "distance": ",,",
    }


def test_the_parts_of_a_score_are_those_of_scored_days(
    tables: Tables, tmp_path: Path
) -> None:
    """Those of an activity that is not over wait, as its score does."""
    for day in (YESTERDAY, TODAY):
        tables.overview(day, sleep_score=70, is_complete=day < TODAY)
        tables.insert(
            "healthhub.daily_activity_summaries", day=day, contributors_stay_active=80
        )
        tables.insert(
            "healthhub.daily_sleep_summaries", day=day, contributors_timing=90
        )
    tables.overview(YESTERDAY - timedelta(1), tags=["tag_generic_sauna"])
    found = tables.data(tmp_path)["contributors"]
    assert found["days"] == [str(YESTERDAY), str(TODAY)]
    assert found["scores"]["sleep_score"]["timing"] == "90,90"
    assert found["scores"]["sleep_score"]["latency"] == ","
    assert found["scores"]["activity_score"]["stay_active"] == "80,"


def test_what_oura_says_of_a_days_stress_is_runs_of_letters(
    tables: Tables, tmp_path: Path
) -> None:
    for n, word in ((4, "normal"), (3, "normal"), (1, "stressful"), (0, "restored")):
        tables.overview(TODAY - timedelta(n), stress_summary=word)
    assert tables.data(tmp_path)["stress"] == "n2-1s1r1"


def test_an_effect_on_sleep_is_in_minutes(tables: Tables, tmp_path: Path) -> None:
    tables.overview(TODAY, sleep_score=70)
    tables.insert(
        "healthhub.tag_effects",
        tag="sauna",
        figure="total_sleep_duration",
        n_with=9,
        n_without=50,
        difference=600,
        difference_from=-60,
        difference_to=1260,
        verdict="no clear difference",
    )
    (effect,) = tables.data(tmp_path)["tags"]
    assert (effect["difference"], effect["from"], effect["to"]) == (10, -1, 21)


def test_coverage_is_runs_of_letters(tables: Tables, tmp_path: Path) -> None:
    statuses = ("present", "present", "empty", "refused", "not_asked", "failed")
    for n, status in enumerate(statuses):
        day = YESTERDAY - timedelta(len(statuses) - 1 - n)
        tables.overview(day, sleep_score=70)
        tables.insert("healthhub.coverage", stream="workout", day=day, status=status)
    (strip,) = tables.data(tmp_path)["coverage"]
    assert strip == {
        "stream": "workout",
        "firstDay": str(YESTERDAY - timedelta(5)),
        "runs": "p2e1r1n1f1",
    }


def test_gaps_say_when_what_and_why(tables: Tables, tmp_path: Path) -> None:
    gap = [YESTERDAY - timedelta(n) for n in (3, 2)]
    for stream in ("sleep", "daily_sleep"):
        for day in gap:
            tables.insert("healthhub.coverage", stream=stream, day=day, status="empty")
    for stream, day in (("daily_spo2", YESTERDAY), ("workout", YESTERDAY)):
        tables.insert(
            "healthhub.coverage",
            stream=stream,
            day=day,
            status="refused",
            reason="missing_scope: spo2",
        )
    tables.insert("healthhub.daily_activity_summaries", day=gap[0], non_wear_time=36000)
    tables.overview(YESTERDAY, sleep_score=70)
    assert tables.data(tmp_path)["gaps"] == [
        {
            "from": str(YESTERDAY),
            "to": str(YESTERDAY),
            "status": "refused",
            "reason": "missing_scope: spo2",
            "streams": ["daily_spo2"],  # a day without a workout is no gap
            "hoursOff": None,
        },
        {
            "from": str(gap[0]),
            "to": str(gap[1]),
            "status": "empty",
            "reason": None,
            "streams": ["daily_sleep", "sleep"],
            "hoursOff": 10.0,
        },
    ]


def test_a_revision_says_what_changed_from_what_to_what(
    tables: Tables, tmp_path: Path
) -> None:
    tables.overview(TODAY, sleep_score=70)
    contents: list[dict[str, Any]] = [
        {"score": 80, "contributors": {"timing": 90, "latency": 70}, "type": "rest"},
        {"score": 84, "contributors": {"timing": 90, "latency": None}, "type": "rest"},
    ]
    for n, content in enumerate(contents):
        tables.insert(
            "healthhub.document_revisions",
            stream="daily_sleep",
            document_id=NIGHT,
            revision=n + 1,
            day=YESTERDAY,
            content=content,
            first_seen_at=datetime.now(UTC),
        )
    (revision,) = tables.data(tmp_path)["revisions"]
    assert revision["changes"] == [
        ["score", "80", "84"],
        ["contributors.latency", "70", None],
    ]


def test_only_the_last_answer_of_a_route_counts(tables: Tables, tmp_path: Path) -> None:
    tables.overview(TODAY, sleep_score=70)
    now = datetime.now(UTC).replace(tzinfo=None)
    for stream, outcomes in (
        ("daily_spo2", ("ok", "missing_scope")),
        ("workout", ("error", "ok")),
    ):
        for n, outcome in enumerate(outcomes):
            tables.insert(
                "raw_oura.sync_windows",
                stream=stream,
                outcome=outcome,
                synced_at=now + timedelta(n),
            )
    refusals = tables.data(tmp_path)["refusals"]
    assert [item["stream"] for item in refusals] == ["daily_spo2"]


def test_several_users_are_a_file_each_and_a_list(
    tables: Tables, tmp_path: Path
) -> None:
    tables.insert("healthhub.users", oura_pat_alias="hanako")
    tables.overview(TODAY, sleep_score=71)
    tables.overview(TODAY, sleep_score=93, user_id=OTHER)
    path = tables.report(tmp_path / "new")
    assert path == tmp_path / "new/report.html"
    users = tables.embedded(path)["users"]
    assert [user["name"] for user in users] == ["hanako", "0a0a0a0a…"]
    for user, score in zip(users, ("71", "93"), strict=True):
        page = tables.embedded(path.parent / user["file"])
        assert page["series"]["sleep_score"] == score
        assert page["back"] == "../report.html"


def test_pages_that_would_be_the_same_are_left_alone(
    tables: Tables, tmp_path: Path
) -> None:
    tables.overview(TODAY, sleep_score=71)
    tables.overview(TODAY, sleep_score=93, user_id=OTHER)
    theirs = tmp_path / f"report-users/{OTHER}.html"

    def is_left_alone(
        made_of: str | None = "this", language: str | None = None
    ) -> bool:
        before = theirs.stat().st_mtime_ns if theirs.exists() else 0
        tables.report(tmp_path, made_of=made_of, language=language)
        return theirs.stat().st_mtime_ns == before

    assert not is_left_alone()
    assert is_left_alone()
    assert not is_left_alone("that")
    assert not is_left_alone("that", "ja")
    assert not is_left_alone(None)
    assert not is_left_alone()
    theirs.unlink()
    assert not is_left_alone()
    assert is_left_alone()
    at = datetime.now(UTC)
    tables.insert(
        "raw_oura.sync_windows", stream="sleep", outcome="error", synced_at=at
    )
    assert not is_left_alone("a refusal")
    assert not is_left_alone("a refusal")


def test_one_user_of_several_is_one_file(tables: Tables, tmp_path: Path) -> None:
    tables.overview(TODAY, sleep_score=71)
    tables.overview(TODAY, sleep_score=93, user_id=OTHER)
    assert tables.data(tmp_path, user_id=OTHER)["series"]["sleep_score"] == "93"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_an_user_that_was_only_asked_for_has_a_page(
    tables: Tables, tmp_path: Path
) -> None:
    tables.insert(
        "healthhub.requested_days", day=TODAY, stream="sleep", status="refused"
    )
    data = tables.data(tmp_path)
    assert (data["days"], data["firstDay"], data["series"]) == (0, None, {})


def test_the_tap_can_do_without_the_migrations(tables: Tables, tmp_path: Path) -> None:
    tables.overview(TODAY, sleep_score=71)
    tables.connection.execute("alter table healthhub.users rename to of_nobody")
    try:
        assert tables.data(tmp_path)["name"] == "0a0a0a0a…"
    finally:
        tables.connection.execute("alter table healthhub.of_nobody rename to users")


def test_only_its_owner_can_read_the_file(tables: Tables, tmp_path: Path) -> None:
    tables.overview(TODAY, sleep_score=71)
    path = tables.report(tmp_path / "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_name_cannot_break_out_of_the_data(tables: Tables, tmp_path: Path) -> None:
    name = "</script><script>alert(1)</script>"
    tables.overview(TODAY, sleep_score=71)
    tables.insert("healthhub.users", oura_pat_alias=name)
    path = tables.report(tmp_path)
    assert name not in path.read_text("utf-8")
    assert tables.embedded(path)["name"] == name


def test_ten_years_stay_small(tables: Tables, tmp_path: Path) -> None:
    with tables.connection.cursor() as cursor:
        names = cursor.execute(
            """
            select column_name from information_schema.columns
            where table_name = 'daily_overview'
                and data_type in ('smallint', 'integer', 'numeric')
            """
        ).fetchall()
    columns = [name for (name,) in names]
    statement = TEN_YEARS.format(
        columns=", ".join(columns),
        values=", ".join("100 + 0.01 * extract(day from day)" for _ in columns),
    )
    tables.connection.execute(statement.encode())
    assert tables.report(tmp_path).stat().st_size < 2_000_000
