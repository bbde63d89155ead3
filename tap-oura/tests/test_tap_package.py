"""What other people get: the package, its README, its definition for Meltano Hub."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import pytest
import referencing
import referencing.jsonschema
import yaml
from jsonschema import Draft7Validator

FOLDER = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def docs() -> dict[str, Any]:
    return runpy.run_path(str(FOLDER / "scripts" / "generate_docs.py"))


def test_readme_tables_are_current(docs: dict[str, Any]) -> None:
    text = docs["README"].read_text()
    assert docs["readme"](text) == text, "Run scripts/generate_docs.py."


def test_hub_definition_is_current(docs: dict[str, Any]) -> None:
    text = docs["PLUGIN"].read_text()
    assert docs["definition"]() == text, "Run scripts/generate_docs.py."


def test_every_setting_says_what_it_is(docs: dict[str, Any]) -> None:
    for name, setting in docs["settings"]().items():
        assert setting["title"], name
        assert setting["description"].endswith("."), name
        looks_secret = any(w in name for w in ("token", "secret", "key", "users"))
        assert bool(setting.get("secret")) == looks_secret, name


def test_meltano_takes_the_hub_definition(tmp_path: Path) -> None:
    """As a data engineer does: a new project, and `meltano add --from-ref`."""
    meltano = Path(sys.executable).with_name("meltano")
    if not meltano.exists():
        pytest.skip("Meltano is not installed beside the tap.")
    (tmp_path / "meltano.yml").write_text("project_id: test\n")
    definition = FOLDER / "plugin.yaml"
    command: list[str | Path] = [
        *(meltano, "add", "--plugin-type", "extractor", "--no-install"),
        *("tap-oura", "--from-ref", definition),
    ]
    environment = {**os.environ, "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false"}
    environment.pop("MELTANO_PROJECT_ROOT", None)
    result = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    project = yaml.safe_load((tmp_path / "meltano.yml").read_text())
    (added,) = project["plugins"]["extractors"]
    defined = yaml.safe_load(definition.read_text())
    for setting in defined["settings"]:
        if setting["kind"] == "password":  # as Meltano called it before `sensitive`
            setting["kind"] = "string"
    for part in ("name", "executable", "capabilities", "settings"):
        assert added[part] == defined[part]


def test_the_hub_takes_its_definition() -> None:
    """By the Hub's own schemas: `schemas/` of a clone of meltano/hub."""
    folder = os.environ.get("MELTANO_HUB_SCHEMAS")
    if not folder:
        pytest.skip("MELTANO_HUB_SCHEMAS does not name the Hub's schemas")
    root = Path(folder).resolve()

    def schema_at(uri: str) -> referencing.Resource[Any]:
        # Their `$id`s do not say where they are; their names do.
        (file,) = root.glob(f"*/{PurePosixPath(urlsplit(uri).path).name}")
        return resource_of(file)

    def resource_of(file: Path) -> referencing.Resource[Any]:
        schema = json.loads(file.read_text()) | {"$id": file.as_uri()}
        return referencing.jsonschema.DRAFT7.create_resource(schema)

    schema = resource_of(root / "plugin_definitions" / "extractors.schema.json")
    registry = referencing.Registry(retrieve=schema_at)  # type: ignore[call-arg]
    validator = Draft7Validator(schema.contents, registry=registry)
    definition = yaml.safe_load((FOLDER / "plugin.yaml").read_text())
    assert [error.message for error in validator.iter_errors(definition)] == []
    assert [*validator.iter_errors(definition | {"quality": "best"})], "it can fail"


def test_the_readme_comes_in_the_order_of_the_hub() -> None:
    lines = (FOLDER / "README.md").read_text().splitlines()
    assert [line for line in lines if line.startswith("## ")][:3] == [
        "## Capabilities",
        "## Installation",
        "## Settings",
    ]


def test_wheel_and_sdist_hold_what_they_need(tmp_path: Path) -> None:
    build = (sys.executable, "-m", "uv", "build", "--offline")
    subprocess.run(
        [*build, "--out-dir", tmp_path, FOLDER],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "tap_oura/schemas/daily_sleep.json" in names
    assert "tap_oura/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any("test" in name for name in names)
    assert list(tmp_path.glob("*.tar.gz"))
