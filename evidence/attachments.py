"""Which interfaces of a cloud account a server stands behind, and what its connections must pass there. Pure.

A server is attached to every interface that holds one of its addresses. That interface, and the path with the way back,
are required points of its connections (docs/adr/0030), beside the host's own packet filter, read or not: what nobody
read is not known. Only where AWS itself runs what stands behind an interface is there no such filter (docs/adr/0034).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final, NamedTuple

from compliance.register import Entry, Wanted
from compliance.traffic import intervals
from compliance.traffic.addresses import family_of_value, prefix_range
from compliance.traffic.boxes import FAMILIES, TOP, Box, Family, box_of, limited, subtract
from compliance.traffic.intervals import Interval
from evidence.formats.aws_fabric import BEYOND, FORWARD, RETURN, held_by, inside, vacant
from evidence.formats.aws_lists import PORTED
from evidence.formats.aws_objects import OPERATED
from evidence.formats.aws_routes import PRIVATE, PRIVATE_6
from evidence.rules import Reading

FABRICS: Final = frozenset({"aws"})
IN, OUT = "in", "out"
WAY: Final = {"INPUT": IN, "OUTPUT": OUT}
SIDE: Final = {IN: 2, OUT: 0}  # where an interface's own address stands in a box
FIRST_FREE_PORT: Final = 1024  # a client asks from here on: systems differ, and load balancers use all of these


class Attachment(NamedTuple):
    """An interface that holds an address of a server."""

    account: str
    interface: str


def is_fabric(reading: Reading) -> bool:
    """Whether it is a cloud account and no host."""
    return reading.format in FABRICS


def interface_of(reading: Reading, point: str) -> str:
    """The interface a point of an account stands at; "" for every other point."""
    name, _, way = point.partition("/")
    return name if is_fabric(reading) and way in SIDE and name in reading.addresses else ""


class Account:
    """The reading of an account, with what is asked of it for every interface and connection worked out once."""

    def __init__(self, reading: Reading, wide: Reading | None = None) -> None:
        """`wide`: its paths with VPCs of other accounts that they lead to, where these were put together."""
        self.reading, self.wide = reading, wide
        self._inside = {family: inside(reading, family) for family in FAMILIES}
        self._vacant = {family: vacant(reading, family) for family in FAMILIES}
        self._spans: dict[tuple[str, Family], list[Interval]] = {}
        self._beyond: dict[Family, tuple[list[Interval], dict[str, list[Interval]]]] = {}

    @cached_property
    def operators(self) -> dict[str, str]:
        """Interface -> the service of AWS that runs what stands behind it (`amazon-rds`); none of a customer's."""
        return {one.subject: one.value for one in self.reading.statements if one.about == OPERATED}

    def spans(self, interface: str, family: Family) -> list[Interval]:
        """The addresses of an interface as ranges."""
        key = (interface, family)
        if key not in self._spans:
            self._spans[key] = spans(self.reading, interface, family)
        return self._spans[key]

    def beyond(self, family: Family, meant: Collection[str]) -> list[Interval]:
        """The addresses of VPCs of other accounts on its paths, without those of the interfaces that are meant."""
        if self.wide is None:
            return []
        if family not in self._beyond:
            self._beyond[family] = inside(self.wide, family, BEYOND), held_by(self.wide, family)
        everywhere, held = self._beyond[family]
        return intervals.subtract(everywhere, intervals.merge(one for name in meant for one in held.get(name, ())))

    def inside(self, family: Family) -> list[Interval]:
        """The addresses of its VPCs."""
        return self._inside[family]

    def vacant(self, family: Family, low: int, high: int) -> Sequence[Interval]:
        """The ranges, some of which lie between two addresses, that no interface holds: nobody sends, nobody hears."""
        return intervals.meeting(self._vacant[family], low, high)


def spans(reading: Reading, interface: str, family: Family) -> list[Interval]:
    """The addresses of an interface as ranges."""
    held = reading.addresses.get(interface, ())
    return intervals.merge(prefix_range(one, value, length) for one, value, length in held if one == family)


def attachments(servers: Mapping[str, tuple[int, ...]], readings: Mapping[str, Reading]) -> dict[str, list[Attachment]]:
    """Server -> the interfaces it stands behind, in every account that was read."""
    holders = {value: name for name, values in servers.items() for value in values}
    found: dict[str, list[Attachment]] = {}
    for account, reading in readings.items():
        for interface in reading.addresses if is_fabric(reading) else ():
            for name in dict.fromkeys(_holders(reading, interface, holders)):
                found.setdefault(name, []).append(Attachment(account, interface))
    return found


def _holders(reading: Reading, interface: str, holders: Mapping[int, str]) -> Iterator[str]:
    for family in FAMILIES:
        for low, high in spans(reading, interface, family):
            if low == high:
                yield from (holders[low],) if low in holders else ()
            else:
                yield from (name for value, name in holders.items()
                            if low <= value <= high and family_of_value(value) == family)  # fmt: skip


def required(
    wanted: Wanted, accounts: Mapping[str, Account], known: Collection[str], attached: Mapping[str, list[Attachment]]
) -> Wanted:
    """The register with the points of accounts that its connections must pass. `known`: hosts that are sources.

    A host's own point stays required, unless it is no source and AWS runs all that holds its addresses of the family.
    """
    if not attached:
        return wanted
    run = {name: account.operators for name, account in accounts.items()}

    def points(entry: Entry) -> Iterator[tuple[str, str]]:
        passed: dict[str, None] = {}
        for host, point in entry.required:
            mine = [one for one in attached.get(host, ()) if accounts[one.account].spans(one.interface, entry.family)]
            if (
                point not in WAY
                or host in known
                or not mine
                or any(one.interface not in run[one.account] for one in mine)
            ):
                yield host, point
            if point in WAY:
                yield from ((one.account, f"{one.interface}/{WAY[point]}") for one in mine)
                passed.update(dict.fromkeys(one.account for one in mine))
        yield from ((account, path) for account in passed for path in (FORWARD, RETURN))

    entries = (replace(entry, required=tuple(dict.fromkeys(points(entry)))) for entry in wanted.entries)
    return replace(wanted, entries=tuple(entries))


def part(
    entry: Entry, host: str, point: str, account: Account,
    servers: Callable[[Iterable[Interval]], Iterable[int]] = lambda spans: (),
) -> tuple[Box, ...]:  # fmt: skip
    """The part of an entry that one point of an account is asked about: at an interface its own traffic, on a path what
    runs between its ends. What an interface says to itself never leaves it; addresses that nobody holds send nothing.
    In a VPC of another account those of registered servers are asked about, held or not (`servers`: of some ranges).
    """
    family = entry.family
    interface = interface_of(account.reading, point)
    if interface:
        side = SIDE[point.partition("/")[2]]
        mine = account.spans(interface, family)
        return tuple(
            one for box in entry.boxes
            for one in _at([box], mine, side, account.vacant(family, box[2 - side], box[3 - side]))
        )  # fmt: skip
    if point not in {FORWARD, RETURN}:
        return entry.boxes
    asked = {way: [name.removesuffix(f"/{way}") for account, name in entry.required
                   if account == host and name.endswith(f"/{way}")] for way in SIDE}  # fmt: skip
    found: dict[Box, None] = {}
    # Whoever may be anybody comes from a public address, or from a place that the register names.
    private = [*(PRIVATE if family == 4 else PRIVATE_6)]
    for way, side in SIDE.items():
        anybody = [box for box in entry.boxes if (box[2 - side], box[3 - side]) == (0, TOP[family])]
        others = [box for box in entry.boxes if box not in anybody]
        peers = [one for name in asked[OUT if way == IN else IN] for one in account.spans(name, family)]
        # Of a VPC's addresses those of the servers that are meant: a zone, or anybody, holds others as well.
        far = [name.partition("/")[0] for _, name in entry.required if name.endswith(f"/{OUT if way == IN else IN}")]
        others_there = account.beyond(family, far)
        named = intervals.merge((one, one) for one in servers(others_there))
        elsewhere = [*intervals.subtract(account.inside(family), peers), *intervals.subtract(others_there, named)]
        for name in asked[way]:
            mine = account.spans(name, family)
            for box in (*_at(others, mine, side, elsewhere), *_at(anybody, mine, side, [*elsewhere, *private])):
                found.update(dict.fromkeys(_asking(family, box, point)))
    return tuple(found)


def _at(boxes: Iterable[Box], mine: Sequence[Interval], side: int, without: Sequence[Interval]) -> Iterator[Box]:
    """What of the boxes has one end in `mine`, and the other one neither there nor in `without`."""
    other, not_there = 2 - side, intervals.merge([*mine, *without])
    for box in boxes:
        for low, high in intervals.intersect([(box[side], box[side + 1])], mine):
            for first, last in intervals.subtract([(box[other], box[other + 1])], not_there):
                yield limited(limited(box, side, low, high), other, first, last)


def _asking(family: Family, box: Box, point: str) -> Iterator[Box]:
    """The answer is asked about for packets as clients send them: from a port that is free for anybody."""
    if point != RETURN:
        yield box
        return
    left = [box]
    for proto in PORTED:
        taken = box_of(family, proto=proto, sport=(0, FIRST_FREE_PORT - 1))
        left = [rest for one in left for rest in subtract(one, taken)]
    yield from left
