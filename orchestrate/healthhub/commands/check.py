"""`healthhub check`: what a run needs, and what of it is missing."""

from __future__ import annotations

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from healthhub.checks import checks
from healthhub.masking import printable
from healthhub.screen import console
from healthhub.settings import project_folder

_MARKS = {True: "✓", False: "✗", None: "-"}


def check() -> None:
    """Try everything that a run needs; exit code 1 if something is wrong."""
    grid = Table(box=SIMPLE_HEAD, pad_edge=False, show_header=False)
    all_good = True
    for tried in checks(project_folder()):
        grid.add_row(
            _MARKS[tried.is_good], *map(printable, (tried.subject, tried.finding))
        )
        all_good = all_good and tried.is_good is not False
    console().print(grid)
    if not all_good:
        raise typer.Exit(1)
