"""Samples by the UTC day: rows again when they are asked for, and fewer bytes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.transform.conftest import Database, Dbt

USER = "0a0a0a0a-0000-4000-8000-000000000001"
MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)

SAMPLE = st.fixed_dictionaries(
    {
        "at": st.integers(0, 3 * 86_400_000 - 1),  # ms
        "bpm": st.one_of(st.none(), st.integers(1, 300)),
        "source": st.sampled_from(["", "awake", "rest", "sleep", "brand new"]),
    }
)


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    samples=st.lists(SAMPLE, max_size=60, unique_by=lambda s: (s["at"], s["source"])),
    bounds=st.tuples(st.integers(-1, 80), st.integers(-1, 80)),
)
def test_each_sample_is_a_row_again(
    dbt: Dbt,
    database: Database,
    samples: list[dict[str, Any]],
    bounds: tuple[int, int],
) -> None:
    """The values, instants to the millisecond, and those of any span of time."""
    samples.sort(key=lambda s: (s["at"], s["source"]))
    rows = [
        (MIDNIGHT + timedelta(milliseconds=s["at"]), s["bpm"], s["source"] or None)
        for s in samples
    ]
    database("truncate raw_oura.heartrate")
    database.load_samples(
        "heartrate",
        *(
            {
                "timestamp": at.isoformat(),
                "bpm": bpm,
                "source": source or "",
            }
            for at, bpm, source in rows
        ),
    )
    dbt.build("heart_rate", full_refresh=True)
    found = database(
        "select timestamp, bpm, source, day, timestamp at time zone 'UTC' as utc"
        " from healthhub.heart_rate"
    )
    key = lambda row: (row[0], row[2] or "")  # noqa: E731
    assert sorted(
        ((r["timestamp"], r["bpm"], r["source"]) for r in found), key=key
    ) == (sorted(rows, key=key))
    assert all(r["day"] == r["utc"].date() for r in found)
    assert database(
        "select sum(sample_count)::int as n, min(bpm_lowest) as low,"
        " max(bpm_highest) as high from healthhub.heart_rate_days"
    ) == [
        {
            "n": len(rows) or None,
            "low": min((bpm for _, bpm, _ in rows if bpm), default=None),
            "high": max((bpm for _, bpm, _ in rows if bpm), default=None),
        }
    ]
    since, until = (MIDNIGHT + timedelta(hours=hours) for hours in bounds)
    between = database(
        "select timestamp from healthhub.heart_rate_between(%s, %s)", since, until
    )
    assert sorted(row["timestamp"] for row in between) == [
        at for at, _, _ in rows if since <= at < until
    ]


def test_a_span_of_time_reads_its_days_alone(dbt: Dbt, database: Database) -> None:
    """The functions are written out in the query, which so has the days."""
    dbt.build("heart_rate")
    functions = database(
        "select proname from pg_proc where pronamespace = 'healthhub'::regnamespace"
        " and proname like '%%\\_between' order by 1"
    )
    assert len(functions) == 8
    for row in functions:
        plan = database(
            f"explain select * from healthhub.{row['proname']}("
            " '2026-03-01T22:00Z', '2026-03-02T06:00Z')"
            f" where user_id = '{USER}'"
        )
        text = "\n".join(line["QUERY PLAN"] for line in plan)
        assert "Function Scan on heart" not in text
        assert "day >= " in text
        assert "user_id = " in text


def test_who_asks_for_days_alone_unfolds_no_samples(
    dbt: Dbt, database: Database
) -> None:
    """A run looks at all days for what was deleted, and would look into each."""
    dbt.build("heart_rate_days", "ring_battery_level_days")
    for stream in ("heartrate", "ring_battery_level"):
        plan = database(
            "explain select user_id, day, document_id, extracted_at"
            f" from healthhub_staging.stg_oura__{stream}"
        )
        assert "Function Scan" not in str(plan)


def test_the_wearers_clock_is_that_of_the_activity_around(
    dbt: Dbt, database: Database
) -> None:
    """A flight from Berlin to New York, and a day without the ring before it."""
    for day, offset in (("2026-03-02", "+01:00"), ("2026-03-03", "-05:00")):
        database.load(
            "daily_activity",
            {"id": day, "day": day, "timestamp": f"{day}T04:00:00{offset}"},
        )
    instants = {
        "2026-03-01T23:00:00+00:00": None,
        "2026-03-02T03:00:00+00:00": "2026-03-02T04:00:00",
        "2026-03-03T02:59:59+00:00": "2026-03-03T03:59:59",
        "2026-03-03T09:00:00+00:00": "2026-03-03T04:00:00",
        "2026-03-04T08:00:00+00:00": "2026-03-04T03:00:00",
        "2026-03-05T08:00:00+00:00": None,
    }
    samples = [{"timestamp": instant, "level": 50} for instant in instants]
    database.load_samples("ring_battery_level", *samples)
    dbt.build("ring_battery_levels", "daily_activity_series")
    rows = database(
        "select timestamp_local from healthhub.ring_battery_levels order by timestamp"
    )
    found = [r["timestamp_local"] and r["timestamp_local"].isoformat() for r in rows]
    assert found == list(instants.values())
