"""The streams: what the API has, a line for each route."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from tap_oura.client import DocumentStream, OuraStream, Route, TimeSeriesStream

_documents = partial(Route, DocumentStream)
_daily = partial(_documents, primary_keys=("user_id", "day"))
_series = partial(
    Route,
    TimeSeriesStream,
    primary_keys=("user_id", "timestamp"),
    replication_key="timestamp",
)

#: Of documents with a sample each few minutes or seconds: a year of them is 3 MB.
_YEAR = timedelta(days=366)

ROUTES: tuple[Route, ...] = (
    _daily(
        "daily_activity",
        "daily",
        "Steps, calories and activity of a day that begins at 4 a.m.",
        window_length=_YEAR,
    ),
    _daily("daily_cardiovascular_age", "heart_health", "Cardiovascular age."),
    _daily(
        "daily_readiness",
        "daily",
        "Readiness score, its contributors and the temperature deviation.",
    ),
    _daily("daily_resilience", "stress", "Resilience level and its contributors."),
    _daily("daily_sleep", "daily", "Sleep score and its contributors."),
    _daily("daily_spo2", "spo2", "Blood oxygen during sleep."),
    _daily("daily_stress", "daily", "Time under stress and in recovery."),
    _documents(
        "enhanced_tag",
        "tag",
        "Tags as the app has them now, some with a duration.",
        replication_key="start_day",
    ),
    _series(
        "heartrate",
        "heartrate",
        "Heart rate samples.",
        # At one instant there may be samples of several sources.
        primary_keys=("user_id", "timestamp", "source"),
        key_defaults={"source": ""},
        window_length=timedelta(days=10),
    ),
    Route(
        OuraStream,
        "personal_info",
        "personal",
        "Age, weight, height, sex and e-mail address.",
        primary_keys=("user_id",),
        replication_key=None,
        is_single_document=True,
    ),
    _documents(
        "rest_mode_period",
        "daily",
        "Periods of rest mode.",
        replication_key="start_day",
    ),
    _series("ring_battery_level", "ring_configuration", "Battery level of the ring."),
    Route(
        OuraStream,
        "ring_configuration",
        "ring_configuration",
        "Every ring that was ever set up.",
        replication_key=None,
    ),
    _documents(
        "session",
        "session",
        "Guided and unguided sessions, such as meditation.",
        window_length=_YEAR,
    ),
    _documents(
        "sleep",
        "daily",
        "Sleep periods, naps included, with their samples.",
        window_length=_YEAR,
    ),
    _daily("sleep_time", "daily", "Suggested bedtime."),
    _documents("tag", "tag", "Tags as the app had them before enhanced tags."),
    _documents(
        "vo2_max",
        "heart_health",
        "VO2 max estimates.",
        spelling="vO2_max",
        # Not `timestamp`: sent again with another offset, an instant is the same.
        primary_keys=("user_id", "timestamp_utc"),
    ),
    _documents("workout", "workout", "Workouts."),
)
