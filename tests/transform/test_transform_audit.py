"""What is remembered of documents and of readings: revisions and coverage."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.transform.conftest import Database, Dbt

DAY = "2026-03-01"
REVISIONS = "document_revisions"
ASKED = (REVISIONS, "requested_days")


def sleep_score(score: int) -> dict[str, Any]:
    return {"id": "night", "day": DAY, "score": score}


def revisions(database: Database) -> list[dict[str, Any]]:
    return database(
        "select revision, content->>'score' as score, first_seen_at, last_seen_at,"
        " deleted_at from healthhub.document_revisions order by revision"
    )


def test_each_version_of_a_document_is_kept(dbt: Dbt, database: Database) -> None:
    minutes = (50, 40, 30)
    for minute, score in zip(minutes, (70, 70, 71), strict=True):
        database.ask("daily_sleep", DAY, minutes_ago=minute + 1)
        database.load("daily_sleep", sleep_score(score), minutes_ago=minute)
        dbt.build(REVISIONS)
    old, new = revisions(database)
    asked = database(
        "select synced_at at time zone 'UTC' as at from"
        " raw_oura.sync_windows order by 1"
    )
    assert (old["revision"], old["score"]) == (1, "70")
    assert (new["revision"], new["score"]) == (2, "71")
    assert old["first_seen_at"] > asked[0]["at"]
    assert old["last_seen_at"] == asked[1]["at"], "the second reading still had it"
    assert new["first_seen_at"] > asked[2]["at"]
    assert new["last_seen_at"] is None


def test_a_deleted_document_that_comes_back_is_a_new_revision(
    dbt: Dbt, database: Database
) -> None:
    database.load("daily_sleep", sleep_score(70), minutes_ago=50)
    dbt.build(REVISIONS)
    database.ask("daily_sleep", DAY, minutes_ago=40)
    dbt.build(REVISIONS)
    (gone,) = revisions(database)
    assert gone["deleted_at"] > gone["last_seen_at"]
    database.load("daily_sleep", sleep_score(70), minutes_ago=30)
    dbt.build(REVISIONS)
    first, second = revisions(database)
    assert first == gone
    assert second["deleted_at"] is None


def test_a_document_read_again_leaves_no_trace(dbt: Dbt, database: Database) -> None:
    database.load("daily_sleep", sleep_score(70), minutes_ago=50)
    dbt.build(REVISIONS)
    before = database("select *, xmin from healthhub.document_revisions")
    database.load("daily_sleep", sleep_score(70), minutes_ago=40)
    dbt.build(REVISIONS)
    dbt.build(REVISIONS, full_refresh=True)
    assert database("select *, xmin from healthhub.document_revisions") == before


def coverage(database: Database, stream: str) -> dict[str, tuple[str, str | None]]:
    rows = database(
        "select day, status, reason from healthhub.coverage"
        " where stream = %s order by day",
        stream,
    )
    return {str(row["day"])[5:]: (row["status"], row["reason"]) for row in rows}


def test_coverage_tells_what_is_known_of_each_day(dbt: Dbt, database: Database) -> None:
    database.load(
        "sleep",
        {
            "id": "night",
            "day": DAY,
            "bedtime_start": "2026-02-28T23:00:00+01:00",
        },
        minutes_ago=50,
    )
    database.load_samples(
        "heartrate", {"timestamp": "2026-03-02T23:59:00Z", "bpm": 50}, minutes_ago=50
    )
    database.load("ring_configuration", {"id": "ring"}, minutes_ago=50)
    database.ask("sleep", "2015-01-01", "2026-03-02", minutes_ago=51)
    database.ask("heartrate", DAY, "2026-03-03", minutes_ago=51)
    database.ask("ring_configuration", "2015-01-01", "2026-03-03", minutes_ago=51)
    database.ask(
        "vo2_max",
        DAY,
        "2026-03-02",
        minutes_ago=51,
        outcome="missing_scope",
        detail="heart_health",
    )
    database.ask("tag", DAY, minutes_ago=51, outcome="error", detail="503")
    database.ask("workout", DAY, minutes_ago=51, outcome="membership_lapsed")
    dbt.build("coverage")

    sleep = coverage(database, "sleep")
    assert min(sleep) == "03-01", "before the first document nothing is a gap"
    assert sleep["03-01"] == ("present", None)
    assert sleep["03-02"] == ("empty", None)
    assert sleep["03-03"] == ("not_asked", None)
    heart_rate = coverage(database, "heartrate")
    assert [heart_rate[f"03-0{day}"][0] for day in (1, 2, 3)] == [
        "empty",
        "present",
        "empty",
    ]
    assert coverage(database, "vo2_max")["03-02"] == (
        "refused",
        "missing_scope: heart_health",
    )
    assert coverage(database, "tag")[DAY[5:]] == ("failed", "error: 503")
    assert coverage(database, "workout")[DAY[5:]] == ("refused", "membership_lapsed")
    (ring,) = coverage(database, "ring_configuration").values()
    assert ring == ("present", None)


def test_coverage_follows_later_readings(dbt: Dbt, database: Database) -> None:
    def stress(day: str) -> dict[str, Any]:
        return {"id": day, "day": day, "stress_high": 0}

    database.load("daily_stress", stress("2026-03-02"), minutes_ago=50)
    database.ask("daily_stress", DAY, "2026-03-03", minutes_ago=51)
    dbt.build(*ASKED)
    assert coverage(database, "daily_stress")["03-02"] == ("present", None)

    database.load("daily_stress", stress("2026-02-27"), minutes_ago=40)
    database.ask("daily_stress", "2026-02-26", "2026-03-02", minutes_ago=41)
    database.ask("daily_stress", "2026-03-03", minutes_ago=41, outcome="unauthorized")
    dbt.build(*ASKED)
    after = coverage(database, "daily_stress")
    first_days = [
        after[day][0] for day in ("02-27", "02-28", "03-01", "03-02", "03-03")
    ]
    assert first_days == ["present", "empty", "empty", "empty", "empty"]
    before = database("select *, xmin from healthhub.requested_days")
    dbt.build(*ASKED, full_refresh=True)
    assert database("select *, xmin from healthhub.requested_days") == before


def test_what_was_known_stays_known_when_a_request_fails(
    dbt: Dbt, database: Database
) -> None:
    """But of a day that was not over there was still something to come."""
    today = database.one("select current_date as day")["day"]
    days = [str(today - timedelta(n)) for n in (5, 4, 1, 0)]
    database.load("daily_stress", {"id": "s", "day": days[0]}, minutes_ago=1439)
    database.ask("daily_stress", days[0], days[2], minutes_ago=24 * 60)
    dbt.build(*ASKED)
    for outcome, status in (("missing_scope", "refused"), ("error", "failed")):
        for days_asked in ((days[0], days[3]), ("2015-01-01", days[3])):
            database.ask("daily_stress", *days_asked, outcome=outcome, detail="stress")
            dbt.build(*ASKED)
            known = coverage(database, "daily_stress")
            assert [known[day[5:]][0] for day in days] == [
                "present",
                "empty",
                status,
                status,
            ]


def test_tomorrow_is_no_gap(dbt: Dbt, database: Database) -> None:
    """Unless it has begun where the wearer is."""
    today = database.one("select current_date as day")["day"]
    tomorrow = today + timedelta(1)
    for stream in ("daily_stress", "daily_sleep"):
        database.ask(stream, str(today), str(tomorrow + timedelta(1)))
    database.load("daily_sleep", {"id": "s", "day": str(tomorrow)})
    dbt.build(*ASKED)
    rows = database("select stream, day, status from healthhub.requested_days")
    assert {(row["stream"], row["day"], row["status"]) for row in rows} == {
        ("daily_stress", today, "empty"),
        ("daily_sleep", today, "empty"),
        ("daily_sleep", tomorrow, "present"),
    }


def test_what_lasts_several_days_is_present_on_each(
    dbt: Dbt, database: Database
) -> None:
    for stream in ("rest_mode_period", "enhanced_tag"):
        period = {"id": "p", "start_day": DAY, "end_day": "2026-03-03"}
        database.ask(stream, DAY, "2026-03-05", minutes_ago=1)
        database.load(stream, period)
        dbt.build("coverage")
        statuses = [coverage(database, stream)[f"03-0{n}"][0] for n in range(1, 6)]
        assert statuses == ["present"] * 3 + ["empty"] * 2


def test_a_day_that_comes_back_under_a_new_id(dbt: Dbt, database: Database) -> None:
    daily = ("daily_sleep", "daily_stress", "sleep_time")
    for number, minutes in enumerate((50, 40)):
        for stream in daily:
            document = {"id": f"night {number}", "day": DAY}
            database.load(stream, document, minutes_ago=minutes)
            database.ask(stream, DAY, minutes_ago=minutes + 1)
        dbt.build(*ASKED)
    rows = database(
        "select stream, document_id, deleted_at, last_seen_at"
        f" from healthhub.{REVISIONS} order by stream, first_seen_at"
    )
    for stream, old, new in zip(daily, rows[::2], rows[1::2], strict=True):
        assert old["stream"] == new["stream"] == stream
        assert old["deleted_at"] > old["last_seen_at"]
        assert new["last_seen_at"] is None
        assert coverage(database, stream)[DAY[5:]] == ("present", None)
    for stream in daily:
        database.ask(stream, DAY, minutes_ago=30)
    for full_refresh in (False, True):
        dbt.build(*ASKED, full_refresh=full_refresh)
        for stream in daily:
            assert coverage(database, stream)[DAY[5:]] == ("empty", None)


def test_an_instant_that_comes_back_under_a_new_id(
    dbt: Dbt, database: Database
) -> None:
    measured = {
        "day": DAY,
        "timestamp": f"{DAY}T09:00:00+01:00",
        "timestamp_utc": f"{DAY}T08:00:00+00:00",
        "vo2_max": 40,
    }
    database.load("vo2_max", {"id": "old", **measured}, minutes_ago=50)
    dbt.build(REVISIONS)
    database.load("vo2_max", {"id": "new", **measured}, minutes_ago=40)
    dbt.build(REVISIONS)
    rows = database(
        "select content ->> 'id' as id, deleted_at is null as is_current"
        " from healthhub.document_revisions order by 1"
    )
    assert rows == [
        {"id": "new", "is_current": True},
        {"id": "old", "is_current": False},
    ]


def test_a_day_that_is_left_and_not_asked_again_has_nothing(
    dbt: Dbt, database: Database
) -> None:
    database.ask("daily_sleep", "2026-02-01", "2026-03-03", minutes_ago=51)
    database.load("daily_sleep", {"id": "other", "day": "2026-02-01"}, minutes_ago=50)
    database.load("daily_sleep", sleep_score(70), minutes_ago=50)
    dbt.build(*ASKED)
    database.ask("daily_sleep", "2026-03-02", "2026-03-03", minutes_ago=41)
    moved = {**sleep_score(70), "day": "2026-03-02"}
    database.load("daily_sleep", moved, minutes_ago=40)
    dbt.build(*ASKED)
    known = coverage(database, "daily_sleep")
    assert known["03-01"] == ("empty", None)
    assert known["03-02"] == known["02-01"] == ("present", None)
    left = database.one(
        "select last_seen_at = first_seen_at as was_seen_once"
        " from healthhub.document_revisions where last_seen_at is not null"
    )
    assert left["was_seen_once"]


def test_two_days_that_swap_documents_have_lost_none(
    dbt: Dbt, database: Database
) -> None:
    days = (DAY, "2026-03-02")
    for minutes, order in ((50, days), (40, days[::-1])):
        for n, day in enumerate(order):
            database.load(
                "daily_sleep", {"id": f"{n}", "day": day}, minutes_ago=minutes
            )
        dbt.build(REVISIONS)
    rows = database(
        f"select deleted_at, last_seen_at from healthhub.{REVISIONS}"
        " order by revision, day"
    )
    assert [row["deleted_at"] for row in rows] == [None] * 4
    assert [row["last_seen_at"] is None for row in rows] == [False, False, True, True]


def test_what_the_tap_learns_is_no_revision(dbt: Dbt, database: Database) -> None:
    document = sleep_score(70)
    database.load("daily_sleep", {**document, "unknown_fields": {"mood": {"a": 1}}})
    dbt.build(REVISIONS)
    database("alter table raw_oura.daily_sleep add column mood jsonb")
    database("alter table raw_oura.daily_sleep add column never_sent text")
    database.load("daily_sleep", {**document, "mood": {"a": 1}})
    dbt.build(REVISIONS)
    assert len(revisions(database)) == 1
    database.load("daily_sleep", {**document, "mood": {"a": 2}})
    dbt.build(REVISIONS)
    last = database.one(
        f"select content from healthhub.{REVISIONS} where last_seen_at is null"
    )
    assert last["content"] == {
        "id": "night",
        "day": DAY,
        "score": 70,
        "mood": {"a": 2},
    }


def test_revisions_of_an_earlier_form_are_no_other(
    dbt: Dbt, database: Database
) -> None:
    """Once, a revision had every column of its table, and the unknown apart."""
    database.load("daily_sleep", {**sleep_score(70), "unknown_fields": {"mood": 1}})
    dbt.build(REVISIONS)
    database(
        f"update healthhub.{REVISIONS} set content = content - 'mood'"
        """ || '{"timestamp": null, "unknown_fields": {"mood": 1}}'"""
    )
    dbt.build(REVISIONS, full_refresh=True)
    assert len(revisions(database)) == 1
