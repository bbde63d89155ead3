"""Dumps that another machine restores: one compressed SQL file of the whole project.

Not in it are owners and grants, which belong to the server, and the policies of
row-level security, which name its roles: restoring applies them anew.
"""

from __future__ import annotations

import gzip
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import IO, TYPE_CHECKING

import psycopg
from psycopg import sql

from healthhub.citus import distribute, has_citus
from healthhub.client_programs import client_program
from healthhub.erasure import OUR_SCHEMAS
from healthhub.errors import HealthHubError
from healthhub.job_runs import the_only_run
from healthhub.masking import without_values
from healthhub.migrations import apply_access, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from healthhub.embedded import Lease

_DUMP = (
    "--no-owner",
    "--no-privileges",
    "--no-policies",
    "--schema=healthhub",
    "--schema=healthhub_*",
    "--schema=raw_oura",
    "--schema=meltano",
)
# Settings that pg_dump writes and an older server does not know.
_UNKNOWN_BEFORE_17 = b"SET transaction_timeout = 0;\n"

_END_OF_ROWS = b"\\.\n"

_OURS = f"select nspname from pg_namespace where {OUR_SCHEMAS} order by nspname"  # noqa: S608 (a constant)
_GUARD = """
do $$
begin
    if to_regprocedure('healthhub.apply_access()') is not null then
        perform healthhub.apply_access();
    end if;
end
$$
"""
_LOADED = """
select exists (
    select from pg_tables
    where schemaname in ('healthhub', 'raw_oura')
        and tablename not in ('alembic_version', 'job_runs', 'users')
)
"""


def backup(lease: Lease, path: Path) -> None:
    """Write a dump. A file that exists is replaced only when the new one is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name}-", delete=False
    ) as file:  # created with mode 0600
        new = Path(file.name)
        try:
            with (
                gzip.open(file, "wb") as dump,
                _dumped(lease) as written,
            ):
                shutil.copyfileobj(written, dump)
        except BaseException:
            new.unlink()
            raise
    new.replace(path)


def restore(lease: Lease, path: Path, *, replace: bool = False) -> None:
    """Read a dump back, all of it or nothing. `replace` deletes what is there first.

    psql would also run commands of this machine that a dump names, so this is done
    without it.
    """
    database = lease.database
    _check_dump(path)
    migrate(database)
    with the_only_run(database), database.connect() as connection:
        if not replace and connection.execute(_LOADED).fetchone() == (True,):
            raise HealthHubError(
                f"The database at {database.address} has data already. Restore into "
                "an empty one, or add --replace to give up what is there."
            )
        schemas = [name for (name,) in connection.execute(_OURS)]
        try:
            # The lock of runs is a lock on no schema, so these can go meanwhile.
            for name in schemas:
                connection.execute(
                    sql.SQL("drop schema {} cascade").format(sql.Identifier(name))
                )
            with gzip.open(path) as dump:
                _replay(dump, connection)
            # New tables are closed to others from the first moment.
            connection.execute(_GUARD)
        except psycopg.Error as error:
            reason = without_values(str(error)).splitlines()[0]
            raise HealthHubError(
                f"{path} cannot be restored: {reason}. Nothing was changed."
            ) from None
    migrate(database)
    with database.connect() as connection:
        if has_citus(connection):
            for _ in distribute(database):
                pass
        apply_access(connection)
        connection.execute("analyze")


def _replay(dump: Iterator[bytes], connection: psycopg.Connection) -> None:
    """Send what pg_dump wrote: statements, and the rows that follow a COPY."""
    statements = bytearray()
    for line in dump:
        if line.startswith(b"COPY ") and line.endswith(b" FROM stdin;\n"):
            connection.execute(bytes(statements))
            statements.clear()
            with connection.cursor() as cursor, cursor.copy(line) as rows:
                for row in takewhile(_END_OF_ROWS.__ne__, dump):
                    rows.write(row)
        # Commands of psql, which tell it to run no others.
        elif not line.startswith((b"\\restrict ", b"\\unrestrict ")):
            statements += line.removeprefix(_UNKNOWN_BEFORE_17)
    connection.execute(bytes(statements))


def _check_dump(path: Path) -> None:
    """Make sure that it can be read to its end before anything is dropped."""
    try:
        with gzip.open(path) as dump:
            whole = dump.readline().startswith(b"--")
            while dump.read(1 << 20):
                pass
    except (gzip.BadGzipFile, EOFError):
        whole = False
    if not whole:
        raise HealthHubError(f"{path} is no backup, or not a whole one. Take another.")


@contextmanager
def _dumped(lease: Lease) -> Iterator[IO[bytes]]:
    """Run pg_dump on the database to its end. Yields what it writes."""
    program, environment = client_program("pg_dump", lease.database)
    lease.database.connect().close()  # what is wrong is said before anything starts
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(  # noqa: S603 (PostgreSQL's program)
            [program, "--no-password", *_DUMP],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            pass_fds=lease.descriptors,
        ) as process,
    ):
        assert process.stdout is not None  # noqa: S101 (a pipe was asked for)
        try:
            yield process.stdout
        except BaseException:
            process.kill()
            raise
        if process.wait() != 0:
            errors.seek(0)
            raise HealthHubError(_what_it_said(errors.read()))


def _what_it_said(errors: str) -> str:
    """The first error, without what it quotes of rows."""
    lines = errors.strip().splitlines() or ["it does not say why"]
    first = next((line for line in lines if "error: " in line.lower()), lines[0])
    reason = first.rpartition("ERROR: ")[2].removeprefix("pg_dump: error: ")
    return f"pg_dump failed: {without_values(reason).strip()}. Nothing was changed."
