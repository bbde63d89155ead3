"""How long the tap alone takes for a backfill, by latency and concurrency.

    python bench/tap/backfill.py --years 10 --latency 0 --latency 200 --concurrency 8

Every row is one run of the real command against a sandbox of its own, with the output
thrown away. Memory is the peak of the tap's process.
"""

from __future__ import annotations

import json
import resource
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


def measure(url: str, years: int, concurrency: int) -> tuple[float, float, int]:
    """Wall and CPU seconds, and records, of one backfill."""
    start = datetime.now(UTC).date() - timedelta(days=365 * years)
    config = {
        "api_url": url,
        "access_token": "sandbox-token",
        "user_id": "0a0a0a0a-0000-4000-8000-000000000001",
        "start_date": str(start),
        "concurrency": concurrency,
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.json"
        file.write_text(json.dumps(config))
        log = Path(folder) / "log"
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.monotonic()
        with log.open("w") as stderr:
            tap = subprocess.Popen(  # noqa: S603 - our own command
                [TAP, "--config", file], stdout=subprocess.PIPE, stderr=stderr
            )
            assert tap.stdout  # noqa: S101
            records = sum(line.startswith(b'{"type":"RECORD"') for line in tap.stdout)
            if tap.wait():
                sys.exit(log.read_text())
        wall = time.monotonic() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, records


def main(
    years: int = 10,
    latency: Annotated[list[int] | None, typer.Option(help="Milliseconds.")] = None,
    concurrency: Annotated[list[int] | None, typer.Option()] = None,
) -> None:
    """Print one row of Markdown a run."""
    columns = ("latency ms", "concurrency", "wall s", "CPU s", "records", "peak MB")
    print(f"| {' | '.join(columns)} |")
    print("|---" * len(columns) + "|")
    for milliseconds in latency or [0, 50, 200]:
        with running(years=years, latency_ms=milliseconds) as sandbox:
            for threads in concurrency or [8, 1]:
                wall, cpu, records = measure(sandbox.url, years, threads)
                # The largest child so far: the tap, as the sandbox still runs.
                peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
                row = (
                    milliseconds,
                    threads,
                    f"{wall:.1f}",
                    f"{cpu:.1f}",
                    f"{records:,}",
                    f"{peak:.0f}",
                )
                print(f"| {' | '.join(map(str, row))} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
