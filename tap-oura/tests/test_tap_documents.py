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


def test_a_document_that_is_no_json_is_skipped(
    oura: FakeOura, run: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    text = f'{{"day" "{DAY}"}}, {{"day": }}, oops, {{"day": "{DAY}"}}'
    oura.answer_next("daily_sleep", (200, f'{{"data": [{text}], "next_token": ""}}'))
    result = run("daily_sleep", **RANGE)
    assert result.days("daily_sleep") == [DAY]
    assert "Skipped 3 documents" in caplog.text
    assert len(oura.asked) == 1  # an empty token asks for nothing more


#: As Oura would send them, and the integer that is emitted, or that none is.
ODD: dict[str, tuple[str, Any]] = {
    "a whole number with a point": ("62.0", 62),
    "one with an exponent": ("6.2e1", 62),
    "a fraction": ("62.5", None),
    "the largest": ("9223372036854775807", 9223372036854775807),
    "one beyond": ("9223372036854775808", None),
    "far beyond": ("1" + "0" * 5000, None),
    "out of range": ("1e999", None),
    "no number": ("NaN", None),
    "infinity": ("-Infinity", None),
    "NUL": ('"\\u0000"', None),
    "NUL in a nested key": ('{"a": {"\\u0000": 1}}', None),
    "half a character": ('"\\ud800"', None),
    "no character": ('"\\x"', None),
    "deep": ("[" * 10_000 + "]" * 10_000, None),
    "deep enough": ("[" * 70 + "]" * 70, None),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("field", ["score", "brand_new", "contributors"])
def test_an_odd_value_is_set_aside_and_costs_nothing_else(
    oura: FakeOura,
    run: Runner,
    caplog: pytest.LogCaptureFixture,
    name: str,
    field: str,
) -> None:
    text, whole = ODD[name]
    document = f'{{"day": "{DAY}", "{field}": {text}, "timestamp": "t, [\\"{{"}}'
    other = '{"day": "2026-03-08", "id": "other"}'
    body = f'{{"next_token": null, "data": [{document} , {other}]}}'
    oura.answer_next("daily_sleep", (200, body))
    result = run("daily_sleep", start_date="2026-03-08", end_date=DAY)
    assert result.exit_code == 0
    [odd, well] = result.records("daily_sleep")
    assert well["id"] == "other"
    assert odd["timestamp"] == 't, ["{'
    if field == "score" and whole is not None:
        assert odd["score"] == whole
        return
    value = odd["unknown_fields"][field]
    assert value in (text, float(text) if text[0].isdigit() else None, whole)
    assert field not in odd
    assert f"`{field}` in 1 documents, kept in `unknown_fields`." in caplog.text


def test_bytes_that_are_no_text_are_set_aside_with_escapes(
    oura: FakeOura, run: Runner
) -> None:
    body = f'{{"data": [{{"day": "{DAY}", "id": "a\\u00ff"}}]}}'.encode()
    oura.answer_next("daily_sleep", (200, body.replace(b"\\u00ff", b"\xff")))
    [record] = run("daily_sleep", **RANGE).records("daily_sleep")
    assert record["unknown_fields"] == {"id": '"a\\xff"'}


@pytest.mark.parametrize("key", ["x" * 12_000, "a\0b", "\ud800", 7, None, ["x"]])
def test_a_key_that_no_index_takes_is_no_key(
    oura: FakeOura, run: Runner, caplog: pytest.LogCaptureFixture, key: object
) -> None:
    oura.daily("sleep", DAY)
    oura.documents["sleep"].append({"id": key, "day": DAY})
    result = run("sleep", **RANGE)
    assert [r["id"] for r in result.records("sleep")] == [f"sleep-{DAY}"]
    assert "Skipped 1 documents without a usable key" in caplog.text


@pytest.mark.parametrize(
    "instant",
    [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "2026-W11-1T08:00:00Z",
        "2026-03-09T08:00:00+20:00",
        "2026-03-09T08:00:00,5Z",
        "\u0662026-03-09T08:00:00Z",
    ],
)
@pytest.mark.parametrize("stream", ["heartrate", "ring_battery_level"])
def test_an_instant_that_no_database_takes_is_no_key(
    oura: FakeOura, run: Runner, instant: str, stream: str
) -> None:
    well = f"{DAY}T08:00:00+00:00"
    samples = [{"timestamp": at, "day": DAY} for at in (instant, well)]
    oura.answer_next(stream, (200, {"data": samples}))
    result = run(stream, **RANGE)
    assert [r["timestamp"] for r in result.records(stream)] == [well]
    assert result.exit_code == 0


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
    assert kept == [
        "2026-03-09T08:00:00+00:00",
        instants[1],
        "2026-03-09T08:00:02+00:00",
        "2026-03-09T23:00:00+00:00",
    ]
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


def test_what_gives_its_day_to_another_document_is_kept_with_it(
    oura: FakeOura, run: Runner
) -> None:
    first = {"id": "first", "day": DAY, "stress_high": 1, "new": True}
    second = {"id": "second", "day": DAY, "stress_high": 2}
    last = {"id": "last", "day": DAY, "stress_high": 3}
    # Pages may repeat a document.
    oura.documents["daily_stress"] += [first, second, last, first, second, last]
    (record,) = run("daily_stress", **RANGE).records("daily_stress")
    assert record == {
        **last,
        "user_id": USER_ID,
        "displaced": {"first": first, "second": second},
    }


def test_documents_of_a_day_that_have_no_id_are_all_kept(
    oura: FakeOura, run: Runner
) -> None:
    documents = [{"day": DAY, "stress_high": number} for number in range(3)]
    oura.documents["daily_stress"] += documents
    (record,) = run("daily_stress", **RANGE).records("daily_stress")
    assert record["stress_high"] == 2
    assert [*record["displaced"].values()] == documents[:2]


@pytest.mark.parametrize("route", ["vO2_max", "heartrate", "ring_battery_level"])
def test_an_instant_is_one_key_however_it_is_written(
    oura: FakeOura, run: Runner, route: str
) -> None:
    instants = [f"{DAY}T08:00:00+00:00", f"{DAY}T10:00:00+02:00", f"{DAY}T08:00:00Z"]
    documents = [{"day": DAY, "timestamp": instant} for instant in instants]
    oura.answer_next(route, (200, {"data": documents}))
    result = run(route.lower(), **RANGE)
    (record,) = result.records(route.lower())
    if route == "vO2_max":
        assert record["timestamp_utc"] == instants[0]
        assert record["timestamp"] == instants[-1], "as sent"
    else:
        assert record["timestamp"] == instants[0]


def test_a_vo2_max_whose_timestamp_is_no_instant_is_kept_as_sent(
    oura: FakeOura, run: Runner
) -> None:
    documents = [{"day": DAY, "timestamp": "soon"}, {"day": DAY, "timestamp": 5}]
    oura.answer_next("vO2_max", (200, {"data": documents}))
    (record,) = run("vo2_max", **RANGE).records("vo2_max")
    assert record["timestamp_utc"] == record["timestamp"] == "soon"
