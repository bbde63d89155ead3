"""How far a run says it is."""

from __future__ import annotations

from healthhub.meltano_log import DBT, TAP, LogRecord
from healthhub.screen import Progress


def asked(endpoint: str, period: str, user: str = "a") -> LogRecord:
    """An answer of Oura, as the tap logs it."""
    details = {"endpoint": endpoint, "period": period, "user": user}
    return LogRecord("200", source=TAP, details=details)


def begun(stream: str) -> LogRecord:
    """The beginning of a stream."""
    return LogRecord(f"Beginning sync of '{stream}' in incremental mode", source=TAP)


def said(*records: LogRecord) -> list[str]:
    """What is said after each line that says something."""
    progress = Progress()
    return [f"{progress.doing}{progress.done}" for r in records if progress.observe(r)]


def test_days_are_told_of_how_many() -> None:
    assert said(
        begun("daily_sleep"),
        LogRecord("Found state", source=TAP),
        asked("daily_sleep", "2026-01-01..2026-04-11"),
        begun("heartrate"),
        asked("heartrate", "2026-01-01..2026-01-11"),
        asked("ring_battery_level", "2026-01-01..2026-01-31"),
        asked("heartrate", "2026-01-11..2026-01-21"),
        begun("vo2_max"),
        asked("vO2_max", "2026-04-01..2026-04-11"),
        begun("personal_info"),
        asked("personal_info", ""),
        begun("sync_windows"),
    ) == [
        "Reading daily_sleep",
        "Reading daily_sleep",
        "Reading heartrate",
        "Reading heartrate (10 of 100 days)",
        "Reading heartrate (10 of 100 days)",
        "Reading heartrate (20 of 100 days)",
        "Reading vo2_max",
        "Reading vo2_max",
        "Reading personal_info",
        "Storing what was read",
    ]


def test_each_user_has_days_of_their_own() -> None:
    assert said(
        begun("heartrate"),
        asked("sleep", "2026-01-01..2026-01-21", "a"),
        asked("heartrate", "2026-01-01..2026-01-11", "a"),
        asked("heartrate", "2026-01-06..2026-01-11", "b"),
    ) == [
        "Reading heartrate",
        "Reading heartrate",
        "Reading heartrate (10 of 20 days)",
        "Reading heartrate (user 2, 5 of 15 days)",
    ]


def test_tables_are_told_as_they_are_built() -> None:
    assert said(
        LogRecord("Running with dbt", source=DBT),
        LogRecord("2 of 67 START sql view model", source=DBT),
        LogRecord("2 of 67 OK created sql view model", source=DBT),
        LogRecord("3 of 67 START sql incremental model", source=DBT),
        LogRecord("Block run completed"),
    ) == [
        "Building the tables",
        "Building the tables",
        "Building the tables (2 of 67)",
        "Building the tables (2 of 67)",
    ]
