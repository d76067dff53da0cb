"""The register as a plain value: from the parsed dict of a register file (or the database's rows) to `Wanted`.

The shape is that of the contracts: servers, groups, zones, connections, shares. An endpoint is the name of a
server, group or zone, an address, a prefix, a range or `any`, or a list of these. Every problem is reported with
its row, all of them at once; with one problem nothing is used.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

from compliance.register_estate import Endpoint, Estate
from compliance.register_rows import (
    CONNECTION_KEYS,
    EXPECTED_USES,
    SECTIONS,
    SHARE_KEYS,
    Problems,
    Row,
    rows_of,
)
from compliance.traffic import services
from compliance.traffic.addresses import Range, family_of_value
from compliance.traffic.boxes import FAMILIES, Box, Family, box_of, intersect_all, subtract
from compliance.traffic.services import Service
from compliance.traffic.shares import Origin, Share

Required = tuple[tuple[str, str], ...]
INPUT, OUTPUT = "INPUT", "OUTPUT"
# What a share's clients must reach on its server. NFSv4 needs 2049 alone; v3 asks rpcbind and mountd as well
# (RFC 1813, RFC 1833; mountd on the port registered for it, as our hosts pin it).
NFS4 = ("tcp/2049",)
NFS3 = ("tcp/2049", "tcp/111", "tcp/20048")
SMB = ("tcp/445",)


class RegisterError(ValueError):
    """The register cannot be used. `problems`: one sentence for each, naming its row."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Entry:
    """One authorised connection in one family. `required`: (host, point) pairs that must permit their part of it.

    `implemented` False: it is approved, and nobody has said yet that it was done. `review_by`: the day by which it is
    to be looked at again.
    """

    id: str
    boxes: tuple[Box, ...]
    required: Required
    share: Share | None
    expected_use: str
    family: Family = 4
    implemented: bool = True
    review_by: date | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """All that is authorised in one address space, and the servers with their addresses (both families).

    `zones`: zone -> its servers; `networks`: zone -> the ranges whose every address must be a registered server's, and
    `prefixes` all of these.
    """

    space: str
    servers: Mapping[str, tuple[int, ...]]
    entries: tuple[Entry, ...]
    zones: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    prefixes: tuple[Range, ...] = ()
    networks: Mapping[str, tuple[Range, ...]] = field(default_factory=dict)


def wanted(register: Mapping[str, Any], *, at: date | None = None) -> Wanted:
    """What is authorised on the day `at` (default today): a connection past its `ends_on` is not; one past its
    `review_by` is, and the judge says so. Raises RegisterError with every problem of every row."""
    day = at or date.today()
    problems = Problems()
    for key in register:
        if key not in SECTIONS:
            problems.add("register", f"unknown part {key!r}; known are {', '.join(SECTIONS)}")
    space = register.get("space") or "default"
    if not isinstance(space, str):
        problems.add("register", "space must be text")
    estate = Estate.read(register, problems)
    entries: list[Entry] = []
    seen: set[str] = set()
    for row in rows_of(register, "connections", "id", CONNECTION_KEYS, problems, seen):
        entries.extend(_connection(row, estate, day))
    for row in rows_of(register, "shares", "id", SHARE_KEYS, problems, seen):
        entries.extend(_share(row, estate, day))
    if problems.sentences:
        raise RegisterError(problems.sentences)
    prefixes = tuple(one for ranges in estate.zones.values() for one in ranges)
    return Wanted(space, estate.servers, tuple(entries), estate.members(), prefixes, dict(estate.zones))


def part_at(entry: Entry, host: str, point: str, wanted: Wanted) -> tuple[Box, ...]:
    """The part of an entry that one host is asked about: INPUT what goes to its addresses, OUTPUT what comes from them.

    What the host says to itself stays on its loopback interface and is left out. Other points are asked about all of
    it. A host that the register does not know has no part.
    """
    if point not in {INPUT, OUTPUT}:
        return entry.boxes
    own = [value for value in wanted.servers.get(host, ()) if family_of_value(value) == entry.family]
    towards = [box_of(entry.family, dst=(value, value)) for value in own]
    away = [box_of(entry.family, src=(value, value)) for value in own]
    mine, itself = (towards, away) if point == INPUT else (away, towards)
    parts = intersect_all(entry.boxes, mine)
    for loop in itself:
        parts = [piece for part in parts for piece in subtract(part, loop)]
    return tuple(parts)


def _connection(row: Row, estate: Estate, day: date) -> list[Entry]:
    legs = [estate.endpoint(row, key) for key in ("source", "destination")]
    legs[1:1] = [estate.endpoint(row, "via", only=name) for name in row.texts("via", required=False)]
    offered = _services(row)
    use = _use(row)
    review_by, authorised = row.day("review_by"), _in_force(row, day)
    known = [leg for leg in legs if leg is not None]
    if len(known) != len(legs) or not offered:
        return []
    pairs = list(itertools.pairwise(known))
    for source, target in pairs:
        if source.hosts == target.hosts and len(source.hosts) == 1 and not source.wider and not target.wider:
            row.problem(f"{source.text} would talk to itself; traffic within a server is not judged")
            return []
    entries = [
        Entry(row.name, boxes, _required(pairs, family, estate), None, use, family, review_by=review_by)
        for family in FAMILIES
        if (boxes := _legs(pairs, offered, family))
    ]
    if not entries:
        row.problem("source, destination and services have no address family in common")
    return entries if authorised else []


def _legs(pairs: list[tuple[Endpoint, Endpoint]], offered: list[Service], family: Family) -> tuple[Box, ...]:
    """The boxes of every leg; none at all when one leg cannot exist in the family."""
    found: list[Box] = []
    for source, target in pairs:
        boxes = services.boxes(source.ranges, target.ranges, offered, family)
        if not boxes:
            return ()
        found.extend(boxes)
    return tuple(dict.fromkeys(found))


def _required(pairs: list[tuple[Endpoint, Endpoint]], family: Family, estate: Estate) -> Required:
    """INPUT of every destination server, OUTPUT of every source server, as far as they take part in the family."""
    points: dict[tuple[str, str], None] = {}
    for source, target in pairs:
        for point, asked, peer in ((INPUT, target, source), (OUTPUT, source, target)):
            points.update(((host, point), None) for host in asked.hosts if estate.takes_part(host, asked, peer, family))
    return tuple(points)


def _services(row: Row) -> list[Service]:
    found: list[Service] = []
    for text in row.texts("services"):
        try:
            found.append(services.parse(text))
        except ValueError as wrong:
            row.problem(f"services: {wrong}")
    return found


def _use(row: Row) -> str:
    return row.choice("expected_use", EXPECTED_USES, default="continuous")


def _in_force(row: Row, day: date) -> bool:
    ends_on = row.day("ends_on")
    return ends_on is None or day <= ends_on


def _share(row: Row, estate: Estate, day: date) -> list[Entry]:
    server = estate.endpoint(row, "server")
    clients = estate.endpoint(row, "clients")
    share = _as_written(row)
    use = _use(row)
    offered = [services.parse(text) for text in _share_services(row, share.protocol)]
    review_by, authorised = row.day("review_by"), _in_force(row, day)
    if server is None or clients is None:
        return []
    if len(server.hosts) != 1 or server.wider:
        row.problem(f"server: {server.text} is not one server of the register")
        return []
    entries = []
    for family in FAMILIES:
        pairs = [(clients, server)]
        boxes = _legs(pairs, offered, family)
        if boxes:
            sides = tuple(box_of(family, src=(one.low, one.high)) for one in clients.ranges if one.family == family)
            held = replace(share, server=server.hosts[0], clients=sides)
            points = _required(pairs, family, estate)
            entries.append(Entry(row.name, boxes, points, held, use, family, review_by=review_by))
    if not entries:
        row.problem("server and clients have no address family in common")
    return entries if authorised else []


def _as_written(row: Row) -> Share:
    protocol: Literal["nfs", "smb"] = "smb" if row.choice("protocol", ("nfs", "smb")) == "smb" else "nfs"
    access: Literal["ro", "rw"] = "rw" if row.choice("access", ("ro", "rw"), default="ro") == "rw" else "ro"
    path = row.text("path")
    return Share(
        server="",
        path=path,
        protocol=protocol,
        clients=(),
        access=access,
        security=row.text("security", required=False),
        squash=row.text("squash", required=False),
        users=tuple(row.texts("users", required=False)),
        residue=(),
        origin=Origin("", "register", row.number, row.number, f"{row.name} {path}", uid=row.name),
    )


def _share_services(row: Row, protocol: str) -> tuple[str, ...]:
    versions = {str(one).lower().removeprefix("v").partition(".")[0] for one in row.values("version")}
    if versions - {"2", "3", "4"} and protocol == "nfs":
        row.problem(f"version: {', '.join(sorted(versions))} is not 3 or 4")
    if protocol == "smb":
        return SMB
    return NFS3 if "3" in versions else NFS4
