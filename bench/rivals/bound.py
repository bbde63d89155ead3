"""The practical bound: what a script could do that does only this.

requests, orjson, COPY and one INSERT ... ON CONFLICT into a table with a primary key;
no schema, no state, no checks, all of it in memory.
"""

from __future__ import annotations

import orjson
import psycopg

from reading import SAMPLES, Task

SAMPLE_TABLE = (
    "timestamp timestamptz, bpm integer, source text",
    "primary key (timestamp, source)",
    """
        on conflict (timestamp, source) do update set bpm = excluded.bpm
        where stored.bpm is distinct from excluded.bpm
    """,
)
DOCUMENT_TABLE = (
    "id text, day date, document jsonb",
    "primary key (id)",
    """
        on conflict (id) do update
        set day = excluded.day, document = excluded.document
        where stored.document is distinct from excluded.document
    """,
)


def lines(task: Task) -> list[str]:
    """Everything there is, once for each key, as COPY reads it."""
    records = [record for page in task.pages() for record in page]
    if task.route == SAMPLES:
        found = {
            (
                r["timestamp"],
                r["source"],
            ): f"{r['timestamp']}\t{r['bpm']}\t{r['source']}"
            for r in records
        }
    else:
        found = {r["id"]: f"{r['id']}\t{r['day']}\t{as_text(r)}" for r in records}
    return [*found.values(), ""]


def as_text(document: object) -> str:
    """JSON, its backslashes doubled."""
    return orjson.dumps(document).decode().replace("\\", "\\\\")


def main() -> None:
    """Load it."""
    task = Task.given()
    is_samples = task.route == SAMPLES
    columns, key, conflict = SAMPLE_TABLE if is_samples else DOCUMENT_TABLE
    with psycopg.connect(task.database) as connection:
        connection.execute("create schema if not exists rival")
        connection.execute(
            f"create table if not exists rival.{task.route} ({columns}, {key})"
        )
        connection.execute(f"create temporary table loaded ({columns}) on commit drop")
        with (
            connection.cursor() as cursor,
            cursor.copy("copy loaded from stdin") as copy,
        ):
            copy.write("\n".join(lines(task)))
        connection.execute(
            f"insert into rival.{task.route} as stored select * from loaded {conflict}"
        )


if __name__ == "__main__":
    main()
