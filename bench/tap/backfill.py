"""How long the tap alone takes for a backfill, by latency and concurrency.

    python bench/tap/backfill.py --years 10 --latency 0 --latency 200 --concurrency 8
    python bench/tap/backfill.py --years 2.2 --latency 0 --stream heartrate

Every row is one run of the real command against a sandbox of its own, with the output
thrown away. CPU and memory are those of the tap.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from oura_sandbox.server import running

TAP = Path(sys.executable).with_name("tap-oura")


def catalogue(stream: str | None) -> dict[str, object]:
    """The tap's own, with everything selected or that stream alone."""
    done = subprocess.run(  # noqa: S603 - our own command
        [TAP, "--discover"], capture_output=True, text=True, check=True
    )
    whole: dict[str, list[dict[str, object]]] = json.loads(done.stdout)
    streams = [s for s in whole["streams"] if stream in (None, s["tap_stream_id"])]
    return {"streams": streams}


def measure(
    url: str, years: float, concurrency: int, stream: str | None
) -> dict[str, str]:
    """The figures of one backfill, those of the tap's process alone."""
    start = datetime.now(UTC).date() - timedelta(days=round(365 * years))
    config = {
        "api_url": url,
        "access_token": "sandbox-token",
        "user_id": "0a0a0a0a-0000-4000-8000-000000000001",
        "start_date": str(start),
        "concurrency": concurrency,
    }
    with tempfile.TemporaryDirectory() as folder:
        file, log = Path(folder) / "config.json", Path(folder) / "log"
        catalog = Path(folder) / "catalog.json"
        file.write_text(json.dumps(config))
        catalog.write_text(json.dumps(catalogue(stream)))
        started = time.monotonic()
        with log.open("w") as stderr:
            tap = subprocess.Popen(  # noqa: S603 - our own command
                [TAP, "--config", file, "--catalog", catalog],
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
            assert tap.stdout  # noqa: S101
            records = sum(line.startswith(b'{"type":"RECORD"') for line in tap.stdout)
            _, status, usage = os.wait4(tap.pid, 0)
        wall = time.monotonic() - started
        if status:
            sys.exit(log.read_text())
    return {
        "wall s": f"{wall:.1f}",
        "CPU s": f"{usage.ru_utime + usage.ru_stime:.1f}",
        "records": f"{records:,}",
        "peak MB": f"{usage.ru_maxrss / 1024:.0f}",
    }


def main(
    years: float = 10,
    latency: Annotated[list[int] | None, typer.Option(help="Milliseconds.")] = None,
    concurrency: Annotated[list[int] | None, typer.Option()] = None,
    stream: Annotated[str | None, typer.Option(help="All without it.")] = None,
) -> None:
    """Print one row of Markdown a run."""
    columns = ("years", "latency ms", "concurrency")
    figures = ("wall s", "CPU s", "records", "peak MB")
    print(f"| {' | '.join(columns + figures)} |")
    print("|---" * len(columns + figures) + "|")
    for milliseconds in latency or [0, 50, 200]:
        with running(years=math.ceil(years), latency_ms=milliseconds) as sandbox:
            for threads in concurrency or [8, 1]:
                figure = measure(sandbox.url, years, threads, stream)
                row = [
                    f"{years:g}",
                    milliseconds,
                    threads,
                    *(figure[f] for f in figures),
                ]
                print(f"| {' | '.join(map(str, row))} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
