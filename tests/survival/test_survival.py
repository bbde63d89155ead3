"""Whatever happens to a run: one more, and everything is as if nothing had been."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from survival import ROUNDS
from survival_faults import FAULTS
from survival_page import Record, how_it_ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from survival import Home, Tables
    from survival_search import Listener

SEEDS = [f"f{n}-{number}" for number in range(ROUNDS) for n in range(len(FAULTS))]
# Another moment each day, of the part that writes.
TODAY = datetime.now(UTC).date().toordinal()
SHORT = [f"f{list(FAULTS).index('kill -9 of target')}-{TODAY}"]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", SEEDS or SHORT)
def test_a_fault_loses_doubles_and_leaks_nothing(
    home: Home,
    undisturbed: Tables,
    alerts: Listener,
    record: Callable[[Record], None],
    seed: str,
) -> None:
    name = list(FAULTS)[int(seed[1:].partition("-")[0])]
    # To be repeated, and no secret.
    met, times = FAULTS[name](home, random.Random(seed))  # noqa: S311
    if met.exit_code in {1, 3, 4}:
        assert alerts.told
    if met.exit_code >= 0:  # else nobody could clean up
        assert home.leaks() == set()
    if met.exit_code != 0:
        following = home.run()
        assert following.exit_code == 0, following.said
        assert home.leaks() == set()

    found = home.tables()
    assert found.keys() == undisturbed.keys()
    differing = {n for n in undisturbed if found[n] != undisturbed[n]}
    assert {n: found[n] - undisturbed[n] for n in differing} == {}

    *before, last = home.ledger()
    assert last == ("success", None)
    for status, summary in before:
        assert status in {"success", "failed", "partial", "abandoned"}
        assert (summary is None) == (status == "success")
    assert home.processes() == {}
    assert home.known.within(b"".join(alerts.told)) == set()
    record(Record(name, times, seed, how_it_ended(met.exit_code, met.said)))
