"""Telling people that something needs them, wherever they listen.

An alert holds no health data: only sentences that this project has written itself.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from healthhub.errors import as_failure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from healthhub.screen import Screen


@dataclass(frozen=True)
class Alert:
    """What to tell.

    Attributes:
        title: What is the matter, in a few words.
        lines: Since when, for whom, and the next step.
        is_failure: Whether something failed, or will.
    """

    title: str
    lines: tuple[str, ...]
    is_failure: bool = True

    @property
    def body(self) -> str:
        """The lines, and the way to the run."""
        link = _link_to_run()
        return "\n".join((*self.lines, *([f"The run: {link}"] if link else [])))


def about(error: BaseException) -> Alert:
    """The alert that says what failed."""
    failure = as_failure(error)
    notes = getattr(error, "__notes__", [])
    return Alert(failure.title, (failure.public, *notes))


def about_killed(run_ids: Sequence[int]) -> Alert:
    """The alert that says what could not be told in time."""
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
    """Tell it, if somebody wants to be told.

    Returns:
        Whether somebody was told. That nobody could be is said on the screen, and is
        no reason to fail.
    """
    if addresses is None:
        return False
    from apprise import Apprise, NotifyType  # noqa: PLC0415 (slow, and rarely needed)

    # It would log the addresses, which are secrets.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    kind = NotifyType.FAILURE if alert.is_failure else NotifyType.WARNING
    services = Apprise()
    services.add(addresses.get_secret_value())
    told = bool(
        services.notify(
            title=f"healthHub: {alert.title}", body=alert.body, notify_type=kind
        )
    )
    if not told:
        screen.say("An alert could not be sent. Check ALERT_URLS.")
    return told


def _link_to_run() -> str | None:
    """The page of this run, where GitHub runs it."""
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    server, repository, run_id = (os.environ.get(name) for name in names)
    if not (server and repository and run_id):
        return None
    return f"{server}/{repository}/actions/runs/{run_id}"
