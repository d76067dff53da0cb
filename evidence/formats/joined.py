"""Formats of others: each package that names one in the entry-point group `eastwest.formats` joins the table.

What such a package names is an object with the three things of `table.Format` (docs/own-format.md). One that cannot be
loaded, is none, or bears the name of a format that is there already, is left out and said; nothing else fails by it.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, NamedTuple

GROUP: Final = "eastwest.formats"
RAISED: Final = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, MemoryError, NameError, OSError,
    RuntimeError, SyntaxError, TypeError, ValueError,
)  # fmt: skip


class Joined(NamedTuple):
    """The formats of others, and a sentence for each that did not join."""

    formats: tuple[Any, ...]
    left_out: tuple[str, ...]


@cache
def joined(known: Collection[str]) -> Joined:
    """All that installed packages name. `known`: the names of the formats that are there already."""
    found: dict[str, Any] = {}
    left_out: list[str] = []
    for point in sorted(entry_points(group=GROUP), key=lambda one: (one.name, one.value)):
        format_, why = _loaded(point)
        name = getattr(format_, "NAME", "")
        if not why and (name in known or name in found):
            why = f"there is a format {name} already"
        if why:
            left_out.append(f"the format {point.name} of {_package(point)} does not take part: {why}")
        else:
            found[name] = format_
    return Joined(tuple(found.values()), tuple(left_out))


def _loaded(point: EntryPoint) -> tuple[Any, str]:
    """What an entry point names, and why it is no format ("" = it is one)."""
    try:
        made = point.load()
    except RAISED as error:  # of a stranger's module, while it is imported
        return None, f"{type(error).__name__}: {error}"
    if not isinstance(getattr(made, "NAME", None), str) or not made.NAME:
        return made, "it has no NAME"
    missing = [name for name in ("sniff", "read") if not callable(getattr(made, name, None))]
    return made, f"it has no {' and no '.join(missing)}" if missing else ""


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value
