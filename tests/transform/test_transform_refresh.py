"""Late, twice, out of order: a full refresh and a new start come to the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.transform.conftest import Database, Dbt

USER = "0a0a0a0a-0000-4000-8000-000000000001"
OTHER = "0a0a0a0a-0000-4000-8000-000000000002"


def day(number: int) -> str:
    return f"2026-03-{number:02}"


def documents(
    numbers: Iterable[int], user: str, version: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    for n in numbers:
        common = {"user_id": user, "id": f"{n}", "day": day(n)}
        at = f"{day(n)}T08:{version:02}:00+09:00"
        yield "daily_sleep", {**common, "score": 60 + n + version, "timestamp": at}
        yield "daily_stress", {**common, "stress_high": 60 * n}
        yield (
            "daily_activity",
            {
                **common,
                "steps": 1000 * n,
                "timestamp": f"{day(n)}T04:00:00+09:00",
                "class_5_min": "0123",
                "met": {"interval": 60, "items": [1.1, None], "timestamp": at},
            },
        )
        yield (
            "sleep",
            {
                **common,
                "type": "long_sleep" if n % 5 else "deleted",
                "bedtime_start": f"{day(n)}T00:30:00+09:00",
                "bedtime_end": f"{day(n)}T07:30:00+09:00" if n % 3 else None,
                "total_sleep_duration": 20000 + 100 * n,
                "average_hrv": 40 + n,
                "efficiency": 101 if n == 8 else 90,
            },
        )
        yield (
            "enhanced_tag",
            {
                "user_id": user,
                "id": f"{n}",
                "start_day": day(n),
                "tag_type_code": "tea",
            },
        )
        samples = {"timestamp": [f"{day(n)}T12:00:00Z"], "bpm": [n], "source": [""]}
        yield "heartrate", {"user_id": user, "day": day(n), "samples": samples}


def read(
    database: Database, numbers: range, user: str, minutes_ago: int, version: int = 0
) -> None:
    by_stream: dict[str, list[Any]] = {}
    for stream, document in documents(numbers, user, version):
        by_stream.setdefault(stream, []).append(document)
    for stream, found in by_stream.items():
        window = {
            "user_id": user,
            "stream": stream,
            "window_start": day(numbers[0]),
            "window_end": day(numbers[-1]),
            "synced_at": database.moment(minutes_ago + 1),
            "outcome": "ok",
        }
        database.load(stream, *found, minutes_ago=minutes_ago)
        database.load("sync_windows", window, minutes_ago=minutes_ago)


def content(database: Database) -> dict[str, list[str]]:
    """Every row of every table and view, but for when it was written."""
    relations = database(
        "select relname from pg_class where relnamespace = 'healthhub'::regnamespace"
        " and relkind in ('r', 'v') order by relname"
    )
    return {
        row["relname"]: sorted(
            found["row"]
            for found in database(
                "select (to_jsonb(r) - '{created_at,updated_at}'::text[])::text as row"
                f" from healthhub.{row['relname']} as r"
            )
        )
        for row in relations
    }


def test_all_ways_lead_to_the_same_tables(dbt: Dbt, database: Database) -> None:
    read(database, range(5, 15), USER, minutes_ago=58)
    dbt.build()
    read(database, range(1, 8), OTHER, minutes_ago=50)
    read(database, range(10, 20), USER, minutes_ago=48, version=1)
    dbt.build()
    read(database, range(1, 7), USER, minutes_ago=40)  # older days, later
    read(database, range(10, 20), USER, minutes_ago=38, version=1)  # twice
    database.load("daily_stress", *_twice("daily_stress"), minutes_ago=36)
    dbt.build()
    window = ("daily_stress", day(12), day(13))
    database.ask(*window, minutes_ago=30)  # two documents are gone
    dbt.build()
    dbt.succeed("test", "--select", "test_name:grain")
    incremental = content(database)
    assert len(incremental["daily_overview"]) == 19 + 7
    assert len(incremental["set_aside_documents"]) == 1
    assert len(incremental["document_revisions"]) == 5 * (19 + 7) + 5

    dbt.build(full_refresh=True)
    assert content(database) == incremental

    database("drop schema healthhub cascade")
    dbt.build()
    anew = content(database)
    history = {"document_revisions"}
    assert {name for name in anew if anew[name] != incremental[name]} == history


def _twice(stream: str) -> list[Any]:
    found = (d for s, d in documents(range(10, 12), USER, 1) if s == stream)
    return [document for document in found for _ in range(2)]
