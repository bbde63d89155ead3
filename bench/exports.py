"""Measure exports of the chosen database, such as ten years of one user.

    .venv/bin/oura-sandbox --years 10 --port 8650 &
    export HEALTHHUB_HOME=/tmp/ten-years TAP_OURA_API_URL=http://127.0.0.1:8650
    OURA_PAT=sandbox-token .venv/bin/healthhub run
    .venv/bin/python bench/exports.py

Figures of one machine and one session: CPU and memory are those of the command, without
PostgreSQL's. The second column of times is what a person waits.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HEALTHHUB = Path(sys.executable).with_name("healthhub")
SAMPLES = (
    "heart_rate",
    "ring_battery_levels",
    "sleep_stages",
    "sleep_movements",
    "sleep_samples",
    "activity_classes",
    "activity_samples",
    "session_samples",
)
KINDS = {
    "everything, Parquet": ("parquet",),
    "the same again": ("parquet",),
    "`--since last`, nothing new": ("parquet", "--since", "last"),
    "everything, CSV": ("csv", "--format", "csv"),
    "`--study --shift-dates`": ("study", "--study", "--shift-dates"),
    "heart rate as rows": ("rows", "--tables", "heart_rate"),
    "all samples as rows": (
        "all-rows",
        "--tables",
        ",".join(SAMPLES),
    ),
}


def main() -> None:
    """Print a table."""
    print("| export | CPU s | seconds | peak MB | files | MB |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, (place, *options) in KINDS.items():
            target = Path(folder) / place
            begin = time.monotonic()
            process = subprocess.Popen(  # noqa: S603 (the project's own command)
                [HEALTHHUB, "export", target, *options], stdout=subprocess.DEVNULL
            )
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                sys.exit(f"{name}: exit code {process.returncode}")
            seconds = time.monotonic() - begin
            files = [path for path in target.rglob("data.*") if path.is_file()]
            size = sum(path.stat().st_size for path in files) / 1e6
            cpu = used.ru_utime + used.ru_stime
            peak = used.ru_maxrss / 1e3
            print(
                f"| {name} | {cpu:.1f} | {seconds:.1f} | {peak:,.0f} "
                f"| {len(files)} | {size:,.1f} |"
            )


if __name__ == "__main__":
    main()
