"""Run dbt commands from standard input, one JSON list of arguments a line.

It runs in dbt's own environment and stays up, and parses the project once, for both
take longer than building it; `parse` parses what has changed of it since. The first
line has the arguments that all have in common. Each answer is one JSON line.

As in build.py, nothing looks for garbage while a command runs.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
from typing import Any

from dbt.cli.main import dbtRunner  # type: ignore[import-not-found]  # not in .venv


def main() -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    messages: list[str] = []

    def remember(event: Any) -> None:  # noqa: ANN401 (a class of dbt)
        if event.info.level != "debug":
            messages.append(event.info.msg)

    common = json.loads(sys.stdin.readline())
    gc.disable()
    with contextlib.redirect_stdout(sys.stderr):
        parsed = dbtRunner().invoke(["parse", *common])
    if not parsed.success:
        sys.exit(str(parsed.exception))
    runner = dbtRunner(manifest=parsed.result, callbacks=[remember])
    gc.freeze()  # the project, which stays
    for line in sys.stdin:
        gc.collect()
        messages.clear()
        arguments = json.loads(line)
        if arguments[0] == "parse":
            runner.manifest = None
        with contextlib.redirect_stdout(sys.stderr):
            done = runner.invoke([*arguments, *common])
        if arguments[0] == "parse":
            runner.manifest = done.result
        results = getattr(done.result, "results", None) or []
        answer = {
            "success": done.success,
            "statuses": {r.node.name: str(r.status) for r in results if r.node},
            "messages": messages,
        }
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
