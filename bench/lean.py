"""What a run costs where there is little to do, before and after a change.

Pairs of the same command from two checkouts, in turns. `lean` is all four works.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import far
import systems
from accounts import let_days_pass
from api import serving
from measure import SHORT_PAUSE
from works import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from api import Api
    from measure import Figures
    from postgres import Database
    from works import Bench

LEAN = "lean"
IDLE, COLD, FAR, GROWN = "lean-idle", "lean-cold", "lean-far", "lean-years"
LINE = ("tap-oura", "target-postgres", "dbt")
THE_LINE, THE_RUN = "meltano run", "healthhub run"
FROM_NOTHING, AFTERWARDS = "from an empty home", "again, nothing new"
COUNTED = ", counted"
DAYS = 90
ROUND_TRIP_MS = 20
YEARS = (1, 5, 10)
PLUGINS = ".meltano/{}/venv/bin/{}"
PARTS = {
    "meltano --version": (".venv/bin/meltano", "--version"),
    "tap-oura --version": (
        PLUGINS.format("extractors/tap-oura", "tap-oura"),
        "--version",
    ),
    "target-postgres --version": (
        PLUGINS.format("loaders/target-postgres", "target-postgres*"),
        "--version",
    ),
    "dbt parse": (PLUGINS.format("utilities/dbt-postgres", "dbt"), "parse"),
}
"""What the line cannot do without: to start three programs, and to read the models."""

# Of BRIN only what was fetched: it says ten rows for each page that may have one.
TOUCHED = """
    select
        schemaname || '.' || relname,
        coalesce(seq_tup_read, 0),
        greatest(
            coalesce(idx_tup_fetch, 0),
            coalesce((
                select sum(idx_tup_read) from pg_stat_user_indexes as indexes
                inner join pg_class on pg_class.oid = indexes.indexrelid
                inner join pg_am on pg_am.oid = pg_class.relam
                where indexes.relid = tables.relid and amname != 'brin'
            ), 0)
        )::bigint
    from pg_stat_user_tables as tables
"""


@dataclass(frozen=True)
class Side:
    """One of the two checkouts, and what it has loaded.

    Attributes:
        work: What it is measured for.
        name: How the results call it.
        store: Its database.
        api: Where it reads.
    """

    work: str
    name: str
    store: Store
    api: Api

    @property
    def commands(self) -> dict[str, Callable[..., tuple[Figures, dict[str, int]]]]:
        """The literal line, and the command around it: what they take and ask."""
        return {
            THE_LINE: partial(self.store.meltano, self.api, *LINE),
            THE_RUN: partial(self.store.run, self.api),
        }

    def part(self, program: str, argument: str) -> Figures:
        """One of the parts."""
        bench, project = self.store.bench, self.store.project
        *_, path = sorted(project.glob(program))
        folder = project / "transform"
        variables = {**self.store.database.variables, "DBT_PROFILES_DIR": str(folder)}
        return bench.run((path, argument), folder, variables)

    def record(self, phase: str, figures: Figures, **more: object) -> None:
        """Write down what a run took."""
        self.store.bench.record.run(self.work, self.name, phase, figures, **more)

    def count(self, phase: str) -> None:
        """Count what does not depend on the machine, in a run of its own."""
        bench = self.store.bench
        bench.note(f"{self.work}: {self.name}, {phase}, counted")
        with bench.server.logging(self.store.database) as logged:
            figures, counts = self.commands[phase](pause=SHORT_PAUSE)
        figures = replace(figures, statements=logged[0])
        self.record(phase + COUNTED, figures, counts=counts)

    def check_nothing_new(self) -> None:
        """Make sure that the last run was one that it should be."""
        if new := self.store.new_rows():
            message = f"{self.name}: a run that should find nothing found {new} new"
            raise RuntimeError(message)


def checkouts(bench: Bench) -> dict[str, Path]:
    """Those that take part."""
    found = {systems.OURS: bench.project}
    return found | ({systems.BEFORE: bench.before} if bench.before else {})


@contextmanager
def loaded(bench: Bench, work: str) -> Iterator[list[Side]]:
    """Have a database for each, with the same days in it."""
    start = bench.today - timedelta(days=round(DAYS * bench.scale))
    with bench.serving(bench.today, 1) as api, ExitStack() as stack:
        sides = []
        for name, project in checkouts(bench).items():
            bench.note(f"{work}: {name}, first load")
            database = stack.enter_context(bench.fresh(f"{name}_{work}", None))
            side = Side(
                work, name, Store(bench, project, database, name, start, 1), api
            )
            for _ in range(2):  # a second run settles what the first one began
                side.commands[THE_RUN]()
            sides.append(side)
        yield sides


def in_turns(
    bench: Bench, work: str, sides: list[Side], rounds: range
) -> Iterator[tuple[int, Side]]:
    """Each side in each round; who begins changes."""
    for number in rounds:
        for side in sides if number % 2 else sides[::-1]:
            bench.note(f"{work}, round {number}: {side.name}")
            yield number, side


def fewer(bench: Bench) -> range:
    """Rounds of what takes long."""
    return range(1, max(1, bench.n // 2) + 1)


def idle(bench: Bench, work: str) -> None:
    """Nothing new: the parts, the line, and the command around it."""
    with loaded(bench, work) as sides:
        for number, side in in_turns(bench, work, sides, range(bench.n + 1)):
            figures = {phase: side.part(*words) for phase, words in PARTS.items()}
            figures |= {phase: run()[0] for phase, run in side.commands.items()}
            if number:  # round 0 fills caches
                for phase, taken in figures.items():
                    side.record(phase, taken)
        for side in sides:
            side.check_nothing_new()
            for phase in side.commands:
                side.count(phase)


def cold(bench: Bench, work: str) -> None:
    """The README's `make run` in a new clone and an empty home, and once more."""
    for number in fewer(bench):
        for name, project in list(checkouts(bench).items())[:: 1 if number % 2 else -1]:
            bench.note(f"{work}, round {number}: {name}")
            home = bench.folder / f"{name}-{number}"
            clone = home / "healthHub"
            bench.run(("git", "clone", "--quiet", project, clone), project, {})
            for phase in (FROM_NOTHING, AFTERWARDS):
                figures = bench.run(("make", "run"), clone, {"HOME": str(home)})
                bench.record.run(work, name, phase, figures)


def far_away(bench: Bench, work: str) -> None:
    """The same on a database whose answers take a while to come."""
    command = [sys.executable, far.__file__, str(bench.server.port)]
    command.append(f"--round-trip-ms={ROUND_TRIP_MS}")
    with loaded(bench, work) as near, serving(command, far.GREETING) as port:
        sides = [
            replace(
                side, store=replace(side.store, database=side.store.database.at(port))
            )
            for side in near
        ]
        for _, side in in_turns(bench, work, sides, fewer(bench)):
            for phase, run in side.commands.items():
                side.record(phase, run()[0])


def grown(bench: Bench, work: str) -> None:
    """What a run that finds nothing looks at in the tables, as they grow."""
    with (
        bench.serving(bench.today, YEARS[-1] + 1, remembers=False) as api,
        ExitStack() as stack,
    ):
        for name, project in checkouts(bench).items():
            database = stack.enter_context(bench.fresh(f"{name}_{work}", None))
            last = None
            for years in YEARS:
                bench.note(f"{work}: {name}, {years} years")
                first = bench.today - timedelta(days=round(365 * years * bench.scale))
                store = Store(bench, project, database, name, first, years)
                replace(store, end=last).run(api)
                store.run(api)  # asks once more for what came with an end
                last = first
                with database.connect() as connection:
                    let_days_pass(connection, 3, but_for_reading=True)
                store.run(api)
                before = touched(database)
                figures, _ = store.run(api)
                side = Side(work, name, store, api)
                side.check_nothing_new()
                rows = {
                    table: [
                        now - then
                        for now, then in zip(counts, before[table], strict=True)
                    ]
                    for table, counts in touched(database).items()
                }
                side.record(nothing_new(years), figures, touched=rows)


def nothing_new(years: int) -> str:
    """What the results call such a run."""
    return f"nothing new, {years} year{'s' if years > 1 else ''} stored"


def touched(database: Database) -> dict[str, tuple[int, int]]:
    """Rows read of each table so far: one after the other, and by index."""
    with database.connect() as connection:
        return {
            name: (read, found) for name, read, found in connection.execute(TOUCHED)
        }


def lean(bench: Bench, _: str) -> None:
    """All of them."""
    for name in (IDLE, COLD, FAR, GROWN):
        WORKS[name](bench, name)


WORKS: dict[str, Callable[[Bench, str], None]] = {
    LEAN: lean,
    IDLE: idle,
    COLD: cold,
    FAR: far_away,
    GROWN: grown,
}
