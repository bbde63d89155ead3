"""Impossible documents are set aside, with the reason, and stop nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.transform.conftest import Database, Dbt

GOOD = {"id": "good", "day": "2026-03-01", "score": 80}
SET_ASIDE = "select * from healthhub.set_aside_documents order by document"
BOTH = ("daily_readiness_summaries", "set_aside_documents")


# Of each kind of impossible document what is wrong with it, and what is said of it.
IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"score": 400}, "score is 400, not score between 0 and 100"),
    ({"score": 10**10}, "score is 10000000000, not score between -32768 and 32767"),
    ({"unknown_fields": {"score": "high"}}, "score is no number"),
    (
        {"contributors": {"recovery_index": "low"}},
        "contributors_recovery_index is no number",
    ),
    (
        {"temperature_deviation": 1000},
        "temperature_deviation is 1000, not temperature_deviation between -999",
    ),
    ({"timestamp": "2026-02-30T00:00:00Z"}, "source_timestamp is no time"),
    ({"day": "2099-01-01"}, "day is 2099-01-01, not day between '2013-01-01' and"),
    ({"day": "1970-01-01"}, "day is 1970-01-01, not day between '2013-01-01' and"),
]


def test_each_kind_has_its_reason(dbt: Dbt, database: Database) -> None:
    documents = [
        {"id": f"bad {n}", "day": f"2026-03-1{n}", **fields}
        for n, (fields, _) in enumerate(IMPOSSIBLE)
    ]
    database.load("daily_readiness", GOOD, *documents)
    answer = dbt.build(*BOTH)
    summary = database.one("select * from healthhub.daily_readiness_summaries")
    assert summary["score"] == 80
    rows = database(SET_ASIDE)
    for (_, reason), document, row in zip(IMPOSSIBLE, documents, rows, strict=True):
        assert row["document"] == row["content"]["id"] == document["id"]
        assert row["stream"] == "daily_readiness"
        assert row["table_name"] == "daily_readiness_summaries"
        assert not row["earlier_version_stays"]
        assert row["reasons"][0].startswith(reason)
    assert any("8 documents are set aside" in line for line in answer["messages"])


def test_several_reasons_are_all_named(dbt: Dbt, database: Database) -> None:
    bad = {
        "id": "bad",
        "day": "2026-03-02",
        "type": "long_sleep",
        "bedtime_end": "soon",
        "efficiency": 101,
        "heart_rate": {"interval": 300, "items": [50]},
    }
    database.load("sleep", bad)
    dbt.build("sleep_periods", "set_aside_documents")
    row = database.one(SET_ASIDE)
    assert row["reasons"] == [
        "bedtime_start is missing",
        "bedtime_end is no time",
        "bedtime_end_local is no time",
        "efficiency is 101, not efficiency between 0 and 100",
    ]
    assert "heart_rate" not in row["content"]


def test_it_leaves_when_oura_mends_it_or_deletes_it(
    dbt: Dbt, database: Database
) -> None:
    for name, day in (("mended", "2026-03-02"), ("deleted", "2026-03-03")):
        bad = {"id": name, "day": day, "score": -1}
        database.load("daily_readiness", bad, minutes_ago=20)
    dbt.build(*BOTH)
    assert len(database(SET_ASIDE)) == 2
    database.load("daily_readiness", {"id": "mended", "day": "2026-03-02", "score": 1})
    database.ask("daily_readiness", "2026-03-03", minutes_ago=10)
    answer = dbt.build(*BOTH)
    assert database(SET_ASIDE) == []
    assert not any("set aside" in line for line in answer["messages"])
    summary = database.one("select * from healthhub.daily_readiness_summaries")
    assert summary["score"] == 1


def test_the_last_good_version_stays(dbt: Dbt, database: Database) -> None:
    database.load("daily_readiness", GOOD)
    dbt.build(*BOTH)
    database.load("daily_readiness", {**GOOD, "score": 400})
    for full_refresh in (False, True):
        dbt.build(*BOTH, full_refresh=full_refresh)
        summary = database.one("select * from healthhub.daily_readiness_summaries")
        assert summary["score"] == 80
        row = database.one(SET_ASIDE)
        assert row["document"] == "good"
        assert row["earlier_version_stays"], "it says that the table has not this one"


def test_it_does_not_stay_for_a_document_that_is_gone(
    dbt: Dbt, database: Database
) -> None:
    database.load("daily_readiness", GOOD, minutes_ago=50)
    dbt.build(*BOTH)
    database.load("daily_readiness", {**GOOD, "id": "another", "score": 400})
    for full_refresh in (False, True):
        dbt.build(*BOTH, full_refresh=full_refresh)
        assert database("select * from healthhub.daily_readiness_summaries") == []
        row = database.one(SET_ASIDE)
        assert row["document"] == "another"
        assert not row["earlier_version_stays"]


def test_it_does_not_stay_on_a_day_that_its_document_has_left(
    dbt: Dbt, database: Database
) -> None:
    database.load("daily_readiness", GOOD, minutes_ago=50)
    dbt.build(*BOTH)
    database.load("daily_readiness", {**GOOD, "day": "2026-03-09", "score": 400})
    for full_refresh in (False, True):
        dbt.build(*BOTH, full_refresh=full_refresh)
        assert database("select * from healthhub.daily_readiness_summaries") == []
        assert not database.one(SET_ASIDE)["earlier_version_stays"]


def test_what_gave_its_day_to_another_is_on_record(
    dbt: Dbt, database: Database
) -> None:
    others = {"first": {"id": "first", "day": GOOD["day"], "score": 70, "new": 1}}
    database.load("daily_readiness", {**GOOD, "displaced": others}, minutes_ago=20)
    instant = {"day": "2026-03-01", "timestamp": "2026-03-01T10:00:00+02:00"}
    estimate = {**instant, "timestamp_utc": "2026-03-01T08:00:00+00:00", "id": "last"}
    vo2_max = {**estimate, "displaced": {"other": {**instant, "id": "other"}}}
    database.load("vo2_max", vo2_max, minutes_ago=20)
    tables = (*BOTH, "vo2_max")
    dbt.build(*tables)
    summary = database.one("select score from healthhub.daily_readiness_summaries")
    assert summary == {"score": 80}
    day, other = database(SET_ASIDE)
    assert (day["document"], day["content"]) == ("first", others["first"])
    assert day["reasons"] == [
        "the same day has another document, which Oura sent after it: good"
    ]
    assert other["document"] == "other"
    assert other["reasons"][0].startswith("the same timestamp has another document")
    sent = database.one("select content from healthhub_staging.stg_oura__vo2_max")
    assert sent["content"] == {**instant, "id": "last"}
    # The first takes the day back, and both are gone from the list.
    database.load("daily_readiness", {"id": "first", "day": GOOD["day"], "score": 71})
    dbt.build(*tables)
    assert [row["document"] for row in database(SET_ASIDE)] == ["other"]
    database.ask("vo2_max", "2026-03-01", minutes_ago=10)
    dbt.build(*tables)
    assert database(SET_ASIDE) == []


def test_an_impossible_sample_is_named_by_its_instant(
    dbt: Dbt, database: Database
) -> None:
    def sample(minute: int, bpm: int | None, **fields: object) -> dict[str, Any]:
        at = f"2026-03-01T10:{minute:02}:00+00:00"
        return {"timestamp": at, "bpm": bpm, "source": "rest", **fields}

    odd = {"bpm": "fast", "new": True}
    samples = [sample(0, 60), sample(5, 0), sample(6, None, unknown_fields=odd)]
    database.load_samples("heartrate", *samples, minutes_ago=20)
    dbt.build("heart_rate", "set_aside_documents")
    assert database.one("select bpm from healthhub.heart_rate") == {"bpm": 60}
    zero, fast = database(SET_ASIDE)
    assert zero["document"] == "2026-03-01T10:05:00+00:00 rest"
    assert zero["table_name"] == "heart_rate_days"
    assert zero["reasons"] == ["bpm is 0, not bpm between 1 and 300"]
    assert fast["reasons"] == ["bpm is no number"]
    assert fast["content"] == {
        "timestamp": "2026-03-01T10:06:00+00:00",
        "source": "rest",
        "bpm": "fast",
        "new": True,
    }
    database.load_samples("heartrate", sample(0, 60), sample(5, 62))
    dbt.build("heart_rate", "set_aside_documents")
    assert database(SET_ASIDE) == []
    assert database.one("select bpm_mean from healthhub.heart_rate_days") == {
        "bpm_mean": 61
    }


def test_a_sample_is_found_before_its_table_has_it(
    dbt: Dbt, database: Database
) -> None:
    """A table that is as before says nothing of a day that was loaded since."""

    def samples(bpm: int) -> list[dict[str, Any]]:
        at = "2026-03-01T10:0{}:00+00:00"
        return [
            {"timestamp": at.format(minute), "bpm": value, "source": "rest"}
            for minute, value in enumerate((60, bpm))
        ]

    database.load_samples("heartrate", *samples(61), minutes_ago=20)
    dbt.build("heart_rate_days", "set_aside_documents")
    database.load_samples("heartrate", *samples(0))
    dbt.build("set_aside_documents")
    dbt.build("heart_rate_days")
    assert database.one(SET_ASIDE)["reasons"] == ["bpm is 0, not bpm between 1 and 300"]


def test_what_oura_extends_breaks_nothing(dbt: Dbt, database: Database) -> None:
    database.load(
        "daily_resilience",
        {
            "id": "new",
            "day": "2026-03-01",
            "level": "unbreakable",
            "contributors": {"stress": 40.5, "luck": 100},
            "unknown_fields": {"new": {"nested": True}},
        },
    )
    dbt.build("daily_resilience_summaries", "set_aside_documents")
    row = database.one("select * from healthhub.daily_resilience_summaries")
    assert row["level"] == "unbreakable"
    assert row["contributors_stress"] == 40.5
    assert database(SET_ASIDE) == []
