from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fake_oura import USER_ID

if TYPE_CHECKING:
    from fake_oura import FakeOura, Runner

DAY = "2026-03-09"
RANGE: dict[str, Any] = {"start_date": DAY, "end_date": DAY}


def test_document_without_required_fields_still_loads(
    oura: FakeOura, run: Runner
) -> None:
    oura.documents["daily_sleep"].append({"day": DAY})
    oura.documents["sleep"].append({"id": "night", "bedtime_end": None})
    result = run("daily_sleep", "sleep", **RANGE)
    assert result.records("daily_sleep") == [{"day": DAY, "user_id": USER_ID}]
    assert result.records("sleep") == [
        {"id": "night", "bedtime_end": None, "user_id": USER_ID}
    ]
    assert result.exit_code == 0


def test_documents_without_their_key_are_skipped_counted_and_stop_nothing(
    oura: FakeOura, run: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    days = (None, 3, "", "2026-02-30", "soon")
    keyless: list[Any] = [{"id": "x"}, None, 7, [], {}, *({"day": day} for day in days)]
    oura.answer_next("daily_stress", (200, {"data": [*keyless, {"day": DAY}]}))
    result = run("daily_stress", **RANGE)
    assert result.days("daily_stress") == [DAY]
    assert "Skipped 10 documents without a usable key (user_id, day)." in caplog.text
    assert result.exit_code == 0


def test_a_document_that_cannot_be_decoded_is_skipped(
    oura: FakeOura, run: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    text = f'{{"day": "{DAY}", "score": 1e999}}, {{"day": "{DAY}"}}'
    oura.answer_next("daily_sleep", (200, f'{{"data": [{text}], "next_token": ""}}'))
    result = run("daily_sleep", **RANGE)
    assert result.days("daily_sleep") == [DAY]
    assert "Skipped 1 documents" in caplog.text
    assert len(oura.asked) == 1  # an empty token asks for nothing more


@pytest.mark.parametrize("body", [{}, {"data": None}, [], "null", "", '{"data": ['])
def test_an_answer_without_a_list_is_not_taken_for_an_empty_one(
    oura: FakeOura, run: Runner, body: object
) -> None:
    oura.answer_next("daily_sleep", (200, body))
    result = run("daily_sleep", max_tries=1, **RANGE)
    assert result.exit_code == 1
    assert [r["outcome"] for r in result.records("sync_windows")] == ["error"]


def test_names_of_ours_in_a_document_are_set_aside(oura: FakeOura, run: Runner) -> None:
    oura.daily("daily_sleep", DAY, user_id="theirs", unknown_fields=1)
    (record,) = run("daily_sleep", **RANGE).records("daily_sleep")
    assert record["user_id"] == USER_ID
    assert record["unknown_fields"] == {"user_id": "theirs", "unknown_fields": 1}


def test_samples_are_kept_however_their_instant_is_written(
    oura: FakeOura, run: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    instants = [
        "2026-03-09T08:00:00Z",
        "2026-03-09T08:00:01.123456+00:00",
        "2026-03-09T08:00:02",
        "2026-03-10T01:00:00+02:00",  # the ninth, in UTC
        "2026-03-10T00:00:00+00:00",  # the tenth: Oura counts both bounds
        "2026-03-09",
        "soon",
    ]
    samples = [{"timestamp": instant, "bpm": 60} for instant in instants]
    oura.answer_next("heartrate", (200, {"data": samples}))
    result = run("heartrate", **RANGE)
    kept = [record["timestamp"] for record in result.records("heartrate")]
    assert kept == instants[:4]
    assert "Skipped 2 documents" in caplog.text


def test_unknown_fields_are_kept_and_reported_once(
    oura: FakeOura, run: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    oura.daily("daily_stress", DAY, "2026-03-08", calm=True, meta={"version": 2})
    result = run("daily_stress", start_date="2026-03-08", end_date=DAY)
    assert result.records("daily_stress")[0]["unknown_fields"] == {
        "calm": True,
        "meta": {"version": 2},
    }
    warnings = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert sorted(warnings) == [
        "Unknown field `calm` in 2 documents, kept in `unknown_fields`.",
        "Unknown field `meta` in 2 documents, kept in `unknown_fields`.",
    ]


def test_unknown_nested_fields_pass_through(oura: FakeOura, run: Runner) -> None:
    contributors = {"deep_sleep": 80, "dreams": 99}
    oura.daily("daily_sleep", DAY, contributors=contributors)
    result = run("daily_sleep", **RANGE)
    assert result.records("daily_sleep")[0]["contributors"] == contributors


def test_a_value_of_another_type_is_set_aside(
    oura: FakeOura, run: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    oura.daily("daily_sleep", DAY, score="high", contributors={"deep_sleep": "good"})
    (record,) = run("daily_sleep", **RANGE).records("daily_sleep")
    assert record["unknown_fields"] == {
        "score": "high",
        "contributors": {"deep_sleep": "good"},
    }
    assert "score" not in record
    assert "Unexpected type of `score` in 1 documents" in caplog.text


def test_new_enum_values_pass_through(oura: FakeOura, run: Runner) -> None:
    oura.daily("daily_stress", DAY, day_summary="serene")
    (record,) = run("daily_stress", **RANGE).records("daily_stress")
    assert record["day_summary"] == "serene"


def test_a_key_that_comes_twice_is_emitted_once_as_it_came_last(
    oura: FakeOura, run: Runner
) -> None:
    oura.daily("daily_stress", DAY, stress_high=1)
    oura.daily("daily_stress", DAY, stress_high=2)
    (record,) = run("daily_stress", **RANGE).records("daily_stress")
    assert record["stress_high"] == 2
