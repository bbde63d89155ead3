"""dlt as its documentation has it: the REST source, merged by key.

With `csv` as argument it loads CSV instead of SQL inserts, with as many workers and as
large buffers as served best here.
"""

from __future__ import annotations

import os
import sys

import dlt
from dlt.sources.rest_api import rest_api_source

from reading import Task

TUNED = {
    "EXTRACT__DATA_WRITER__BUFFER_MAX_ITEMS": "50000",
    "EXTRACT__DATA_WRITER__FILE_MAX_ITEMS": "100000",
    "NORMALIZE__DATA_WRITER__BUFFER_MAX_ITEMS": "50000",
    "NORMALIZE__WORKERS": "2",
    "NORMALIZE__START_METHOD": "fork",
    "LOAD__WORKERS": "4",
}


def source(task: Task) -> dlt.sources.DltSource:
    """One endpoint, asked once for each window."""
    windows = task.windows()
    return rest_api_source(
        {
            "client": {
                "base_url": f"{task.api}/v2/usercollection/",
                "auth": {"type": "bearer", "token": task.token},
                "paginator": {
                    "type": "cursor",
                    "cursor_path": "next_token",
                    "cursor_param": "next_token",
                },
            },
            "resources": [
                dlt.resource([windows], name="windows", selected=False),
                {
                    "name": task.route,
                    "primary_key": task.key,
                    "write_disposition": "merge",
                    "endpoint": {
                        "path": task.route,
                        "data_selector": "data",
                        "params": {
                            bound: f"{{resources.windows.{bound}}}"
                            for bound in windows[0]
                        },
                    },
                },
            ],
        }
    )


def main() -> None:
    """Load it."""
    task = Task.given()
    loader = sys.argv[1] if sys.argv[1:] else None
    if loader:
        os.environ.update(TUNED)
    pipeline = dlt.pipeline(
        "rival",
        pipelines_dir=task.folder,
        destination=dlt.destinations.postgres(task.database),
        dataset_name="rival",
    )
    pipeline.run(source(task), loader_file_format=loader).raise_on_failed_jobs()


if __name__ == "__main__":
    main()
