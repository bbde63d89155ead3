"""`healthhub runs`: the ledger of runs, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from psycopg.rows import dict_row
from rich.box import SIMPLE_HEAD
from rich.table import Table

from healthhub.commands.common import migrated_database
from healthhub.errors import HealthHubError
from healthhub.masking import printable
from healthhub.screen import console

if TYPE_CHECKING:
    from collections.abc import Mapping

_COUNTS = ("fetched", "new", "changed", "deleted")
_LATEST = "select * from healthhub.job_runs order by run_id desc limit %s"
_ONE = "select * from healthhub.job_runs where run_id = %s"


def runs(
    run_id: Annotated[
        int | None, typer.Argument(help="Number of a run, to see all of it.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to list.")] = 20,
) -> None:
    """List what ran, the newest first, or show one run stream by stream."""
    with (
        migrated_database() as lease,
        lease.database.connect() as connection,
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        query, value = (_ONE, run_id) if run_id is not None else (_LATEST, limit)
        found = cursor.execute(query, (value,)).fetchall()
    if run_id is None:
        _list(found)
    elif found:
        _show(found[0])
    else:
        raise HealthHubError(f"There is no run {run_id}. See `healthhub runs`.")


def _list(found: list[dict[str, Any]]) -> None:
    """A line a run."""
    if not found:
        typer.echo("Nothing has run yet. Begin with `healthhub run`.")
        return
    grid = _grid("run", "started (UTC)", "took", "days", "status", *_COUNTS)
    for run in found:
        totals = _totals(run["record_counts"])
        grid.add_row(
            str(run["run_id"]),
            f"{run['started_at']:%Y-%m-%d %H:%M}",
            _duration(run),
            _days(run),
            run["status"],
            *(f"{totals[count]:,}" for count in _COUNTS),
        )
    console().print(grid)


def _show(run: Mapping[str, Any]) -> None:
    """All of one."""
    facts = {
        "run": run["run_id"],
        "started": f"{run['started_at']:%Y-%m-%d %H:%M:%S} UTC",
        "took": _duration(run),
        "days": _days(run),
        "status": run["status"],
        "error": run["error_summary"],
        "GitHub run": run["github_run_id"],
        "versions": ", ".join(f"{k} {v}" for k, v in sorted(run["versions"].items())),
    }
    for name, fact in facts.items():
        if fact:
            lines = printable(str(fact)).splitlines()
            typer.echo(f"{name + ':':<12}" + f"\n{'':<12}".join(lines))
    if not run["record_counts"]:
        return
    grid = _grid("stream", *_COUNTS)
    for stream, counts in sorted(run["record_counts"].items()):
        grid.add_row(stream, *(f"{counts.get(count, 0):,}" for count in _COUNTS))
    console().print(grid)


def _grid(*columns: str) -> Table:
    grid = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        grid.add_column(column, justify="right" if column in _COUNTS else "left")
    return grid


def _totals(record_counts: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Over all streams."""
    return {
        count: sum(counts.get(count, 0) or 0 for counts in record_counts.values())
        for count in _COUNTS
    }


def _duration(run: Mapping[str, Any]) -> str:
    """How long it took, if it has ended."""
    if run["finished_at"] is None:
        return ""
    minutes, seconds = divmod(
        round((run["finished_at"] - run["started_at"]).total_seconds()), 60
    )
    return f"{minutes}:{seconds:02} min"


def _days(run: Mapping[str, Any]) -> str:
    """What was asked for."""
    if run["full_refresh"]:
        return "all"
    if not (run["start_date"] or run["end_date"]):
        return "new ones"
    return f"{run['start_date'] or ''}..{run['end_date'] or ''}"
