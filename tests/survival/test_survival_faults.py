"""What the network and Oura can do to a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from survival import ROUNDS, Record, last_sentence

if TYPE_CHECKING:
    from collections.abc import Callable

    from oura_sandbox.server import Sandbox
    from survival import Home, Tables

FAULTS: dict[str, list[dict[str, Any]]] = {
    "every 5th connection closed without an answer": [{"kind": "drop", "every": 5}],
    "every 5th answer broken off in its body": [{"kind": "cut", "every": 5}],
    "every 5th body shorter than its length says": [{"kind": "truncate", "every": 5}],
    "every 5th answer a web page": [{"kind": "html", "every": 5}],
    "a burst of 500": [{"kind": "error", "status": 500, "times": 3}],
    "every 4th answer 429": [{"kind": "rate-limit", "every": 4, "seconds": 1}],
    "slow answers": [{"kind": "delay", "seconds": 1}],
    "a page that repeats itself": [{"kind": "repeat-token", "route": "heartrate"}],
    "one route that only fails": [{"kind": "error", "status": 503, "route": "sleep"}],
    "an API that only fails": [{"kind": "error", "status": 503}],
    "an API that closes every connection": [{"kind": "drop"}],
}


@pytest.mark.timeout(1200)
@pytest.mark.skipif(not ROUNDS, reason="takes long: `make survive`")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_api_loses_nothing(
    home: Home,
    undisturbed: tuple[dict[str, float], Tables],
    sandbox: Sandbox,
    record: Callable[[Record], None],
    fault: str,
) -> None:
    _, tables = undisturbed
    home.environment |= {
        "OURA_PAT": sandbox.token,
        "TAP_OURA_API_URL": sandbox.url,
        "TAP_OURA_MAX_TRIES": "5" if "every" in str(FAULTS[fault]) else "3",
    }
    control = f"{sandbox.url}/_sandbox/faults"
    for each in FAULTS[fault]:
        httpx.post(control, json=each).raise_for_status()
    exit_code, said = home.run()
    httpx.delete(control).raise_for_status()
    assert "Traceback" not in said
    if exit_code != 0:
        code, said_next = home.run()
        assert code == 0, said_next
    found = home.tables()
    assert {n: found[n] - tables[n] for n in tables if found[n] != tables[n]} == {}
    assert home.ledger()[-1] == ("success", None)
    assert home.processes() == {}
    record(Record(fault, "-", exit_code, last_sentence(said)))
