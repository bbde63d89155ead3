"""What was measured: a line of JSON a run, and the page that is made from all of them.

A work that is measured again takes the place of what was measured of it before.
"""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
from collections import defaultdict
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

import lean
import systems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from measure import Figures

FILE = Path(__file__).with_name("results.jsonl")
PAGE = Path(__file__).with_name("results.md")
GIGABYTE = 1_000_000_000
RIVALS = ("dlt", "airbyte-cdk", "orjson", "psycopg", "pyarrow", "requests")
OURS = (
    "meltano",
    "singer-sdk",
    "meltanolabs-target-postgres",
    "dbt-core",
    "dbt-postgres",
)

CPU = ("cpu", "cpu_postgres")
PROGRAMS = {
    "tap-oura": "tap",
    "target-postgres-on-conflict": "target",
    "meltano": "Meltano",
    "healthhub": "healthhub",
    "build_if_new.py": "dbt",
}
"""How a measurement names them, and a reader."""

Entry = dict[str, Any]


class Recorder:
    """Appends what is measured, as soon as it is."""

    def __init__(self, **about: object) -> None:
        """Begin a session; what it is about stands in its first line."""
        self._session = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
        self.differences = 0
        self._write({"kind": "session", **about})

    def run(
        self, work: str, system: str, phase: str, figures: Figures, **more: object
    ) -> None:
        """One run."""
        named = {"kind": "run", "work": work, "system": system, "phase": phase}
        self._write({**named, **asdict(figures), **more})

    def question(
        self, work: str, system: str, phase: str, milliseconds: float, rows: int
    ) -> None:
        """One query."""
        named = {"kind": "question", "work": work, "system": system, "phase": phase}
        self._write({**named, "milliseconds": milliseconds, "rows": rows})

    def difference(self, work: str, loaded: Mapping[str, object]) -> None:
        """Not everybody has loaded the same."""
        self.differences += 1
        self._write({"kind": "difference", "work": work, "loaded": loaded})

    def _write(self, entry: Entry) -> None:
        line = json.dumps({"session": self._session, **entry}, default=str)
        with FILE.open("a") as file:
            file.write(f"{line}\n")


def about(project: Path, server_version: str, options: Mapping[str, object]) -> Entry:
    """What the figures hold for."""
    memory = psutil.virtual_memory().total / GIGABYTE
    return {
        "commit": commit(project),
        "machine": f"{psutil.cpu_count()} cores ({_processor()}), {memory:.0f} GB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "versions": {
            "PostgreSQL": server_version,
            **dict(_pinned(project)),
            **{name: version(name) for name in RIVALS},
        },
        "options": options,
    }


def commit(project: Path) -> str:
    """The commit of a checkout, and whether it was changed since."""
    command = ("describe", "--always", "--dirty", "--abbrev=7")
    return subprocess.run(  # noqa: S603 - git
        ["git", "-C", str(project), *command],  # noqa: S607 - whichever there is
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()


def _pinned(project: Path) -> Iterator[tuple[str, str]]:
    for file in ("requirements.txt", "plugins/constraints.txt"):
        for line in (project / file).read_text().splitlines():
            name, _, rest = line.partition("==")
            name = name.partition("[")[0]
            if name in OURS:
                yield name, rest.partition(" ")[0]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


class Measured:
    """The newest session of each work."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        """Read them all."""
        self.sessions: dict[str, Entry] = {}
        self.works: dict[str, list[Entry]] = {}
        for entry in entries:
            if entry["kind"] == "session":
                self.sessions[entry["session"]] = entry
                continue
            known = self.works.setdefault(entry["work"], [])
            if known and known[0]["session"] != entry["session"]:
                known.clear()
            known.append(entry)

    def entries(self) -> Iterator[Entry]:
        """All of them; the last session may have more to come."""
        kept = {entries[0]["session"] for entries in self.works.values()}
        kept.update(list(self.sessions)[-1:])
        yield from (self.sessions[name] for name in self.sessions if name in kept)
        for entries in self.works.values():
            yield from entries

    def groups(
        self, work: str, kind: str = "run"
    ) -> dict[tuple[str, str], list[Entry]]:
        """The entries of a work by system and phase, ours first."""
        groups: dict[tuple[str, str], list[Entry]] = defaultdict(list)
        for entry in self.works.get(work, ()):
            if entry["kind"] == kind:
                groups[entry["system"], entry["phase"]].append(entry)
        first = systems.OURS, systems.OURS_WITH_DBT, systems.BEFORE
        names = [*first, *dict.fromkeys(system for system, _ in sorted(groups))]
        return dict(sorted(groups.items(), key=lambda group: names.index(group[0][0])))

    def median(
        self, work: str, group: tuple[str, str], figure: str = "wall", kind: str = "run"
    ) -> float | None:
        """The median of a figure of a system in a phase."""
        found = self.groups(work, kind).get(group)
        return statistics.median(entry[figure] for entry in found) if found else None

    def ratio(
        self,
        work: str,
        one: tuple[str, str],
        other: tuple[str, str],
        figure: str = "wall",
    ) -> float | None:
        """How many times what the other takes the one takes."""
        above = self.median(work, one, figure)
        below = self.median(work, other, figure)
        return above / below if above and below else None


def goals(measured: Measured) -> Iterator[tuple[str, float | None, float, str]]:
    """What was to be reached: a sentence, what was reached, the limit and its unit."""

    def beside(
        work: str, phase: str, other: str, limit: float
    ) -> tuple[str, float | None, float, str]:
        ratio = measured.ratio(work, (systems.OURS, phase), (other, phase))
        return f"{work}, {phase}: ours / {other}", ratio, limit, ""

    for phase in ("first load", "again"):
        yield beside("heartrate-200k", phase, systems.DLT, 0.6)
        yield beside("heartrate-200k", phase, systems.DLT_CSV, 0.8)
    yield beside("heartrate-1m", "first load", systems.DLT, 0.25)
    yield beside("heartrate-1m", "first load", systems.BOUND, 2)
    yield beside("sleep-3650", "first load", systems.DLT, 0.5)
    yield beside("years", "whole run, 10 years", systems.BEFORE, 0.5)
    large = measured.median("years", (systems.OURS, "whole run, 10 years"), "size")
    small = measured.median("years", (systems.OURS, "whole run, 1 year"), "size")
    yield "database of 10 years", large, 250, " MB"
    yield (
        "each further year",
        (large - small) / 9 if large and small else None,
        25,
        " MB",
    )
    long, short = ("10 years", "daily"), ("1 year", "daily")
    for figure in ("wall", "cpu"):
        ratio = measured.ratio("days", long, short, figure)
        yield f"daily run, 10 years / 1 year stored, {figure}", ratio, 1.2, ""
    daily, nothing = ("200 accounts", "daily"), ("200 accounts", "nothing new")
    ratio = measured.ratio("accounts", daily, nothing)
    yield "200 accounts: daily / nothing new", ratio, 2, ""
    for work, system in (("years", "ours, 10 years"), ("accounts", "200 accounts")):
        for period, limit in {"day": 5, "month": 60}.items():
            asked = system, f"heart_rate, a {period} by day"
            took = measured.median(work, asked, "milliseconds", "question")
            yield f"a {period} of heart rate by SQL, {system}", took, limit, " ms"
    many, fewer = (
        sum(measured.median("scale", of, figure) or 0 for figure in CPU) / users
        for users in (2000, 100)
        for of in [(f"{users:,} users", "daily")]
    )
    ratio = many / fewer if many and fewer else None
    yield "a user's day among 2,000 users / among 100, CPU", ratio, 1.3, ""
    yield from _lean_goals(measured)


def _lean_goals(
    measured: Measured,
) -> Iterator[tuple[str, float | None, float, str]]:
    """The same of runs that have little to do."""
    line, run, *parts = (
        measured.median(lean.IDLE, (systems.OURS, phase))
        for phase in (lean.THE_LINE, lean.THE_RUN, *lean.PARTS)
    )
    of_parts = sum(filter(None, parts))
    yield (
        "nothing new: `meltano run` / the sum of its parts",
        line / of_parts if line and of_parts else None,
        1.4,
        "",
    )
    beyond = run - line if run and line else None
    yield "nothing new: `healthhub run` beyond `meltano run`", beyond, 2, " s"
    for work, phase, limit in (
        (lean.IDLE, lean.THE_RUN, 0.5),
        (lean.COLD, lean.FROM_NOTHING, 0.75),
    ):
        ratio = measured.ratio(work, (systems.OURS, phase), (systems.BEFORE, phase))
        yield f"{work}, {phase}: ours / before", ratio, limit, ""
    long, short = (
        sum(sum(rows) for rows in runs[-1]["touched"].values()) if runs else None
        for years in (lean.YEARS[-1], lean.YEARS[0])
        for runs in [
            measured.groups(lean.GROWN).get((systems.OURS, lean.nothing_new(years)))
        ]
    )
    yield (
        f"nothing new: rows looked at, {lean.YEARS[-1]} years / 1 year stored",
        long / short if long and short else None,
        1.2,
        "",
    )


def write_page() -> None:
    """Make the page anew, and keep no more than it is made of."""
    measured = Measured(map(json.loads, FILE.read_text().splitlines()))
    PAGE.write_text("\n".join(_page(measured)) + "\n")
    FILE.write_text("".join(f"{json.dumps(each)}\n" for each in measured.entries()))


def _page(measured: Measured) -> Iterator[str]:
    yield "# Results"
    yield ""
    yield "Made by `make bench`, which the [README](README.md) explains."
    yield from ("", "## Goals", "")
    yield from _table(("", "measured", "goal", "reached"), _goal_rows(measured))
    for work in measured.works:
        yield from _work(measured, work)


def _goal_rows(measured: Measured) -> Iterator[Sequence[str]]:
    for sentence, value, limit, unit in goals(measured):
        found = "" if value is None else f"{value:.3g}{unit}"
        verdict = "not measured" if value is None else "yes" if value <= limit else "no"
        yield sentence, found, f"at most {limit:g}{unit}", verdict


def _work(measured: Measured, work: str) -> Iterator[str]:
    entries = measured.works[work]
    session = measured.sessions[entries[0]["session"]]
    options = ", ".join(f"{k} {v}" for k, v in session["options"].items() if v)
    versions = ", ".join(f"{k} {v}" for k, v in session["versions"].items())
    before = f" beside {session['before']}" if session["before"] else ""
    yield from ("", f"## {work}", "")
    yield f"{session['session']} UTC, commit {session['commit']}{before}; {options}."
    yield f"{session['machine']}. {versions}."
    if session["options"]["scale"] != 1:
        yield from ("", "**A trial with less data: no figure counts.**")
    differences = [entry for entry in entries if entry["kind"] == "difference"]
    for difference in differences:
        yield from ("", f"**Different values:** `{json.dumps(difference['loaded'])}`")
    if not differences and any("values" in entry for entry in entries):
        yield from ("", "All tables held the same values, each time.")
    for table in (_runs, _users, _memory, _tables, _counts, _touched, _questions):
        if rows := list(table(measured, work)):
            yield ""
            yield from rows


def _runs(measured: Measured, work: str) -> Iterator[str]:
    head = (
        "system",
        "phase",
        "n",
        "wall s, median (range)",
        "/ ours",
        "CPU s, clients + PostgreSQL",
        "WAL MB",
        "peak MB",
        "rows",
        "database MB",
    )
    yield from _table(head, _run_rows(measured, work))


def _run_rows(measured: Measured, work: str) -> Iterator[Sequence[str]]:
    for (system, phase), runs in measured.groups(work).items():
        if runs[0]["statements"]:
            continue  # a run that was watched takes longer
        wall, cpu, cpu_postgres, wal = (
            [run[figure] for run in runs]
            for figure in ("wall", "cpu", "cpu_postgres", "wal")
        )
        peak = max(run["memory"].get("all", 0) for run in runs)
        ratio = measured.ratio(work, (system, phase), (systems.OURS, phase))
        last = runs[-1]
        rows = last["values"][0][0] if "values" in last else last.get("new")
        median = statistics.median
        yield (
            system,
            phase,
            str(len(runs)),
            f"{median(wall):.1f} ({min(wall):.1f} to {max(wall):.1f})",
            f"{ratio:.2f}" if ratio else "",
            f"{median(cpu):.1f} + {median(cpu_postgres):.1f}",
            f"{median(wal):.0f}",
            f"{peak:.0f}",
            "" if rows is None else f"{rows:,}",
            f"{last['size']:.1f}" if "size" in last else "",
        )


def _users(measured: Measured, work: str) -> Iterator[str]:
    """What each user of a study takes, as docs/scale.md has it."""
    head = (
        "users",
        "phase",
        "wall s",
        "CPU s a user, client + PostgreSQL",
        f"of {', '.join(PROGRAMS.values())}",
        "requests a user",
        "MB read a user",
        "new rows a user",
        f"peak MB of {', '.join(PROGRAMS.values())}, a session of PostgreSQL",
    )
    if work == "scale":
        groups = measured.groups(work).items()
        rows = [
            _of_a_user(phase, runs[-1])
            for (_, phase), runs in groups
            if "users" in runs[-1]
        ]
        yield from _table(head, rows)


def _of_a_user(phase: str, run: Entry) -> Sequence[str]:
    users, memory = run["users"], run["memory"]
    return (
        f"{users:,}",
        phase,
        f"{run['wall']:.0f}",
        f"{run['cpu'] / users:.3g} + {run['cpu_postgres'] / users:.2g}",
        ", ".join(f"{run['cpu_by'].get(name, 0) / users:.2g}" for name in PROGRAMS),
        f"{run['counts']['requests'] / users:.0f}",
        f"{run['counts']['bytes'] / 1e6 / users:.3g}",
        f"{run['new'] / users:,.0f}",
        ", ".join(f"{memory.get(n, 0):.0f}" for n in (*PROGRAMS, "postgres session")),
    )


def _memory(measured: Measured, work: str) -> Iterator[str]:
    """The largest of each kind of process in any run."""
    rows = []
    for (system, phase), runs in measured.groups(work).items():
        peaks: dict[str, float] = defaultdict(float)
        for run in runs:
            for kind, peak in run["memory"].items():
                peaks[kind] = max(peak, peaks[kind])
        peaks.pop("all", None)
        largest = sorted(peaks.items(), key=lambda item: -item[1])
        rows.append((system, phase, ", ".join(f"{k} {v:.0f}" for k, v in largest)))
    if rows:
        yield from _table(("system", "phase", "peak MB by kind of process"), rows)


def _tables(measured: Measured, work: str) -> Iterator[str]:
    for (system, phase), runs in measured.groups(work).items():
        if tables := runs[-1].get("tables"):
            largest = ", ".join(f"`{name}` {size}" for name, size in tables.items())
            yield f"- {system}, {phase}, largest tables in MB: {largest}"


def _counts(measured: Measured, work: str) -> Iterator[str]:
    """What does not depend on the machine."""
    for (system, phase), runs in measured.groups(work).items():
        run = runs[-1]
        if "counts" not in run:
            continue
        read = run["counts"]["bytes"] / 1e6
        text = f"- {system}, {phase}: {run['counts']['requests']:,} requests, "
        text += f"{read:.1f} MB read"
        if days := run.get("days"):
            text += f" ({read / days * 365:.1f} a year)"
        if run["statements"]:
            text += f", {run['statements']:,} SQL statements"
            text += f", {run['interpreters']} Python interpreters"
        yield text


def _touched(measured: Measured, work: str) -> Iterator[str]:
    """Which tables a run looks at, most first."""
    for (system, phase), runs in measured.groups(work).items():
        if tables := runs[-1].get("touched"):
            most = sorted(tables.items(), key=lambda table: -sum(table[1]))[:8]
            text = ", ".join(
                f"`{name}` {read:,} + {found:,}" for name, (read, found) in most
            )
            total = sum(sum(rows) for rows in tables.values())
            yield f"- {system}, {phase}: {total:,} rows, by scan + by index: {text}"


def _questions(measured: Measured, work: str) -> Iterator[str]:
    questions = measured.groups(work, "question")
    if not questions:
        return
    rows = [
        (system, asked, f"{found[-1]['milliseconds']:.1f}", f"{found[-1]['rows']:,}")
        for (system, asked), found in questions.items()
    ]
    yield from _table(("of", "asked for one account", "ms, median", "rows"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
