"""The repository's own files, as the house tests read them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
ROOMS = ("compliance", "evidence", "reviews")
NOT_OURS = {
    ".venv", ".git", "var", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache",
    ".hypothesis",
}  # fmt: skip


@cache
def files(*suffixes: str) -> tuple[Path, ...]:
    """All files of the repository that are ours, with one of these suffixes; without suffixes all of them."""
    return tuple(sorted(path for path in _walk(TOP) if not suffixes or path.suffix in suffixes))


def room_files() -> tuple[Path, ...]:
    """The Python files of the three rooms."""
    return tuple(path for path in files(".py") if name(path).split("/")[0] in ROOMS)


def name(path: Path) -> str:
    """A path as it is said in a message: from the top of the repository."""
    return path.relative_to(TOP).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """The parsed file."""
    return ast.parse(path.read_text(), str(path))


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name in NOT_OURS or path.is_symlink() or path.name.endswith(".egg-info"):
            continue
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path
