"""Which interfaces of a cloud account a server stands behind, and what its connections must pass there. Pure.

A server is attached to every interface that holds one of its addresses. That interface, and the path with the way back,
are required points of its connections (docs/adr/0030), beside the host's own packet filter, read or not: what nobody
read is not known. Only where AWS itself runs what stands behind an interface is there no such filter (docs/adr/0034).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from compliance.register import Entry, Wanted, part_at
from compliance.traffic import intervals
from compliance.traffic.addresses import family_of_value, prefix_range
from compliance.traffic.boxes import FAMILIES, TOP, Box, Family, box_of, limited, subtract
from compliance.traffic.intervals import Interval
from evidence.formats.aws_fabric import FORWARD, RETURN, inside, vacant
from evidence.formats.aws_lists import PORTED
from evidence.formats.aws_objects import OPERATED
from evidence.formats.aws_routes import PRIVATE
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


def operators(reading: Reading) -> dict[str, str]:
    """Interface -> the service of AWS that runs what stands behind it (`amazon-rds`); no interface of a customer."""
    return {one.subject: one.value for one in reading.statements if one.about == OPERATED} if is_fabric(reading) else {}


def required(
    wanted: Wanted, readings: Mapping[str, Reading], known: Collection[str], attached: Mapping[str, list[Attachment]]
) -> Wanted:
    """The register with the points of accounts that its connections must pass. `known`: hosts that are sources.

    A host's own point stays required, unless it is no source and AWS runs all that holds its addresses of the family.
    """
    if not attached:
        return wanted
    run = {account: operators(reading) for account, reading in readings.items()}

    def points(entry: Entry) -> Iterator[tuple[str, str]]:
        accounts: dict[str, None] = {}
        for host, point in entry.required:
            mine = [one for one in attached.get(host, ()) if spans(readings[one.account], one.interface, entry.family)]
            if (
                point not in WAY
                or host in known
                or not mine
                or any(one.interface not in run[one.account] for one in mine)
            ):
                yield host, point
            if point in WAY:
                yield from ((one.account, f"{one.interface}/{WAY[point]}") for one in mine)
                accounts.update(dict.fromkeys(one.account for one in mine))
        yield from ((account, path) for account in accounts for path in (FORWARD, RETURN))

    entries = (replace(entry, required=tuple(dict.fromkeys(points(entry)))) for entry in wanted.entries)
    return replace(wanted, entries=tuple(entries))


def part(entry: Entry, host: str, point: str, wanted: Wanted, reading: Reading) -> tuple[Box, ...]:
    """The part of an entry that one point is asked about: at an interface its own traffic, on a path what runs between
    its ends. What an interface says to itself never leaves it; addresses that nobody holds send nothing.
    """
    if not is_fabric(reading):
        return part_at(entry, host, point, wanted)
    family = entry.family
    interface = interface_of(reading, point)
    if interface:
        side = SIDE[point.partition("/")[2]]
        return tuple(_at(entry.boxes, spans(reading, interface, family), side, vacant(reading, family)))
    if point not in {FORWARD, RETURN}:
        return entry.boxes
    asked = {way: [name.removesuffix(f"/{way}") for account, name in entry.required
                   if account == host and name.endswith(f"/{way}")] for way in SIDE}  # fmt: skip
    found: dict[Box, None] = {}
    # Whoever may be anybody comes from a public address, or from a place that the register names.
    private = [*PRIVATE] if family == 4 else []
    for way, side in SIDE.items():
        anybody = [box for box in entry.boxes if (box[2 - side], box[3 - side]) == (0, TOP[family])]
        others = [box for box in entry.boxes if box not in anybody]
        peers = [one for name in asked[OUT if way == IN else IN] for one in spans(reading, name, family)]
        # Of a VPC's addresses those of the servers that are meant: a zone, or anybody, holds others as well.
        elsewhere = intervals.subtract(inside(reading, family), intervals.merge(peers))
        for name in asked[way]:
            mine = spans(reading, name, family)
            for box in (*_at(others, mine, side, elsewhere), *_at(anybody, mine, side, [*elsewhere, *private])):
                found.update(dict.fromkeys(_asking(family, box, point)))
    return tuple(found)


def _at(boxes: Iterable[Box], mine: list[Interval], side: int, without: list[Interval]) -> Iterator[Box]:
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
