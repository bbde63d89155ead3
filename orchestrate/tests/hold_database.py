"""A command that uses the embedded database until its stdin closes.

`hold_database.py HOME [ROWS]`: adds rows to the table `held`, says where the database
is, and waits.
"""

from __future__ import annotations

import sys
from pathlib import Path

from healthhub.embedded import EmbeddedPostgres
from healthhub.errors import HealthHubError


def main(home: str, rows: str = "0") -> None:
    with EmbeddedPostgres(Path(home)).using() as lease:
        with lease.database.connect() as connection:
            # Two commands may come here at once.
            connection.execute("select pg_advisory_xact_lock(1)")
            connection.execute("create table if not exists held (number bigint)")
            connection.execute(
                "insert into held select generate_series(1, %s::int)", (rows,)
            )
        sys.stdout.write(f"{lease.database.url}\n")
        sys.stdout.flush()
        sys.stdin.read()


try:
    main(*sys.argv[1:])
except HealthHubError as error:
    sys.exit(f"refused: {error}")
