"""The modules, read in one direction: none depends on one that depends on it."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import tap_oura

PACKAGE = Path(tap_oura.__path__[0])


def imported(module: Path) -> set[str]:
    """The modules of the package that one names, for its types or late ones too."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            package, _, name = node.module.partition(".")
            if package == "tap_oura":
                found |= {name} if name else {alias.name for alias in node.names}
    return found


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module.stem: imported(module) for module in PACKAGE.glob("*.py")}
    assert graph["client"] >= {"run", "windows"}, "imports are found"
    TopologicalSorter(graph).prepare()  # raises CycleError, which names them
