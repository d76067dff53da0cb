"""What Panorama pushed to a firewall, as the firewall shows it beside its own configuration.

An answer to `show config pushed-shared-policy` is of one virtual system, which stands in the name of its file
(`vsys2--pushed.xml`), or of none (`all--pushed.xml`): that one holds the objects that Panorama shares, and the rules of
the first virtual system. Where a virtual system has an answer of its own, its rules count, and those of the other one
are the same again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from evidence.formats import panos_sections
from evidence.formats.panos_sections import FIRST, WRAPPERS, Scope
from evidence.formats.panos_tree import Node, Tree
from evidence.rules import Artefact

NAMED = re.compile(r"([A-Za-z0-9_.-]{1,31})--pushed\.xml")
ALL = "all"


class File(NamedTuple):
    """A file with the tree of its words."""

    artefact: Artefact
    tree: Tree
    digest: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """What was pushed, by virtual system (ALL: whatever names none). `files`: of each word by its `id()`, its file."""

    held: tuple[File, ...] = ()
    by_system: Mapping[str, Scope] = field(default_factory=dict)
    shared: Scope | None = None
    files: Mapping[int, File] = field(default_factory=dict)

    def systems(self) -> list[str]:
        """The virtual systems that rules were pushed to, by answers of their own."""
        return [name for name, scope in self.by_system.items() if name != ALL and scope.has_rules()]

    def scopes(self) -> list[Scope]:
        """Every place that was pushed."""
        return [*self.by_system.values(), *([self.shared] if self.shared is not None else [])]

    def of(self, system: str, *, alone: bool) -> tuple[list[Scope], bool]:
        """What stands above a virtual system, the nearest first, and whether an answer speaks of it. `alone`: the
        device has no other one."""
        shared = [self.shared] if self.shared is not None else []
        own, every = self.by_system.get(system), self.by_system.get(ALL)
        if own is not None:
            return [own, *shared], True
        if every is not None and (alone or system == FIRST):
            return [every], True
        return shared, False


def is_pushed(tree: Tree) -> bool:
    """Whether a file holds what was pushed and nothing else."""
    found, waiting = set(), [tree.root]
    while waiting:
        for child in waiting.pop().children:
            if child.word in WRAPPERS:
                waiting.append(child)
            elif child.kind != "text":
                found.add(child.word)
    return found == {"policy"}


def sorted_out(held: Sequence[File]) -> Pushed | None:
    """What several answers are made of; None where two are of one virtual system."""
    by_system: dict[str, Scope] = {}
    files: dict[int, File] = {}
    for one in held:
        name = NAMED.fullmatch(one.artefact.name.rpartition("/")[2])
        system = name[1] if name else ALL
        if system in by_system:
            return None
        scope = panos_sections.sorted_out(one.tree.root).pushed
        scope.name = scope.name if len(held) == 1 or system in (ALL, FIRST) else f"{scope.name}-{system}"
        by_system[system] = scope
        files |= {id(node): one for node in _nodes(one.tree.root)}
    every, shared = by_system.get(ALL), None
    if every is not None:
        shared = Scope("panorama-shared", every.node, objects=every.objects)
    for book in every.books.values() if every is not None and FIRST in by_system else ():
        for node in (*book.security, *book.nat, *book.defaults.values(), *(one for _, one in book.others)):
            node.ignore()
    return Pushed(tuple(held), by_system, shared, files)


def _nodes(root: Node) -> list[Node]:
    found, waiting = [], [root]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += one.children
    return found
