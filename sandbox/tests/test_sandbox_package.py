"""What other people get: a package that needs nothing else of this repository."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

FOLDER = Path(__file__).parent.parent


def test_wheel_and_sdist_hold_what_they_need(tmp_path: Path) -> None:
    build = (sys.executable, "-m", "uv", "build", "--offline")
    subprocess.run(
        [*build, "--out-dir", tmp_path, FOLDER],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    there = {
        str(path.relative_to(FOLDER))
        for path in (FOLDER / "oura_sandbox").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert there <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any("test" in name for name in names)
    assert list(tmp_path.glob("*.tar.gz"))


def test_it_imports_nothing_that_is_not_installed_with_it() -> None:
    project = tomllib.loads((FOLDER / "pyproject.toml").read_text("utf-8"))["project"]
    own = {re.split(r"\W", name)[0] for name in project["dependencies"]}
    allowed = {"oura_sandbox", *own, *sys.stdlib_module_names}
    for path in (FOLDER / "oura_sandbox").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Import(names=names):
                    found = {alias.name.partition(".")[0] for alias in names}
                case ast.ImportFrom(module=str(module)):
                    found = {module.partition(".")[0]}
                case _:
                    continue
            assert found <= allowed, path


def test_it_says_its_version() -> None:
    command = [sys.executable, "-m", "oura_sandbox", "--version"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    project = tomllib.loads((FOLDER / "pyproject.toml").read_text("utf-8"))["project"]
    assert said == f"oura-sandbox {project['version']}\n"
