"""A life: each day Oura goes on, a run reads it, and the database is looked at."""

from __future__ import annotations

import io
from collections import defaultdict
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec

from lifetime import model
from lifetime.model import SAMPLES, TABLES, UNDATED, User, Window
from tap_oura.tap import TapOura
from target_postgres_on_conflict.sink import OnConflictSink
from target_postgres_on_conflict.target import TargetPostgresOnConflict

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from lifetime.clock import Clock
    from lifetime.oura import Oura
    from long_lived_dbt import Dbt

    Connection = psycopg.Connection[dict[str, Any]]

USER_IDS = {
    1: "0a0a0a0a-0000-4000-8000-000000000001",
    2: "0b0b0b0b-0000-4000-8000-000000000002",
}
_NUMBERS = {user_id: number for number, user_id in USER_IDS.items()}
Row = dict[str, Any]
State = dict[str, Any]


@dataclass
class Life:
    """Who lives, and what is known of it.

    Attributes:
        oura: What is true.
        url: Where that is served.
        target: What the target is told of the database.
        database: The same database, to be asked.
        dbt: Builds in it.
        clock: What time it is for all of them.
        users: What has to be known, by number.
        runs: When each run began.
        state: The bookmarks.
    """

    oura: Oura
    url: str
    target: dict[str, Any]
    database: Connection
    dbt: Dbt
    clock: Clock
    users: dict[int, User] = field(
        default_factory=lambda: {number: User() for number in USER_IDS}
    )
    runs: list[datetime] = field(default_factory=list)
    state: State = field(default_factory=dict)

    def run(self, hour: float, **settings: Any) -> None:  # noqa: ANN401
        """Read, load, and build, at an hour of the day that it is."""
        began = datetime.combine(self.oura.today, time(), UTC) + timedelta(hours=hour)
        self.clock.set(began, self.database)
        self.runs.append(began)
        for number, user in self.users.items():
            user.zone = self.oura.zones.get(number, "UTC")
            self.database.execute(
                "insert into healthhub.users (user_id, oura_pat_alias, timezone)"
                " values (%s, %s, %s)"
                " on conflict (user_id) do update set timezone = excluded.timezone",
                (USER_IDS[number], f"user {number}", user.zone),
            )
        self._load(self._read(settings))
        self.dbt.build()
        self._learn()

    # A run

    def _read(self, settings: dict[str, Any]) -> bytes:
        config = {
            "api_url": self.url,
            "users": [
                {"user_id": USER_IDS[number], "access_token": user.token}
                for number, user in self.oura.state.users.items()
            ],
            "start_date": str(self.oura.since),
            "max_tries": 1,
            "sample_grain": "day",
            **settings,
        }
        written = io.BytesIO()
        with redirect_stdout(io.TextIOWrapper(written)) as output:
            with suppress(SystemExit):
                TapOura(config=config, state=self.state).read_all()
            output.flush()
            return written.getvalue()

    def _load(self, messages: bytes) -> None:
        states = io.StringIO()
        with redirect_stdout(states):
            target = TargetPostgresOnConflict(config=self.target)
            target.process_lines(io.StringIO(messages.decode()))
            target.process_endofpipe()
        for sink in target._sinks_active.values():  # noqa: SLF001
            assert isinstance(sink, OnConflictSink)
            sink.connector._engine.dispose()  # noqa: SLF001 - as its process would
        for line in states.getvalue().splitlines():
            self.state = msgspec.json.decode(line)

    def _learn(self) -> None:
        """What the run must have brought, by what it says that it has asked for."""
        windows = self._windows()
        for number, user in self.users.items():
            asked = windows[number]
            for window in asked:
                if window.outcome != "ok":
                    continue
                self._check_was_asked(number, window)
                if window.stream in SAMPLES:
                    found = self.oura.samples(
                        number, window.stream, window.first, window.last
                    )
                    user.measure(window, found)
                else:
                    user.read(window, self.oura.answer(number, window.stream))
            user.ask(asked)

    def _windows(self) -> dict[int, list[Window]]:
        rows = self.database.execute(
            "select * from raw_oura.sync_windows where synced_at >= %s"
            " order by synced_at",
            (self.runs[-1].replace(tzinfo=None),),
        )
        windows = defaultdict(list)
        for row in rows:
            windows[_NUMBERS[str(row["user_id"])]].append(
                Window(
                    run=len(self.runs),
                    synced_at=row["synced_at"].replace(tzinfo=UTC),
                    stream=row["stream"],
                    first=row["window_start"],
                    last=row["window_end"],
                    outcome=row["outcome"],
                    detail=row["detail"],
                )
            )
        return windows

    def _check_was_asked(self, number: int, window: Window) -> None:
        """Oura must have answered a request that spans the window and two days more."""
        path = "vO2_max" if window.stream == "vo2_max" else window.stream
        queries = [
            {key: value for key, [value] in parse_qs(request["query"]).items()}
            for request in self.oura.state.requests
            if request["path"].endswith(f"/{path}")
            and request["user"] == number
            and request["status"] == 200
        ]
        if window.stream in UNDATED:
            assert queries, window
            return
        kind, before = ("datetime", 0) if window.stream in SAMPLES else ("date", 2)
        first, last = window.first - timedelta(before), window.last + timedelta(1)
        assert any(
            q[f"start_{kind}"][:10] <= str(first) and q[f"end_{kind}"][:10] >= str(last)
            for q in queries
            if f"start_{kind}" in q
        ), window

    # What is in the database

    def differences(self) -> Iterator[str]:
        """In what the database differs from what has to be known."""
        for number, user in self.users.items():
            for table in TABLES:
                yield from self._of_table(number, user, table)
            yield from self._of_samples(number, user)
            yield from self._of_revisions(number, user)
            yield from self._of_set_aside(number, user)
            yield from self._of_coverage(number, user)

    def _of_table(self, number: int, user: User, table: str) -> Iterator[str]:
        stream = TABLES[table]
        if table in ("enhanced_tag", "tag"):
            found = self._rows(number, "tags", f"stream = '{table}'")
        else:
            found = self._rows(number, table)
        stored = {str(row.get("document_id", "")): row for row in found}
        expected = user.rows[table]
        if stream == "personal_info":
            expected = dict(zip([""], expected.values(), strict=False))
        yield from _differing(
            f"user {number} {table}",
            stored,
            {
                name: _wanted(table, document, stored.get(name, {}))
                for name, document in expected.items()
            },
        )

    def _of_samples(self, number: int, user: User) -> Iterator[str]:
        for stream, table, value in (
            ("heartrate", "heart_rate_days", "bpm"),
            ("ring_battery_level", "ring_battery_level_days", "level"),
        ):
            stored = {
                row["day"]: (
                    row["sample_count"],
                    row[f"{value}_lowest"],
                    row[f"{value}_highest"],
                )
                for row in self._rows(number, table)
            }
            expected = {day: n for (s, day), n in user.samples.items() if s == stream}
            yield from _differing(f"user {number} {table}", stored, expected)

    def _of_revisions(self, number: int, user: User) -> Iterator[str]:
        stored = {}
        for row in self._rows(number, "document_revisions"):
            stream = row["stream"]
            name = "" if stream == "personal_info" else str(row["document_id"])
            stored[stream, name, row["revision"]] = {
                "content": _comparable(stream, row["content"]),
                "seen": [
                    self._run_at(row[column])
                    for column in ("first_seen_at", "last_seen_at", "deleted_at")
                ],
            }
        expected = {}
        for stream, revisions in user.revisions.items():
            for known in revisions:
                name = "" if stream == "personal_info" else known.document_id
                content = model.said(stream, known.document)
                expected[stream, name, known.number] = {
                    "content": _comparable(stream, content),
                    "seen": [known.first_seen, known.last_seen, known.deleted],
                }
        yield from _differing(f"user {number} document_revisions", stored, expected)

    def _of_set_aside(self, number: int, user: User) -> Iterator[str]:
        names = {"enhanced_tag": "tags", "tag": "tags"}
        stored = {
            (row["table_name"], row["document"], row["earlier_version_stays"])
            for row in self._rows(number, "set_aside_documents")
        }
        expected = {(names.get(t, t), d, stays) for t, d, stays in user.set_aside()}
        yield from _differing(
            f"user {number} set_aside_documents",
            dict.fromkeys(stored),
            dict.fromkeys(expected),
        )

    def _of_coverage(self, number: int, user: User) -> Iterator[str]:
        stored = {
            (row["stream"], row["day"]): (row["status"], row["reason"])
            for row in self._rows(number, "coverage")
        }
        expected = user.coverage(self.runs[-1])
        yield from _differing(f"user {number} coverage", stored, expected)

    def _rows(self, number: int, table: str, condition: str = "true") -> list[Row]:
        query = f"select * from healthhub.{table} where user_id = %s and {condition}"
        return self.database.execute(query.encode(), (USER_IDS[number],)).fetchall()

    def _run_at(self, moment: datetime | None) -> int | None:
        return None if moment is None else sum(began <= moment for began in self.runs)


def _wanted(table: str, document: Row, stored: Row) -> Row:
    columns = stored.keys() - {"created_at", "updated_at", "user_id", "document_id"}
    wanted = model.row(table, TABLES[table], document, columns)
    rounded = {name: model.rounded(v, stored[name]) for name, v in wanted.items()}
    for name in stored.keys() & {"user_id", "document_id", "created_at", "updated_at"}:
        rounded[name] = stored[name]
    return rounded


def _comparable(stream: str, content: Row) -> Row:
    """A document without the one time that the target stores in another form."""
    without = {"set_up_at"} if stream == "ring_configuration" else set()
    return {name: value for name, value in content.items() if name not in without}


def _differing(
    what: str, stored: dict[Any, Any], expected: dict[Any, Any]
) -> Iterator[str]:
    for key in sorted(stored.keys() | expected.keys(), key=str):
        if key not in stored:
            yield f"{what} {key}: not there, but {expected[key]}"
        elif key not in expected:
            yield f"{what} {key}: {stored[key]}, which should not be there"
        elif stored[key] != expected[key]:
            one, other = stored[key], expected[key]
            if isinstance(one, dict) and isinstance(other, dict):
                names = [
                    n for n in one.keys() | other.keys() if one.get(n) != other.get(n)
                ]
                one = {name: one.get(name) for name in names}
                other = {name: other.get(name) for name in names}
            yield f"{what} {key}: {one}, not {other}"
