"""What a person sees of a run: live on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import re
import time
from datetime import date
from typing import TYPE_CHECKING, Self

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from healthhub.masking import printable
from healthhub.meltano_log import DBT, TAP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.progress import Progress as LiveProgress

    from healthhub.meltano_log import LogRecord
    from healthhub.results import TableSummary

_PLAIN_WIDTH = 120
# Columns that stand at the right.
_NUMBERS = ("rows", "fetched", "new", "changed", "deleted")

# Warnings about what is normal.
_EXPECTED = {"No state was found, complete import."}

_BEGINNING = re.compile(r"Beginning sync of '(?P<stream>\w+)'")
_PERIOD = re.compile(r"(?P<first>\d{4}-\d\d-\d\d)\.\.(?P<last>\d{4}-\d\d-\d\d)")
_ENDED = re.compile(r"(?P<done>\d+) of (?P<all>\d+) (?!START)")
# What was asked: the tap's last stream, during which the target writes everything.
_LAST = "sync_windows"
_BUILDING = "Building the tables"


def console() -> Console:
    """Where tables are printed; wide enough for them where nobody watches."""
    result = Console(highlight=False)
    if not result.is_terminal:
        result.width = max(result.width, _PLAIN_WIDTH)
    return result


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows; where they are wider than the terminal, each as a paragraph."""
    screen = console()
    grid = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        grid.add_column(column, justify="right" if column in _NUMBERS else "left")
    for row in rows:
        grid.add_row(*map(printable, row))
    unbounded = screen.options.update(width=10_000)
    if Measurement.get(screen, unbounded, grid).maximum <= screen.width:
        screen.print(grid)
        return
    for row in rows:
        first, *others = map(" ".join, zip(columns, row, strict=True))
        screen.print(printable(first), markup=False)
        screen.print(Padding(Text(printable(", ".join(others))), (0, 0, 0, 2)))


class Screen:
    """What is said of a run: on a terminal live, elsewhere in plain lines."""

    def __init__(self) -> None:
        self._console = console()
        self._line = _live_line(self._console) if self._console.is_terminal else None
        self._began = time.monotonic()
        self._doing = ""
        self._said: set[str] = set()
        self._progress = Progress()

    @property
    def is_watched(self) -> bool:
        """Whether it is a terminal, where somebody may watch."""
        return self._line is not None

    @property
    def seconds(self) -> int:
        """How long it has taken."""
        return round(time.monotonic() - self._began)

    def __enter__(self) -> Self:
        if self._line:
            self._line.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._line:
            self._line.stop()

    def doing(self, what: str, progress: str = "") -> None:
        """Show what goes on; elsewhere than on a terminal only what is new."""
        if self._line:
            text = printable(f"{what}{progress} ...")
            self._line.update(self._line.task_ids[0], description=text)
        elif what != self._doing:
            self.say(f"{what} ...")
        self._doing = what

    def say(self, line: str = "") -> None:
        """Print a line that stays."""
        self._console.print(printable(line), markup=False, soft_wrap=True)

    def show(self, record: LogRecord) -> None:
        """Condense a line of Meltano's log.

        Errors wait until the end: they are told there, in order.
        """
        if record.level == logging.WARNING:
            self._warn(record)
        elif self._progress.observe(record):
            self.doing(self._progress.doing, self._progress.done)

    def _warn(self, record: LogRecord) -> None:
        warning = f"{record.source}: {' '.join(record.message.split())}"
        if record.message not in _EXPECTED and warning not in self._said:
            self._said.add(warning)
            self.say(warning)

    def show_tables(self, tables: Sequence[TableSummary]) -> None:
        """Print the one table of what is in the database."""
        rows = []
        for table in tables:
            facts = (table.first_day, table.last_day, table.new, table.changed)
            rows.append((table.name, _rows(table), *map(_cell, facts)))
        columns = ("table", "rows", "first day", "last day", "new", "changed")
        print_table(columns, rows)


def _live_line(where: Console) -> LiveProgress:
    from rich import progress  # noqa: PLC0415 (only where somebody watches)

    line = progress.Progress(
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}", markup=False),
        progress.TimeElapsedColumn(),
        console=where,
        transient=True,
    )
    line.add_task("")
    return line


class Progress:
    """What goes on, and how much of it is done.

    The tap asks for the days of a stream in their order, and a little ahead of what
    it writes. What it asked of documents ends today, and so do the samples after them.
    """

    def __init__(self) -> None:
        self.doing = ""
        self.done = ""
        self._stream = ""
        self._first_days: dict[str, date] = {}  # by user
        self._today = date.min

    def observe(self, record: LogRecord) -> bool:
        """Look at a line of the log. Returns whether it changed the progress."""
        if record.source == TAP:
            if beginning := _BEGINNING.match(record.message):
                self._begin(beginning["stream"])
                return True
            if period := _PERIOD.fullmatch(str(record.details.get("period"))):
                self._reach(record, *map(date.fromisoformat, period.groups()))
                return True
        elif record.source == DBT:
            if self.doing != _BUILDING:
                self.doing, self.done = _BUILDING, ""
            if ended := _ENDED.match(record.message):
                self.done = f" ({ended['done']} of {ended['all']})"
            return True
        return False

    def _begin(self, stream: str) -> None:
        is_ledger = stream == _LAST
        self.doing = "Storing what was read" if is_ledger else f"Reading {stream}"
        self.done = ""
        self._stream, self._first_days = stream, {}

    def _reach(self, record: LogRecord, first: date, last: date) -> None:
        self._today = max(self._today, last)
        if str(record.details.get("endpoint")).lower() != self._stream:
            return
        user = str(record.details.get("user"))
        first = self._first_days.setdefault(user, first)
        days, of = (last - first).days, (self._today - first).days
        users = len(self._first_days)
        whose = f"user {users}, " if users > 1 else ""
        # The first window that is seen may be one of many.
        self.done = f" ({whose}{days:,} of {of:,} days)" if days < of else ""


def _rows(table: TableSummary) -> str:
    """The number of rows, after that of samples where a row holds many."""
    rows = _cell(table.rows)
    return rows if table.samples is None else f"{_cell(table.samples)} samples, {rows}"


def _cell(value: object) -> str:
    """A value as text; a dash where the table has none."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)
