"""What several sources say of one host, kept apart: each aspect is taken from one of them; where they differ is said.

A live reading is stronger than a copy (a repository, an upload, a folder), and of equally strong ones the one that was
seen last. Two that contradict each other about the same time, neither stronger, are joined as if both held, so that
nothing is proven where only one of them says so. Pure, no Django.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from evidence.formats import hooks
from evidence.host import merge
from evidence.rules import Reading

FILTER: Final = "packet filter"
ADDRESSES: Final = "addresses and routes"
# The points of a reading that are no packet filter's, in words
POINTS: Final[Mapping[str, str]] = {
    "listeners": "listening services", "shares/nfs": "NFS shares", "shares/smb": "Samba shares",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Side:
    """What one source says of a host, from `since` to `seen` at least. `live`: read from the system itself."""

    source: str
    live: bool
    since: datetime
    seen: datetime
    reading: Reading

    @property
    def rank(self) -> tuple[bool, datetime, str]:
        """The stronger, the larger."""
        return self.live, self.seen, self.source

    def overlaps(self, other: Side) -> bool:
        """Whether both said what they say at one and the same time."""
        return max(self.since, other.since) <= min(self.seen, other.seen)


class Differ(NamedTuple):
    """Two sources that do not say the same of one aspect: `judged` is the one believed, "" where both are."""

    aspect: str
    judged: str
    one: str
    other: str
    because: str


class Joined(NamedTuple):
    """One reading of a host, from which sources each aspect of it comes, and where they differ."""

    reading: Reading
    taken: tuple[tuple[str, tuple[str, ...]], ...]
    differ: tuple[Differ, ...]


def joined(sides: Sequence[Side]) -> Joined:
    """What all sources of a host show, each aspect from the one that is to be believed."""
    if len(sides) == 1:
        return Joined(sides[0].reading, (), ())
    strongest = sorted(sides, key=lambda side: side.rank, reverse=True)
    by_aspect: dict[str, list[Side]] = {}
    for side in strongest:
        for aspect in aspects(side.reading):
            by_aspect.setdefault(aspect, []).append(side)
    kept: dict[str, set[str]] = {side.source: set() for side in strongest}
    found: list[Differ] = []
    for aspect, held in by_aspect.items():
        first = held[0]
        kept[first.source].add(aspect)
        mine = said(first.reading, aspect)
        for other in held[1:]:
            theirs = said(other.reading, aspect)
            if more_than(first, other, aspect):
                kept[other.source].add(aspect)
                continue  # they complete one another; where they do not agree, joining them says so
            if mine == theirs or not (first.overlaps(other) or other.seen > first.seen):
                continue  # the same, or what was so before it changed
            both = first.live == other.live and first.overlaps(other)
            if both:
                kept[other.source].add(aspect)
            found.append(Differ(aspect, "" if both else first.source, first.source, other.source, told(mine, theirs)))
    parts = [only(side.reading, kept[side.source]) for side in strongest if kept[side.source]]
    taken = tuple(
        (aspect, tuple(side.source for side in strongest if aspect in kept[side.source])) for aspect in by_aspect
    )
    return Joined(merge(parts) if len(parts) > 1 else parts[0], taken, tuple(found))


def more_than(first: Side, other: Side, aspect: str) -> bool:
    """Whether the other one shows a family of the packet filter that the first does not show at all."""
    return aspect == FILTER and not other.reading.families <= first.reading.families


def aspects(reading: Reading) -> list[str]:
    """What a reading speaks about."""
    found = [FILTER] if reading.chains else []
    found += [name for point, name in POINTS.items() if any(one.name == point for one in reading.points)]
    found += [ADDRESSES] if reading.addresses or reading.routes else []
    return found + sorted({f"statements on {one.about}" for one in reading.statements})


def said(reading: Reading, aspect: str) -> dict[str, Any]:
    """What is said of an aspect, by name, wherever it stands in its files."""
    if aspect == FILTER:
        return {
            chain.name: (chain.hook, chain.priority, chain.default, tuple(rules(chain.rules)))
            for chain in reading.chains
        }
    if aspect == ADDRESSES:
        routes = {f"route {one}": one for one in reading.routes}
        return {**{name: sorted(held) for name, held in reading.addresses.items()}, **routes}
    if aspect == "listening services":
        heard = [(one.family, one.address, one.proto, one.port) for one in reading.listeners]
        return {f"{one}": one for one in heard}
    if aspect in POINTS.values():
        shares = [one for one in reading.shares if POINTS[f"shares/{one.protocol}"] == aspect]
        return {f"{one.path} {one.clients} {one.access} {one.security} {one.squash}": True for one in shares}
    about = aspect.removeprefix("statements on ")
    return {f"{one.subject} {one.value}": one.details for one in reading.statements if one.about == about}


def rules(every: Iterable[Any]) -> Iterable[Any]:
    """Rules without their places and numbers, in their order."""
    return (replace(rule, origin=None, id="", seq=0) for rule in every)


def told(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    """How many things differ, and the first of them."""
    names = sorted(name for name in {*mine, *theirs} if mine.get(name) != theirs.get(name))
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0][:120]}{more}"


def only(reading: Reading, wanted: set[str]) -> Reading:
    """The reading without what another source is believed about."""
    points = {point for point, name in POINTS.items() if name in wanted}
    filtered = FILTER in wanted
    allowed = points | (set(hooks.PATHS) if filtered else set())
    protocols = {point.removeprefix("shares/") for point in points}
    return replace(
        reading,
        points=tuple(one for one in reading.points if one.name in allowed or (filtered and one.name not in POINTS)),
        chains=reading.chains if filtered else (),
        sets=reading.sets if filtered else (),
        families=reading.families if filtered else frozenset(),
        shares=tuple(one for one in reading.shares if one.protocol in protocols),
        listeners=reading.listeners if "listeners" in points else (),
        addresses=reading.addresses if ADDRESSES in wanted else {},
        routes=reading.routes if ADDRESSES in wanted else (),
        unread=tuple(one for one in reading.unread if one.point in allowed or (filtered and one.point not in POINTS)),
        statements=tuple(one for one in reading.statements if f"statements on {one.about}" in wanted),
    )
