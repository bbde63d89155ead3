"""What the report can draw of each day, and what its scores are made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A figure of a day.

    Attributes:
        name: Its column, and its name in the page.
        unit: What the page makes of it; the page has the words for it.
        digits: Decimals worth showing.
        whole_day: Whether it grows until the day is over, so that today's value says
            nothing yet.
    """

    name: str
    unit: str
    digits: int = 0
    whole_day: bool = False

    @property
    def expression(self) -> str:
        """Its value in SQL: durations in minutes, levels as numbers."""
        if self.unit == "duration":
            return f"{self.name} / 60.0"
        if self.unit == "level":
            return f"array_position(array{list(LEVELS)}, {self.name})"
        return self.name


#: Levels of resilience, from the lowest.
LEVELS = ("limited", "adequate", "solid", "strong", "exceptional")

METRICS = (
    Metric("sleep_score", "points"),
    Metric("readiness_score", "points"),
    Metric("activity_score", "points", whole_day=True),
    Metric("average_hrv", "ms"),
    Metric("lowest_heart_rate", "bpm"),
    Metric("average_heart_rate", "bpm", digits=1),
    Metric("average_breath", "per_minute", digits=1),
    Metric("temperature_deviation", "celsius", digits=2),
    Metric("total_sleep_duration", "duration"),
    Metric("deep_sleep_duration", "duration"),
    Metric("rem_sleep_duration", "duration"),
    Metric("light_sleep_duration", "duration"),
    Metric("awake_time", "duration"),
    Metric("latency", "duration"),
    Metric("efficiency", "percent"),
    Metric("nap_duration", "duration", whole_day=True),
    Metric("spo2_percentage_average", "percent", digits=1),
    Metric("breathing_disturbance_index", "number"),
    Metric("steps", "steps", whole_day=True),
    Metric("active_calories", "kcal", whole_day=True),
    Metric("total_calories", "kcal", whole_day=True),
    Metric("medium_activity_time", "duration", whole_day=True),
    Metric("high_activity_time", "duration", whole_day=True),
    Metric("sedentary_time", "duration", whole_day=True),
    Metric("workout_calories", "kcal", whole_day=True),
    Metric("stress_high", "duration", whole_day=True),
    Metric("recovery_high", "duration", whole_day=True),
    Metric("resilience_level", "level"),
    Metric("vascular_age", "years"),
    Metric("vo2_max", "vo2", digits=1),
)

#: What each score is made of, from 0 to 100: columns of a table, after contributors_.
CONTRIBUTORS = {
    "sleep_score": (
        "daily_sleep_summaries",
        (
            "total_sleep",
            "efficiency",
            "restfulness",
            "rem_sleep",
            "deep_sleep",
            "latency",
            "timing",
        ),
    ),
    "readiness_score": (
        "daily_readiness_summaries",
        (
            "resting_heart_rate",
            "hrv_balance",
            "body_temperature",
            "recovery_index",
            "previous_night",
            "sleep_balance",
            "sleep_regularity",
            "previous_day_activity",
            "activity_balance",
        ),
    ),
    "activity_score": (
        "daily_activity_summaries",
        (
            "stay_active",
            "move_every_hour",
            "meet_daily_targets",
            "training_frequency",
            "training_volume",
            "recovery_time",
        ),
    ),
    "resilience_level": (
        "daily_resilience_summaries",
        ("sleep_recovery", "daytime_recovery", "stress"),
    ),
}

#: Compared with the person's own normal at the top of the page.
TODAY = (
    "sleep_score",
    "readiness_score",
    "activity_score",
    "average_hrv",
    "lowest_heart_rate",
    "temperature_deviation",
    "total_sleep_duration",
    "steps",
)
