"""Where a run reads: users of Oura, or the sandbox where there are none."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from healthhub.errors import HealthHubError
from healthhub.sandbox import TOKEN, running_sandbox
from healthhub.tap_users import users_environment
from healthhub.users import all_users, checked_id, find_user

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from healthhub.database import Database
    from healthhub.job_runs import Request
    from healthhub.screen import Screen

# Settings of the tap with which it knows by itself whom to read.
_OWN_ACCOUNTS = ("OURA_PAT", "TAP_OURA_USERS", "TAP_OURA_TOKEN_STORE")

# Enough to look around in, and loaded in less than a minute.
DEMO_DAYS = 90


@contextmanager
def source(
    database: Database,
    variables: Mapping[str, str],
    request: Request,
    screen: Screen,
    logs: Path,
) -> Iterator[dict[str, str]]:
    """Have it ready.

    The users in `healthhub.users` come first, then what the environment names, then
    the sandbox.

    Yields:
        The settings of the tap that say where and whom.

    Raises:
        HealthHubError: Nobody is active, or something of their credentials is missing.
    """
    users = chosen_users(database, variables, request.users)
    if users is not None:
        yield users
        return
    screen.doing("Starting the Oura sandbox, as there is no OURA_PAT")
    with running_sandbox(logs / "sandbox.log") as url:
        yield {
            "OURA_PAT": TOKEN,
            "TAP_OURA_API_URL": url,
            **_filter(request.users),
            **_demo_period(variables, request, screen),
        }


def chosen_users(
    database: Database, variables: Mapping[str, str], named: Sequence[str] = ()
) -> dict[str, str] | None:
    """The tap's settings for real users, or None where there are none.

    Args:
        database: With the users.
        variables: With their tokens, and what else the environment says.
        named: Only these.

    Raises:
        HealthHubError: Nobody is active, or something of their credentials is missing.
    """
    with database.connect() as connection:
        users = all_users(connection)
    if not users:
        return named_users(variables, named)
    active = [user for user in users if user.is_active]
    if not active:
        raise HealthHubError(
            "All users are deactivated. `healthhub users activate` one of them."
        )
    wanted = [find_user(active, each) for each in named]
    return users_environment(wanted or active, variables, database)


def named_users(
    variables: Mapping[str, str], named: Sequence[str] = ()
) -> dict[str, str] | None:
    """The tap's settings for the users that the environment names, if any.

    Args:
        variables: The environment.
        named: Only these.

    Raises:
        HealthHubError: One of them is named by something else than its id.
    """
    if not any(name in variables for name in _OWN_ACCOUNTS):
        return None
    pat = {name: variables[name] for name in ("OURA_PAT",) if name in variables}
    return pat | _filter(named)


def _filter(named: Sequence[str]) -> dict[str, str]:
    """The tap's setting for some of its users."""
    if not named:
        return {}
    user_ids = [str(checked_id(each)) for each in named]
    return {"TAP_OURA_USER_FILTER": json.dumps(user_ids)}


def _demo_period(
    variables: Mapping[str, str], request: Request, screen: Screen
) -> dict[str, str]:
    """Less than everything, unless somebody asked for days."""
    if request.start_date or "TAP_OURA_START_DATE" in variables:
        return {}
    first = datetime.now(UTC).date() - timedelta(days=DEMO_DAYS)
    if request.end_date and request.end_date < first:
        return {}
    screen.say(
        f"There is no Oura account yet: the last {DEMO_DAYS} days of the sandbox are "
        "read, synthetic data. --start-date asks for more."
    )
    return {"TAP_OURA_START_DATE": first.isoformat()}
