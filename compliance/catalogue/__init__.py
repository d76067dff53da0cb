"""Control ids, our own words for what each asks, and what a pack shows for it. Pure data and its loader, no Django.

Statements of the frameworks are not shipped, except ISM-1479's, which is quoted with its attribution (CC BY 4.0).
`served` is our proposal and no rating: an assessor decides.
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Served = Literal["direct", "supporting", "none"]
FILES = ("ism.toml", "iso-27001.toml", "pci-dss.toml", "nist-800-53.toml", "cis-v8.toml")
SERVED: tuple[Served, ...] = ("direct", "supporting", "none")


class CatalogueError(ValueError):
    """A catalogue file is not as it must be; names the file and the control."""


@dataclass(frozen=True, slots=True)
class Framework:
    """A set of controls: short and full name, version, date of publication, attribution of quoted text ("" if none)."""

    short: str
    name: str
    version: str
    published: str
    attribution: str


@dataclass(frozen=True, slots=True)
class Control:
    """One control. `parts` are slugs of pack sections; `statement` is official text, "" where we may not quote it.

    `lead` marks the controls a pack prints first. `key` is unique over all frameworks.
    """

    framework: Framework
    id: str
    title: str
    served: Served
    parts: tuple[str, ...]
    shows: str
    remains: str
    statement: str = ""
    lead: bool = False

    @property
    def key(self) -> str:
        """`ISM-1479` as it is; ids of other frameworks with their framework before them."""
        return self.id if self.id.startswith("ISM-") else f"{self.framework.short} {self.id}"


@functools.cache
def controls() -> tuple[Control, ...]:
    """Every control, frameworks and ids in the order of the files. Raises CatalogueError for a malformed file."""
    folder = Path(__file__).resolve().parent
    found = tuple(control for name in FILES for control in read_catalogue((folder / name).read_text("utf-8"), name))
    keys = [control.key for control in found]
    for key in keys:
        if keys.count(key) > 1:
            raise CatalogueError(f"{key} stands twice in the catalogue")
    return found


def read_catalogue(text: str, name: str) -> tuple[Control, ...]:
    """The controls of one TOML file (`name` is for messages)."""
    try:
        data = tomllib.loads(text)
        framework = Framework(data["framework"], data["name"], data["version"], data["published"], data["attribution"])
        return tuple(_control(framework, row, name) for row in data["control"])
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise CatalogueError(f"{name} is not a catalogue of controls: {error}") from error


def _control(framework: Framework, row: dict[str, Any], name: str) -> Control:
    if row["served"] not in SERVED:
        raise CatalogueError(f"{name}: {row['id']} is served {row['served']!r}, not one of {', '.join(SERVED)}")
    if row.get("statement") and not framework.attribution:
        raise CatalogueError(f"{name}: {row['id']} is quoted without an attribution")
    return Control(
        framework, row["id"], row["title"], row["served"], tuple(row["parts"]), row["shows"], row["remains"],
        row.get("statement", ""), bool(row.get("lead", False)),
    )  # fmt: skip
