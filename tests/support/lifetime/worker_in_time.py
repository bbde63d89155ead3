"""The process of dbt (dbt_worker.py) by a clock that can be set."""

from __future__ import annotations

import os
import sys
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import dbt.tracking  # type: ignore[import-not-found]

from dbt_worker import main

CLOCK = Path(os.environ["LIFETIME_CLOCK"])


class ByTheClock(datetime):
    """What says when a run of dbt began."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        """The time it is."""
        return datetime.now(tz) + timedelta(seconds=float(CLOCK.read_text()))


if __name__ == "__main__":
    dbt.tracking.datetime = ByTheClock
    main()
