"""What is not a failure yet, but will be unless somebody looks: found after a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg.rows import class_row

from healthhub.alerts import Alert

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    import psycopg

# What the ring gives by itself: people tag and rest without it, too. A user that
# was read for the first time has all its data from now. A day that is still far off
# says nothing.
_NEWEST_DAYS = """
select read_user.user_id, newest.day, today.day - newest.day as days
from unnest(%(users)s::uuid[]) as read_user (user_id)
left join healthhub.users on users.user_id = read_user.user_id
cross join lateral (
    select (now() at time zone coalesce(users.timezone, 'UTC'))::date as day
) as today
cross join lateral (
    select day from healthhub.requested_days as asked
    where
        asked.user_id = read_user.user_id
        and asked.status = 'present'
        and asked.day <= today.day + 1
        and asked.stream not in (
            'enhanced_tag', 'personal_info', 'rest_mode_period', 'ring_configuration',
            'sleep_time', 'tag'
        )
    order by day desc
    limit 1
) as newest
where
    today.day - newest.day >= %(days)s
    and exists (
        select from raw_oura.sync_windows as earlier
        where
            earlier.user_id = read_user.user_id
            and earlier.synced_at < %(since)s at time zone 'UTC'
    )
order by read_user.user_id
"""
_TABLES = """
select
    to_regclass('healthhub.requested_days') is not null
    and to_regclass('raw_oura.sync_windows') is not null
"""

# What the user shared before the run and does not share any more.
_WITHDRAWN = """
select
    user_id::uuid as user_id,
    detail as scope,
    array_agg(distinct stream order by stream) as streams
from raw_oura.sync_windows as refused
where
    refused._sdc_batched_at >= %(since)s at time zone 'UTC'
    and refused.synced_at >= %(since)s at time zone 'UTC'
    and refused.outcome = 'missing_scope'
    and exists (
        select from raw_oura.sync_windows as granted
        where
            granted.user_id = refused.user_id
            and granted.stream = refused.stream
            and granted.outcome = 'ok'
            and granted.synced_at < %(since)s at time zone 'UTC'
    )
group by user_id, detail
order by user_id, detail
"""


@dataclass(frozen=True)
class Notice:
    """An alert, and what tells it from others so that it is not repeated daily."""

    key: str
    alert: Alert


@dataclass(frozen=True)
class _Silent:
    user_id: UUID
    day: object
    days: int


@dataclass(frozen=True)
class _Withdrawn:
    user_id: UUID
    scope: str
    streams: list[str]


def notices(
    connection: psycopg.Connection,
    names: Mapping[UUID, str],
    since: datetime,
    no_data_days: int,
) -> Iterator[Notice]:
    """What somebody should look at.

    Args:
        connection: To the database.
        names: How to call the users that were read.
        since: When the run began, by this machine's clock.
        no_data_days: So many days without data are worth a word.
    """
    if connection.execute(_TABLES).fetchone() != (True,):
        return
    asked = {"users": list(names), "days": no_data_days, "since": since}
    with connection.cursor(row_factory=class_row(_Silent)) as cursor:
        for silent in cursor.execute(_NEWEST_DAYS, asked):
            yield _no_data(names[silent.user_id], silent)
    with connection.cursor(row_factory=class_row(_Withdrawn)) as withdrawn:
        for scope in withdrawn.execute(_WITHDRAWN, {"since": since}):
            yield _login_needs_attention(
                names.get(scope.user_id, str(scope.user_id)), scope
            )


def rescued(logins: Mapping[str, Path]) -> Iterator[Alert]:
    """What is lost with this machine's disk.

    Args:
        logins: Files with logins that the database did not take, by user id.
    """
    for user_id, file in logins.items():
        yield Alert(
            "a login waits for the database",
            (
                f"User: {user_id}",
                (
                    f"The database did not take its new tokens. Only {file} has them, "
                    "encrypted: do not delete it."
                ),
                (
                    "Next: run again on that machine. After a run on GitHub, see "
                    "docs/runbook.md, Renewing a login."
                ),
            ),
            is_failure=False,
        )


def _no_data(name: str, silent: _Silent) -> Notice:
    alert = Alert(
        f"no new data for {silent.days} days",
        (
            f"User: {name}",
            f"The newest day is {silent.day}. Everything that Oura has was read.",
            "Next: charge and wear the ring, and open the Oura app to synchronise it.",
        ),
        is_failure=False,
    )
    return Notice(f"no data: {silent.user_id} since {silent.day}", alert)


def _login_needs_attention(name: str, withdrawn: _Withdrawn) -> Notice:
    alert = Alert(
        "a login needs attention",
        (
            f"User: {name}",
            f"It no longer shares `{withdrawn.scope}`. What stays empty: "
            + ", ".join(withdrawn.streams),
            "Next: `healthhub users login`, with that box ticked.",
        ),
        is_failure=False,
    )
    return Notice(f"scope: {withdrawn.user_id} {withdrawn.scope}", alert)
