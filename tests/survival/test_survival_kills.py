"""A kill -9 of any process of a run, at any moment, and one more run."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from survival import PARTS, ROUNDS, Record, last_sentence

if TYPE_CHECKING:
    from collections.abc import Callable

    from survival import Home, Tables

MOMENTS = [(part, n) for n in range(max(ROUNDS, 1)) for part in PARTS]
SHORT = [("target", 0)]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("part", "number"), MOMENTS if ROUNDS else SHORT)
def test_a_killed_process_loses_nothing_and_stops_nobody(
    home: Home,
    undisturbed: tuple[dict[str, float], Tables],
    record: Callable[[Record], None],
    part: str,
    number: int,
) -> None:
    lives, tables = undisturbed
    seed = f"{part}-{number}"
    share = random.Random(seed).random()  # noqa: S311 (to be repeated)
    was_killed, exit_code, said = home.run_and_kill(part, share, lives)
    assert "Traceback" not in said

    code, said_next = home.run()
    assert code == 0, said_next
    found = home.tables()
    assert found.keys() == tables.keys()
    assert {n: found[n] - tables[n] for n in tables if found[n] != tables[n]} == {}

    *before, last = home.ledger()
    assert last == ("success", None)
    for status, summary in before:
        if exit_code == 0:
            assert (status, summary) == ("success", None)
        else:
            assert status in {"failed", "partial", "abandoned"}
            assert summary
    assert home.processes() == {}
    if was_killed:
        record(Record(f"kill -9 of {part}", seed, exit_code, last_sentence(said)))
