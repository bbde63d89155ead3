"""Who changes the project finds what dbt's documentation says of dbt's own means."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from tests.transform.test_transform_refresh import USER, content, read

from long_lived_dbt import PROJECT, Dbt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.transform.conftest import Database

TABLE = "daily_stress_summaries"
VIEW = "rest_mode_episodes"
DAILY = "models/healthhub/daily/_daily.yml"
SAMPLES = "models/healthhub/samples/_samples.yml"
PERIODS = "models/healthhub/periods/_periods.yml"
TABLE_FILE = f"models/healthhub/daily/{TABLE}.sql"
STAGED = "models/staging/stg_oura__daily_stress.sql"
OVERVIEW = "models/healthhub/insight/daily_overview.sql"
BUILD = ("build", "--exclude-resource-type", "unit_test")
RUN = ("run", "--select", TABLE, VIEW)


class OwnProject:
    """A copy of the project, to be changed."""

    def __init__(self, server: dict[str, str], home: Path, parsed: Path) -> None:
        """Copy it, with what dbt knows of it; what it was stays in `state`."""
        self._path = home / "transform"
        (home / "target").mkdir()
        shutil.copy(parsed / "partial_parse.msgpack", home / "target")
        shutil.copytree(
            PROJECT / "transform",
            self._path,
            ignore=shutil.ignore_patterns("target", "logs"),
        )
        self.dbt = Dbt(server, home / "target", project=self._path)
        self.dbt.succeed("list", "--select", TABLE)
        self.state = str(home / "state")
        shutil.copytree(home / "target", self.state)
        self._before: dict[Path, str] = {}
        self._is_parsed = True

    def change(self, name: str, old: str, new: str) -> None:
        """Replace what a file has once."""
        text = (self._path / name).read_text("utf-8")
        assert text.count(old) == 1
        self._write(name, text.replace(old, new))

    def configure(self, name: str, config: str) -> None:
        """Give a model a configuration."""
        text = (self._path / name).read_text("utf-8")
        self._write(name, f"{{{{ config({config}) }}}}\n{text}")

    def _write(self, name: str, text: str) -> None:
        file = self._path / name
        self._before.setdefault(file, file.read_text("utf-8"))
        file.write_text(text, "utf-8")
        self._is_parsed = False

    def restore(self) -> None:
        """Let it be what it was."""
        for file, text in self._before.items():
            file.write_text(text, "utf-8")
        self._before.clear()
        self._is_parsed = False

    def __call__(self, *arguments: str) -> dict[str, Any]:
        """Run a command on the project as it is now."""
        if not self._is_parsed:
            self.dbt.succeed("parse")
            self._is_parsed = True
        return self.dbt(*arguments)


@pytest.fixture(scope="module")
def copied(
    server: dict[str, str], dbt: Dbt, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OwnProject]:
    project = OwnProject(server, tmp_path_factory.mktemp("own"), dbt.target)
    try:
        yield project
    finally:
        project.dbt.close()


@pytest.fixture
def own(copied: OwnProject, database: Database) -> Iterator[OwnProject]:
    """The project, and a database that was built with it."""
    read(database, range(5, 8), USER, minutes_ago=50)
    try:
        yield copied
    finally:
        copied.restore()


def configured(config: str) -> tuple[str, str]:
    """What to replace in the view's YAML file to give it a configuration."""
    name = f"  - name: {VIEW}\n    description:"
    return name, name.replace("    desc", f"    config: {config}\n    desc")


def test_what_was_modified_is_built_alone(own: OwnProject) -> None:
    modified = ("--select", "state:modified+", "--state", own.state)
    names = ("list", "--resource-type", "model", "--select", "state:modified")
    answer = own(*names, "--state", own.state)
    assert any("No nodes selected!" in line for line in answer["messages"]), answer
    own.change(OVERVIEW, "sleep.score as", "sleep.score + 0 as")
    own.change("macros/baselines.sql", "last_7_days >= 3", "last_7_days >= 2")
    answer = own(*names, "--state", own.state)
    found = {line for line in answer["messages"] if line.startswith("healthhub.")}
    insight = "healthhub.healthhub.insight"
    assert found == {f"{insight}.daily_overview", f"{insight}.figures"}
    answer = own(*BUILD, *modified)
    assert answer["success"]
    built = answer["statuses"].keys()
    assert built >= {"daily_overview", "figures", "weekly_figures", "tag_effects"}
    assert not built & {"sleep_periods", "document_revisions", "stg_oura__sleep"}


def test_grants_and_hooks(own: OwnProject, database: Database) -> None:
    database("create table public.hooks (name text); create role analyst")
    granted = (
        "select has_table_privilege('analyst', name, 'select') as is_granted"
        " from unnest(%s::text[]) as name"
    )
    names = [f"healthhub.{TABLE}", f"healthhub.{VIEW}"]
    try:
        hook = "insert into public.hooks values ('{{ this.name }}')"
        grants = "{'select': ['analyst']}"
        own.configure(TABLE_FILE, f'grants={grants}, post_hook="{hook}"')
        own.change(SAMPLES, *configured(f'{{grants: {grants}, post_hook: "{hook}"}}'))
        assert own(*RUN)["success"]
        assert {row["is_granted"] for row in database(granted, names)} == {True}
        database(f"revoke select on {', '.join(names)} from analyst")
        assert own(*RUN)["success"]
        assert {row["is_granted"] for row in database(granted, names)} == {True}
        run = [row["name"] for row in database("select name from public.hooks")]
        assert sorted(run) == [TABLE, TABLE, VIEW], "a view that stays runs none"
        own.restore()
        own.configure(TABLE_FILE, "grants={'select': []}")
        own.change(SAMPLES, *configured("{grants: {select: []}}"))
        assert own(*RUN)["success"]
        assert {row["is_granted"] for row in database(granted, names)} == {False}
    finally:
        database("drop owned by analyst; drop role analyst")


CALM = """      - name: calm
        data_type: integer
        description: A field that Oura has sent for long.
        constraints:
          - type: not_null
"""


def test_on_schema_change(own: OwnProject, database: Database) -> None:
    database.load(
        "daily_stress",
        *(
            {"id": f"{n}", "day": f"2026-03-0{n}", "unknown_fields": {"calm": n}}
            for n in range(5, 8)
        ),
        minutes_ago=40,
    )
    calm = f"select sum(calm) as sum from healthhub.{TABLE}"
    select = ("--select", f"+{TABLE}")
    assert own(*BUILD, *select)["success"]
    field = "safe_json_number('unknown_fields', 'stress_low') }}"
    own.change(
        STAGED, f"{{{{ {field}", f"{{{{ {field} as calm_low,\n        {{{{ {field}"
    )
    own.change(
        STAGED,
        "as calm_low",
        "as calm_low, {{ safe_json_number('unknown_fields', 'calm') }} as calm",
    )
    column = "      - name: stress_high\n        data_type: integer\n"
    own.change(DAILY, column, CALM + column)
    assert own(*BUILD, *select)["success"]
    assert database.one(calm) == {"sum": 5 + 6 + 7}, "of what was read long ago, too"

    own.restore()
    database.load("daily_stress", {"id": "8", "day": "2026-03-08"}, minutes_ago=30)
    assert own(*BUILD, *select)["success"]
    assert database.one(calm) == {"sum": 5 + 6 + 7}, "a column stays"
    assert database.one(f"select count(*) from healthhub.{TABLE}") == {"count": 4}

    database(f"alter table healthhub.{TABLE} drop column stress_medium cascade")
    own.configure(TABLE_FILE, "on_schema_change='fail'")
    answer = own(*BUILD, *select)
    assert not answer["success"]
    assert "out of sync" in " ".join(answer["messages"])


def test_what_is_not_selected_is_left_as_it_is(
    own: OwnProject, database: Database
) -> None:
    column = "      - name: restless_periods\n        data_type: "
    own.change(PERIODS, f"{column}integer", f"{column}bigint")
    views = "select count(*) from pg_views where schemaname ~ '^healthhub'"
    kind = (
        "select format_type(atttypid, atttypmod) as type from pg_attribute where"
        " attrelid = 'healthhub.sleep_periods'::regclass"
        " and attname = 'restless_periods'"
    )
    before = database.one(views)
    assert own("run", "--select", "daily_sleep_summaries")["success"]
    assert database.one(kind) == {"type": "integer"}
    assert database.one(views) == before
    assert own("run")["success"]
    assert database.one(kind) == {"type": "bigint"}
    assert database.one(views) == before


def test_what_was_built_of_an_older_view_is_built_again(
    own: OwnProject, database: Database
) -> None:
    database.load(
        "daily_stress",
        {"id": "1", "day": "2026-03-01", "stress_high": 60},
        minutes_ago=200,
    )
    stress = f"select stress_high from healthhub.{TABLE} where day = '2026-03-01'"
    select = ("run", "--select", f"+{TABLE}")
    assert own(*select)["success"]
    field = "{{ safe_number('stress_high') }}"
    own.change(STAGED, field, f"{field} * 2")
    assert own("run", "--select", TABLE)["success"]
    assert database.one(stress) == {"stress_high": 60}, "the view is what it was"
    assert own(*select)["success"]
    assert database.one(stress) == {"stress_high": 120}


def test_retry_runs_what_was_mended(own: OwnProject, database: Database) -> None:
    own.change(OVERVIEW, "sleep.score as", "sleep.score + 1 / 0 as")
    select = ("--select", "+daily_overview", "--exclude", "stg_oura__*")
    assert not own("run", *select, "--empty", "--write-json")["success"]
    own.change(OVERVIEW, "sleep.score + 1 / 0 as", "sleep.score + 100 as")
    assert own("retry")["success"]
    assert not any(content(database).values()), "it is as empty as what it repeats"
    assert own("run", *select)["success"]
    scores = database("select sleep_score from healthhub.daily_overview order by day")
    assert [row["sleep_score"] for row in scores] == [165, 166, 167]
