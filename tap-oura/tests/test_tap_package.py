"""What other people get: the package, its README, its definition for Meltano Hub."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

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
    for part in ("name", "executable", "capabilities", "settings"):
        assert added[part] == defined[part]


def test_wheel_and_sdist_hold_what_they_need(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path, FOLDER],
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
