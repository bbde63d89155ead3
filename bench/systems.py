"""Who takes part: how each is started, and where it has put the values."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg import sql

from api import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    import psycopg

    from postgres import Database

RIVALS = Path(__file__).parent / "rivals"
SAMPLES = "heartrate"

OURS = "ours"
OURS_WITH_DBT = "ours + dbt"
DLT = "dlt, REST source, merge"
DLT_CSV = "dlt, csv, tuned"
DLT_ARROW = "dlt, Arrow by hand"
AIRBYTE = "Airbyte, reading only"
BOUND = "practical bound"
BEFORE = "before"
"""What another checkout has, with `--against`."""


class Task(NamedTuple):
    """What is to be loaded from where to where."""

    api: str
    database: Database
    route: str
    start: date
    end: date
    folder: Path
    """For what a system keeps from run to run."""


class Values(NamedTuple):
    """What a system has loaded: the same number and sum have the same content."""

    rows: int
    checksum: str


@dataclass(frozen=True)
class System:
    """One way to load.

    Attributes:
        name: As the results call it.
        command: What is run.
        cwd: Where.
        variables: What it finds in its environment.
        queries: Selects what it has loaded, once for each place where that is.
        project: Ours: the checkout whose migrations the database needs.
        only_reads: Whether its output is all there is.
    """

    name: str
    command: tuple[str | Path, ...]
    cwd: Path
    variables: Callable[[Task], dict[str, str]]
    queries: Callable[[Task, psycopg.Connection[Any]], Iterator[str]]
    project: Path | None = None
    only_reads: bool = False


def ours(project: Path, name: str, *commands: str) -> System:
    """The literal `meltano run tap-oura target-postgres`, and what else follows."""
    return System(
        name=name,
        command=(
            project / ".venv/bin/meltano",
            *("run", "tap-oura", "target-postgres", *commands),
        ),
        cwd=project,
        variables=_ours_variables,
        queries=_ours_with_dbt if commands else _ours,
        project=project,
    )


def rival(name: str, script: str, *arguments: str, only_reads: bool = False) -> System:
    """A script of `rivals/`, in this environment."""
    return System(
        name=name,
        command=(sys.executable, RIVALS / script, *arguments),
        cwd=RIVALS,
        variables=_rivals_variables,
        queries=_rivals_dlt if script == "dlt_rest.py" else _rivals,
        only_reads=only_reads,
    )


def all_systems(project: Path, before: Path | None) -> dict[str, System]:
    """All of them, by name."""
    systems = [
        ours(project, OURS),
        ours(project, OURS_WITH_DBT, "dbt"),
        rival(DLT, "dlt_rest.py"),
        rival(DLT_CSV, "dlt_rest.py", "csv"),
        rival(DLT_ARROW, "dlt_arrow.py"),
        rival(AIRBYTE, "airbyte.py", only_reads=True),
        rival(BOUND, "bound.py"),
    ]
    if before:
        systems.append(ours(before, BEFORE))
    return {system.name: system for system in systems}


def values(
    system: System, task: Task, connection: psycopg.Connection[Any]
) -> list[Values]:
    """What it has loaded, for each place where that is."""
    return [
        Values(*connection.execute(_checksum(query)).fetchone())  # type: ignore[misc]
        for query in system.queries(task, connection)
    ]


def keep_messages(
    task: Task, output: Path, connection: psycopg.Connection[Any]
) -> None:
    """Put what Airbyte has written where a query can compare it."""
    columns = "timestamp timestamptz, bpm int, source text"
    if task.route != SAMPLES:
        columns = "id text, day date, document jsonb"
    connection.execute(
        f"create schema rival; create table rival.{task.route} ({columns})".encode()
    )
    copy_in = f"copy rival.{task.route} from stdin"
    with (
        connection.cursor() as cursor,
        cursor.copy(copy_in.encode()) as copy,
        output.open("rb") as messages,
    ):
        for line in messages:
            if not line.startswith(b'{"type":"RECORD"'):
                continue
            record = json.loads(line)["record"]["data"]
            if task.route == SAMPLES:
                copy.write_row((record["timestamp"], record["bpm"], record["source"]))
            else:
                copy.write_row((record["id"], record["day"], json.dumps(record)))


def _ours_variables(task: Task) -> dict[str, str]:
    return {
        **task.database.variables,
        "OURA_PAT": TOKEN,
        "TAP_OURA_API_URL": task.api,
        "TAP_OURA_START_DATE": str(task.start),
        "TAP_OURA_END_DATE": str(task.end),
        "TAP_OURA__SELECT": json.dumps([f"{task.route}.*", "sync_windows.*"]),
    }


def _rivals_variables(task: Task) -> dict[str, str]:
    given = {
        **task._asdict(),
        "token": TOKEN,
        "database": task.database.url,
        "start": str(task.start),
        "end": str(task.end),
        "folder": str(task.folder),
    }
    return {"BENCH_TASK": json.dumps(given)}


def _ours(task: Task, connection: psycopg.Connection[Any]) -> Iterator[str]:
    if task.route != SAMPLES:
        yield _documents(
            "raw_oura.sleep", "id, day, total_sleep_duration, heart_rate", task
        )
    elif "samples" in columns(connection, "raw_oura", SAMPLES):
        yield """
            select sample.timestamp::timestamptz, sample.bpm::int, sample.source
            from raw_oura.heartrate as held
            cross join rows from (
                jsonb_array_elements_text(held.samples -> 'timestamp'),
                jsonb_array_elements_text(held.samples -> 'bpm'),
                jsonb_array_elements_text(held.samples -> 'source')
            ) as sample (timestamp, bpm, source)
        """
    else:
        yield "select timestamp::timestamptz, bpm, source from raw_oura.heartrate"


def _ours_with_dbt(task: Task, connection: psycopg.Connection[Any]) -> Iterator[str]:
    yield from _ours(task, connection)
    if task.route == SAMPLES:
        yield "select timestamp, bpm, source from healthhub.heart_rate"


def _rivals(task: Task, _: psycopg.Connection[Any]) -> Iterator[str]:
    if task.route == SAMPLES:
        yield "select distinct timestamp, bpm, source from rival.heartrate"
        return
    yield _documents(
        "rival.sleep",
        """
            distinct on (id)
            id, day,
            document::jsonb ->> 'total_sleep_duration' as total_sleep_duration,
            document::jsonb -> 'heart_rate' as heart_rate
        """,
        task,
    )


def _rivals_dlt(task: Task, _: psycopg.Connection[Any]) -> Iterator[str]:
    if task.route == SAMPLES:
        yield "select timestamp, bpm, source from rival.heartrate"
        return
    yield f"""
        select night.id, night.day::text, night.total_sleep_duration::int,
            count(beat.value), trim_scale(coalesce(sum(beat.value), 0)::numeric)
        from rival.sleep as night
        left join rival.sleep__heart_rate__items as beat
            on beat._dlt_parent_id = night._dlt_id
        where night.day::text between '{task.start}' and '{task.end}'
        group by night.id, night.day, night.total_sleep_duration
    """


def _documents(table: str, selected: str, task: Task) -> str:
    """Of each night the length, and how many heart beats were measured, and which."""
    return f"""
        select night.id, night.day::text, night.total_sleep_duration::int,
            count(beat.value), trim_scale(coalesce(sum(beat.value::numeric), 0))
        from (select {selected} from {table}) as night
        left join lateral jsonb_array_elements_text(
            case
                when jsonb_typeof(night.heart_rate::jsonb) = 'object'
                then night.heart_rate::jsonb -> 'items'
            end
        ) as beat on true
        where night.day::text between '{task.start}' and '{task.end}'
        group by night.id, night.day, night.total_sleep_duration
    """


def _checksum(query: str) -> sql.Composed:
    """How many rows there are, and a sum that does not depend on their order."""
    return sql.SQL("""
        select count(*), coalesce(sum(hashtextextended(row::text, 0)::numeric), 0)::text
        from ({}) as row
    """).format(sql.SQL(query))


def columns(connection: psycopg.Connection[Any], schema: str, table: str) -> set[str]:
    """The columns of a table or view."""
    rows = connection.execute(
        "select column_name from information_schema.columns"
        " where table_schema = %s and table_name = %s",
        (schema, table),
    )
    return {name for (name,) in rows}
