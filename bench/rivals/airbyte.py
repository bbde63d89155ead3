"""Airbyte's connector framework, reading only: a manifest and its own command.

Its messages go to standard output, as to a destination.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from reading import Task


def catalog(route: str) -> dict[str, object]:
    """One stream, all of it."""
    stream = {
        "name": route,
        "json_schema": {},
        "supported_sync_modes": ["full_refresh"],
    }
    return {
        "streams": [
            {
                "stream": stream,
                "sync_mode": "full_refresh",
                "destination_sync_mode": "overwrite",
            }
        ]
    }


def main() -> None:
    """Write down what to read, and become Airbyte's command."""
    task = Task.given()
    folder = Path(task.folder)
    folder.mkdir(exist_ok=True)
    config = {
        "api": task.api,
        "token": task.token,
        "windows": ["/".join(window.values()) for window in task.windows()],
    }
    files = {"config": config, "catalog": catalog(task.route)}
    arguments = ["read"]
    for name, content in files.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(content))
        arguments += [f"--{name}", str(path)]
    arguments += ["--manifest-path", str(Path(__file__).with_suffix(".yaml"))]
    command = Path(sys.executable).with_name("source-declarative-manifest")
    os.execv(command, [str(command), *arguments])  # noqa: S606 - no shell is meant


if __name__ == "__main__":
    main()
