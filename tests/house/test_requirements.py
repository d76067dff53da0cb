"""The dependencies: each one used, each one locked with its hashes, and the locks no older than the list."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import tomllib
from functools import cache

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.source import TOP, files, room_files, tree

# Used without an import: by its command, by Django through a dotted string, or as data.
USED_BY_NAME = {
    "gunicorn": "compliance/project/supervise.py",
    "psycopg": "compliance/project/env.py",
    "whitenoise": "compliance/project/settings.py",
    "django-csp": "compliance/project/settings.py",
}


@cache
def project() -> dict[str, list[Requirement]]:
    """The two lists of pyproject.toml: what the program needs, and what its makers need."""
    data = tomllib.loads((TOP / "pyproject.toml").read_text())
    return {
        "run": [Requirement(line) for line in data["project"]["dependencies"]],
        "dev": [Requirement(line) for line in data["dependency-groups"]["dev"]],
        **{name: list(map(Requirement, rows)) for name, rows in data["project"]["optional-dependencies"].items()},
    }


@cache
def locked(lock: str) -> dict[str, str]:
    """Name and version of every package in a lock."""
    text = (TOP / "requirements" / f"{lock}.txt").read_text()
    return {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.M)}


@cache
def modules_of(distribution: str) -> frozenset[str]:
    """The top-level modules a package brings."""
    wanted = canonicalize_name(distribution)
    tops = importlib.metadata.packages_distributions()
    return frozenset(top for top, names in tops.items() if wanted in map(canonicalize_name, names))


@cache
def imported() -> frozenset[str]:
    """The top-level modules our rooms import, and those the settings name by a dotted string."""
    found = set()
    for path in (*room_files(), TOP / "manage.py"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isascii():
                found |= {node.value.split(".")[0]} if re.fullmatch(r"[a-z_]\w*(\.\w+)*", node.value) else set()
    return frozenset(found)


@pytest.mark.parametrize("needed", project()["run"] + project()["aws"], ids=lambda needed: str(needed.name))
def test_every_dependency_is_used(needed: Requirement) -> None:
    used = modules_of(needed.name) & imported()
    fonts = needed.name.startswith("fontpkg-") and needed.name.replace("-", "_") in _all_text()
    assert used or fonts or needed.name in USED_BY_NAME, f"{needed.name} is used nowhere: remove it"


@pytest.mark.parametrize(("name", "where"), USED_BY_NAME.items())
def test_what_is_used_by_name_is_named_there(name: str, where: str) -> None:
    words = {"django-csp": "csp.middleware", "psycopg": "postgresql"}
    assert words.get(name, name) in (TOP / where).read_text()


@pytest.mark.parametrize("lock", ["run", "aws", "dev"])
def test_the_lock_fits_the_list(lock: str) -> None:
    """The lock of an extra holds all of `run`, and `dev` every extra."""
    more = {"run": [], "aws": project()["aws"], "dev": project()["aws"] + project()["dev"]}
    wanted = project()["run"] + more[lock]
    stale = [
        str(need)
        for need in wanted
        if not need.specifier.contains(locked(lock).get(canonicalize_name(need.name), "0"), prereleases=True)
    ]
    assert stale == [], "make the locks again: docs/develop.md says how"


def test_all_locks_name_the_same_versions() -> None:
    assert {name: locked("aws").get(name) for name in locked("run")} == locked("run")
    assert {name: locked("dev").get(name) for name in locked("aws")} == locked("aws")
    assert {name: locked("dev").get(name) for name in locked("run")} == locked("run")
    assert locked("uv") == {"uv": locked("dev")["uv"]}


@pytest.mark.parametrize("lock", ["run", "aws", "dev", "uv"])
def test_everything_locked_has_a_hash(lock: str) -> None:
    text = (TOP / "requirements" / f"{lock}.txt").read_text()
    for block in re.split(r"\n(?=[\w.-]+==)", text)[1:]:
        assert "--hash=sha256:" in block, block.splitlines()[0]


def _all_text() -> str:
    return "".join(path.read_text() for path in files(".py", ".css") if "tests" not in path.parts)
