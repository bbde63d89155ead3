"""The main job: everything around `meltano run tap-oura target-postgres dbt`."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from healthhub.chosen_database import using_database
from healthhub.errors import HealthHubError
from healthhub.job_runs import Request, recorded_run
from healthhub.meltano import Pipeline, check_plugins
from healthhub.meltano_log import MELTANO, Diagnosis, LogRecord
from healthhub.migrations import migrate
from healthhub.sandbox import TOKEN, running_sandbox
from healthhub.screen import Screen
from healthhub.settings import load_settings
from healthhub.summary import TableSummary, summarize

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from healthhub.settings import Settings

_HOW_TO_LOOK = (
    'Look at it:  healthhub db psql -c "select day, score from '
    'healthhub.daily_sleep_summaries order by day desc limit 7"'
)


def run(project: Path, request: Request) -> None:
    """Load what is new into the database, and show what is in it.

    Raises:
        HealthHubError: Something a person can put right.
    """
    settings = load_settings(project)
    check_plugins(project)
    logs = settings.healthhub_home / "logs"
    with Screen() as screen:
        screen.doing("Starting the database")
        with using_database(settings) as lease:
            migrate(lease.database)
            logs.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (
                recorded_run(lease.database, request) as job_run,
                _source(settings, logs, screen) as source,
            ):
                pipeline = Pipeline(
                    project,
                    lease.database.environment | source | _period(request),
                    log=logs / f"{_now()}-run-{job_run.run_id}.jsonl",
                    full_refresh=request.full_refresh,
                    descriptors=lease.descriptors,
                )
                _load(pipeline, screen)
                with lease.database.connect() as connection:
                    tables = summarize(connection, job_run.started_at)
                job_run.record_counts = _record_counts(tables)
    screen.show_tables(tables)
    screen.say(_HOW_TO_LOOK)


@contextmanager
def _source(settings: Settings, logs: Path, screen: Screen) -> Iterator[dict[str, str]]:
    """Where the tap reads: Oura with a person's token, else the sandbox."""
    if settings.oura_pat:
        yield {"OURA_PAT": settings.oura_pat.get_secret_value()}
        return
    screen.doing("Starting the Oura sandbox, as there is no OURA_PAT")
    with running_sandbox(logs / "sandbox.log") as url:
        yield {"OURA_PAT": TOKEN, "TAP_OURA_API_URL": url}


def _load(pipeline: Pipeline, screen: Screen) -> None:
    """Run the pipeline; tell its errors, the decisive one last."""
    diagnosis = Diagnosis()

    def observe(record: LogRecord) -> None:
        diagnosis.observe(record)
        screen.show(record)

    screen.doing("Starting Meltano")
    exit_code = pipeline.run(observe)
    decisive = diagnosis.sentence if exit_code else None
    for source, error in diagnosis.errors:
        if source != MELTANO and error != decisive:
            screen.say(f"{source}: {error}")
    if decisive:
        message = f"{decisive} The log of this run is {pipeline.log}."
        raise HealthHubError(message)


def _period(request: Request) -> dict[str, str]:
    """The tap's settings for the days asked for."""
    days = {
        "TAP_OURA_START_DATE": request.start_date,
        "TAP_OURA_END_DATE": request.end_date,
    }
    return {name: day.isoformat() for name, day in days.items() if day}


def _record_counts(tables: list[TableSummary]) -> dict[str, dict[str, int | None]]:
    """What the ledger keeps of the tables."""
    return {
        table.name: {"rows": table.rows, "new": table.new, "changed": table.changed}
        for table in tables
    }


def _now() -> str:
    """The time, as names of files have it."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}"
