"""Whatever happens to a run: one more, and everything is as if nothing had been."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from survival import ROUNDS
from survival_faults import FAULTS, TOLD_OTHERWISE
from survival_page import Record, how_it_ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from survival import Home, Tables
    from survival_search import Listener

# The one that is asked for, or all; else another fault each day, at another moment.
TODAY = datetime.now(UTC).date().toordinal()
ALL = [f"f{n}-{number}" for number in range(ROUNDS) for n in range(len(FAULTS))]
ONE = os.environ.get("SEED")
SEEDS = [ONE] if ONE else ALL or [f"f{TODAY % len(FAULTS)}-{TODAY}"]

REVISIONS = "healthhub.document_revisions"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_fault_loses_doubles_and_leaks_nothing(
    home: Home,
    undisturbed: Tables,
    alerts: Listener,
    record: Callable[[Record], None],
    seed: str,
) -> None:
    print(f"make survive SEED={seed} repeats it")  # noqa: T201
    name = list(FAULTS)[int(seed[1:].partition("-")[0])]
    # To be repeated, and no secret.
    met, times = FAULTS[name](home, random.Random(seed))  # noqa: S311
    if met.exit_code in {1, 3, 4}:
        assert alerts.told
    if met.exit_code >= 0:  # else nobody could clean up
        assert home.leaks() == set()
    if met.exit_code != 0 or name in TOLD_OTHERWISE:
        following = home.run()
        assert following.exit_code == 0, following.said
        assert home.leaks() == set()

    found = home.tables()
    assert found.keys() == undisturbed.keys()
    for table, rows in undisturbed.items():
        if table == REVISIONS and name in TOLD_OTHERWISE:
            continue  # what Oura has told before is kept there
        assert (table, found[table] - rows, rows - found[table]) == (table, {}, {})

    *before, last = home.ledger()
    assert last == ("success", None)
    for status, summary in before:
        assert status in {"success", "failed", "partial", "abandoned"}
        assert (summary is None) == (status == "success")
    assert home.processes() == {}
    assert home.known.within(b"".join(alerts.told)) == set()
    if ROUNDS:
        home.back_up()
        assert home.leaks() == set()
        assert home.erase() == set()
    record(Record(name, times, seed, how_it_ended(met.exit_code, met.said)))
