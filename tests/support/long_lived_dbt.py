"""dbt in a process that stays up."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
DBT_PYTHON = PROJECT / ".meltano/utilities/dbt-postgres/venv/bin/python"
WORKER = Path(__file__).with_name("dbt_worker.py")
MELTANO = yaml.safe_load((PROJECT / "meltano.yml").read_text())

#: Made of all tables: whoever builds them names those of which something was loaded.
OF_ALL = {"daily_overview", "requested_days", "set_aside_documents"}


class Dbt:
    """dbt on the project, against the server that the environment names."""

    def __init__(
        self,
        environment: dict[str, str],
        target: Path,
        worker: Path = WORKER,
        project: Path = PROJECT / "transform",
    ) -> None:
        """Start the process that runs it, with what Meltano sets for it."""
        (plugin,) = MELTANO["plugins"]["utilities"]
        if not DBT_PYTHON.exists():
            pytest.fail("dbt is not installed: run `make setup` first.")
        self.target = target
        self._process = subprocess.Popen(
            [DBT_PYTHON, worker],
            env={**os.environ, **plugin["env"], **environment, "DO_NOT_TRACK": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._write(
            [
                "--no-use-colors",
                *("--project-dir", str(project), "--profiles-dir", str(project)),
                *("--target-path", str(target), "--log-path", str(target)),
            ]
        )

    def __call__(self, *arguments: str) -> dict[str, Any]:
        """Run a command; its outcome is in the answer."""
        return self._ask(arguments)

    def build_if_new(self, **environment: str) -> tuple[int, list[list[str]]]:
        """Run build_if_new.py as the literal line does.

        Returns:
            Its exit code, and the commands that it has asked of dbt.
        """
        answer = self._ask(environment)
        return answer["code"], answer["dbt"]

    def _ask(self, question: object) -> dict[str, Any]:
        self._write(question)
        assert self._process.stdout
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def build(self, *models: str, full_refresh: bool = False) -> dict[str, Any]:
        """Build the models and the tables that they read, or everything.

        It has to succeed. The views between the tables are there in every database.
        """
        options = ["--exclude-resource-type", "unit_test"]
        if models:
            above = (model if model in OF_ALL else f"+{model}" for model in models)
            options += ["--select", *above]
            options += ["--exclude", "config.materialized:lasting_view"]
        if full_refresh:
            options.append("--full-refresh")
        return self.succeed("build", *options)

    def succeed(self, *arguments: str) -> dict[str, Any]:
        """Run a command that has to succeed."""
        answer = self(*arguments)
        assert answer["success"], "\n".join(answer["messages"])
        return answer

    def _write(self, question: object) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
