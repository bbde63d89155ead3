"""The main job: everything around `meltano run tap-oura target-postgres dbt`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg

from healthhub import alerts
from healthhub.errors import HealthHubError, Interrupted
from healthhub.job_runs import (
    JobRun,
    RunRequest,
    close_the_killed,
    recorded_run,
    the_only_run,
    was_alerted,
)
from healthhub.loading import load
from healthhub.masking import without_values
from healthhub.meltano import Pipeline, check_plugins, outlast_other_runs
from healthhub.meltano_files import forget_ended_runs
from healthhub.migrations import apply_access, migrate
from healthhub.project import as_typed
from healthhub.report import FILE, can_report, write_report
from healthhub.results import stream_counts, summarize, user_outcomes
from healthhub.screen import Screen
from healthhub.settings import load_settings, using_database, variables
from healthhub.state import state
from healthhub.tap_environment import chosen_users, tap_environment
from healthhub.tap_users import rescued_logins
from healthhub.users import all_users, found_users

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from healthhub.embedded import Lease
    from healthhub.results import UserOutcome
    from healthhub.settings import Settings

_HOW_TO_LOOK = (
    'Look at it:  {healthhub} db psql -c "select day, score from '
    'healthhub.daily_sleep_summaries order by day desc limit 7"'
)
_AS_THEY_WERE = "Tables:      nothing is new, and nothing has changed."
_KEPT_LOGS = 30

# Nobody looks at the pages of hundreds every day, and each costs a moment.
_MOST_PAGES = 50
_WHERE_PAGES_ARE = (
    f"Report:      of more than {_MOST_PAGES} users none is written by itself; "
    "`healthhub report --user` writes one's."
)


def run(project: Path, request: RunRequest) -> None:
    """Load what is new into the database, and show what is in it.

    The error's exit code says whether something was loaded all the same, and whether a
    login is needed.
    """
    addresses = alerts.addresses(variables(project))
    with Screen() as screen:
        try:
            settings = load_settings(project)
            check_plugins(project)
            # Of a user that does not exist, nothing is printed but the error.
            if not request.users:
                screen.doing("Starting the database")
            with using_database(settings) as lease:
                _Run(project, settings, request, screen, lease).run()
        except BaseException as error:
            # At a terminal, the one who interrupted it needs no alert.
            if not (isinstance(error, Interrupted) and screen.is_watched):
                alerts.send(addresses, alerts.about(error), screen)
            raise
        finally:
            for alert in alerts.rescued(rescued_logins(variables(project))):
                screen.say(f"{alert.title}: {alert.lines[1]}")
                alerts.send(addresses, alert, screen)


@dataclass
class _Run:
    """One run, on a database that is up."""

    project: Path
    settings: Settings
    request: RunRequest
    screen: Screen
    lease: Lease

    def run(self) -> None:
        """From the migrations to the report."""
        self.began = datetime.now(UTC)
        database = self.lease.database
        migrate(database)
        self.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        _forget_old_logs(self.logs)
        known = variables(self.project)
        if self.request.users:
            chosen_users(database, known, self.request.users)
        with (
            recorded_run(database, self.request, self.logs) as job_run,
            the_only_run(database, job_run.run_id),
            tap_environment(
                chosen_users(database, known, self.request.users),
                known,
                self.request,
                self.screen,
                self.logs,
            ) as where,
        ):
            if killed := close_the_killed(database, job_run, self.logs):
                addresses = self.settings.alert_urls
                alerts.send(addresses, alerts.about_killed(killed), self.screen)
            pipeline = self.pipeline(job_run, where)
            with database.connect() as connection:
                self.state = state(connection, self.project)
            pipeline = replace(pipeline, is_first=self.state is None)
            forget_ended_runs(self.project)
            try:
                failure = self.load(pipeline, job_run)
            finally:
                forget_ended_runs(self.project)
            with database.connect() as connection:
                self.conclude(connection, job_run)
            self.report()
            self.screen.say(f"Took:        {self.screen.seconds} s")
            self.screen.say(_HOW_TO_LOOK.format(healthhub=as_typed("healthhub")))
            if failure:
                job_run.is_partial = any(o.complete_windows for o in self.outcomes())
                raise failure

    @property
    def logs(self) -> Path:
        """Where the logs of runs are kept."""
        return self.settings.healthhub_home / "logs"

    def pipeline(self, job_run: JobRun, where: Mapping[str, str]) -> Pipeline:
        """What Meltano is to run."""
        return Pipeline(
            self.project,
            {**self.lease.database.environment, **where},
            log=self.logs
            / f"{self.began:%Y-%m-%dT%H-%M-%SZ}-run-{job_run.run_id}.jsonl",
            full_refresh=self.request.full_refresh,
            force=outlast_other_runs(self.project, self.lease.database, self.screen),
            descriptors=self.lease.descriptors,
            names=self.names(),
        )

    def names(self) -> dict[str, str]:
        """How users are called, by their ids."""
        with self.lease.database.connect() as connection:
            return {str(user.user_id): str(user) for user in all_users(connection)}

    def load(self, pipeline: Pipeline, job_run: JobRun) -> HealthHubError | None:
        """Run the pipeline; see `loading.load`."""
        try:
            return load(pipeline, self.screen, self.outcomes)
        except HealthHubError:
            # Whatever failed then, the ledger has what was fetched before.
            with (
                suppress(HealthHubError, psycopg.Error),
                self.lease.database.connect() as connection,
            ):
                self.count(connection, job_run)
            raise

    def outcomes(self) -> list[UserOutcome]:
        """What became of the users."""
        with self.lease.database.connect() as connection:
            return user_outcomes(connection, self.began)

    def conclude(self, connection: psycopg.Connection, job_run: JobRun) -> None:
        """Guard, count and show what was loaded, and tell who should look at it."""
        apply_access(connection)
        self.count(connection, job_run)
        before, self.state = self.state, state(connection, self.project)
        if self.state and self.state == before:
            self.screen.say(_AS_THEY_WERE)
        else:
            self.screen.show_tables(summarize(connection, job_run.started_at))
        if not self.request.end_date:
            self.give_notice(connection, job_run)

    def count(self, connection: psycopg.Connection, job_run: JobRun) -> None:
        """Write down what was loaded, per stream."""
        job_run.record_counts = stream_counts(
            connection, self.began, job_run.started_at
        )

    def give_notice(self, connection: psycopg.Connection, job_run: JobRun) -> None:
        """Tell what will become a failure, but not every day."""
        known = self.names()
        read = [each.user_id for each in user_outcomes(connection, self.began)]
        names = {user_id: known.get(str(user_id), str(user_id)) for user_id in read}
        for notice in alerts.notices(
            connection, names, self.began, self.settings.alert_no_data_days
        ):
            self.screen.say(f"{notice.title}: {notice.lines[0]}")
            if not was_alerted(connection, notice.key) and alerts.send(
                self.settings.alert_urls, notice, self.screen
            ):
                job_run.alerts.append(notice.key)

    def report(self) -> None:
        """Write the report; a run does not fail without it."""
        if not can_report():
            return
        with self.lease.database.connect() as connection:
            number = len(all_users(connection)) + len(found_users(connection))
        if number > _MOST_PAGES:
            self.screen.say(_WHERE_PAGES_ARE)
            return
        self.screen.doing("Bringing the report up to date")
        try:
            path = write_report(
                self.lease.database,
                self.settings.healthhub_home / FILE,
                made_of=self.state,
            )
        except Exception as error:  # noqa: BLE001 (whatever it is, the data are there)
            reason = without_values(str(error))
            self.screen.say(f"The report could not be written: {reason}")
        else:
            self.screen.say(f"Report:      {path}")


def _forget_old_logs(logs: Path) -> None:
    for log in sorted(logs.glob("*-run-*.jsonl"))[:-_KEPT_LOGS]:
        log.unlink(missing_ok=True)
