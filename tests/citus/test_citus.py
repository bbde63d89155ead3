"""What a user has of one PostgreSQL, on many machines."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psutil
import psycopg
import pytest
from psycopg.rows import tuple_row
from tests.citus.conftest import DAYS, PROJECT, USERS, user_id

from healthhub.errors import HealthHubError

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.citus.conftest import Study

    from healthhub.database import Database

QUESTIONS = PROJECT / "analyze/questions"
# Of a user's tenfold days, what makes a study of them.
OTHERWISE = {
    "user_id": "cast('0b0b0b0b-0000-4000-8000-' || lpad(number::text, 12, '0')"
    " as uuid)",
    "day": "original.day - 10 * turn",
    "document_id": "gen_random_uuid()",
    "age": "20 + number % 20",
    "average_hrv": "30 + (number * 7 + turn * 3) % 50",
    "lowest_heart_rate": "40 + (number * 5 + turn * 7) % 30",
    "total_sleep_duration": "20000 + (number * 31 + turn * 17) % 9000",
    "main_sleep_id": "gen_random_uuid()",
    "is_complete": "true",
    "tags": "case when turn < 8 and number % 3 < 2 and turn % 2 = 0"
    " then array['late_meal'] else '{}' end",
}
# A server whose process is killed ends all its sessions, and recovers from its log.
_DIES = "copy (select) to program 'kill -9 $PPID'"
_A_WORKER_DIES = f"""
select master_run_on_worker(
    array[nodename], array[nodeport], array[$$ {_DIES} $$], false
)
from pg_dist_node where groupid != 0 limit 1
"""


@pytest.fixture(scope="module")
def loaded(study: Study, alone: Study) -> Study:
    """Loaded twice, with everything between that Oura may do to documents."""
    for each in (study, alone):
        each("run")
    for user in range(1, USERS + 1):
        sleep = study.documents("daily_sleep", user)
        stress = study.documents("daily_stress", user)
        readiness = study.documents("daily_readiness", user)
        study.change(
            "PATCH", f"daily_sleep/{sleep[0]}?user={user}", score=user, contributors={}
        )
        study.change("DELETE", f"daily_stress/{stress[1]}?user={user}")
        moved_to = study.query(
            "select day::text from raw_oura.daily_stress"
            f" where user_id = '{user_id(user)}' and id = '{stress[1]}'"
        )
        [(day,)] = moved_to
        study.change("PATCH", f"daily_stress/{stress[0]}?user={user}", day=day)
        study.change("PATCH", f"daily_readiness/{readiness[0]}?user={user}", score=1000)
    for each in (study, alone):
        each("run")
    return study


def differences(one: Study, other: Study) -> dict[str, tuple[int, int]]:
    """How many rows of each table only one of them has.

    What was asked, they have in common as `requested_days`: one may have asked again.
    """
    left, right = one.tables(), other.tables()
    assert left.keys() == right.keys()
    del left["raw_oura.sync_windows"]
    return {
        name: ((left[name] - right[name]).total(), (right[name] - left[name]).total())
        for name in left
        if left[name] != right[name]
    }


@pytest.mark.timeout(4 * 3600 if DAYS > 100 else 1500)
def test_every_table_is_as_on_one_postgresql(loaded: Study, alone: Study) -> None:
    assert differences(loaded, alone) == {}
    tables = loaded.tables()
    assert {*loaded.spread()} == {*tables}
    for name in ("set_aside_documents", "deleted_documents"):
        assert tables[f"healthhub.{name}"]
    assert loaded.query("select max(revision) from healthhub.document_revisions") == [
        (2,)
    ]


def test_a_run_with_nothing_new_changes_nothing(loaded: Study) -> None:
    stamps = (
        "select count(*), max(updated_at) from healthhub.{0}",
        ("daily_sleep_summaries", "sleep_periods", "daily_overview", "requested_days"),
    )
    before = [loaded.query(stamps[0].format(name)) for name in stamps[1]]
    loaded("run")
    assert [loaded.query(stamps[0].format(name)) for name in stamps[1]] == before


def test_back_and_there_again_however_often_it_is_stopped(loaded: Study) -> None:
    before, spread = loaded.tables(), loaded.spread()
    for command, wanted in (
        (("db", "distribute", "--back"), []),
        (("db", "distribute"), spread),
    ):
        with loaded.start(*command) as process:
            assert process.stdout
            assert process.stdout.readline()  # the first table is through
            process.kill()
        assert loaded.spread() != wanted
        loaded(*command)
        assert loaded.spread() == wanted
        assert loaded.tables() == before
    loaded("run")


def test_a_backup_is_restored_on_both(
    loaded: Study, another: Study, tmp_path: Path
) -> None:
    before = loaded.tables()
    loaded("backup", "--out", str(tmp_path / "backup"))
    another("restore", str(tmp_path / "backup"))
    assert another.tables() == before
    assert {*another.spread()} == {*before}
    another("run")
    gone = user_id(USERS)
    said = another("users", "remove", gone, "--erase", "--yes")
    assert f"no row names {gone} any more" in said
    for table in before:
        assert another.query(
            f"select count(*) from {table} where user_id = '{gone}'"
        ) == [(0,)]


def test_a_reader_reads_and_no_more(loaded: Study) -> None:
    url = loaded("readers", "add", "grafana").strip()
    try:
        with psycopg.connect(url, autocommit=True) as reader:
            found = reader.execute(
                "select user_id, count(*) from healthhub.daily_overview group by 1"
            ).fetchall()
            assert {user for user, _ in found} == {
                UUID(user_id(number)) for number in range(1, USERS + 1)
            }
            for statement in (
                b"select from raw_oura.sleep",
                b"delete from healthhub.daily_overview",
            ):
                with pytest.raises(psycopg.Error, match=r"permission|read-only"):
                    reader.execute(statement)
    finally:
        loaded("readers", "remove", "grafana")
    assert "grafana" not in loaded("readers", "list")


def test_a_report(loaded: Study, tmp_path: Path) -> None:
    loaded("report", "--out", str(tmp_path / "report.html"), "--user", user_id(1))
    assert (tmp_path / "report.html").stat().st_size > 100_000


def test_a_question_of_a_study_has_the_answer_of_one_postgresql(
    loaded: Study, alone: Study
) -> None:
    """Of thirty users with four months, who are gone afterwards."""
    files = sorted(QUESTIONS.glob("*.sql"))
    assert len(files) == 4
    answers = []
    for each in (alone, loaded):
        with each.database.connect() as connection:
            for table in (
                "personal_info",
                "daily_overview",
                "daily_activity_summaries",
            ):
                multiply(connection, table)
            answers.append([ask(connection, file) for file in files])
            connection.rollback()
    assert all(rows and None not in rows[0] for rows in answers[0])
    assert answers[0] == answers[1]


def multiply(connection: psycopg.Connection[Any], table: str) -> None:
    """Let thirty more users have what the first one has, again and again."""
    found = connection.execute(
        "select column_name from information_schema.columns"
        " where table_schema = 'healthhub' and table_name = %s",
        (table,),
    ).fetchall()
    turns, days = (1, "") if table == "personal_info" else (12, "order by day limit 10")
    columns = [column for (column,) in found]
    values = [OTHERWISE.get(column, f"original.{column}") for column in columns]
    connection.execute(
        f"insert into healthhub.{table} ({', '.join(columns)})"
        f" select {', '.join(values)} from generate_series(1, 30) as number"
        f" cross join generate_series(1, {turns}) as turn"
        f" cross join (select * from healthhub.{table}"
        f" where user_id = '{user_id(1)}' {days}) as original".encode()
    )


def ask(connection: psycopg.Connection[Any], file: Path) -> list[tuple[Any, ...]]:
    """The rows of a question, with psql's variables filled in."""
    query = re.sub(r":'(\w+)'", r"%(\1)s", file.read_text("utf-8"))
    loaded_since = datetime.now(UTC).date() - timedelta(DAYS)
    asked = {
        "first_day": loaded_since - timedelta(140),
        "last_day": loaded_since - timedelta(10),
        "tag": "late_meal",
    }
    with psycopg.ClientCursor(connection, row_factory=tuple_row) as cursor:
        rows = cursor.execute(query.encode(), asked).fetchall()
    # Sums of floating numbers depend on their order.
    return [tuple(round(v, 6) if is_number(v) else v for v in row) for row in rows]


def is_number(value: object) -> bool:
    return isinstance(value, float | Decimal)


@pytest.mark.parametrize("part", ["loading", "between", "dbt"])
@pytest.mark.parametrize("node", ["worker", "coordinator"])
def test_a_machine_that_dies_costs_a_run_at_most(
    loaded: Study, alone: Study, coordinator: Database, node: str, part: str
) -> None:
    for user in range(1, USERS + 1):
        night = loaded.documents("sleep", user)[0]
        hrv = sum(f"{node}{part}".encode()) % 90
        loaded.change("PATCH", f"sleep/{night}?user={user}", average_hrv=hrv)
    with loaded.start("run") as process:
        wait_for(process, part)
        kill(coordinator, loaded, node)
        said, _ = process.communicate()
    assert "Traceback" not in said
    until_it_has_recovered(loaded)
    loaded("run")
    alone("run")
    assert differences(loaded, alone) == {}


def wait_for(process: subprocess.Popen[str], part: str) -> None:
    """Until a run is where it is to be disturbed."""
    target, dbt = "bin/target-postgres", "scripts/build_if_new.py"
    while target not in commands(process):
        assert process.poll() is None
        time.sleep(0.02)
    if part == "loading":
        time.sleep(2)
        return
    while target in commands(process):
        time.sleep(0.02)
    if part == "dbt":
        while dbt not in commands(process):
            assert process.poll() is None
            time.sleep(0.02)
        time.sleep(6)


def commands(process: subprocess.Popen[str]) -> str:
    """The command lines of a process's descendants."""
    found = []
    for each in psutil.Process(process.pid).children(recursive=True):
        with suppress(psutil.Error):
            found.append(" ".join(each.cmdline()))
    return "\n".join(found)


def kill(coordinator: Database, study: Study, node: str) -> None:
    """Let a machine lose all its sessions and all that was not written."""
    name = study.database.parameters["dbname"]
    database = replace(
        coordinator, parameters={**coordinator.parameters, "dbname": name}
    )
    with database.connect(autocommit=True) as connection:
        if node == "worker":
            [(result,)] = connection.execute(_A_WORKER_DIES).fetchall()
            assert result[2] == "f", result  # its session has died with it
        else:
            with pytest.raises(psycopg.OperationalError):
                connection.execute(_DIES)


def until_it_has_recovered(study: Study) -> None:
    for _ in range(100):
        with suppress(HealthHubError, psycopg.Error):
            study.query("select count(*) from healthhub.daily_overview")
            return
        time.sleep(0.2)
