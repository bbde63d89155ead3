"""`dbt build`, as far as there can be anything to do.

Without arguments, the database is asked first whether anything has changed since the
last build that ended well: what the tap has read, the users, the day, the project, or
what was built. If nothing has, there is nothing to build. If the project and what was
built are the same, views need no look. With arguments, it is `dbt build` with these.

It runs in dbt's own environment. When in doubt, it builds; a new day is always a doubt.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import psycopg2
from psycopg2.sql import SQL, Identifier, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from psycopg2.extensions import connection
    from psycopg2.sql import Composed

Answer = TypeVar("Answer")

PROJECT = Path(__file__).resolve().parents[1]

# As in macros/build_state.sql: a batch is stamped before it can be seen.
_OVERLAP = timedelta(hours=1)

_STATE = PROJECT / "scripts/state.sql"

# A document that was read again is stamped again. What counts is what it says, and
# whether a later window of its days was without it. Of windows it counts which days
# were answered, and which were not since.
_WINDOWS = """
with windows as materialized (
    select
        *,
        row_number() over (
            partition by user_id, stream order by synced_at desc
        ) as place
    from (
        select distinct on (user_id, stream, window_start, window_end) *
        from raw_oura.sync_windows
        where _sdc_batched_at > %(since)s
        order by user_id, stream, window_start, window_end, synced_at desc
    ) as latest
),

-- Of each user, so that no document looks at the windows of all of them.
answered as materialized (
    select
        user_id,
        stream,
        array_agg(window_start::text) as first_days,
        array_agg(window_end::text) as last_days,
        array_agg(synced_at) as moments
    from windows
    where outcome = 'ok'
    group by user_id, stream
),

answers as (
    select
        user_id,
        stream,
        range_agg(daterange(window_start, window_end, '[]'))::text as said
    from windows
    where outcome = 'ok'
    group by user_id, stream
    union all
    select
        user_id,
        stream,
        concat_ws(' ', window_start, window_end, outcome, detail, place)
    from windows
    where outcome != 'ok'
)

select
    'sync_windows',
    count(*),
    md5(string_agg(answers::text, ',' order by answers::text))
from answers
"""
_BUILT = """
select 'models', 0, md5(string_agg(models::text, ',' order by model))
from healthhub_staging.models
union all
select 'users', count(*), md5(string_agg(users::text, ',' order by user_id))
from healthhub_staging.users() as users
"""
# Of a table whose rows nobody counts, or other machines, those of Citus.
_UNCOUNTED = """
select {built}, 0, md5(concat_ws(' ', count(*), sum(xmin::text::bigint)))
from healthhub.{table}
"""
_DOCUMENTS = """
select
    {stream},
    count(*),
    md5(string_agg(content, ',' order by place, read_at, content))
from (
    select
        concat_ws(' ', document.user_id, {day}) as place,
        document._sdc_extracted_at as read_at,
        concat_ws(' ', hash_record_extended(row({columns}), 0), exists (
            select from unnest(
                answered.first_days, answered.last_days, answered.moments
            ) as later (first_day, last_day, moment)
            where
                later.moment > document._sdc_extracted_at
                and coalesce({day}::text, later.last_day)
                between later.first_day and later.last_day
        )) as content
    from raw_oura.{table} as document
    left join answered
        on document.user_id = answered.user_id and answered.stream = {stream}
    where document._sdc_batched_at > %(since)s
    limit {limit}
) as documents
"""
# Of more than this, of one stream, it is cheaper not to know.
_MOST_DOCUMENTS = 20_000

# Settings of dbt that say how it talks, and where it writes.
_OF_NO_EFFECT = ("_PATH", "_DIR", "LOG_FORMAT", "LOG_LEVEL", "COLORS")

_LAST = """
select project, made, moment, users, loaded, since from healthhub_staging.last_build
"""
_REMEMBER = """
insert into healthhub_staging.last_build (project, made, moment, users, loaded, since)
values (%s, %s, %s, %s, %s, %s)
on conflict (is_last) do update set
    project = excluded.project,
    made = excluded.made,
    moment = excluded.moment,
    users = excluded.users,
    loaded = excluded.loaded,
    since = excluded.since
"""


class State(NamedTuple):
    """What a build is made of, and what it has made."""

    project: str
    made: str
    moment: str
    users: str
    loaded: str
    since: datetime


def main(arguments: list[str]) -> int:
    """Build what has to be built, and return dbt's exit code."""
    project = None if arguments else _project()
    if project is None:
        return _dbt(*arguments)[0]
    last, now = _ask(_since_last, project) or (None, None)
    if last and now == last:
        print(  # noqa: T201
            "Nothing was loaded and nothing has changed since the tables were built: "
            "there is nothing to build."
        )
        return 0

    before = _ask(_now, project, datetime.now(UTC).replace(tzinfo=None) - _OVERLAP)
    is_made = before and last and before[:2] == last[:2]
    code, is_clean = _dbt(*(["--selector", "tables"] if is_made else []))
    after = _ask(_now, project, before.since) if is_clean and before else None
    # What was loaded meanwhile may have been seen, or not. The first build lists the
    # users itself.
    if before and after:
        users = before.users or after.users
        if after == before._replace(made=after.made, users=users):
            _ask(_remember, after)
    return code


def _ask(question: Callable[..., Answer], *arguments: object) -> Answer | None:
    """Ask the database, which may be empty or an older one, or away: then dbt says."""
    try:
        with closing(psycopg2.connect("")) as database:
            database.autocommit = True
            return question(database, *arguments)
    except psycopg2.Error:
        return None


def _since_last(
    database: connection, project: str
) -> tuple[State, State | None] | None:
    """The state after the last build, and now."""
    with database.cursor() as cursor:
        cursor.execute(_LAST)
        row = cursor.fetchone()
    last = State(*row) if row else None
    return (last, _now(database, project, last.since)) if last else None


def _now(database: connection, project: str, since: datetime) -> State | None:
    with database.cursor() as cursor:
        cursor.execute(_STATE.read_text())
        made, moment, is_built, uncounted, raw_tables = cursor.fetchone()
        if "sync_windows" not in (raw_tables or {}):
            return None
        parts = [SQL(_WINDOWS), *_documents(raw_tables)]
        if is_built:
            parts += [SQL(_BUILT), *_rows(uncounted)]
        cursor.execute(SQL(" union all ").join(parts), {"since": since})
        rows = {name: (count, digest) for name, count, digest in cursor.fetchall()}
    for name in ("models", *(f"healthhub.{table}" for table in sorted(uncounted))):
        made += str(rows.pop(name, ""))
    users = str(rows.pop("users", ""))
    if any(count > _MOST_DOCUMENTS for count, _ in rows.values()):
        return None
    loaded = sorted(row for row in rows.items() if row[1][0])
    digest = sha256(repr(loaded).encode()).hexdigest()
    return State(project, made, moment, users, digest, since)


def _rows(tables: list[str]) -> Iterator[Composed]:
    """What the rows of these tables are."""
    for table in tables:
        name = Literal(f"healthhub.{table}")
        yield SQL(_UNCOUNTED).format(built=name, table=Identifier(table))


def _documents(raw_tables: dict[str, list[str]]) -> Iterator[Composed]:
    """What was loaded of each stream."""
    for name, columns in sorted(raw_tables.items()):
        if name != "sync_windows":
            own = [each for each in columns if not each.startswith("_sdc_")]
            day = next((each for each in ("day", "start_day") if each in own), None)
            yield SQL(_DOCUMENTS).format(
                stream=Literal(name),
                table=Identifier(name),
                columns=SQL(", ").join(Identifier("document", each) for each in own),
                day=Identifier("document", day) if day else SQL("null"),
                limit=Literal(_MOST_DOCUMENTS + 1),
            )


def _remember(database: connection, state: State) -> None:
    with database.cursor() as cursor:
        cursor.execute(_REMEMBER, state)


def _project() -> str | None:
    """A digest of what dbt reads, unless it is told to read another project."""
    folders = ("DBT_PROJECT_DIR", "DBT_PROFILES_DIR")
    if any(
        Path(os.environ.get(name, PROJECT)).resolve() != PROJECT for name in folders
    ):
        return None
    return sha256(b"\0".join(_sources())).hexdigest()


def _sources() -> Iterator[bytes]:
    for file in sorted(PROJECT.rglob("*.*")):
        place = file.relative_to(PROJECT)
        if file.suffix in {".sql", ".yml", ".py"} and place.parts[0] != "target":
            yield bytes(place)
            yield file.read_bytes()
    for package in ("dbt-core", "dbt-adapters", "dbt-postgres"):
        yield metadata.version(package).encode()
    for name, value in sorted(os.environ.items()):
        if name.startswith("DBT_") and not name.endswith(_OF_NO_EFFECT):
            yield f"{name}={value}".encode()


def _dbt(*arguments: str) -> tuple[int, bool]:
    """Run `dbt build`; return its exit code, and whether all was well."""
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 (takes a second)

    done = dbtRunner().invoke(["build", *arguments])
    if done.success:
        return 0, all(
            each.status in {"success", "pass"} for each in done.result.results
        )
    return (2 if done.exception else 1), False


if __name__ == "__main__":
    # To look for what can be thrown away takes dbt a fifth of its time. Left alone, it
    # is 45 MB, however many users there are.
    gc.disable()
    atexit.register(gc.freeze)
    sys.exit(main(sys.argv[1:]))
