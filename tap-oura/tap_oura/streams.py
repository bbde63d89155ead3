"""The streams: a class for each route of the API, and one for what was asked of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from singer_sdk import Stream
from singer_sdk import typing as th
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE
from typing_extensions import override

from tap_oura.client import DocumentStream, OuraStream, TimeSeriesStream
from tap_oura.errors import Outcome
from tap_oura.state import PENDING, user_states

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context, Record

    from tap_oura.run import Run

#: Of documents with a sample each few minutes or seconds: a year of them is 3 MB.
_YEAR = timedelta(days=366)


class DailyStream(DocumentStream):
    """A route that has one document a day."""

    primary_keys = ("user_id", "day")


class DailyActivity(DailyStream):
    """Steps, calories and activity of a day that begins at 4 a.m."""

    name = "daily_activity"
    scope = "daily"
    window_length = _YEAR


class DailyCardiovascularAge(DailyStream):
    """Cardiovascular age."""

    name = "daily_cardiovascular_age"
    scope = "heart_health"


class DailyReadiness(DailyStream):
    """Readiness score, its contributors and the temperature deviation."""

    name = "daily_readiness"
    scope = "daily"


class DailyResilience(DailyStream):
    """Resilience level and its contributors."""

    name = "daily_resilience"
    scope = "stress"


class DailySleep(DailyStream):
    """Sleep score and its contributors."""

    name = "daily_sleep"
    scope = "daily"


class DailySpo2(DailyStream):
    """Blood oxygen during sleep."""

    name = "daily_spo2"
    scope = "spo2"


class DailyStress(DailyStream):
    """Time under stress and in recovery."""

    name = "daily_stress"
    scope = "daily"


class EnhancedTag(DocumentStream):
    """Tags as the app has them now, some with a duration."""

    name = "enhanced_tag"
    scope = "tag"
    replication_key = "start_day"


class HeartRate(TimeSeriesStream):
    """Heart rate samples."""

    name = "heartrate"
    scope = "heartrate"
    # At one instant there may be samples of several sources.
    primary_keys = ("user_id", "timestamp", "source")
    key_defaults: ClassVar[Mapping[str, str]] = {"source": ""}
    window_length = timedelta(days=10)


class PersonalInfo(OuraStream):
    """Age, weight, height, sex and e-mail address."""

    name = "personal_info"
    scope = "personal"
    primary_keys = ("user_id",)
    is_single_document = True


class RestModePeriod(DocumentStream):
    """Periods of rest mode."""

    name = "rest_mode_period"
    scope = "daily"
    replication_key = "start_day"


class RingBatteryLevel(TimeSeriesStream):
    """Battery level of the ring."""

    name = "ring_battery_level"
    scope = "ring_configuration"


class RingConfiguration(OuraStream):
    """Every ring that was ever set up."""

    name = "ring_configuration"
    scope = "ring_configuration"


class Session(DocumentStream):
    """Guided and unguided sessions, such as meditation."""

    name = "session"
    scope = "session"
    window_length = _YEAR


class Sleep(DocumentStream):
    """Sleep periods, naps included, with their samples."""

    name = "sleep"
    scope = "daily"
    window_length = _YEAR


class SleepTime(DailyStream):
    """Suggested bedtime."""

    name = "sleep_time"
    scope = "daily"


class Tag(DocumentStream):
    """Tags as the app had them before enhanced tags."""

    name = "tag"
    scope = "tag"


class Vo2Max(DocumentStream):
    """VO2 max estimates."""

    name = "vo2_max"
    path = "vO2_max"
    scope = "heart_health"
    # Not `timestamp`: sent again with another offset, an instant is the same.
    primary_keys = ("user_id", "timestamp_utc")


class Workout(DocumentStream):
    """Workouts."""

    name = "workout"
    scope = "workout"


STREAMS: tuple[type[OuraStream], ...] = (
    DailyActivity,
    DailyCardiovascularAge,
    DailyReadiness,
    DailyResilience,
    DailySleep,
    DailySpo2,
    DailyStress,
    EnhancedTag,
    HeartRate,
    PersonalInfo,
    RestModePeriod,
    RingBatteryLevel,
    RingConfiguration,
    Session,
    Sleep,
    SleepTime,
    Tag,
    Vo2Max,
    Workout,
)


class SyncWindowsStream(Stream):
    """One record per user, stream and window that was asked for.

    It is written after all other streams, so that a window is never on record
    before its documents are.
    """

    name = "sync_windows"
    replication_method = REPLICATION_FULL_TABLE  # whatever a catalogue says of all
    primary_keys = ("user_id", "stream", "window_start", "window_end", "synced_at")
    schema = th.PropertiesList(
        th.Property("user_id", th.UUIDType, required=True, description="The user."),
        th.Property("stream", th.StringType, required=True, description="The stream."),
        th.Property(
            "window_start",
            th.DateType,
            required=True,
            description="First day asked for.",
        ),
        th.Property(
            "window_end",
            th.DateType,
            required=True,
            description="Last day asked for, or to be asked for had it not failed.",
        ),
        th.Property(
            "synced_at",
            th.DateTimeType,
            required=True,
            description="When its first request was sent.",
        ),
        th.Property(
            "outcome",
            th.StringType,
            description=f"How it ended: {', '.join(Outcome)}.",
        ),
        th.Property(
            "detail",
            th.StringType,
            description="One more word, e.g. the scope that is missing.",
        ),
        th.Property(
            "document_count",
            th.IntegerType,
            description="Records of the window: documents, samples, or days of them.",
        ),
        th.Property("request_count", th.IntegerType, description="Pages read."),
    ).to_dict()

    def __init__(self, tap: Tap, run: Run) -> None:
        super().__init__(tap)
        self._run = run

    @property
    @override
    def partitions(self) -> None:
        """None: it has no bookmarks."""

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        users = self._run.users
        entries = [e for e in self._run.ledger.entries if e["user_id"] in users]
        yield from entries[: self.ABORT_AT_RECORD_COUNT]
        for state in user_states(self.tap_state):
            if state["context"]["user_id"] in users:
                state.pop(PENDING, None)  # they are on record now
