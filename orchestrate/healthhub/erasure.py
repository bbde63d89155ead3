"""Deleting everything of a user, and proving it.

No list of tables can be trusted to stay complete. So every table of this project is
looked through: what has a `user_id` is deleted by it, what mentions it elsewhere is
rewritten, and in the end no row of any table may mention the user any more.
"""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from platformdirs import user_log_path
from psycopg import sql

from healthhub.errors import HealthHubError
from healthhub.job_runs import the_only_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import psycopg

    from healthhub.database import Database

#: The schemas of this project, as a condition on `nspname`.
OUR_SCHEMAS = (
    "(nspname in ('healthhub', 'raw_oura', 'meltano') or nspname like 'healthhub\\_%')"
)
_TABLES = f"""
select
    nspname,
    relname,
    exists (
        select from pg_attribute
        where attrelid = pg_class.oid and attname = 'user_id' and not attisdropped
    )
from pg_class
inner join pg_namespace on pg_namespace.oid = relnamespace
where relkind in ('r', 'p') and {OUR_SCHEMAS}
order by nspname, relname
"""  # noqa: S608 (a constant)
_FORGET_IN_LEDGER = """
update healthhub.job_runs
set
    error_summary = replace(
        replace(error_summary, %(name)s, 'a user who was erased'),
        %(id)s, 'a user who was erased'
    ),
    alerts = array(
        select alert from unnest(alerts) as alert where alert not like %(like)s
    )
where error_summary like %(like)s or array_to_string(alerts, ' ') like %(like)s
"""


class _Table(NamedTuple):
    """A table, and whether its rows belong to a user."""

    schema: str
    name: str
    has_owner: bool

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


def erase_user(
    database: Database,
    user_id: str,
    home: Path,
    *,
    name: str,
    log_out: Callable[[], str],
) -> Iterator[str]:
    """Give the login back, then delete everything of a user in one transaction.

    Args:
        database: With everything in it.
        user_id: The user.
        home: Folder with the logs and reports, of which those that name the user go.
        name: How messages name the user.
        log_out: Gives the login back to Oura, and says how that went.

    Yields:
        What was deleted, a line a table; in the end, that nothing is left here, and
        what has to be deleted elsewhere.

    Raises:
        HealthHubError: A run is under way, or something would be left: then nothing
            was deleted but the login.
    """
    with the_only_run(database), database.connect() as connection:
        yield f"login: {log_out()}"
        tables = [_Table(*row) for row in connection.execute(_TABLES)]
        for table in tables:
            if table.has_owner and (rows := _delete(connection, table, user_id)):
                yield f"{table.schema}.{table.name}: {rows:,} rows deleted"
        _forget_bookmarks(connection, tables, user_id)
        connection.execute(
            _FORGET_IN_LEDGER,
            {"id": user_id, "name": name, "like": f"%{user_id}%"},
        )
        for table in tables:
            if left := _mentions(connection, table, user_id):
                raise HealthHubError(
                    f"{table.schema}.{table.name} has {left} rows that name {user_id} "
                    "and no `user_id`. Nothing was deleted but the login: remove "
                    "those first."
                )
        connection.commit()
    yield f"logs and reports: {_forget_files(home, user_id)} deleted"
    yield f"Looked through {len(tables)} tables: no row names {user_id} any more."
    yield "What is elsewhere has to be deleted there:"
    for backup in sorted((home / "backups").glob("*")):
        yield f"- the backup {backup}"
    yield (
        "- other backups, reports and exports with their keys, the artifacts of "
        "GitHub's runs (logs for 14 days, backups for 90), and the backups of the "
        "database's host"
    )


def _forget_files(home: Path, user_id: str) -> int:
    """Delete the logs and reports that name a user. Returns how many did.

    A log that a program still writes loses only the lines that name the user. The
    report of a single user has no id in it, so it goes, too; the next run writes it
    anew.
    """
    candidates = chain(
        home.glob("logs/*"),
        home.glob("report*.html"),
        home.glob("report*-users/*.html"),
        home.glob("report*-accounts/*.html"),  # before 0.1.0
        # Where Meltano has its logs by itself, and had them before 0.1.0.
        user_log_path("meltano").glob("elt/**/*.log"),
    )
    found = [
        file
        for file in candidates
        if file.is_file()
        and (
            file.match("report*.html") or user_id in file.name or _names(file, user_id)
        )
    ]
    for file in found:
        if file.match("postgres.log"):
            with file.open("r+", errors="replace") as log:
                kept = [line for line in log if user_id not in line]
                log.seek(0)
                log.truncate()
                log.writelines(kept)
        else:
            file.unlink()
    return len(found)


def _delete(connection: psycopg.Connection, table: _Table, user_id: str) -> int:
    """The user's rows; the column is a uuid in some tables and text in others."""
    query = sql.SQL("delete from {} where user_id::text = %s")
    return connection.execute(query.format(table.identifier), (user_id,)).rowcount


def _forget_bookmarks(
    connection: psycopg.Connection, tables: list[_Table], user_id: str
) -> None:
    """Take the user's out of what Meltano keeps, which is JSON in text columns."""
    columns = {"state": ("partial_state", "completed_state"), "runs": ("payload",)}
    of_meltano = [table for table in tables if table.schema == "meltano"]
    for table in of_meltano:
        for column in columns.get(table.name, ()):
            names = (sql.Identifier(column), table.identifier)
            query = sql.SQL("select ctid, {0} from {1} where {0} like %s")
            update = sql.SQL("update {1} set {0} = %s where ctid = %s").format(*names)
            found = connection.execute(query.format(*names), (f"%{user_id}%",))
            for row, text in found.fetchall():
                kept = json.dumps(_without(json.loads(text), user_id))
                connection.execute(update, (kept, row))


def _without(value: Any, user_id: str) -> Any:  # noqa: ANN401 (JSON)
    """JSON without the elements of lists that name a user."""
    if isinstance(value, dict):
        return {key: _without(each, user_id) for key, each in value.items()}
    if isinstance(value, list):
        return [
            _without(each, user_id) for each in value if user_id not in json.dumps(each)
        ]
    return value


def _mentions(connection: psycopg.Connection, table: _Table, user_id: str) -> int:
    query = sql.SQL("select from {} as candidate where candidate::text like %s")
    found = connection.execute(query.format(table.identifier), (f"%{user_id}%",))
    return found.rowcount


def _names(log: Path, user_id: str) -> bool:
    with log.open(errors="replace") as lines:
        return any(user_id in line for line in lines)
