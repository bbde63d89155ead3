"""Every question that the report asks the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.rows import dict_row

from healthhub_report.metrics import CONTRIBUTORS, METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from typing import LiteralString
    from uuid import UUID

    import psycopg

Row = dict[str, Any]

#: Nights, and days of heart rate, that can be looked at one by one.
NIGHTS = DAYS = 28

#: Days whose scores are taken apart.
SCORED_DAYS = 90

#: Revisions worth telling.
REVISIONS = 40

#: Gaps worth showing.
GAPS = 200

_KNOWN_USERS: LiteralString = """
    with days as (
        select user_id, min(day) as first_day, max(day) as last_day, count(*) as days
        from healthhub.daily_overview
        group by user_id
    ),

    known as (
        select user_id from days
        union
        select user_id from healthhub.requested_days
    )

    select known.user_id, days.first_day, days.last_day, coalesce(days.days, 0) as days
    from known
    left join days using (user_id)
    where %(user_id)s::uuid is null or known.user_id = %(user_id)s
    order by known.user_id
"""

# The table is there as soon as the migrations ran, which the tap can do without.
_USERS: LiteralString = """
    select user_id, nullif(oura_pat_alias, cast(user_id as text)) as name, timezone
    from healthhub.users
"""

# The sandbox's users have addresses that nobody can have (RFC 2606).
_IS_SYNTHETIC: LiteralString = """
    select exists (
        select from healthhub.personal_info
        where user_id = %(user_id)s and email like '%%@example.org'
    ) as is_synthetic
"""

_TODAY: LiteralString = "select cast(now() at time zone %(timezone)s as date) as today"

_DAYS: LiteralString = """
    select
        day,
        cast(extract(epoch from bedtime_start_local - day) / 60 as integer) as bedtime,
        cast(extract(epoch from bedtime_end_local - day) / 60 as integer) as wake_time,
        is_complete,
        stress_summary,
        {metrics}
    from healthhub.daily_overview
    where user_id = %(user_id)s
    order by day
"""

_NIGHTS: LiteralString = """
    select
        main_sleep_id,
        day,
        bedtime_start_local,
        bedtime_end_local,
        nap_count
    from healthhub.daily_overview
    where user_id = %(user_id)s and bedtime_end is not null
    order by day desc
    limit %(nights)s
"""

_STAGES: LiteralString = """
    select
        document_id,
        coalesce(
            nullif(app_sleep_phase_5_min, ''), sleep_phase_5_min, ''
        ) as codes,
        app_sleep_phase_5_min > '' as is_as_in_app
    from healthhub.sleep_periods
    where user_id = %(user_id)s and document_id = any(%(nights)s)
"""

_SAMPLES: LiteralString = """
    select
        document_id,
        series,
        min(timestamp_local) as began_at,
        extract(epoch from max(timestamp) - min(timestamp))
            / nullif(max(sample), 0) as seconds,
        array_agg(value order by sample) as values
    from healthhub.sleep_samples
    where user_id = %(user_id)s and document_id = any(%(nights)s)
    group by document_id, series
"""

# Means of five minutes of the last days that have any, read by their names: the view
# unfolds no other. One more than is shown, for the first is a part of a local day.
_HEART_RATE: LiteralString = """
    with samples as (
        select
            coalesce(
                timestamp_local, timestamp at time zone %(timezone)s
            ) as clock,
            bpm,
            source
        from healthhub.heart_rate
        where user_id = %(user_id)s
            and day = any(array(
                select day
                from healthhub.heart_rate_days
                where user_id = %(user_id)s
                order by day desc
                limit %(days)s + 1
            ))
    )

    select
        cast(clock as date) as day,
        cast(floor(extract(epoch from cast(clock as time)) / 300) as integer) as slot,
        avg(bpm) as bpm,
        mode() within group (order by source) as source
    from samples
    group by 1, 2
    order by 1, 2
"""

_WORKOUTS: LiteralString = """
    select
        day,
        activity,
        intensity,
        cast(extract(epoch from cast(start_datetime_local as time)) / 60 as integer)
            as start,
        extract(epoch from end_datetime - start_datetime) / 60 as minutes,
        calories,
        distance
    from healthhub.workouts
    where user_id = %(user_id)s
    order by day, start_datetime, document_id
"""

_CONTRIBUTORS: LiteralString = """
    select overview.day, overview.is_complete, {columns}
    from (
        select user_id, day, is_complete
        from healthhub.daily_overview
        where user_id = %(user_id)s
            and num_nonnulls(
                sleep_score, readiness_score, activity_score, resilience_level
            ) > 0
        order by day desc
        limit %(days)s
    ) as overview
    {joins}
    order by overview.day
"""

_TAG_EFFECTS: LiteralString = """
    select
        user_id, tag, figure, n_occasions, n_with, n_without, mean_without, difference,
        difference_from, difference_to, verdict
    from healthhub.tag_effects
    where %(user_id)s::uuid is null or user_id = %(user_id)s
    order by tag, figure
"""

# Each route's days in runs of the same answer, without holes: the view has every day
# of these routes.
_COVERAGE: LiteralString = """
    with days as (
        select
            stream,
            day,
            status,
            reason,
            day - cast(row_number() over (
                partition by stream, status, reason order by day
            ) as integer) as island
        from healthhub.coverage
        where user_id = %(user_id)s
            and stream not in ('personal_info', 'ring_configuration')
    )

    select
        stream,
        status,
        reason,
        min(day) as first_day,
        max(day) as last_day
    from days
    group by stream, status, reason, island
    order by stream, first_day
"""

_HOURS_OFF: LiteralString = """
    select
        gap.first_day,
        gap.last_day,
        max(activity.non_wear_time) / 3600.0 as hours_off
    from unnest(cast(%(first_days)s as date[]), cast(%(last_days)s as date[]))
        as gap (first_day, last_day)
    inner join healthhub.daily_activity_summaries as activity
        on activity.day between gap.first_day - 1 and gap.last_day
    where activity.user_id = %(user_id)s
    group by gap.first_day, gap.last_day
"""

# A refusal of the whole history has no days of its own, but it explains them.
_REFUSALS: LiteralString = """
    select stream, outcome, detail, synced_at at time zone 'UTC' as synced_at
    from (
        select distinct on (stream) stream, outcome, detail, synced_at
        from raw_oura.sync_windows
        where user_id = %(user_id)s
        order by stream, synced_at desc
    ) as latest
    where outcome != 'ok'
    order by stream
"""

_REVISIONS: LiteralString = """
    select
        revision.stream,
        revision.day,
        coalesce(revision.deleted_at, revision.first_seen_at) as seen_at,
        revision.deleted_at is not null as is_deleted,
        before.content as before,
        revision.content as after
    from healthhub.document_revisions as revision
    left join healthhub.document_revisions as before
        on revision.user_id = before.user_id
        and revision.stream = before.stream
        and revision.document_id = before.document_id
        and revision.revision = before.revision + 1
    where revision.user_id = %(user_id)s
        and (revision.revision > 1 or revision.deleted_at is not null)
    order by seen_at desc, revision.stream, revision.day desc
    limit %(revisions)s
"""

_SET_ASIDE: LiteralString = """
    select stream, document, reasons
    from healthhub.set_aside_documents
    where user_id = %(user_id)s
    order by updated_at desc, stream, document
    limit 20
"""


class Questions:
    """The questions, asked over one connection."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        """Ask over this connection."""
        self._cursor = connection.cursor(row_factory=dict_row)

    def users(self, user_id: UUID | None) -> list[Row]:
        """All users of whom anything is known, or only that one."""
        rows = self._ask(_KNOWN_USERS, user_id=user_id)
        users = {}
        if self._ask("select to_regclass('healthhub.users') as found")[0]["found"]:
            users = {user["user_id"]: user for user in self._ask(_USERS)}
        for row in rows:
            user = users.get(row["user_id"], {})
            row["name"] = user.get("name")
            row["timezone"] = user.get("timezone", "UTC")
        return rows

    def today(self, timezone: str) -> Row:
        """The date in a time zone."""
        return self._ask(_TODAY, timezone=timezone)[0]

    def is_synthetic(self, user_id: UUID) -> bool:
        """Whether the data are the sandbox's."""
        [row] = self._ask(_IS_SYNTHETIC, user_id=user_id)
        return bool(row["is_synthetic"])

    def days(self, user_id: UUID) -> list[Row]:
        """The metrics of each day, with bed and wake time in minutes from midnight."""
        metrics = ", ".join(f"{item.expression} as {item.name}" for item in METRICS)
        # The metrics are this package's own words.
        return self._ask(_DAYS.replace("{metrics}", metrics), user_id=user_id)

    def nights(self, user_id: UUID) -> list[Row]:
        """The last nights that are over, newest first."""
        return self._ask(_NIGHTS, user_id=user_id, nights=NIGHTS)

    def stages(self, user_id: UUID, nights: list[UUID]) -> list[Row]:
        """Their stages of sleep, one character each 5 minutes.

        As the app shows them, where Oura still sends that.
        """
        return self._ask(_STAGES, user_id=user_id, nights=nights)

    def samples(self, user_id: UUID, nights: list[UUID]) -> list[Row]:
        """Their heart rate and heart rate variability."""
        return self._ask(_SAMPLES, user_id=user_id, nights=nights)

    def heart_rate(self, user_id: UUID, timezone: str) -> list[Row]:
        """Heart rate of the last days that have any, by five minutes of the clock.

        The clock is the user's; where Oura does not tell it, that of the time zone.
        """
        return self._ask(_HEART_RATE, user_id=user_id, timezone=timezone, days=DAYS)

    def workouts(self, user_id: UUID) -> list[Row]:
        """All of them, the oldest first."""
        return self._ask(_WORKOUTS, user_id=user_id)

    def contributors(self, user_id: UUID) -> list[Row]:
        """What the scores of the last days were made of, the oldest first."""
        tables = [table for table, _ in CONTRIBUTORS.values()]
        columns = [
            f"{table}.contributors_{name} as {name}"
            for table, names in CONTRIBUTORS.values()
            for name in names
        ]
        joins = [
            f"left join healthhub.{table} using (user_id, day)" for table in tables
        ]
        query = _CONTRIBUTORS.replace("{columns}", ", ".join(columns))
        return self._ask(
            query.replace("{joins}", " ".join(joins)), user_id=user_id, days=SCORED_DAYS
        )

    def tag_effects(self, user_id: UUID | None) -> list[Row]:
        """What tags did to the next night, of all users or one."""
        return self._ask(_TAG_EFFECTS, user_id=user_id)

    def coverage(self, user_id: UUID) -> list[Row]:
        """What is known of every day, route by route, in runs of days."""
        return self._ask(_COVERAGE, user_id=user_id)

    def hours_off(
        self, user_id: UUID, periods: Sequence[tuple[date, date]]
    ) -> dict[tuple[date, date], float]:
        """How long the ring was not worn, at most, on a day of these or the one before.

        Args:
            user_id: Whose.
            periods: First and last days.
        """
        firsts, lasts = [first for first, _ in periods], [last for _, last in periods]
        rows = self._ask(
            _HOURS_OFF, user_id=user_id, first_days=firsts, last_days=lasts
        )
        return {
            (row["first_day"], row["last_day"]): float(row["hours_off"])
            for row in rows
            if row["hours_off"] is not None
        }

    def refusals(self, user_id: UUID) -> list[Row]:
        """Routes that Oura did not answer when they were last asked."""
        return self._ask(_REFUSALS, user_id=user_id)

    def revisions(self, user_id: UUID) -> list[Row]:
        """What Oura changed or took back, newest first."""
        return self._ask(_REVISIONS, user_id=user_id, revisions=REVISIONS)

    def set_aside(self, user_id: UUID) -> list[Row]:
        """Documents that are not in their table, with the reason."""
        return self._ask(_SET_ASIDE, user_id=user_id)

    def _ask(self, query: LiteralString, **parameters: object) -> list[Row]:
        return self._cursor.execute(query, parameters).fetchall()
