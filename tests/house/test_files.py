"""What every file of the house keeps to: short, named after what it is, and about this project only."""

from __future__ import annotations

import ast
import re
import stat
import subprocess
import sys

import pytest

from tests.house.source import ROOMS, TOP, files, name, room_files, tree

BANNED_NAMES = {"utils", "util", "core", "common", "helpers", "helper", "misc", "base"}
NAMED_BY_DJANGO = {f"compliance/project/databases/{name}/base.py" for name in ("postgresql", "sqlite3")}
TOP_LEVEL = {
    *ROOMS, "templates", "tests", ".ci", "deploy", "docs", "static", "benchmarks", "requirements", "manage.py", "run",
    "eastwest", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "SECURITY.md", ".gitignore",
    ".gitattributes",
}  # fmt: skip
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root)/[\w.]+|/home/(?!ada\b|eastwest\b)\w+/|/tmp/brief")
REGISTRY = re.compile(r"pypi\.org|pythonhosted\.org|registry\.npmjs|proxy\.golang")
TEXT = (".py", ".html", ".css", ".js", ".md", ".toml", ".txt", ".yaml", ".yml", ".sh", ".json", ".csv", "")


def longest_allowed(path: str) -> int:
    return 500 if path.startswith("evidence/formats/") else 400


def test_no_file_is_too_long() -> None:
    ours = [path for path in files(".py") if "migrations" not in path.parts]  # those are written by Django
    lengths = {name(path): len(path.read_text().splitlines()) for path in ours}
    assert {path: length for path, length in lengths.items() if length > longest_allowed(path)} == {}


def test_no_room_has_a_drawer_for_everything() -> None:
    drawers = {name(path) for path in room_files() if BANNED_NAMES & set(path.relative_to(TOP).with_suffix("").parts)}
    assert drawers == NAMED_BY_DJANGO  # a database backend is a package whose module is called base


def test_the_top_level_holds_what_it_must_and_nothing_else() -> None:
    top = {name(path).split("/")[0] for path in files()}
    assert top <= TOP_LEVEL


def test_the_pure_parts_import_without_django() -> None:
    for room in ("compliance", "evidence"):
        assert (TOP / room / "__init__.py").read_text() == ""


@pytest.mark.parametrize("pattern", [MACHINE_PATH, REGISTRY], ids=["machine path", "package registry"])
def test_nothing_belongs_to_one_machine_or_registry(pattern: re.Pattern[str]) -> None:
    own = {"tests/house/test_files.py"}
    found = [
        f"{name(path)}:{number}: {line.strip()[:80]}"
        for path in files(*TEXT)
        if name(path) not in own and path.stat().st_size < 2_000_000
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_every_exemption_names_its_rule() -> None:
    bare = re.compile(r"#\s*noqa(?!:)|#\s*type:\s*ignore(?!\[)")
    found = [
        f"{name(path)}:{number}"
        for path in files(".py")
        if path.name != "test_files.py"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if bare.search(line)
    ]
    assert found == []


def test_no_error_is_caught_unseen() -> None:
    """Ruff forbids it; this also forbids switching the rule off."""
    broad = {"Exception", "BaseException"}
    found = []
    for path in room_files():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ExceptHandler):
                caught = {part.id for part in ast.walk(node.type) if isinstance(part, ast.Name)} if node.type else broad
                if caught & broad and not _raises_again(node):
                    found.append(f"{name(path)}:{node.lineno}")
    assert found == []


def _raises_again(handler: ast.ExceptHandler) -> bool:
    """Cleaning up and raising on is not swallowing."""
    return any(isinstance(node, ast.Raise) and node.exc is None for node in handler.body)


def test_the_interface_never_calls_anybody_compliant() -> None:
    """A pack shows what is held and what it says; whether that is enough is for others to say."""
    word = re.compile(r"\bcompliant\b", re.IGNORECASE)
    shown = [path for path in files(".html", ".txt", ".toml") if name(path).split("/")[0] in {"templates", *ROOMS}]
    spoken = [
        f"{name(path)}:{node.lineno}"
        for path in room_files()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and word.search(node.value)
    ]
    assert spoken == []
    assert [name(path) for path in shown if word.search(path.read_text())] == []


def test_the_start_commands_can_be_run() -> None:
    for command in ("run", ".ci/run", "manage.py"):
        assert (TOP / command).stat().st_mode & stat.S_IXUSR, command


def test_a_benchmark_takes_no_settings_of_the_tests() -> None:
    """With those of tests/conftest.py fifty people once walked without kept counts, and nobody saw why it was slow."""
    found = [node for path in files(".py") if name(path).startswith("benchmarks/") for node in ast.walk(tree(path))]
    taken = {
        f"tests.{alias.name}" if node.module == "tests" else str(node.module)
        for node in found
        if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] == "tests"
        for alias in node.names
    }
    assert taken, "benchmarks start PostgreSQL as the tests do"
    asked = f"import os; said = dict(os.environ); import {', '.join(sorted(taken))}; assert dict(os.environ) == said"
    subprocess.run([sys.executable, "-c", asked], cwd=TOP, check=True)
