"""What a person sees of a run: live on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Self

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from healthhub.masking import printable
from healthhub.meltano_log import DBT, TAP, LogRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from healthhub.summary import TableSummary

_PLAIN_WIDTH = 120
# Columns that stand at the right.
_NUMBERS = ("rows", "fetched", "new", "changed", "deleted")

# Warnings that only say what everybody expects.
_EXPECTED = {"No state was found, complete import."}


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
        facts = [f"{name} {fact}" for name, fact in zip(columns, row, strict=True)]
        screen.print(printable(f"{columns[0]} {row[0]}"), markup=False)
        screen.print(Padding(Text(printable(", ".join(facts[1:]))), (0, 0, 0, 2)))


class Screen:
    """The person's side of the run."""

    def __init__(self) -> None:
        """Find out whether somebody watches."""
        self._console = console()
        self._status = self._console.status("") if self._console.is_terminal else None
        self._doing = ""
        self._said: set[str] = set()
        self._records: dict[str, int] = {}

    @property
    def is_watched(self) -> bool:
        """Whether somebody sees what is said, as far as one can know."""
        return self._status is not None

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the screen in order."""
        if self._status:
            self._status.stop()

    def doing(self, what: str, progress: str = "") -> None:
        """Show what goes on; elsewhere than on a terminal only what is new."""
        if self._status:
            self._status.update(printable(f"{what}{progress} ..."))
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
        elif record.source == TAP:
            self._show_reading(record)
        elif record.source == DBT:
            self.doing("Building the tables")

    def _warn(self, record: LogRecord) -> None:
        """Print a warning, once."""
        warning = f"{record.source}: {' '.join(record.message.split())}"
        if record.message not in _EXPECTED and warning not in self._said:
            self._said.add(warning)
            self.say(warning)

    def _show_reading(self, record: LogRecord) -> None:
        """Show which stream is being read, and how far."""
        if record.message.startswith("Beginning sync of "):
            stream = record.message.split("'")[1]
        else:
            metric = record.details.get("metric_info") or {}
            if metric.get("metric") != "record_count":
                return
            stream = str(metric.get("tags", {}).get("stream"))
            read = self._records.get(stream, 0) + int(metric.get("value") or 0)
            self._records[stream] = read
        read = self._records.get(stream, 0)
        self.doing(f"Reading {stream}", f" ({read:,} records)" if read else "")

    def show_tables(self, tables: Sequence[TableSummary]) -> None:
        """Print the one table of what is in the database."""
        print_table(
            ("table", "rows", "first day", "last day", "new", "changed"),
            [
                (
                    table.name,
                    _rows(table),
                    _cell(table.first_day),
                    _cell(table.last_day),
                    _cell(table.new),
                    _cell(table.changed),
                )
                for table in tables
            ],
        )


def _rows(table: TableSummary) -> str:
    """How many, and of what where a row is not one thing."""
    rows = _cell(table.rows)
    return rows if table.samples is None else f"{_cell(table.samples)} samples, {rows}"


def _cell(value: object) -> str:
    """A dash where the table cannot tell."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)
