"""One vendor, one file: a format module reads alone, so that one of them can be wrong without the others."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path
from types import ModuleType

import pytest

from tests.house.source import TOP, name, tree

HOME = TOP / "evidence" / "formats"


def formats() -> list[ModuleType]:
    """The modules named in the literal table."""
    table = importlib.import_module("evidence.formats.table")
    return [entry if inspect.ismodule(entry) else inspect.getmodule(entry) for entry in table.FORMATS]  # type: ignore[misc]


def imports(path: Path) -> set[str]:
    """Every module a file imports, `from a import b` counted as both a and a.b."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_no_format_knows_another() -> None:
    modules = {module.__name__ for module in formats()}
    known = {
        name(path): sorted(imports(path) & (modules - {f"evidence.formats.{path.stem}"}))
        for path in HOME.glob("*.py")
        if path.stem != "table"
    }
    assert {path: others for path, others in known.items() if others} == {}


@pytest.mark.parametrize("module", formats(), ids=lambda module: str(module.__name__))
def test_every_format_has_the_three_parts(module: ModuleType) -> None:
    assert isinstance(module.NAME, str)
    assert list(inspect.signature(module.sniff).parameters) == ["head", "name"]
    assert list(inspect.signature(module.read).parameters) == ["artefacts"]
    assert 0.0 <= module.sniff(b"", "") <= 1.0
