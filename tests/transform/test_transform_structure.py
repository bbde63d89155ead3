"""What a reviewer of a dbt project looks for, by dbt-project-evaluator's rules.

Not held: `daily_overview` and `set_aside_documents` have more parents than seven, for
that is what they are; tables are named as the design names them, without `fct_`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.transform.conftest import Database, Dbt

PROJECT = Path(__file__).parents[2]
Node = dict[str, Any]


@pytest.fixture(scope="module")
def manifest(dbt: Dbt) -> Node:
    parsed: Node = json.loads((dbt.target / "manifest.json").read_text("utf-8"))
    return parsed


@pytest.fixture(scope="module")
def models(manifest: Node) -> dict[str, Node]:
    return {
        key: node
        for key, node in manifest["nodes"].items()
        if node["resource_type"] == "model"
    }


def layer(node: Node) -> str:
    name: str = node["fqn"][1]
    return name


def parents(node: Node) -> list[str]:
    found: list[str] = node["depends_on"]["nodes"]
    return found


def test_every_column_of_every_layer_is_described(
    dbt: Dbt, database: Database, manifest: Node
) -> None:
    """In the project, and of what users read, in the database, too."""
    database("select 1")
    dbt.succeed("docs", "generate")
    catalog = json.loads((dbt.target / "catalog.json").read_text("utf-8"))
    described = manifest["nodes"] | manifest["sources"]
    found = catalog["nodes"] | catalog["sources"]
    assert len(found) > 80
    for key, relation in found.items():
        said = described[key]
        assert said["description"], key
        for name in relation["columns"]:
            if not name.startswith("_sdc_"):
                assert said["columns"].get(name, {}).get("description"), (key, name)
    read = [r for r in found.values() if r["metadata"]["schema"] == "healthhub"]
    assert len(read) > 30
    for relation in read:
        of_database = [relation["metadata"], *relation["columns"].values()]
        assert all(each["comment"] for each in of_database), of_database


def test_a_column_says_the_same_in_every_layer(models: dict[str, Node]) -> None:
    for key, node in models.items():
        for parent in parents(node):
            if layer(node) != "healthhub" or layer(models[parent]) != "staging":
                continue
            if node["config"]["meta"].get("holds") != "documents":
                continue
            for name in node["columns"].keys() & models[parent]["columns"].keys():
                said, says = (
                    models[m]["columns"][name]["description"] for m in (parent, key)
                )
                assert said == says, (parent, key, name)


def test_each_layer_reads_from_the_one_before(models: dict[str, Node]) -> None:
    allowed = {
        "staging": {"source"},
        "intermediate": {"staging", "intermediate", "healthhub"},
        "healthhub": {"staging", "intermediate", "healthhub"},
    }
    used = set()
    for key, node in models.items():
        read = {
            "source" if parent not in models else layer(models[parent])
            for parent in parents(node)
        }
        assert read <= allowed[layer(node)], key
        assert read or node["name"] == "int_oura__calendar", key
        if layer(node) == "staging":
            (source,) = parents(node)
            assert node["name"] == f"stg_oura__{source.rpartition('.')[2]}"
            used.add(source)
        assert node["name"].startswith("int_oura__") == (layer(node) == "intermediate")
        assert Path(node["patch_path"].partition("://")[2]).parent == (
            Path(node["original_file_path"]).parent
        ), key
    assert len(used) == 20


def test_every_grain_is_tested(manifest: Node, models: dict[str, Node]) -> None:
    tested = {
        node["attached_node"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and node["test_metadata"]["name"] == "grain"
    }
    for key, node in models.items():
        keys = [c for c in node["constraints"] if c["type"] == "primary_key"]
        is_table = node["config"]["materialized"] == "incremental"
        assert bool(keys) == is_table, key
        assert is_table or key in tested, key
        if is_table:
            assert node["config"]["unique_key"] == keys[0]["columns"], key


def test_what_is_public_has_a_contract(models: dict[str, Node]) -> None:
    for key, node in models.items():
        is_public = layer(node) == "healthhub"
        assert node["access"] == ("public" if is_public else "private"), key
        assert node["config"]["contract"]["enforced"] == is_public, key
        assert node["group"] == "healthhub"


def test_views_are_no_towers(models: dict[str, Node]) -> None:
    def height(key: str) -> int:
        if models[key]["config"]["materialized"] != "lasting_view":
            return 0
        below = (height(p) for p in parents(models[key]) if p in models)
        return 1 + max(below, default=0)

    assert max(map(height, models)) <= 4


def test_the_exposures_are_what_programs_read(
    manifest: Node, models: dict[str, Node]
) -> None:
    files = {
        "report": (PROJECT / "analyze/healthhub_report").rglob("*.py"),
        "run_alerts": (
            PROJECT / "orchestrate/healthhub" / name
            for name in ("alerts.py", "results.py")
        ),
    }
    names = {node["name"] for node in models.values()}
    for exposure in manifest["exposures"].values():
        said = {models[key]["name"] for key in parents(exposure)}
        code = "".join(file.read_text("utf-8") for file in files[exposure["name"]])
        read = set(re.findall(r"healthhub\.(\w+)", code)) & names
        assert read <= said, exposure["name"]
        assert all(name in code for name in said), exposure["name"]
        assert all(models[key]["access"] == "public" for key in parents(exposure))


def test_the_metrics_are_figures_of_the_overview(
    manifest: Node, models: dict[str, Node]
) -> None:
    overview = models["model.healthhub.daily_overview"]["columns"]
    (days,) = manifest["semantic_models"].values()
    for measure in days["measures"]:
        assert measure["name"] == "days" or (measure["expr"] or measure["name"]) in (
            overview
        )
    for dimension in days["dimensions"]:
        assert (dimension["expr"] or dimension["name"]) in overview
    assert len(manifest["metrics"]) > 20
