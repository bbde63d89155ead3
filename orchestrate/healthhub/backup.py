"""Dumps that another machine restores: one compressed SQL file of the whole project.

Not in it are owners and grants, which belong to the server, and the policies of
row-level security, which name its roles: restoring applies them anew.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from healthhub.access import apply_access
from healthhub.embedded.programs import packaged_programs
from healthhub.erasure import OUR_SCHEMAS
from healthhub.errors import HealthHubError
from healthhub.masking import without_values
from healthhub.migrations import migrate
from healthhub.run_lock import the_only_run
from healthhub.tls_bridge import without_tls

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
_RESTORE = (
    "--no-psqlrc",
    "--quiet",
    "--single-transaction",
    "--set=ON_ERROR_STOP=1",
)

# Settings that pg_dump writes and an older server does not know.
_UNKNOWN_BEFORE_17 = b"SET transaction_timeout = 0;\n"

_OURS = f"select nspname from pg_namespace where {OUR_SCHEMAS} order by nspname"  # noqa: S608 (a constant)
_LOADED = """
select exists (
    select from pg_tables
    where schemaname in ('healthhub', 'raw_oura')
        and tablename not in ('alembic_version', 'job_runs', 'users')
)
"""


def backup(lease: Lease, path: Path) -> None:
    """Write a dump; a file that is there already is replaced only by a whole one.

    Raises:
        HealthHubError: pg_dump failed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name}-", delete=False
    ) as file:  # created with mode 0600
        new = Path(file.name)
        try:
            with (
                gzip.open(file, "wb") as dump,
                _program(lease, "pg_dump", *_DUMP, stdout=subprocess.PIPE) as process,
            ):
                shutil.copyfileobj(_pipe(process.stdout), dump)
        except BaseException:
            new.unlink()
            raise
    new.replace(path)


def restore(lease: Lease, path: Path, *, replace: bool = False) -> None:
    """Read a dump back, all of it or nothing.

    Args:
        lease: The database.
        path: The dump.
        replace: Whether to give up what is in the database.

    Raises:
        HealthHubError: The database has data already, or the dump cannot be read.
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
        # The lock of runs is a lock on no schema, so these can go meanwhile.
        drop = "".join(f"drop schema if exists {name} cascade;\n" for name in schemas)
        with _program(lease, "psql", *_RESTORE, stdin=subprocess.PIPE) as process:
            _feed(_pipe(process.stdin), drop.encode(), path)
    migrate(database)
    with database.connect() as connection:
        apply_access(connection)
        connection.execute("analyze")


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


def _feed(pipe: IO[bytes], first: bytes, path: Path) -> None:
    """Write the dump into psql; if that ends early, it has said why."""
    try:
        with gzip.open(path) as dump, pipe:
            pipe.write(first)
            is_header = True
            for line in dump:
                if is_header and line == _UNKNOWN_BEFORE_17:
                    continue
                is_header = is_header and not line.startswith(b"COPY ")
                pipe.write(line)
    except BrokenPipeError:
        pass


@contextmanager
def _program(
    lease: Lease,
    name: str,
    *arguments: str,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run one of the wheel's programs on the database to its end.

    Raises:
        HealthHubError: It failed; with the first thing that it said.
    """
    with (
        without_tls(lease.database) as database,
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(  # noqa: S603 (programs of the wheel)
            [str(packaged_programs() / name), "--no-password", *arguments],
            env=os.environ | database.environment,
            stderr=errors,
            pass_fds=lease.descriptors,
            stdin=stdin,
            stdout=stdout,
        ) as process,
    ):
        try:
            yield process
        except BaseException:
            process.kill()
            raise
        if process.wait() != 0:
            errors.seek(0)
            raise HealthHubError(_what_it_said(name, errors.read()))


def _what_it_said(name: str, errors: str) -> str:
    """The first error, without what it quotes of rows."""
    lines = errors.strip().splitlines() or ["it does not say why"]
    first = next((line for line in lines if "error: " in line.lower()), lines[0])
    reason = first.rpartition("ERROR: ")[2].removeprefix(f"{name}: error: ")
    return f"{name} failed: {without_values(reason).strip()}. Nothing was changed."


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    """A pipe that was asked for."""
    assert pipe is not None  # noqa: S101 (it was)
    return pipe
