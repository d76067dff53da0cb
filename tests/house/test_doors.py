"""Doors never write: views, forms, API, admin, tags, tasks and commands call one action, which does."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.source import name, room_files, tree

DOORS = {"views", "forms", "api", "templatetags", "management", "admin", "tasks", "urls"}
WRITES = {
    "save", "delete", "create", "bulk_create", "bulk_update", "get_or_create", "update_or_create",
    "asave", "adelete", "acreate", "abulk_create", "abulk_update", "aget_or_create", "aupdate_or_create",
}  # fmt: skip
# Said of a QuerySet these write; said of a dict or a set they do not.
WRITES_ON_QUERYSETS = {"update", "aupdate", "add", "remove", "set", "clear"}
QUERYSET_MARKS = {"objects", "filter", "exclude", "all", "_default_manager", "_base_manager"}


def is_door(path: Path) -> bool:
    parts = name(path).removesuffix(".py").split("/")
    return len(parts) > 1 and parts[1] in DOORS


def writes(module: ast.Module) -> list[tuple[int, str]]:
    """Line and verb of every call in a file that writes to the database."""
    found = []
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            verb = node.func.attr
            if (verb in WRITES and not _is_harmless(node.func)) or (
                verb in WRITES_ON_QUERYSETS and _is_queryset(node.func.value)
            ):
                found.append((node.lineno, verb))
    return found


def _is_queryset(value: ast.expr) -> bool:
    return any(isinstance(part, ast.Attribute) and part.attr in QUERYSET_MARKS for part in ast.walk(value))


def _is_harmless(call: ast.Attribute) -> bool:
    """`super().save(…)` of an allauth form or adapter goes on to the library's own action."""
    owner = call.value
    return isinstance(owner, ast.Call) and isinstance(owner.func, ast.Name) and owner.func.id == "super"


def test_no_door_writes() -> None:
    found = {
        f"{name(path)}:{line} .{verb}()" for path in room_files() if is_door(path) for line, verb in writes(tree(path))
    }
    assert found == set()


@pytest.mark.parametrize(
    ("line", "caught"),
    [
        ("connection.save()", True),
        ("Connection.objects.create(name='x')", True),
        ("Connection.objects.filter(pk=1).update(state='approved')", True),
        ("system.owners.all().delete()", True),
        ("answers.update(request.GET)", False),
        ("super().save(request)", False),
        ("connections.approve(change, by=person)", False),
    ],
)
def test_the_look_out_sees_what_it_must(line: str, caught: bool) -> None:
    assert bool(writes(ast.parse(line))) is caught
