"""dlt with a resource written by hand: Arrow tables, which it loads without a look.

Its table has no index of the key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dlt
import orjson
import pyarrow as pa

from reading import SAMPLES, Task

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES = 50
"""So many make a table."""


def table(task: Task, records: list[dict[str, object]]) -> pa.Table:
    """Columns of samples; of documents the key, the day and the whole."""
    if task.route == SAMPLES:
        stamps = pa.array([r["timestamp"] for r in records], pa.string())
        return pa.table(
            {
                "timestamp": stamps.cast(pa.timestamp("us", "UTC")),
                "bpm": pa.array([r["bpm"] for r in records], pa.int32()),
                "source": pa.array([r["source"] for r in records], pa.string()),
            }
        )
    return pa.table(
        {
            "id": [r["id"] for r in records],
            "day": [r["day"] for r in records],
            "document": [orjson.dumps(r).decode() for r in records],
        }
    )


def tables(task: Task) -> Iterator[pa.Table]:
    """All of it, in pieces."""
    waiting: list[dict[str, object]] = []
    for number, page in enumerate(task.pages(), start=1):
        waiting += page
        if number % PAGES == 0:
            yield table(task, waiting)
            waiting = []
    if waiting:
        yield table(task, waiting)


def main() -> None:
    """Load it."""
    task = Task.given()
    pipeline = dlt.pipeline(
        "rival",
        pipelines_dir=task.folder,
        destination=dlt.destinations.postgres(task.database),
        dataset_name="rival",
    )
    pipeline.run(
        tables(task),
        table_name=task.route,
        write_disposition="merge",
        primary_key=task.key,
        loader_file_format="csv",
    ).raise_on_failed_jobs()


if __name__ == "__main__":
    main()
