"""What a run tells the tap: whom to read, or the sandbox where there are no users."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from healthhub.errors import HealthHubError
from healthhub.masking import without_secrets
from healthhub.tap_users import users_environment
from healthhub.users import all_users, find_user
from oura_sandbox.child import running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from healthhub.database import Database
    from healthhub.job_runs import RunRequest
    from healthhub.screen import Screen

# Settings of the tap with which it knows by itself whom to read.
_OWN_USERS = (
    "OURA_PAT",
    "TAP_OURA_USERS",
    "TAP_OURA_USER_LIST",
    "TAP_OURA_TOKEN_STORE",
)

# Linux refuses a variable of more than 128 KB, with its name.
_LONGEST_VARIABLE = 100_000

# All that the sandbox has by itself: seasons and trends show.
DEMO_YEARS = 3

TOKEN = "sandbox-token"  # noqa: S105 (the sandbox accepts it, nobody else does)
USUAL_URL = "http://127.0.0.1:8642"


@contextmanager
def tap_environment(
    users: Mapping[str, str] | None,
    variables: Mapping[str, str],
    request: RunRequest,
    screen: Screen,
    logs: Path,
) -> Iterator[dict[str, str]]:
    """Start the sandbox, if a run is to read it, as there are no users.

    Yields:
        The settings of the tap that say where, whom and which days.
    """
    if users is not None:
        with within_variables(users) as settings:
            yield {**settings, **_period(request)}
        return
    screen.doing("Starting the Oura sandbox, as there are no users yet")
    first = datetime.now(UTC).date() - timedelta(days=365 * DEMO_YEARS)
    period = _period(request)
    asked_for_days = request.start_date or "TAP_OURA_START_DATE" in variables
    if not asked_for_days and (request.end_date or first) >= first:
        screen.say(
            f"There are no users yet: the last {DEMO_YEARS} years of the sandbox "
            "are read, synthetic data."
        )
        period["TAP_OURA_START_DATE"] = first.isoformat()
    log = logs / "sandbox.log"
    with log.open("w") as errors, ExitStack() as stack:
        child = running(env=without_secrets(os.environ), stderr=errors, token=TOKEN)
        try:
            sandbox = stack.enter_context(child)
        except RuntimeError:
            raise HealthHubError(
                f"The Oura sandbox does not start. Its log is {log}."
            ) from None
        yield {"OURA_PAT": TOKEN, "TAP_OURA_API_URL": sandbox.url} | period


def chosen_users(
    database: Database, variables: Mapping[str, str], named: Sequence[str] = ()
) -> dict[str, str] | None:
    """The tap's settings for real users, or None where there are none.

    The users in `healthhub.users` come first, or only those that are named, then those
    that the environment names.
    """
    with database.connect() as connection:
        users = all_users(connection)
    if not (users or named):
        return named_users(variables)
    active = [user for user in users if user.is_active]
    if users and not active:
        raise HealthHubError(
            "All users are deactivated. `healthhub users activate` one of them."
        )
    wanted = [find_user(users, each) for each in named]
    if asleep := [user.alias for user in wanted if not user.is_active]:
        raise HealthHubError(
            f"{asleep[0]} is deactivated. To read it again: `healthhub users activate "
            f"{asleep[0]}`."
        )
    return users_environment(wanted or active, variables, database)


def named_users(variables: Mapping[str, str]) -> dict[str, str] | None:
    """The tap's settings for the users that the environment names, if any."""
    if not any(name in variables for name in _OWN_USERS):
        return None
    return {name: variables[name] for name in ("OURA_PAT",) if name in variables}


@contextmanager
def within_variables(users: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The tap's settings for users, with a file of them where a variable is too small.

    Nobody else can read it.
    """
    listed = users.get("TAP_OURA_USERS", "")
    if len(listed) <= _LONGEST_VARIABLE:
        yield dict(users)
        return
    with NamedTemporaryFile("w", prefix="healthhub-users-", suffix=".json") as file:
        file.write(listed)
        file.flush()
        others = {k: v for k, v in users.items() if k != "TAP_OURA_USERS"}
        yield others | {"TAP_OURA_USERS": "[]", "TAP_OURA_USER_LIST": file.name}


def _period(request: RunRequest) -> dict[str, str]:
    """The tap's settings for the days asked for.

    Only with both does it read again what was read before.
    """
    last = request.end_date
    if request.start_date and not last:
        # In UTC; a user may be a day ahead of it.
        last = datetime.now(UTC).date() + timedelta(days=1)
    days = {"TAP_OURA_START_DATE": request.start_date, "TAP_OURA_END_DATE": last}
    return {name: day.isoformat() for name, day in days.items() if day}
