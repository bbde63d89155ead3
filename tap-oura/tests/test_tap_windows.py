from __future__ import annotations

from datetime import date, timedelta

import pytest

from tap_oura.errors import SettingError
from tap_oura.windows import FIRST_DAY, Period, Window, split

TODAY = date(2026, 3, 10)
DEFAULTS = {"lookback_days": 7, "reconcile_days": 30, "reconcile_every_days": 7}


def period(**settings: str | int) -> Period:
    return Period.from_config(DEFAULTS | settings)


def test_first_run_reads_the_whole_history_up_to_the_easternmost_day() -> None:
    assert period().days(None, TODAY) == (FIRST_DAY, date(2026, 3, 11))


def test_first_run_begins_at_start_date() -> None:
    days = period(start_date="2024-05-01").days(None, TODAY)
    assert days == (date(2024, 5, 1), date(2026, 3, 11))


def test_lookback_begins_at_the_bookmark_not_at_today() -> None:
    start, _ = period().days(date(2025, 6, 20), TODAY)
    assert start == date(2025, 6, 13)


def test_reconcile_looks_further_back() -> None:
    start, _ = period().days(date(2026, 3, 9), TODAY, reconcile=True)
    assert start == date(2026, 2, 7)


def test_older_start_date_does_not_beat_the_bookmark() -> None:
    start, _ = period(start_date="2020-01-01").days(date(2026, 3, 9), TODAY)
    assert start == date(2026, 3, 2)


def test_newer_start_date_beats_an_older_bookmark() -> None:
    start, _ = period(start_date="2026-02-01").days(date(2025, 3, 9), TODAY)
    assert start == date(2026, 2, 1)


def test_explicit_range_is_read_whatever_the_bookmark() -> None:
    asked = period(start_date="2024-01-05", end_date="2024-01-07")
    days = (date(2024, 1, 5), date(2024, 1, 7))
    assert asked.days(date(2026, 3, 9), TODAY) == days
    assert asked.days(date(2020, 3, 9), TODAY) == days
    assert not asked.needs_reconcile(None, TODAY)


def test_reconcile_is_due_at_first_and_after_its_days() -> None:
    assert period().needs_reconcile(None, TODAY)
    assert not period().needs_reconcile(TODAY - timedelta(days=6), TODAY)
    assert period().needs_reconcile(TODAY - timedelta(days=7), TODAY)


def test_start_date_may_be_a_timestamp() -> None:
    assert period(start_date="2024-05-01T00:00:00Z").start == date(2024, 5, 1)


@pytest.mark.parametrize("name", ["start_date", "end_date"])
def test_malformed_date_is_refused_in_one_sentence(name: str) -> None:
    with pytest.raises(SettingError) as error:
        period(**{name: "yesterday"})
    sentence = f"`{name}` is not a date: 'yesterday'. Write it as YYYY-MM-DD."
    assert str(error.value) == sentence


def test_inverted_range_is_refused() -> None:
    with pytest.raises(SettingError, match="before `start_date`"):
        period(start_date="2024-01-05", end_date="2024-01-04")


def test_split_covers_each_day_once() -> None:
    windows = list(split(date(2026, 1, 1), date(2026, 3, 11), timedelta(30), TODAY))
    assert [str(w) for w in windows] == [
        "2026-01-01..2026-01-30",
        "2026-01-31..2026-03-01",
        "2026-03-02..2026-03-11",
    ]
    assert [w.is_newest for w in windows] == [False, False, True]


def test_a_range_that_ends_in_the_past_has_no_newest_window() -> None:
    (window,) = split(date(2024, 1, 1), date(2024, 1, 2), timedelta(30), TODAY)
    assert not window.is_newest


def test_only_the_newest_window_takes_later_days() -> None:
    closed = Window(date(2026, 3, 1), date(2026, 3, 5))
    newest = Window(date(2026, 3, 1), date(2026, 3, 5), is_newest=True)
    assert "2026-03-05" in closed
    assert "2026-03-05T23:59:59+00:00" in closed
    assert "2026-03-06" not in closed
    assert "2099-01-01" in newest
    assert "2026-02-28" not in newest
