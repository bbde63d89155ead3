"""Telling people that something needs them, wherever they listen.

What has failed, and what will fail unless something is done. An alert holds no health
data: only sentences that this project has written itself.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from healthhub.database import has_relation
from healthhub.errors import as_failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    import psycopg

    from healthhub.screen import Screen

# Newest day with data of what the ring records by itself. Left out: tags and the like;
# users that were read for the first time; days in the future. Users are taken from
# sync_windows, not passed in, or Citus would ask all machines.
_NEWEST_DAYS = """
select read_user.user_id, newest.day, read_user.today - newest.day as days
from (
    select
        user_id,
        (now() at time zone coalesce(max(users.timezone), 'UTC'))::date as today
    from raw_oura.sync_windows
    left join healthhub.users using (user_id)
    where _sdc_batched_at >= %(since)s at time zone 'UTC' and user_id = any(%(users)s)
    group by user_id
) as read_user
cross join lateral (
    select day from healthhub.requested_days as asked
    where
        asked.user_id = read_user.user_id
        and asked.status = 'present'
        and asked.day <= read_user.today + 1
        and asked.stream not in (
            'enhanced_tag', 'personal_info', 'rest_mode_period', 'ring_configuration',
            'sleep_time', 'tag'
        )
    order by day desc
    limit 1
) as newest
where
    read_user.today - newest.day >= %(days)s
    and exists (
        select from raw_oura.sync_windows as earlier
        where
            earlier.user_id = read_user.user_id
            and earlier.synced_at < %(since)s at time zone 'UTC'
    )
order by read_user.user_id
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
class Alert:
    """What to tell.

    Attributes:
        title: What is the matter, in a few words.
        lines: Since when, for whom, and the next step.
        key: What tells a warning from others, so that it is not repeated daily.
        is_failure: Whether something failed, or will.
    """

    title: str
    lines: tuple[str, ...]
    key: str = ""
    is_failure: bool = True

    @property
    def body(self) -> str:
        """The lines, and the page of the run where GitHub runs it."""
        names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
        where = [os.environ.get(name) for name in names]
        link = "The run: {}/{}/actions/runs/{}".format(*where)
        return "\n".join((*self.lines, link) if all(where) else self.lines)


def about(error: BaseException) -> Alert:
    """The alert that says what failed."""
    failure = as_failure(error)
    notes = getattr(error, "__notes__", [])
    return Alert(failure.title, (failure.public, *notes))


def about_killed(run_ids: Sequence[int]) -> Alert:
    """The alert about runs that were killed before they could send one."""
    numbers = ", ".join(map(str, run_ids))
    return Alert(
        "a run was killed",
        (
            f"Number of the run: {numbers}. It was killed, or lost its database.",
            "Next: nothing. This run goes on from there.",
        ),
    )


def addresses(variables: Mapping[str, str]) -> SecretStr | None:
    """Whom to tell, even where other settings are wrong."""
    named = variables.get("ALERT_URLS", "").strip()
    return SecretStr(named) if named else None


def send(addresses: SecretStr | None, alert: Alert, screen: Screen) -> bool:
    """Send it to the addresses, if there are any. Returns whether it was sent.

    If it cannot be, the screen says so, and the run goes on.
    """
    if addresses is None:
        return False
    from apprise import Apprise, NotifyType  # noqa: PLC0415 (slow, and rarely needed)

    # It would log the addresses, which are secrets.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    kind = NotifyType.FAILURE if alert.is_failure else NotifyType.WARNING
    services = Apprise()
    services.add(addresses.get_secret_value())
    title = f"healthHub: {alert.title}"
    told = bool(services.notify(title=title, body=alert.body, notify_type=kind))
    if not told:
        screen.say("An alert could not be sent. Check ALERT_URLS.")
    return told


def notices(
    connection: psycopg.Connection,
    names: Mapping[UUID, str],
    since: datetime,
    no_data_days: int,
) -> Iterator[Alert]:
    """Warnings about data that stay away and logins that lost a scope.

    Args:
        connection: To the database.
        names: How to call the users that were read.
        since: When the run began, by this machine's clock.
        no_data_days: Tell of a user after this many days without data.
    """
    if not has_relation(connection, "healthhub.requested_days"):
        return
    asked = {"users": list(names), "days": no_data_days, "since": since}
    for user_id, day, days in connection.execute(_NEWEST_DAYS, asked):
        yield _warning(
            f"no new data for {days} days",
            f"User: {names[user_id]}",
            f"The newest day is {day}. Everything that Oura has was read.",
            "Next: charge and wear the ring, and open the Oura app to synchronise it.",
            key=f"no data: {user_id} since {day}",
        )
    for user_id, scope, streams in connection.execute(_WITHDRAWN, {"since": since}):
        yield _warning(
            "a login needs attention",
            f"User: {names.get(user_id, user_id)}",
            f"The user no longer shares `{scope}`. What stays empty: "
            f"{', '.join(streams)}",
            "Next: `healthhub users login`, with that box ticked.",
            key=f"scope: {user_id} {scope}",
        )


def rescued(logins: Mapping[str, Path]) -> Iterator[Alert]:
    """What is lost with this machine's disk: files with logins, by user id."""
    for user_id, file in logins.items():
        yield _warning(
            "a login waits for the database",
            f"User: {user_id}",
            f"The database did not take its new tokens. Only {file} has them, "
            "encrypted: do not delete it.",
            "Next: run again on that machine. After a run on GitHub, see "
            "docs/runbook.md, Renewing a login.",
        )


def _warning(title: str, *lines: str, key: str = "") -> Alert:
    return Alert(title, lines, key, is_failure=False)
