"""The ways out: what leaves the database as files, and what a reader sees of it."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import duckdb
import pandas as pd
import polars as pl
import psycopg
import pyarrow as pa
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from psycopg import sql
from psycopg.rows import dict_row
from pyarrow import parquet

from healthhub.database import Database as Address
from healthhub.migrations import migrate
from healthhub.readers import add_reader, remove_reader
from healthhub_export import ExportRequest, export, key_file, moment
from healthhub_export.relations import relations
from oura_sandbox.person import Person
from oura_sandbox.person.info import personal_info
from oura_sandbox.person.rings import set_up_days
from oura_sandbox.routes import DOCUMENTS, SERIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.transform.conftest import Database, Dbt

ANNE = "0a0a0a0a-0000-4000-8000-00000000000a"
BO = "0b0b0b0b-0000-4000-8000-00000000000b"
TODAY = date(2026, 1, 12)
FIRST = date(2025, 12, 22)
TEXTS = {
    "enhanced_tag": ("comment", "custom_name"),
    "tag": ("text",),
    "workout": ("label",),
}
ANALYZE = Path(__file__).parents[2] / "analyze"
GRAFANA = ANALYZE / "grafana/healthhub.json"
NOTEBOOKS = sorted((ANALYZE / "notebooks").glob("*.ipynb"))
Row = dict[str, Any]


def secret(user: str, text: str) -> str:
    """A text that somebody wrote, and nobody else."""
    return f"{text} of {'Anne Müller' if user == ANNE else 'Bo, 東京'}"


def documents(user: str, person: Person) -> Iterator[tuple[str, list[Row]]]:
    """All that Oura has of somebody, with texts of their own."""
    days = [FIRST + timedelta(days=n) for n in range((TODAY - FIRST).days + 1)]
    for name, route in DOCUMENTS.items():
        found = [
            {"user_id": user, **each}
            for day in (days if route.dated else set_up_days(person))
            for each in route.documents(person, day)
        ]
        for each in found:
            for field in TEXTS.get(name, ()):
                each[field] = secret(user, field)
            if name == "vO2_max":
                each["timestamp_utc"] = each["timestamp"]
        yield name.lower(), found
    yield "personal_info", [{"user_id": user, **personal_info(person)}]


@pytest.fixture(scope="module")
def people(server: dict[str, str], empty_database: str, dbt: Dbt) -> Iterator[Database]:
    """Three weeks around New Year of two of the sandbox's people."""
    from tests.transform.conftest import Database, _connect  # noqa: PLC0415

    with _connect(server, "postgres") as maintenance:
        maintenance.execute("drop database if exists healthhub")
        maintenance.execute(
            f"create database healthhub template {empty_database}".encode()
        )
    migrate(address(server))
    with _connect(server, "healthhub") as connection:
        database = Database(connection)
        for number, user in enumerate((ANNE, BO), 1):
            person = Person(1, number, TODAY)
            database(
                "insert into healthhub.users (user_id, oura_pat_alias) values (%s, %s)",
                user,
                secret(user, "login"),
            )
            window = (str(FIRST), str(TODAY))
            database.ask("sleep", *window, user_id=user, minutes_ago=1)
            for stream, found in documents(user, person):
                database.load(stream, *found)
            for name, route in SERIES.items():
                for day in (TODAY - timedelta(days=n) for n in range(2)):
                    rows = [json.loads(text) for _, text in route.build(person, day)]
                    database.load_samples(name, *({"user_id": user, **r} for r in rows))
        dbt.build()
        yield database


def address(server: dict[str, str]) -> Address:
    names = ("host", "port", "user", "password")
    parameters = {name: server[f"PG{name.upper()}"] for name in names}
    return Address({**parameters, "dbname": "healthhub", "sslmode": "disable"})


@pytest.fixture
def files(server: dict[str, str], people: Database, tmp_path: Path) -> Files:
    return Files(address(server), people, tmp_path / "out")


class Files:
    """A folder to export into."""

    def __init__(self, address: Address, database: Database, folder: Path) -> None:
        self.address, self.database, self.folder = address, database, folder

    def export(self, **request: Any) -> tuple[int, int, int]:  # noqa: ANN401
        """How many files were written, the same, and removed."""
        outcome = export(self.address.url, ExportRequest(self.folder, **request))
        return outcome.written, outcome.unchanged, outcome.removed

    def tables(self) -> list[Path]:
        return sorted(path for path in self.folder.iterdir() if path.is_dir())

    def paths(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file()
        }

    def real(self, table: str) -> list[Row]:
        """What the database has, as psycopg understands it."""
        query = sql.SQL("select * from {}").format(sql.Identifier("healthhub", table))
        with self.address.connect() as connection:
            connection.execute("set timezone to 'UTC'")
            return connection.cursor(row_factory=dict_row).execute(query).fetchall()


def by_duckdb(table: Path) -> list[Row]:
    files = f"read_parquet('{table}/**/*.parquet', hive_partitioning = false)"
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        rows: list[Row] = connection.sql(f"from {files}").to_arrow_table().to_pylist()
    return rows


def by_polars(table: Path) -> list[Row]:
    return pl.read_parquet(table, hive_partitioning=False).to_dicts()


def by_pandas(table: Path) -> list[Row]:
    frame = pd.read_parquet(table, dtype_backend="pyarrow", partitioning=None)
    rows: list[Row] = pa.Table.from_pandas(frame, preserve_index=False).to_pylist()
    return rows


def comparable(value: Any) -> Any:  # noqa: ANN401 (whatever a table holds)
    """A value as every reader has it: ids and JSON are text in the files."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC)
    if isinstance(value, Decimal):
        return f"{value:.9f}"
    return value


def content(rows: list[Row], json_columns: set[str]) -> list[str]:
    return sorted(
        repr(
            {
                name: json.dumps(json.loads(value))
                if name in json_columns and isinstance(value, str)
                else comparable(value)
                for name, value in row.items()
            }
        )
        for row in rows
    )


@pytest.mark.parametrize("read", [by_duckdb, by_polars, by_pandas])
def test_everybody_reads_what_the_database_has(files: Files, read: Any) -> None:  # noqa: ANN401
    files.export(tables=("heart_rate", "sleep_samples"))
    files.export()
    with files.address.connect() as connection:
        there = {each.name: each for each in relations(connection)}
        there |= {e.name: e for e in relations(connection, ["heart_rate"])}
    assert len(files.tables()) > 25
    for name, relation in there.items():
        real = files.real(name)
        if not real:
            assert not (files.folder / name).exists()
            continue
        found = read(files.folder / name)
        as_json = {c.name for c in relation.columns if c.type == "jsonb"}
        assert content(found, as_json) == content(real, as_json), name


def test_types_and_meaning_are_those_of_the_contracts(files: Files) -> None:
    files.export(tables=("sleep_periods", "heart_rate_days"))
    (path, *_) = (files.folder / "sleep_periods").rglob("*.parquet")
    schema = parquet.read_schema(path)
    types = {name: str(schema.field(name).type) for name in schema.names}
    assert types["day"] == "date32[day]"
    assert types["bedtime_start"] == "timestamp[us, tz=UTC]"
    assert types["bedtime_start_local"] == "timestamp[us]"
    assert types["average_breath"].startswith("decimal128(")
    assert types["efficiency"] == "int16"
    assert b"sleep" in schema.metadata[b"description"].lower()
    assert schema.field("efficiency").metadata[b"postgresql_type"] == b"smallint"
    meaning = json.loads((files.folder / "dictionary.json").read_text())
    described = meaning["heart_rate_days"]["columns"]["bpm"]
    assert described == {
        "type": "smallint[]",
        "description": "Heart rate of each sample (bpm).",
    }


def test_the_last_export_is_gone_on_with(files: Files) -> None:
    every = files.export()[0]
    assert f"daily_overview/user={ANNE}/year=2025/data.parquet" in files.paths()
    assert files.export() == (0, every, 0)
    before = files.paths()
    files.database(
        "update healthhub.vo2_max set vo2_max = vo2_max + 1, updated_at = now()"
        " where user_id = %s",
        ANNE,
    )
    files.database("delete from healthhub.workouts where user_id = %s", BO)
    written, _, removed = files.export(since="last")
    after = files.paths()
    assert removed == sum("workouts/user=0b" in path for path in before) > 0
    changed = {p for p in after if p not in before or after[p] != before[p]}
    assert written == len(changed - {"export.json"}) > 0
    assert {path.split("/")[0] for path in changed} == {"vo2_max", "export.json"}
    assert files.export() == (0, every - removed, 0)
    assert files.export(since=moment("2100-01-01"), tables=("vo2_max",)) == (0, 0, 0)

    files.database("alter table healthhub.vo2_max rename column vo2_max to best")
    there = sum(path.startswith("vo2_max/") for path in files.paths())
    assert files.export(since=moment("2100-01-01"), tables=("vo2_max",))[0] == there
    files.database("alter table healthhub.vo2_max rename column best to vo2_max")
    assert files.export(since="last")[0] == there


def test_a_user_alone_is_replaced_alone(files: Files) -> None:
    tables = ("daily_overview", "personal_info")
    files.export(tables=tables)
    before = files.paths()
    assert files.export(tables=tables, users=(ANNE,)) == (0, 3, 0)
    assert files.paths() == before


def test_csv_has_the_same_rows(files: Files) -> None:
    files.export(format="csv", tables=("heart_rate_days",))
    found = pl.concat(
        pl.read_csv(path, try_parse_dates=True) for path in files.folder.rglob("*.csv")
    ).to_dicts()
    real = files.real("heart_rate_days")
    assert {json.dumps(row["bpm"]).replace(" ", "") for row in real} == {
        row["bpm"] for row in found
    }
    assert {row["day"] for row in real} == {row["day"] for row in found}


def test_what_is_killed_leaves_no_half_file(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.export(tables=("figures",))
    before = files.paths()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parquet.ParquetWriter, "write_table", full)
    with pytest.raises(OSError, match="No space"):
        files.export(tables=("figures",))
    assert files.paths() == before
    left = files.folder / "figures" / ".data.999999999.partial"
    left.touch()
    monkeypatch.undo()
    files.export(tables=("figures",))
    assert files.paths() == before


def identifying(files: Files) -> set[str]:
    """Every value of the two people that names them or that nobody else has."""
    found = {ANNE, BO, "Müller", "東京"}  # which logins are called by, too
    for row in files.real("personal_info"):
        found |= {row["email"], row["oura_id"]}
    with files.address.connect() as connection:
        every = relations(connection)
    for relation in every:
        ids = [c.name for c in relation.columns if c.type == "uuid"]
        for row in files.real(relation.name):
            found |= {str(row[name]) for name in ids if row[name]}
    for row in files.real("tags"):
        found |= {row["comment"], row["custom_name"]} - {None}
    found |= {row["ring_id"] for row in files.real("sleep_periods")} - {None, ""}
    return found


@pytest.mark.parametrize("shifts", [False, True])
def test_a_study_knows_nobody(files: Files, shifts: bool) -> None:  # noqa: FBT001
    options = {"study": True, "shifts_dates": shifts, "format": "csv"}
    views = ("sleep_samples", "heart_rate", "sleep_stages")
    files.export(**options)
    files.export(**options, tables=views)
    names = identifying(files)
    assert len(names) > 200
    written = b"".join(p.encode() + b for p, b in files.paths().items())
    everything = written.decode().lower()
    assert everything.count("\n") > 10_000
    assert [name for name in names if name.lower() in everything] == []
    key = key_file(files.folder)
    assert key.stat().st_mode & 0o777 == 0o600
    users = json.loads(key.read_text())["users"]
    assert set(users) == {ANNE, BO}
    times = ["day", "bedtime_start"]
    for user, (name, weeks) in users.items():
        folders = (files.folder / "sleep_periods" / f"user={name}").rglob("*.csv")
        found = pl.concat(
            pl.read_csv(f, columns=times, try_parse_dates=True) for f in folders
        )
        moved = timedelta(weeks=weeks if shifts else 0)
        real = [
            (row["day"] - moved, row["bedtime_start"] - moved)
            for row in files.real("sleep_periods")
            if str(row["user_id"]) == user
        ]
        assert sorted(found.rows()) == sorted(real)
    before = files.paths()
    files.export(**options, since="last")
    assert files.paths() == before
    assert json.loads(key.read_text())["users"] == users


@pytest.fixture
def looks(server: dict[str, str], people: Database) -> Iterator[Address]:
    """The database as a reader reaches it."""
    del people
    database = address(server)
    yield add_reader(database, "looks")
    with database.connect() as connection:
        remove_reader(connection, "looks")
        connection.execute("drop owned by healthhub_reader; drop role healthhub_reader")


@pytest.fixture
def reader(looks: Address) -> Iterator[psycopg.Connection]:
    with looks.connect(autocommit=True) as connection:
        yield connection


def test_a_reader_sees_healthhub_and_nothing_else(
    reader: psycopg.Connection, people: Database
) -> None:
    everything = people(
        "select pg_class.oid::regclass::text as name, nspname as place"
        " from pg_class inner join pg_namespace on pg_namespace.oid = relnamespace"
        " where relkind in ('r', 'v', 'p', 'm') and nspname not like 'pg\\_%%'"
        " and nspname != 'information_schema'"
    )
    closed = 0
    for row in everything:
        query = f"select * from {row['name']} limit 1".encode()
        if row["place"] == "healthhub":
            reader.execute(query)
        elif row["place"] != "healthhub_staging":
            closed += 1
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(query)
    assert closed > 15
    reader.execute("set default_transaction_read_only = off")
    for statement in (
        "delete from healthhub.users",
        "create table healthhub.mine ()",
        "select pg_read_file('/etc/passwd')",
        "select * from healthhub_staging.stg_oura__personal_info",
        "set role postgres",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(statement.encode())
    nights = "select count(*) from heart_rate_between('2026-01-11', '2026-01-13')"
    assert reader.execute(nights).fetchone() != (0,)


def test_what_a_run_makes_anew_is_a_readers_when_it_ends(
    reader: psycopg.Connection, people: Database, dbt: Dbt
) -> None:
    people("drop view healthhub.tag_effects")
    dbt.succeed("run", "--select", "tag_effects")
    assert reader.execute("select * from tag_effects").description


def test_every_panel_of_the_dashboard_draws_something(
    reader: psycopg.Connection,
) -> None:
    """As Grafana asks: with its macros and variables filled in."""
    dashboard = json.loads(GRAFANA.read_text("utf-8"))
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert len(panels) > 20
    _, user = dashboard["templating"]["list"]
    options = reader.execute(user["query"].encode()).fetchall()
    assert {value for _, value in options} == {ANNE, BO}
    begin, end = f"'{FIRST}T00:00:00Z'", f"'{TODAY}T23:59:59Z'"
    for panel in panels:
        (target,) = panel["targets"]
        query = re.sub(
            r"\$__timeFilter\((\w+)\)",
            rf"\1 between {begin} and {end}",
            target["rawSql"],
        )
        for name, value in {
            "$__timeFrom()": begin,
            "$__timeTo()": end,
            "$user": ANNE,
        }.items():
            query = query.replace(name, value)
        assert "$" not in query
        cursor = reader.execute(query.encode())
        assert cursor.description
        if target["format"] == "time_series":
            assert cursor.description[0].name == "time"
        if panel["title"] != "Runs":  # there was none here
            assert cursor.fetchone(), panel["title"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_as_a_reader_and_keeps_nothing(
    path: Path, looks: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEALTHHUB_URL", looks.url)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    names: dict[str, Any] = {}
    cells = json.loads(path.read_text("utf-8"))["cells"]
    codes = [cell for cell in cells if cell["cell_type"] == "code"]
    for cell in codes:
        assert cell["outputs"] == []
        exec("".join(cell["source"]), names)  # noqa: S102 (a notebook of ours)
    names["plt"].close("all")
    names["database"].dispose()
    assert len(names["days"]) > 20
    assert len(names["night"]) > 100


def test_an_assistant_answers_and_reads_no_tokens(looks: Address) -> None:
    said = asyncio.run(
        asked(
            looks,
            "select count(*) as nights, round(avg(sleep_score)) as score"
            " from healthhub.daily_overview where day >= '2026-01-01'",
            "select * from raw_oura.sleep",
            "select * from healthhub_tokens.oura_logins",
            "delete from healthhub.users",
        )
    )
    assert "nights" in said[0]
    assert ["permission denied for schema" in each for each in said[1:3]] == [True] * 2
    with looks.connect() as connection:
        assert connection.execute("select count(*) from users").fetchone() == (2,)


async def asked(database: Address, *queries: str) -> list[str]:
    """What an MCP server answers, given the URL of a database."""
    server = StdioServerParameters(
        command=str(Path(sys.executable).with_name("database-mcp-postgres")),
        env={"DATABASE_URL": database.url},
    )
    async with Client(stdio_client(server)) as client:
        return [
            str(await client.call_tool("execute_sql", {"sql": query}))
            for query in queries
        ]
