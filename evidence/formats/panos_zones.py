"""The zones of one place and which pairs of them a rule is about, said as limits on interfaces.

Every interface of a zone is in it, and the zone's own name stands for one of them: who asks about a packet may say
either. Where a file shows no zones, their names alone are the interfaces.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

Names = frozenset[str]
UNSURE_SAME = "both interfaces are in one zone"


class Pair(NamedTuple):
    """From which interfaces to which (None: any); `doubt`: why it is not certain."""

    iif: Names | None
    oif: Names | None
    doubt: str = ""


class Zones:
    """The zones of a virtual system. `declared`: with their interfaces; `mentioned`: those that rules name."""

    def __init__(self, declared: Mapping[str, Sequence[str]], mentioned: Iterable[str]) -> None:
        self.declared = {name: frozenset((name, *held)) for name, held in declared.items()}
        self._named = dict(self.declared)
        self.undeclared = sorted({name for name in mentioned if name not in self.declared and name != "any"})
        if not self.declared:
            self._named = {name: frozenset((name,)) for name in self.undeclared}
        self._everywhere = frozenset(name for held in self._named.values() for name in held)

    def names(self, zone: str) -> Names:
        """What stands for a zone."""
        return self._named.get(zone, frozenset((zone,)))

    def everywhere(self) -> Names:
        """All that is in some zone."""
        return self._everywhere

    def elsewhere(self) -> Names:
        """A limit to what is in no zone that is known."""
        return _not(self._everywhere)

    def pairs(self, kind: str, sources: Sequence[str], targets: Sequence[str]) -> list[Pair]:
        """The pairs of a rule of that type."""
        found = {"intrazone": self._intra, "interzone": self._inter}.get(kind, self._universal)(sources, targets)
        doubtful = [
            Pair(
                self._wide(sources), self._wide(targets), f"zone {name} is not defined in this file"
            )
            for name in dict.fromkeys((*sources, *(targets if kind != "intrazone" else ())))
            if self.declared and name in self.undeclared
        ]  # fmt: skip
        return [*found, *doubtful]

    def _wide(self, names: Sequence[str]) -> Names | None:
        """All interfaces that a list of zones may be, with those of an unknown one."""
        if "any" in names or not names:
            return None
        unknown = [name for name in names if name in self.undeclared]
        known = [one for name in names if name in self.declared for one in self.declared[name]]
        if not unknown:
            return frozenset(known)
        return _not(self._everywhere - frozenset(known))

    def _of(self, names: Sequence[str]) -> Names | None:
        if "any" in names or not names:
            return None
        return frozenset(one for name in names for one in self.names(name))

    def _universal(self, sources: Sequence[str], targets: Sequence[str]) -> list[Pair]:
        return [Pair(self._of(sources), self._of(targets))]

    def _intra(self, sources: Sequence[str], _targets: Sequence[str]) -> list[Pair]:
        whole = "any" in sources or not sources
        found = [Pair(self.names(one), self.names(one)) for one in (self._named if whole else sources)]
        if whole and not self.declared:
            found.append(Pair(self.elsewhere(), self.elsewhere(), UNSURE_SAME))
        return found

    def _inter(self, sources: Sequence[str], targets: Sequence[str]) -> list[Pair]:
        whole, wide = "any" in sources or not sources, "any" in targets or not targets
        found: list[Pair] = []
        for one in self._named if whole else dict.fromkeys(sources):
            held = self.names(one)
            others = frozenset(each for name in targets if name != one for each in self.names(name))
            if wide:
                found.append(Pair(held, _not(held)))
            elif others:
                found.append(Pair(held, others))
        if whole:
            known = self._everywhere if wide else self._of(targets)
            if known:
                found.append(Pair(self.elsewhere(), known))
            if wide and not self.declared:
                found.append(Pair(self.elsewhere(), self.elsewhere(), UNSURE_SAME))
        return found


def _not(names: Names) -> Names:
    return frozenset(f"!{name}" for name in names)
