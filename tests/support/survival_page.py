"""docs/reliability.md, as `make survive` writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from survival import PROJECT

PAGE = PROJECT / "docs" / "reliability.md"

_TEXT = """\
# Reliability

Written by `make survive` (tests/survival); do not edit.

Each fault meets `healthhub run` on an empty database, with real processes, signals
and connections. Where the run has ended before its fault came, as it was faster than
usual, another begins from nothing, and meets it earlier. Unless the run has
succeeded, the fault ends and one more run has to; also after the two in which Oura
itself told what is not so, which `document_revisions` keeps. After that, every table
of `raw_oura` and `healthhub` has to hold what an undisturbed run has stored, row by
row (but for the times of storing; `sync_windows`, which is what each run has asked,
as `requested_days`), the ledger has to say how each run ended, a failure has to be
alerted, and no process may be left.

After each run, the tokens, the client secret, the token key, the alert address, the
database's password and the user's health are looked for in every file of the run, at
home and in the project (health may be in the database, the report and backups, and no
secret anywhere but the database's password in its file), in the screen, the logs of
Meltano and PostgreSQL, the alerts and every table; and ten times a second in the
command line and the environment of every process. In the end the user is erased,
after which its id, its tokens and its health have to be nowhere, but in the
database's own files until PostgreSQL has used their place again. If anything differs
or is found, a test fails, and this page is not written.

{total} faults were injected. `make survive SEED=f0-0` repeats one: the seed decides its
moment, or what it draws. `make test` meets one a day, another each day.

| fault | times | lost | seeds | exit code and last sentence of that run |
|---|---|---|---|---|
{rows}
"""


@dataclass(frozen=True)
class Record:
    """A fault that was injected.

    Attributes:
        fault: What was done.
        times: How often in that run.
        seed: Repeats it.
        ended: The exit code and the last sentence of the run that met it.
    """

    fault: str
    times: int
    seed: str
    ended: str


def write_page(records: list[Record]) -> None:
    """One line a kind of fault."""
    kinds: dict[str, list[Record]] = {}
    for record in records:
        kinds.setdefault(record.fault, []).append(record)
    rows = "\n".join(
        f"| {fault} | {sum(r.times for r in met)} | nothing | "
        f"{', '.join(sorted({r.seed for r in met}))} | "
        f"{'<br>'.join(sorted({r.ended for r in met}))} |"
        for fault, met in kinds.items()
    )
    total = sum(record.times for record in records)
    PAGE.write_text(_TEXT.format(total=total, rows=rows))


def how_it_ended(exit_code: int, said: str) -> str:
    """An exit code, and what a run ended with, without where it ran."""
    lines = said.rpartition("healthhub: ")[2].splitlines() if exit_code > 0 else []
    text = " ".join(lines) or "-"
    text = re.sub(r" ?The log of this run is \S+", "", text)
    text = re.sub(r"/\S*/", "…/", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "…", text)
    return f"{exit_code}: {text}".replace("|", "\\|")
