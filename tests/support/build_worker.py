"""Run transform/scripts/build.py for each line of standard input.

It runs in dbt's own environment and parses the project once, as dbt_worker.py does.
A line is the environment that the command has more. Each answer is one JSON line: its
exit code, and what dbt was asked for, if it was.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path

import dbt.cli.main  # type: ignore[import-not-found]  # not in .venv
from dbt.cli.main import dbtRunner  # type: ignore[import-not-found]

sys.path.insert(0, str(Path(__file__).parents[2] / "transform/scripts"))
import build  # type: ignore[import-not-found]


def main() -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    common = json.loads(sys.stdin.readline())
    with contextlib.redirect_stdout(sys.stderr):
        parsed = dbtRunner().invoke(["parse", *common])
    asked: list[tuple[str, ...]] = []

    class Parsed:
        """dbt that knows the project, and how the tests call it."""

        def invoke(self, arguments: list[str]) -> object:
            asked.append(tuple(arguments))
            return dbtRunner(manifest=parsed.result).invoke([*arguments, *common])

    dbt.cli.main.dbtRunner = Parsed
    for line in sys.stdin:
        asked.clear()
        environment = json.loads(line)
        os.environ.update(environment)
        with contextlib.redirect_stdout(sys.stderr):
            code = build.main([])
        for name in environment:
            del os.environ[name]
        answers.write(json.dumps({"code": code, "dbt": asked}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
