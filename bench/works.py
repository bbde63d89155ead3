"""The works: what is loaded, by whom, how often, and what is asked of it then."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import systems
from accounts import let_days_pass, multiply, users
from api import TOKEN, Api, serving_api
from measure import MEGABYTE, SHORT_PAUSE, Figures, measured
from systems import OURS, OURS_WITH_DBT, SAMPLES, System, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    import psycopg

    from postgres import Database, Server
    from results import Recorder

SAMPLES_A_DAY = 1265
MOST_REQUESTS = 60
"""That a run asks of an account of which it knows what it has."""
DAYS = "days"
QUESTIONS = 20
"""How often each is asked; the first time does not count."""
OF_USER = " where user_id = %(user)s"
OF_DAYS = OF_USER + " and day between %(first)s and %(last)s"
OF_TIME = OF_USER + " and timestamp >= %(first)s and timestamp < %(last)s::date + 1"
HEART_RATE = "select timestamp, bpm, source from healthhub.heart_rate"
BETWEEN = "_between(%(first)s, %(last)s::date + 1)"
PERIODS = {
    "day": HEART_RATE + OF_DAYS,
    "heart_rate_between": HEART_RATE + BETWEEN + OF_USER,
    "timestamp": HEART_RATE + OF_TIME,
}
SAMPLE_VIEWS = (
    "sleep_stages",
    "sleep_movements",
    "sleep_samples",
    "activity_classes",
    "activity_samples",
    "session_samples",
)

FIRST, AGAIN = "first load", "again"
ONE_YEAR = 1


@dataclass(frozen=True)
class Load:
    """One route of one account, loaded by everybody."""

    route: str
    days: int
    by: tuple[str, ...]
    phases: tuple[str, ...] = (FIRST,)


LOADS = {
    "heartrate-200k": Load(
        SAMPLES,
        200_000 // SAMPLES_A_DAY,
        (
            OURS,
            systems.DLT,
            systems.DLT_CSV,
            systems.BOUND,
            OURS_WITH_DBT,
            systems.DLT_ARROW,
            systems.AIRBYTE,
        ),
        (FIRST, AGAIN),
    ),
    "heartrate-1m": Load(
        SAMPLES, 1_000_000 // SAMPLES_A_DAY, (OURS, systems.DLT, systems.BOUND)
    ),
    "sleep-3650": Load(
        "sleep", 3283, (OURS, systems.DLT, systems.BOUND, systems.AIRBYTE)
    ),
}


@dataclass(frozen=True)
class Bench:
    """What all works share, and how much of it is wanted."""

    project: Path
    before: Path | None
    server: Server
    folder: Path
    record: Recorder
    n: int
    scale: float
    years: int
    accounts: int
    people: int
    sizes: tuple[int, ...]
    copied: bool
    by: tuple[str, ...]
    latency_ms: int
    migrated: set[str] = field(default_factory=set)

    @property
    def today(self) -> date:
        """The day it is, in UTC."""
        return datetime.now(UTC).date()

    def note(self, message: str) -> None:
        """Say what is done now."""
        sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {message}\n")

    def run(
        self,
        command: tuple[str | Path, ...],
        cwd: Path,
        variables: Mapping[str, str],
        **options: Any,  # noqa: ANN401 - those of `measured`
    ) -> Figures:
        """Run a command, and measure it."""
        return measured(
            command,
            self.server,
            cwd=cwd,
            variables=variables,
            output=self.output,
            errors=self.folder / "stderr",
            **options,
        )

    def serving(
        self, today: date, years: int, people: int = 1, *, remembers: bool = True
    ) -> AbstractContextManager[Api]:
        """Have the API, as of a day."""
        return serving_api(
            self.project,
            today,
            years,
            people=people,
            remembers=remembers,
            latency_ms=self.latency_ms,
        )

    @property
    def output(self) -> Path:
        """What the last command wrote."""
        return self.folder / "stdout"

    @contextmanager
    def fresh(self, name: str, project: Path | None) -> Iterator[Database]:
        """Have a new database, for ours with what `healthhub migrate` makes."""
        if project is None:
            with self.server.fresh(name) as database:
                yield database
            return
        like = "migrated" if project == self.project else "migrated_before"
        if like not in self.migrated:
            command = (project / ".venv/bin/healthhub", "migrate")
            database = self.server.create(like)
            self.run(command, project, self.home | {"SUPABASE_DB_URL": database.url})
            self.migrated.add(like)
        with self.server.fresh(name, like) as database:
            yield database

    @property
    def home(self) -> dict[str, str]:
        """Where `healthhub` keeps logs."""
        return {"HEALTHHUB_HOME": str(self.folder / "home")}


def load(bench: Bench, work: str) -> None:
    """A work that everybody does, in turns, each into a database of its own."""
    asked = LOADS[work]
    days = max(3, round(asked.days * bench.scale))
    end = bench.today - timedelta(days=2)
    start = end - timedelta(days=days - 1)
    known = systems.all_systems(bench.project, bench.before)
    chosen = [
        system
        for name, system in known.items()
        if name in (bench.by or (*asked.by, systems.BEFORE))
    ]
    with bench.serving(bench.today, days // 365 + 2) as api:

        def turn(system: System, number: int) -> set[systems.Values]:
            """Load with one system, in each phase; return all that it has."""
            found: set[systems.Values] = set()
            with bench.fresh("work", system.project) as database:
                folder = Path(tempfile.mkdtemp(dir=bench.folder))
                task = Task(api.url, database, asked.route, start, end, folder)
                is_once = system.only_reads or not number
                for phase in (FIRST,) if is_once else asked.phases:
                    bench.note(f"{work}, round {number}: {system.name}, {phase}")
                    figures, more = _load_once(bench, system, task)
                    found |= set(more["values"])
                    if number:
                        bench.record.run(work, system.name, phase, figures, **more)
            return found

        # Round 0 does not count: it compiles, and the API learns what will be asked.
        for system in chosen:
            if system.project:
                turn(system, 0)
        turn(known[systems.BOUND], 0)
        for number in range(1, bench.n + 1):
            turned = chosen[number % len(chosen) :] + chosen[: number % len(chosen)]
            loaded = {system.name: turn(system, number) for system in turned}
            _compare(bench, work, loaded)


def _load_once(
    bench: Bench, system: System, task: Task
) -> tuple[Figures, dict[str, Any]]:
    """Run a system once, and look at what it has loaded."""
    api = Api(task.api)
    api.take_counts()
    figures = bench.run(system.command, system.cwd, system.variables(task))
    counts = api.take_counts()
    with task.database.connect() as connection:
        if system.only_reads:
            systems.keep_messages(task, bench.output, connection)
        values = systems.values(system, task, connection)
        return figures, {"counts": counts, "values": values, "size": size(connection)}


def _compare(
    bench: Bench, work: str, loaded: Mapping[str, set[systems.Values]]
) -> None:
    """Everybody must have the same, everywhere and each time."""
    if len(set().union(*loaded.values())) > 1:
        bench.record.difference(
            work, {name: sorted(found) for name, found in loaded.items()}
        )


@dataclass(frozen=True)
class Store:
    """A database that a whole `healthhub run` fills, day after day."""

    bench: Bench
    project: Path
    database: Database
    name: str
    start: date
    history: int
    """Years that the sandbox has."""
    accounts: int = 1
    end: date | None = None
    """The last day to read, unless it is today."""

    def run(self, api: Api, **options: Any) -> tuple[Figures, dict[str, int]]:  # noqa: ANN401
        """Run everything, with what the API was asked."""
        api.take_counts()
        figures = self.bench.run(
            (self.project / ".venv/bin/healthhub", "run"),
            self.project,
            {"SUPABASE_DB_URL": self.database.url, **self.variables(api)},
            **options,
        )
        return figures, api.take_counts()

    def meltano(
        self,
        api: Api,
        *tasks: str,
        **options: Any,  # noqa: ANN401 - those of `measured`
    ) -> tuple[Figures, dict[str, int]]:
        """Run one line of Meltano, with what the API was asked."""
        api.take_counts()
        figures = self.bench.run(
            (self.project / ".venv/bin/meltano", "run", *tasks),
            self.project,
            {**self.database.variables, **self.variables(api)},
            **options,
        )
        return figures, api.take_counts()

    def variables(self, api: Api) -> dict[str, str]:
        """The settings of a run."""
        whom = {"OURA_PAT": TOKEN}
        if self.accounts > 1:
            whom = {"TAP_OURA_USERS": users(self.accounts)}
        until = {"TAP_OURA_END_DATE": str(self.end)} if self.end else {}
        return {
            **whom,
            **until,
            "TAP_OURA_API_URL": api.url,
            "TAP_OURA_START_DATE": str(self.start),
            **self.bench.home,
        }

    def new_rows(self) -> int:
        """How many documents and samples the last run found new, by its own ledger."""
        with self.database.connect() as connection:
            row = connection.execute("""
                select coalesce(sum((counts.value ->> 'new')::bigint), 0)
                from (
                    select record_counts from healthhub.job_runs
                    order by run_id desc limit 1
                ) as run
                cross join jsonb_each(run.record_counts::jsonb) as counts
            """).fetchone()
        return int(row[0]) if row else 0

    def daily(
        self, work: str, api: Api, *, finds: bool, is_counted: bool = False
    ) -> None:
        """Run it on what is there, and make sure that it was the run it should be."""
        phase = "daily" if finds else "nothing new"
        self.bench.note(f"{work}: {self.name}, {phase}")
        statements = 0
        if is_counted:
            with self.bench.server.logging(self.database) as logged:
                figures, counts = self.run(api, pause=SHORT_PAUSE)
            statements = logged[0]
        else:
            figures, counts = self.run(api)
        new = self.new_rows()
        if (new > 0) != finds:
            message = f"{self.name}: a run that is {phase!r} found {new} new"
            raise RuntimeError(message)
        most = MOST_REQUESTS * self.accounts
        if not self.accounts <= counts["requests"] <= most:
            message = f"{self.name}: {phase!r} asked {counts['requests']} times"
            raise RuntimeError(message)
        self.bench.record.run(
            work,
            self.name,
            f"{phase}, counted" if is_counted else phase,
            replace(figures, statements=statements),
            counts=counts,
            new=new,
            users=self.accounts,
        )


def years(bench: Bench, work: str) -> None:
    """All routes of one account: whole runs, the size, questions; and days after that.

    The day of the API is `n` days ago at first, and a day later in each round.
    """
    first_day = bench.today - timedelta(days=bench.n)
    with ExitStack() as stack:
        kept: list[Store] = []
        for length in dict.fromkeys((bench.years, ONE_YEAR)):
            start = first_day - timedelta(days=round(365 * length * bench.scale))
            name = f"{length} years" if length > 1 else "1 year"
            projects = {OURS: bench.project}
            if bench.before and length == bench.years:
                projects[systems.BEFORE] = bench.before
            # What one asks, the other must not find remembered.
            with bench.serving(first_day, bench.years + 1, remembers=False) as api:
                api.warm(start, first_day)
                for system, project in projects.items():
                    database = stack.enter_context(
                        bench.fresh(f"{system}_{length}", None)
                    )
                    store = Store(
                        bench, project, database, name, start, bench.years + 1
                    )
                    bench.note(f"{work}: {system}, {name}, whole run")
                    figures, counts = store.run(api)
                    with database.connect() as connection:
                        connection.execute("vacuum analyze")
                        bench.record.run(
                            work,
                            system,
                            f"whole run, {name}",
                            figures,
                            counts=counts,
                            days=(first_day - start).days,
                            size=size(connection),
                            tables=tables(connection),
                            new=store.new_rows(),
                        )
                        ask(bench, work, f"{system}, {name}", connection, first_day)
                    if system == OURS:
                        kept.append(store)
        if work == DAYS:
            pass_days(bench, work, kept, first_day)


def pass_days(bench: Bench, work: str, stores: list[Store], first_day: date) -> None:
    """Days with something new, each followed by a run that finds nothing."""
    people = min(bench.people, stores[0].accounts)
    for store in stores:
        with store.database.connect() as connection:
            let_days_pass(connection, 3, but_for_reading=True)
    for number in range(1, bench.n + 1):
        day = first_day + timedelta(days=number)
        with bench.serving(day, stores[0].history, people=people) as api:
            api.warm(day - timedelta(days=60), day, people)
            for store in stores if number % 2 else reversed(stores):
                store.daily(work, api, finds=True)
                store.daily(work, api, finds=False)
                if number == bench.n and store.accounts == 1:
                    store.daily(work, api, finds=False, is_counted=True)
                with store.database.connect() as connection:
                    let_days_pass(connection)


def many_accounts(bench: Bench, work: str) -> None:
    """Hundreds of accounts: a few are read, the others are copies of them."""
    first_day = bench.today - timedelta(days=bench.n)
    start = first_day - timedelta(days=round(730 * bench.scale))
    people, accounts = bench.people, bench.accounts
    with bench.fresh("accounts", bench.project) as database:
        few = Store(
            bench, bench.project, database, f"{people} accounts", start, 3, people
        )
        store = replace(few, name=f"{accounts} accounts", accounts=accounts)
        with bench.serving(first_day, 3, people=people) as api:
            bench.note(f"{work}: {few.name}, cold")
            figures, counts = few.meltano(api, "tap-oura", "target-postgres")
            phase = "cold, tap and target"
            bench.record.run(work, few.name, phase, figures, counts=counts)
            bench.note(f"{work}: {accounts} accounts from {people}")
            with database.connect() as connection:
                let_days_pass(connection)
                multiply(connection, people, accounts)
                connection.execute("vacuum analyze")
            bench.note(f"{work}: {store.name}, cold")
            figures, _ = store.meltano(api, "dbt")
        with database.connect() as connection:
            bench.record.run(
                work,
                store.name,
                "cold, dbt",
                figures,
                size=size(connection),
                tables=tables(connection),
            )
            let_days_pass(connection)
            ask(bench, work, store.name, connection, first_day)
        pass_days(bench, work, [store], first_day)


def ask(
    bench: Bench,
    work: str,
    name: str,
    connection: psycopg.Connection[Any],
    today: date,
) -> None:
    """How long it takes to ask for samples of one account, by SQL."""
    found = connection.execute("select min(user_id::text) from raw_oura.sync_windows")
    (user,) = found.fetchone() or ("",)
    last = today - timedelta(days=3)
    known = systems.columns(connection, "healthhub", "heart_rate")
    asked = [
        (f"heart_rate, a {period} by {means}", query, days)
        for means, query in PERIODS.items()
        if means == "timestamp" or "day" in known
        for period, days in {"day": 1, "month": 30}.items()
    ]
    asked += [
        (f"{view}, a day by day", f"select * from healthhub.{view}{OF_DAYS}", 1)
        for view in SAMPLE_VIEWS
    ]
    for sentence, query, days in asked:
        first = last - timedelta(days=days - 1)
        values = {"user": user, "first": first, "last": last}
        took = []
        for _ in range(QUESTIONS):
            started = time.perf_counter()
            rows = connection.execute(query.encode(), values).fetchall()
            took.append((time.perf_counter() - started) * 1000)
        median = statistics.median(took[1:])
        bench.record.question(work, name, sentence, median, len(rows))


def size(connection: psycopg.Connection[Any]) -> float:
    """MB of the database."""
    row = connection.execute("select pg_database_size(current_database())").fetchone()
    return float(row[0] if row else 0) / MEGABYTE


def tables(connection: psycopg.Connection[Any]) -> dict[str, float]:
    """MB of each table, indexes and all."""
    rows = connection.execute("""
        select
            relnamespace::regnamespace::text || '.' || relname,
            pg_total_relation_size(oid)
        from pg_class
        where
            relkind in ('r', 'm')
            and relnamespace::regnamespace::text ~ '^(raw_oura|healthhub|meltano)'
        order by 2 desc
        limit 12
    """)
    return {name: round(size / MEGABYTE, 1) for name, size in rows}


WORKS: dict[str, Callable[[Bench, str], None]] = {
    "heartrate-200k": load,
    "heartrate-1m": load,
    "years": years,
    DAYS: years,
    "accounts": many_accounts,
    "sleep-3650": load,
}
