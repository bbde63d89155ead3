"""Running the pipeline, and making sense of how it ended."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg

from healthhub.errors import HealthHubError, LoginNeededError, PartialFailureError
from healthhub.meltano import PIPELINE, TRANSFORMATION
from healthhub.meltano_log import DBT, MELTANO, TARGET, Diagnosis, LogRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from healthhub.meltano import Pipeline
    from healthhub.outcomes import AccountOutcome
    from healthhub.screen import Screen


def load(
    pipeline: Pipeline,
    screen: Screen,
    outcomes: Callable[[], list[AccountOutcome]],
) -> HealthHubError | None:
    """Run the pipeline, and its second half alone where some accounts failed.

    Whether some did is what the tap has on record of them, not what Meltano's log
    says. The tap ends with 1 when an account failed, after it has read all others.
    Meltano stops there, but what was loaded belongs into the tables all the same.

    Args:
        pipeline: What to run.
        screen: Where to show it.
        outcomes: Asks what became of the accounts.

    Returns:
        What was wrong with some accounts, if anything was.

    Raises:
        HealthHubError: Nothing could be loaded, or the tables not built.
    """
    screen.doing("Starting Meltano")
    diagnosis = _observed(pipeline, screen)
    if diagnosis is None:
        return None
    accounts: list[AccountOutcome] = []
    with suppress(HealthHubError, psycopg.Error):  # then it is why, and told already
        accounts = outcomes()
    failed_later = diagnosis.culprit in {TARGET, DBT}
    if failed_later or not any(account.failures for account in accounts):
        raise _failure(pipeline, diagnosis)
    if transformation := _observed(pipeline, screen, TRANSFORMATION):
        raise _failure(pipeline, transformation)
    return _failure_of_some(pipeline, diagnosis, accounts)


def _observed(
    pipeline: Pipeline, screen: Screen, tasks: Sequence[str] = PIPELINE
) -> Diagnosis | None:
    """Run it; tell its errors but the decisive one, which is for the end."""
    diagnosis = Diagnosis()

    def observe(record: LogRecord) -> None:
        diagnosis.observe(record)
        screen.show(record)

    exit_code = pipeline.run(observe, tasks)
    decisive = diagnosis.sentence if exit_code else None
    for source, error in diagnosis.errors:
        if source != MELTANO and error != decisive:
            screen.say(f"{source}: {error}")
    return diagnosis if exit_code else None


def _failure(pipeline: Pipeline, diagnosis: Diagnosis) -> HealthHubError:
    """Nothing came of it."""
    kind = LoginNeededError if diagnosis.needs_login else HealthHubError
    told = "\n".join(diagnosis.told)
    return kind(
        f"{diagnosis.sentence} The log of this run is {pipeline.log}.",
        public=told or f"{diagnosis.culprit or 'Meltano'} failed; see the log.",
    )


def _failure_of_some(
    pipeline: Pipeline, diagnosis: Diagnosis, accounts: Sequence[AccountOutcome]
) -> HealthHubError:
    """Some accounts could not be read, or not completely."""
    failed = [account for account in accounts if account.failures]
    kind: type[HealthHubError] = PartialFailureError
    if any(account.needs_login for account in failed):
        kind = LoginNeededError
    elif not any(account.complete_windows for account in accounts):
        kind = HealthHubError
    complete = len(accounts) - len(failed)
    lines = list(_lines(diagnosis, failed))
    summary = (
        f"{complete} of {len(accounts)} accounts were read completely. "
        f"The log of this run is {pipeline.log}."
    )
    return kind("\n".join([*lines, summary]), public="\n".join(lines))


def _lines(diagnosis: Diagnosis, failed: Sequence[AccountOutcome]) -> Iterator[str]:
    """A line for each account and cause: the tap's, or else what it has on record."""
    told = list(dict.fromkeys(diagnosis.told + diagnosis.remarks))
    yield from told
    for account in failed:
        if not any(str(account.user_id) in line for line in told):
            causes = " and ".join(account.failures or ())
            yield f"Account {account.user_id} could not be read ({causes})."
