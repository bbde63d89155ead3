"""Measures healthHub beside what else one could write, as `make bench` does.

bench/.venv/bin/python bench/run.py heartrate-200k years -n 5 --against ../before
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

import lean
import results
import scale as of_scale
import works as other
from postgres import Server
from works import Bench

PROJECT = Path(__file__).resolve().parents[1]
WORKS = {**other.WORKS, **lean.WORKS, **of_scale.WORKS}
ALL = (*other.WORKS, lean.LEAN)
INSTALLED = (".venv", "bench/.venv", ".meltano/*/*/venv")


def compile_all(project: Path) -> None:
    """Compile every module beforehand, so that no run does."""
    for pattern in INSTALLED:
        for installed in project.glob(pattern):
            python = installed / "bin/python"
            sources = [str(f) for f in installed.glob("lib/python*/site-packages")]
            subprocess.run(  # noqa: S603 - our own
                [python, "-m", "compileall", "-q", "-j", "0", *sources],
                check=False,
                stdout=subprocess.DEVNULL,
            )


def check(project: Path) -> None:
    """Make sure that it can be measured, and touches nobody's data."""
    if (project / ".env").exists():
        sys.exit(
            f"{project} has an .env, whose database must not be measured. Move it."
        )
    if not (project / ".meltano/installed").exists():
        sys.exit(f"{project} is not set up: run `make setup` there.")


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(  # noqa: PLR0913 - a switch each
    works: Annotated[
        list[str] | None,
        typer.Argument(help=f"Of {', '.join(WORKS)}; all without any."),
    ] = None,
    *,
    n: Annotated[int, typer.Option("-n", min=1, help="Rounds.")] = 5,
    against: Annotated[
        Path | None, typer.Option(help="Another checkout, set up: measured, too.")
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option(help="Only this system; may be repeated.")
    ] = None,
    scale: Annotated[
        float, typer.Option(help="Share of the days, to try the bench itself.")
    ] = 1,
    years: Annotated[int, typer.Option(help="Of the work `years`.")] = 10,
    accounts: Annotated[int, typer.Option(help="Of the work `accounts`.")] = 200,
    people: Annotated[int, typer.Option(help="Of them really read.")] = 2,
    size: Annotated[
        list[int] | None,
        typer.Option(help="Only this one of the work `scale`; may be repeated."),
    ] = None,
    copied: Annotated[
        bool,
        typer.Option(
            "--copied",
            help="Of the work `scale`, measure only a day: what is before is copied.",
        ),
    ] = False,
    latency_ms: Annotated[int, typer.Option(help="Before each answer.")] = 0,
    page: Annotated[
        bool, typer.Option("--page", help="Measure nothing, write the page.")
    ] = False,
) -> None:
    """Measure, and write results.md."""
    if page:
        results.write_page()
        return
    wanted = works or ALL
    if unknown := set(wanted) - set(WORKS):
        sys.exit(f"There is no {', '.join(unknown)}; there are {', '.join(WORKS)}.")
    before = against.resolve() if against else None
    for project in filter(None, (PROJECT, before)):
        check(project)
        compile_all(project)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    folder = Path(tempfile.mkdtemp(prefix="healthhub-bench-"))
    folder.chmod(0o755)  # the server may run as a user of its own
    server = Server(PROJECT, folder / "server")
    try:
        options = {
            "n": n,
            "scale": scale,
            "latency in ms": latency_ms,
            "years": years,
            "accounts": accounts,
            "people": people,
        }
        about = results.about(PROJECT, server.version, options)
        about["before"] = results.commit(before) if before else ""
        recorder = results.Recorder(**about)
        bench = Bench(
            project=PROJECT,
            before=before,
            server=server,
            folder=folder,
            record=recorder,
            n=n,
            scale=scale,
            years=years,
            accounts=accounts,
            people=people,
            sizes=tuple(size or ()),
            copied=copied,
            by=tuple(by or ()),
            latency_ms=latency_ms,
        )
        for work in wanted:
            WORKS[work](bench, work)
            results.write_page()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    if recorder.differences:
        sys.exit("Not everybody has loaded the same; see bench/results.md.")


if __name__ == "__main__":
    app()
