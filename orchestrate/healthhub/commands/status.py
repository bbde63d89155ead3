"""`healthhub check`, `status`, `runs` and `logs`: how things are, for a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from psycopg.rows import dict_row
from rich.box import SIMPLE_HEAD
from rich.table import Table

from healthhub.checks import checks
from healthhub.commands.common import (
    AsJson,
    migrated_database,
    project_settings,
    show_json,
)
from healthhub.database import has_relation
from healthhub.errors import HealthHubError
from healthhub.masking import printable
from healthhub.meltano_log import parse
from healthhub.project import project_folder
from healthhub.screen import console, print_table
from healthhub.settings import variables
from healthhub.tap_users import credentials
from healthhub.users import all_users

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    import psycopg

    from healthhub.database import Database

_MARKS = {True: "✓", False: "✗", None: "-"}
_COUNTS = ("fetched", "new", "changed", "deleted")
_LATEST = "select * from healthhub.job_runs order by run_id desc limit %s"
_ONE = "select * from healthhub.job_runs where run_id = %s"
_DAYS = "select user_id, min(day), max(day) from healthhub.daily_overview group by 1"
_SIZE = "select pg_database_size(current_database()) as database_bytes"
_FREE_TIER = 500_000_000  # bytes of Supabase's
_EMPTY = 8_000_000  # bytes of a database with nothing in it


def check(*, as_json: AsJson = False) -> None:
    """Try everything that a run needs.

    Exit code 1 if something is wrong.
    """
    tried = list(checks(project_folder()))
    if as_json:
        show_json([vars(each) for each in tried])
    else:
        grid = Table(box=SIMPLE_HEAD, pad_edge=False, show_header=False)
        grid.add_column()
        grid.add_column(no_wrap=True)  # a name
        grid.add_column(overflow="fold")
        for each in tried:
            texts = map(printable, (each.subject, each.finding))
            grid.add_row(_MARKS[each.is_good], *texts)
        console().print(grid)
    if any(each.is_good is False for each in tried):
        raise typer.Exit(1)


def status(*, as_json: AsJson = False) -> None:
    """Show last run, newest days, logins, size."""
    with migrated_database() as lease, lease.database.connect() as connection:
        found = _status(connection, lease.database)
    if as_json:
        show_json(found)
        return
    last = found["last_run"]
    typer.echo(
        f"last run: {last['run_id']}, {last['status']}, began "
        f"{last['started_at']:%Y-%m-%d %H:%M} UTC, "
        f"took {_duration(last) or 'until now'}"
        if last
        else "last run: none yet. Begin with `healthhub run`."
    )
    full = found["free_tier_full_on"]
    typer.echo(
        f"database: {found['database_bytes'] / 1e6:,.0f} MB"
        + (f"; a free tier of 500 MB is full in about {full:%Y}" if full else "")
    )
    for user in found["users"]:
        newest = user["newest_day"] or "none yet"
        typer.echo(f"user {user['name']}: newest day {newest}; {user['credentials']}")


def _status(connection: psycopg.Connection, database: Database) -> dict[str, Any]:
    """All of it, as `--json` prints it."""
    days: dict[Any, tuple[Any, Any]] = {}
    if has_relation(connection, "healthhub.daily_overview"):
        days = {user: (first, last) for user, first, last in connection.execute(_DAYS)}
    names = {user.user_id: user.alias for user in all_users(connection)}
    first_days = [first for first, _ in days.values()]
    how = credentials(connection, variables(project_folder()))
    with connection.cursor(row_factory=dict_row) as cursor:
        last_run = cursor.execute(_LATEST, (1,)).fetchone()
        size = cursor.execute(_SIZE).fetchone() or {}
    return {
        "last_run": last_run,
        "users": [
            {
                "name": names.get(user_id, str(user_id)),
                "user_id": user_id,
                "newest_day": days.get(user_id, (None, None))[1],
                "credentials": how.get(user_id, "not added with `healthhub users`"),
            }
            for user_id in names | dict.fromkeys(days)
        ],
        **size,
        "free_tier_full_on": None
        if database.is_local
        else full_on(size["database_bytes"], first_days),
    }


def full_on(size: int, first_days: Sequence[date]) -> date | None:
    """When a free tier is full, if each day takes what the days until now took.

    Args:
        size: Of the database now, in bytes.
        first_days: Of each user.
    """
    if not first_days or size <= _EMPTY:
        return None
    today = datetime.now(UTC).date()
    past = (today - min(first_days)).days or 1
    left = max(0, _FREE_TIER - size) * past / (size - _EMPTY)
    return today + timedelta(days=min(left, 1_000 * 365))


def runs(
    run_id: Annotated[
        int | None, typer.Argument(help="Number of a run, to see all of it.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to list.")] = 20,
    *,
    as_json: AsJson = False,
) -> None:
    """List what ran, or show one run.

    The newest is the first; one run is shown stream by stream.
    """
    with (
        migrated_database() as lease,
        lease.database.connect() as connection,
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        query, value = (_ONE, run_id) if run_id is not None else (_LATEST, limit)
        found = cursor.execute(query, (value,)).fetchall()
    if run_id is not None and not found:
        raise HealthHubError(f"There is no run {run_id}. See `healthhub runs`.")
    if as_json:
        show_json(found if run_id is None else found[0])
    elif run_id is None:
        _list(found)
    else:
        _show(found[0])


def logs(
    run_id: Annotated[
        int | None, typer.Argument(help="Number of a run, by default the last one.")
    ] = None,
) -> None:
    """Show the log of a run."""
    folder = project_settings().healthhub_home / "logs"
    found = sorted(folder.glob(f"*-run-{run_id or '*'}.jsonl"))
    if not found:
        which = "any run" if run_id is None else f"run {run_id}"
        raise HealthHubError(
            f"{folder} has no log of {which}: it was on another machine, or is too "
            "old. See `healthhub runs`."
        )
    typer.echo(f"{found[-1]}:")
    for line in found[-1].read_text().splitlines():
        record = parse(line)
        time = str(record.details.get("timestamp", ""))[:19]
        typer.echo(printable(f"{time} {record.source}: {record.message}"))


def _list(found: list[dict[str, Any]]) -> None:
    if not found:
        typer.echo("Nothing has run yet. Begin with `healthhub run`.")
        return
    rows = []
    for run in found:
        began = f"{run['started_at']:%Y-%m-%d %H:%M}"
        facts = (str(run["run_id"]), began, _duration(run), _days(run), run["status"])
        rows.append((*facts, *_totals(run["record_counts"])))
    print_table(("run", "started (UTC)", "took", "days", "status", *_COUNTS), rows)


def _show(run: Mapping[str, Any]) -> None:
    """Print all of one run."""
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
    if counts := run["record_counts"]:
        print_table(
            ("stream", *_COUNTS),
            [(name, *_totals({name: each})) for name, each in sorted(counts.items())],
        )


def _totals(record_counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    return [
        f"{sum(counts.get(count, 0) or 0 for counts in record_counts.values()):,}"
        for count in _COUNTS
    ]


def _duration(run: Mapping[str, Any]) -> str:
    """How long it took, if it has ended."""
    if run["finished_at"] is None:
        return ""
    minutes, seconds = divmod(
        round((run["finished_at"] - run["started_at"]).total_seconds()), 60
    )
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def _days(run: Mapping[str, Any]) -> str:
    if run["full_refresh"]:
        return "all"
    if not (run["start_date"] or run["end_date"]):
        return "new ones"
    return f"{run['start_date'] or ''}..{run['end_date'] or ''}"
