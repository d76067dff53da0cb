"""Groups of addresses, services and ports that name one another: expanded once, cycles and gaps named.

What a name stands for is kept with the way to it (`WEB > WEB-NEW`), so that a rule can say from which groups it was
made. A group that is missing, leads back to itself or has an unread line may hold anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from compliance.traffic import intervals
from compliance.traffic.boxes import Family
from compliance.traffic.intervals import Interval
from evidence.formats.cursor import Account, Line
from evidence.formats.entries import Service, Side
from evidence.rules import OBJECTS, Statement

DEEPEST = 64  # groups that may stand in one another


@dataclass(slots=True)
class Member:
    """One line of a group: the words it says and where."""

    words: list[str]
    line: int


@dataclass(slots=True)
class Group:
    """A group or object as written. `kind`: network, service, ports, protocol, icmp-type; `of`: whose ports."""

    name: str
    kind: str
    line: int
    of: str = ""
    members: list[Member] = field(default_factory=list)
    again: list[int] = field(default_factory=list)  # lines at which it is defined once more


@dataclass(slots=True)
class Meaning:
    """What a group stands for."""

    side: Side = field(default_factory=Side)
    services: dict[Family, list[Service]] = field(default_factory=dict)
    ports: list[Interval] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    ways: list[str] = field(default_factory=list)

    def doubt(self, text: str) -> None:
        """Something of it is not known."""
        if text not in self.doubts:
            self.doubts.append(text)

    def add_services(self, found: Mapping[Family, Sequence[Service]]) -> None:
        """More services."""
        for family, services in found.items():
            self.services.setdefault(family, []).extend(services)


# Reads one line of a group into its meaning; gives the name of the group it refers to ("" = none). Raises ValueError.
ReadMember = Callable[[Group, Member, Meaning], str]


class Expanded:
    """All groups of a device, each expanded when it is first asked for."""

    def __init__(self, groups: Mapping[str, Group], read_member: ReadMember) -> None:
        self._groups, self._read = groups, read_member
        self._known: dict[str, Meaning] = {}
        self._used: list[str] = []

    def network(self, name: str) -> Side:
        """The addresses of an object or a group of them."""
        found = self._asked(name)
        doubts = list(found.doubts)
        if not found.side.ranges and not doubts:
            doubts = [f"{name} holds no addresses"]
        return Side(found.side.ranges, doubts)

    def services(self, name: str) -> tuple[dict[Family, list[Service]], list[str]]:
        """The services of a group by family, and what of them is not known."""
        found = self._asked(name)
        doubts = list(found.doubts)
        if not any(found.services.values()) and not doubts:
            doubts = [f"{name} holds no services"]
        return found.services, doubts

    def ports(self, name: str) -> tuple[list[Interval], list[str]] | None:
        """The ports of a group of ports, and what of them is not known; None when there is no such group."""
        group = self._groups.get(name)
        if group is None or group.kind not in {"service", "ports"}:
            return None
        found = self.meaning(name)
        if not found.ports:
            return None
        self._used.extend(found.ways)
        return found.ports, list(found.doubts)

    def said(self, account: Account) -> list[Statement]:
        """What each group holds as it is written, so that two readings show which of them was edited."""
        return [
            Statement(OBJECTS, group.name, "; ".join(" ".join(one.words) for one in group.members),
                      (("kind", group.kind),), account.origin(Line(group.line, group.name)))
            for group in self._groups.values()
        ]  # fmt: skip

    def take_used(self) -> list[str]:
        """The names asked for since the last call, each with the way to its members."""
        taken, self._used = self._used, []
        return list(dict.fromkeys(taken))

    def _asked(self, name: str) -> Meaning:
        found = self.meaning(name)
        self._used.extend(found.ways or [name])
        return found

    def meaning(self, name: str, above: tuple[str, ...] = ()) -> Meaning:
        """What a name stands for. `above`: the groups that led to it."""
        if name in self._known:
            return self._known[name]
        way = " > ".join((*above, name))
        group = self._groups.get(name)
        if group is None:
            return Meaning(doubts=[f"{way} is not defined"])
        if name in above or len(above) >= DEEPEST:
            return Meaning(doubts=[f"{way} leads back to itself" if name in above else f"{way} is nested too deep"])
        made = self._expanded(group, (*above, name))
        if not any("leads back" in doubt for doubt in made.doubts):
            self._known[name] = made
        return made

    def _expanded(self, group: Group, way: tuple[str, ...]) -> Meaning:
        made = Meaning()
        for line in group.again:
            made.doubt(f"{group.name} is defined twice, in lines {group.line} and {line}")
        for member in group.members:
            try:
                nested = self._read(group, member, made)
            except (ValueError, IndexError):
                made.doubt(f"{' > '.join(way)}: {' '.join(member.words)} (line {member.line})")
                continue
            if nested:
                self._join(made, nested, way)
        for doubt in made.side.doubts:
            made.doubt(doubt)
        if not group.members:
            made.doubt(f"{' > '.join(way)} is empty")
        for family, ranges in made.side.ranges.items():
            made.side.ranges[family] = intervals.merge(ranges)
        made.ports = intervals.merge(made.ports)
        made.services = {family: list(dict.fromkeys(found)) for family, found in made.services.items()}
        made.ways = made.ways or [group.name]
        return made

    def _join(self, made: Meaning, nested: str, way: tuple[str, ...]) -> None:
        inner = self.meaning(nested, way)
        made.side.add(Side(inner.side.ranges))
        made.add_services(inner.services)
        made.ports.extend(inner.ports)
        for doubt in inner.doubts:
            made.doubt(doubt)
        made.ways.extend(f"{way[-1]} > {one}" for one in inner.ways or [nested])
