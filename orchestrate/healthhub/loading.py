"""Running the pipeline, and making sense of how it ended."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg

from healthhub.errors import HealthHubError, LoginNeededError, PartialFailureError
from healthhub.meltano import PIPELINE, TRANSFORMATION
from healthhub.meltano_log import DBT, MELTANO, TAP, TARGET, Diagnosis, LogRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from healthhub.meltano import Pipeline
    from healthhub.results import UserOutcome
    from healthhub.screen import Screen


def load(
    pipeline: Pipeline,
    screen: Screen,
    outcomes: Callable[[], list[UserOutcome]],
) -> HealthHubError | None:
    """Run the pipeline, and its second half alone where some users failed.

    Whether some did is what the tap has on record of them, not what Meltano's log
    says. The tap ends with 1 when a user failed, after it has read all others.
    Meltano stops there, but what was loaded belongs into the tables all the same.

    Returns:
        What was wrong with some users, if anything was. Whatever else is, is raised.
    """
    screen.doing("Starting Meltano")
    diagnosis = _observed(pipeline, screen)
    if diagnosis is None:
        return None
    users: list[UserOutcome] = []
    # If the ledger cannot be read, that was the failure, and it was reported.
    with suppress(HealthHubError, psycopg.Error):
        users = outcomes()
    is_no_users = diagnosis.culprit in {TARGET, DBT} or diagnosis.in_our_words
    if is_no_users or not any(user.failures for user in users):
        raise _failure(pipeline, diagnosis)
    if transformation := _observed(pipeline, screen, TRANSFORMATION):
        raise _failure(pipeline, transformation)
    return _failure_of_some(pipeline, diagnosis, users)


def _observed(
    pipeline: Pipeline, screen: Screen, tasks: Sequence[str] = PIPELINE
) -> Diagnosis | None:
    """Run it; tell its errors but those that are for the end."""
    diagnosis = Diagnosis()

    def observe(record: LogRecord) -> None:
        diagnosis.observe(record)
        screen.show(replace(record, message=pipeline.named(record.message)))

    exit_code = pipeline.run(observe, tasks)
    if exit_code < 0:
        diagnosis.was_killed(MELTANO, -exit_code)
    decisive = diagnosis.sentence if exit_code else None
    # When the database is down, tap, target and dbt all report it: once is enough.
    others = {TAP} if decisive and diagnosis.of_the_database else {TAP, TARGET, DBT}
    for source, error in diagnosis.errors:
        if source in others and error not in {decisive, *diagnosis.told}:
            screen.say(f"{source}: {pipeline.named(error)}")
    return diagnosis if exit_code else None


def _failure(pipeline: Pipeline, diagnosis: Diagnosis) -> HealthHubError:
    kind = LoginNeededError if diagnosis.needs_login else HealthHubError
    told = list(dict.fromkeys(map(pipeline.named, diagnosis.told)))
    if diagnosis.in_our_words:
        told.append(diagnosis.in_our_words)
    decisive = pipeline.named(diagnosis.sentence)
    lines = [*(line for line in told if line != decisive), decisive]
    unexplained = f"{diagnosis.culprit or MELTANO} failed; see the log."
    return kind(
        "\n".join(lines) + f" The log of this run is {pipeline.log}.",
        public="\n".join(told) or unexplained,
    )


def _failure_of_some(
    pipeline: Pipeline, diagnosis: Diagnosis, users: Sequence[UserOutcome]
) -> HealthHubError:
    """Some users could not be read, or not completely."""
    failed = [user for user in users if user.failures]
    kind: type[HealthHubError] = PartialFailureError
    if any(user.needs_login for user in failed):
        kind = LoginNeededError
    elif not any(user.complete_windows for user in users):
        kind = HealthHubError
    complete = len(users) - len(failed)
    lines = list(map(pipeline.named, _lines(diagnosis, failed)))
    summary = (
        f"{complete} of {len(users)} users were read completely. "
        f"The log of this run is {pipeline.log}."
    )
    return kind("\n".join([*lines, summary]), public="\n".join(lines))


def _lines(diagnosis: Diagnosis, failed: Sequence[UserOutcome]) -> Iterator[str]:
    """A line for each user and cause: the tap's, or else what it has on record."""
    told = list(dict.fromkeys(diagnosis.told + diagnosis.remarks))
    yield from told
    for user in failed:
        if not any(str(user.user_id) in line for line in told):
            causes = " and ".join(user.failures or ())
            yield f"User {user.user_id} could not be read ({causes})."
