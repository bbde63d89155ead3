"""The streams: one per route of the API, each a handful of attributes."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from tap_oura.client import (
    DocumentStream,
    OuraStream,
    SampledDocumentStream,
    TimeSeriesStream,
)
from tap_oura.documents import DocumentParser, in_utc

if TYPE_CHECKING:
    from collections.abc import Sequence

    import msgspec
    from singer_sdk.helpers.types import Record


class DailyStream(DocumentStream):
    """Documents of which there is one a day."""

    primary_keys: Sequence[str] = ("user_id", "day")


class DailyActivityStream(SampledDocumentStream):
    """Steps, calories and activity of a day that begins at 4 a.m."""

    name = "daily_activity"
    scope = "daily"
    primary_keys: Sequence[str] = ("user_id", "day")


class DailyCardiovascularAgeStream(DailyStream):
    """Cardiovascular age."""

    name = "daily_cardiovascular_age"
    scope = "heart_health"


class DailyReadinessStream(DailyStream):
    """Readiness score, its contributors and the temperature deviation."""

    name = "daily_readiness"
    scope = "daily"


class DailyResilienceStream(DailyStream):
    """Resilience level and its contributors."""

    name = "daily_resilience"
    scope = "stress"


class DailySleepStream(DailyStream):
    """Sleep score and its contributors."""

    name = "daily_sleep"
    scope = "daily"


class DailySpo2Stream(DailyStream):
    """Blood oxygen during sleep."""

    name = "daily_spo2"
    scope = "spo2"


class DailyStressStream(DailyStream):
    """Time under stress and in recovery."""

    name = "daily_stress"
    scope = "daily"


class EnhancedTagStream(DocumentStream):
    """Tags as the app has them now, some with a duration."""

    name = "enhanced_tag"
    scope = "tag"
    replication_key = "start_day"


class HeartRateStream(TimeSeriesStream):
    """Heart rate samples."""

    name = "heartrate"
    scope = "heartrate"
    # At one instant there may be samples of several sources.
    primary_keys: Sequence[str] = ("user_id", "timestamp", "source")
    key_defaults: ClassVar[dict[str, str]] = {"source": ""}
    window_length = timedelta(days=10)


class PersonalInfoStream(OuraStream):
    """Age, weight, height, sex and e-mail address."""

    name = "personal_info"
    scope = "personal"
    primary_keys: Sequence[str] = ("user_id",)
    is_single_document = True


class RestModePeriodStream(DocumentStream):
    """Periods of rest mode."""

    name = "rest_mode_period"
    scope = "daily"
    replication_key = "start_day"


class RingBatteryLevelStream(TimeSeriesStream):
    """Battery level of the ring."""

    name = "ring_battery_level"
    scope = "ring_configuration"


class RingConfigurationStream(OuraStream):
    """Every ring that was ever set up."""

    name = "ring_configuration"
    scope = "ring_configuration"


class SessionStream(SampledDocumentStream):
    """Guided and unguided sessions, such as meditation."""

    name = "session"
    scope = "session"


class SleepStream(SampledDocumentStream):
    """Sleep periods, naps included, with their samples."""

    name = "sleep"
    scope = "daily"


class SleepTimeStream(DailyStream):
    """Suggested bedtime."""

    name = "sleep_time"
    scope = "daily"


class TagStream(DocumentStream):
    """Tags as the app had them before enhanced tags."""

    name = "tag"
    scope = "tag"


class Vo2MaxStream(DocumentStream):
    """VO2 max estimates."""

    name = "vo2_max"
    path = "vO2_max"
    scope = "heart_health"
    # Not `timestamp`: sent again with another offset, an instant is the same.
    primary_keys: Sequence[str] = ("user_id", "timestamp_utc")

    @cached_property
    @override
    def parser(self) -> DocumentParser:
        return DocumentParser(self.schema, ("user_id", "timestamp"))

    @override
    def _parse(self, document: msgspec.Raw, user_id: str) -> Record | None:
        record = super()._parse(document, user_id)
        if record is not None:
            record["timestamp_utc"] = in_utc(record["timestamp"])
        return record


class WorkoutStream(DocumentStream):
    """Workouts."""

    name = "workout"
    scope = "workout"


ROUTES: tuple[type[OuraStream], ...] = (
    DailyActivityStream,
    DailyCardiovascularAgeStream,
    DailyReadinessStream,
    DailyResilienceStream,
    DailySleepStream,
    DailySpo2Stream,
    DailyStressStream,
    EnhancedTagStream,
    HeartRateStream,
    PersonalInfoStream,
    RestModePeriodStream,
    RingBatteryLevelStream,
    RingConfigurationStream,
    SessionStream,
    SleepStream,
    SleepTimeStream,
    TagStream,
    Vo2MaxStream,
    WorkoutStream,
)
