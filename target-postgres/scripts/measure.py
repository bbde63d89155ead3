"""What a load writes and what memory it takes, by target-postgres and by ours.

    python target-postgres/scripts/measure.py

Both run as Meltano has installed them, on an embedded PostgreSQL of their own, with
the indexes that this project gives its raw tables. Nothing is timed.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from datetime import date, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from healthhub.embedded import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg

    from healthhub.database import Database

PROGRAMS = Path(__file__).parents[2] / ".meltano/loaders/target-postgres/venv/bin"
TARGETS = ("target-postgres", "target-postgres-on-conflict")
USER = "0a0a0a0a-0000-4000-8000-000000000001"
DAY = date(2020, 1, 1)

Record = dict[str, Any]


def nullable(kind: str, **more: object) -> Record:
    """A property as the tap declares it."""
    return {"type": [kind, "null"], **more}


def samples(count: int) -> Iterator[Record]:
    """Heart rate, a record each."""
    moment = datetime(2020, 1, 1)  # noqa: DTZ001
    for n in range(count):
        at = (moment + timedelta(seconds=68 * n)).isoformat() + "+00:00"
        yield {"timestamp": at, "bpm": 50 + n * 7 % 40, "source": "awake"}


def days(count: int) -> Iterator[Record]:
    """Heart rate, a record a day of 65 KB."""
    for n in range(count):
        dice = random.Random(n)  # noqa: S311
        day = str(DAY + timedelta(n))
        seconds = range(0, 1760 * 17, 17)
        values = {
            "timestamp": [
                f"{day}T{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}Z" for s in seconds
            ],
            "bpm": [dice.randrange(45, 120) for _ in seconds],
            "source": [dice.choice(["awake", "rest", "sleep"]) for _ in seconds],
        }
        yield {"timestamp": f"{day}T00:00:00+00:00", "bpm": 0, "samples": values}


def nights(count: int) -> Iterator[Record]:
    """Documents of 8 KB, in values of 0.1 to 4 KB."""
    for n in range(count):
        dice = random.Random(n)  # noqa: S311
        series = {"items": [float(dice.randrange(45, 90)) for _ in range(250)]}
        yield {
            "timestamp": f"{DAY + timedelta(n)}T23:00:00+00:00",
            "bpm": 0,
            "samples": {"heart_rate": series},
            "movement": "".join(dice.choices("1234", k=980)),
            "phases": "".join(dice.choices("1234", k=980)),
            "other": {"text": "".join(dice.choices("abcdef", k=4000))},
        }


SCHEMA: Record = {
    "user_id": {"type": "string", "format": "uuid"},
    "timestamp": {"type": "string", "format": "date-time"},
    "bpm": nullable("integer"),
    "source": nullable("string"),
    "samples": nullable("object"),
    "movement": nullable("string"),
    "phases": nullable("string"),
    "other": nullable("object"),
}
WORK: dict[str, tuple[Callable[[int], Iterator[Record]], int]] = {
    "200,000 samples": (samples, 200_000),
    "365 days of 65 KB": (days, 365),
    "2,920 days of 65 KB": (days, 2_920),
    "3,650 documents of 8 KB": (nights, 3_650),
}
INDEXES = """
    create index on bench.work using brin (_sdc_batched_at);
    create index on bench.work (_sdc_deleted_at) where _sdc_deleted_at is not null
"""


class Written(NamedTuple):
    """What is known of the table, and of the server's log."""

    inserted: int
    updated: int
    log: int
    size: int


def messages(records: Iterator[Record], changed: int) -> Iterator[str]:
    """What the tap writes; each `changed`-th record is another one than before."""
    stream = {"stream": "work"}
    key = ["user_id", "timestamp"]
    schema = {"properties": SCHEMA}
    yield json.dumps(
        {"type": "SCHEMA", **stream, "schema": schema, "key_properties": key}
    )
    for n, record in enumerate(records):
        if changed and n % changed == 0:
            record["bpm"] += 1
            if "samples" in record:
                record["samples"]["changed"] = True
        record["user_id"] = USER
        yield json.dumps({"type": "RECORD", **stream, "record": record})


def written(connection: psycopg.Connection[Any]) -> Written:
    """As of now."""
    row = connection.execute(
        "select coalesce(n_tup_ins, 0), coalesce(n_tup_upd, 0),"
        " pg_current_wal_lsn() - '0/0', coalesce(pg_total_relation_size(relid), 0)"
        " from (select) as now left join pg_stat_user_tables on schemaname = 'bench'"
    ).fetchone()
    return Written(*row or ())


def load(target: str, database: Database, lines: Iterator[str], folder: Path) -> float:
    """Run a target, which has to succeed; the most MB that it took."""
    config = folder / "config.json"
    parameters = database.parameters
    settings = {
        "host": parameters["host"],
        "port": int(parameters["port"]),
        "user": parameters["user"],
        "password": parameters["password"],
        "database": parameters["dbname"],
        "default_target_schema": "bench",
        "use_copy": True,
        "validate_records": False,
        "batch_size_rows": 50_000,
    }
    config.write_text(json.dumps(settings))
    # From a file, as a process is said to have taken what the one before it had.
    sent, said = folder / "messages", folder / "said"
    with sent.open("w") as file:
        file.writelines(f"{line}\n" for line in lines)
    with sent.open() as messages, said.open("w") as output:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            [PROGRAMS / target, "--config", config],
            stdin=messages,
            stdout=output,
            stderr=output,
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(said.read_text())
    return usage.ru_maxrss / 1000


def show(*cells: str) -> None:
    """Print a row."""
    sys.stdout.write(f"| {' | '.join(cells)} |\n")
    sys.stdout.flush()


def main() -> None:
    """Print the table."""
    figures = ("inserted", "updated", "WAL, MB", "table, MB", "peak memory, MB")
    show("work", "target", "load", *figures)
    show(*["---"] * 8)
    home = Path(tempfile.mkdtemp(prefix="bench-target-"))
    home.chmod(0o755)
    try:
        with (
            EmbeddedPostgres(home).using() as lease,
            lease.database.connect(autocommit=True) as connection,
        ):
            connection.execute("alter system set autovacuum = off")
            connection.execute("select pg_reload_conf()")
            for work, target in product(WORK, TARGETS):
                measure(work, target, lease.database, connection, home)
    finally:
        shutil.rmtree(home)


def measure(
    work: str,
    target: str,
    database: Database,
    connection: psycopg.Connection[Any],
    folder: Path,
) -> None:
    """Load three times and print a line each."""
    records, count = WORK[work]
    connection.execute("drop schema if exists bench cascade")
    for name, changed in (("first", 0), ("the same", 0), ("1 % changed", 100)):
        connection.execute("checkpoint")
        before = written(connection)
        peak = load(target, database, messages(records(count), changed), folder)
        after = written(connection)
        show(
            *(work, target, name),
            f"{after.inserted - before.inserted:,}",
            f"{after.updated - before.updated:,}",
            f"{float(after.log - before.log) / 1e6:.1f}",
            f"{after.size / 1e6:.1f}",
            f"{peak:.0f}",
        )
        if name == "first":
            connection.execute(INDEXES.encode())
        connection.execute("vacuum bench.work")


if __name__ == "__main__":
    main()
