"""Run dbt commands from standard input, one JSON list of arguments a line.

It runs in dbt's own environment and stays up, and parses the project once, for both
take longer than building it; `parse` parses what has changed of it since. The first
line has the arguments that all have in common. Each answer is one JSON line.

An object in place of a list is for transform/scripts/build_if_new.py: what its
environment has more. The answer is its exit code, and what it asked of dbt, if it did.

As in build_if_new.py, nothing looks for garbage while a command runs.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import dbt.cli.main
from dbt.cli.main import dbtRunner

sys.path.insert(0, str(Path(__file__).parents[2] / "transform/scripts"))
import build_if_new


class Worker:
    """dbt that knows the project."""

    def __init__(self, common: list[str]) -> None:
        """Parse it, and write what it is; all commands have these arguments."""
        self._common = common
        self._messages: list[str] = []
        parsed = dbtRunner().invoke(["parse", "--write-json", *common])
        if not parsed.success:
            sys.exit(str(parsed.exception))
        self._runner = dbtRunner(manifest=parsed.result, callbacks=[self._remember])

    def _remember(self, event: Any) -> None:  # noqa: ANN401 (a class of dbt)
        if event.info.level != "debug":
            self._messages.append(event.info.msg)

    def invoke(self, arguments: list[str]) -> Any:  # noqa: ANN401 (a class of dbt)
        """Run a command, as a `dbtRunner` does."""
        self._messages.clear()
        return self._runner.invoke([*arguments, *self._common])

    def command(self, arguments: list[str]) -> dict[str, Any]:
        """Run a command, and say how it ended."""
        if arguments[0] == "parse":
            self._runner.manifest = None
        done = self.invoke(arguments)
        if arguments[0] == "parse":
            self._runner.manifest = done.result
        results = getattr(done.result, "results", None) or []
        return {
            "success": done.success,
            "statuses": {r.node.name: str(r.status) for r in results if r.node},
            "messages": self._messages,
        }

    def build(self, environment: dict[str, str]) -> dict[str, Any]:
        """Run build_if_new.py as in the literal line, which writes no files of it."""
        asked = []

        class Asked:
            @staticmethod
            def invoke(arguments: list[str]) -> object:
                asked.append(arguments)
                return self.invoke([*arguments, "--no-write-json"])

        with (
            patch.dict(os.environ, environment),
            patch.object(dbt.cli.main, "dbtRunner", Asked),
        ):
            return {"code": build_if_new.main([]), "dbt": asked}


def main() -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    gc.disable()
    with contextlib.redirect_stdout(sys.stderr):
        worker = Worker(json.loads(sys.stdin.readline()))
        gc.freeze()  # the project, which stays
        for line in sys.stdin:
            gc.collect()
            question = json.loads(line)
            answer = worker.command if isinstance(question, list) else worker.build
            answers.write(json.dumps(answer(question)) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
