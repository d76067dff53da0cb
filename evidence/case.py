"""What `judge` was asked, prepared once: points, addresses, and what is authorised, for every kind of verdict."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from compliance.register import Entry, Wanted, part_at
from compliance.traffic import intervals
from compliance.traffic.addresses import family_of_value, prefix_range
from compliance.traffic.boxes import FAMILIES, FULL, TOP, Box, Family, box_of, intersect_all
from compliance.traffic.index import Index
from compliance.traffic.intervals import Interval
from compliance.traffic.witness import Inventory
from evidence import answers, attachments, paths
from evidence.attachments import Account, interface_of, is_fabric
from evidence.formats.evaluate import Evaluator, Piece
from evidence.judgement import Silence
from evidence.paths import Crossing, Paths, Said, Standing
from evidence.points import reached
from evidence.rules import Chain, Point, Reading, Rule, Verdict
from evidence.sightings import Scope, Sighting, seen_by, strangers

if TYPE_CHECKING:
    from evidence.kept import Kept  # it reads the whole program when it is imported

INPUT, FORWARD, OUTPUT = "INPUT", "FORWARD", "OUTPUT"
RETURN = paths.RETURN
LINK_LOCAL: Interval = prefix_range(6, 0xFE80 << 112, 10)
POLICY = "#policy"


def is_incoming(point: str) -> bool:
    """Whether a point is about what comes in to somebody."""
    return point == INPUT or point.endswith("/in")


class Estate:
    """The registered servers: whose an address is, and their addresses as sorted ranges."""

    def __init__(self, servers: Mapping[str, tuple[int, ...]]) -> None:
        self.servers = servers
        self.holders = {value: name for name, values in servers.items() for value in values}
        self.inventory = Inventory(self.holders)
        self.spans: dict[Family, list[Interval]] = {
            family: intervals.merge((one, one) for one in self.holders if family_of_value(one) == family)
            for family in FAMILIES
        }

    @cached_property
    def _sorted(self) -> list[int]:
        return sorted(self.holders)

    def within(self, spans: Iterable[Interval]) -> Iterator[int]:
        """The registered addresses in some ranges, in their order."""
        for low, high in spans:
            yield from self._sorted[bisect_left(self._sorted, low) : bisect_right(self._sorted, high)]

    def of(self, host: str, family: Family) -> tuple[int, ...]:
        """The registered addresses of a server in one family."""
        return tuple(value for value in self.servers.get(host, ()) if family_of_value(value) == family)


class Facts(NamedTuple):
    """What is asked of all traffic of a point at once, by everybody."""

    denies: bool  # whether anything is denied
    denied: list[Interval]  # the peers of whose traffic with a registered address of the host something is denied
    permitted: list[Box]  # what is permitted; of an INPUT that denies everybody something it is not asked


class Host:
    """One host's reading with its points ready to be asked, and what it owns."""

    def __init__(
        self, name: str, reading: Reading, estate: Estate, kept: Kept | None = None, wide: Reading | None = None
    ) -> None:
        """`wide`: of an account, its paths as they are with what other accounts show (they are asked of it alone)."""
        self.name, self.reading, self._estate, self._kept = name, reading, estate, kept
        self._wide = {point.name: point for point in wide.points} if wide else {}
        self._beside = tuple(one.subject for one in wide.statements) if wide else ()
        self._wide_chains = {chain.name: chain for chain in wide.chains} if wide else {}
        self._facts: dict[tuple[str, Family], Facts] = {}
        self._evaluators: dict[tuple[str, bool], Evaluator] = {}
        self._whole: dict[tuple[str, Family], tuple[Piece, ...]] = {}
        self._at: dict[str, Reading] = {}
        self.account = Account(reading, wide) if is_fabric(reading) else None

    @cached_property
    def points(self) -> dict[str, Point]:
        """The points read, by name."""
        return {point.name: point for point in self.reading.points}

    @cached_property
    def rule_points(self) -> tuple[str, ...]:
        """The points that judge packets; of a cloud account its interfaces, which lists and paths only serve."""
        judging = (point.name for point in self.reading.points if point.model == "first-match")
        if not is_fabric(self.reading):
            return tuple(judging)
        return tuple(name for name in judging if interface_of(self.reading, name))

    @cached_property
    def points_by_chain(self) -> dict[str, str]:
        """Chain -> the first point whose packets can come to it, by the jumps of its rules."""
        found: dict[str, str] = {}
        for point in self.rule_points:
            waiting = list(self.points[point].stages)
            while waiting:
                name = waiting.pop()
                if name in found or name not in self.chains:
                    continue
                found[name] = point
                waiting.extend(rule.target for rule in self.chains[name].rules if rule.target)
        return found

    @cached_property
    def rules(self) -> dict[str, Rule]:
        """The rules by id, as far as one id is one rule; a rule for both families is found once."""
        return {rule.id: rule for chain in self.reading.chains for rule in chain.rules}

    @cached_property
    def chains(self) -> dict[str, Chain]:
        """The chains by name."""
        return {chain.name: chain for chain in self.reading.chains}

    @cached_property
    def _shown(self) -> dict[Family, tuple[int, ...]]:
        """The addresses that the host itself shows: an account has thousands, and is asked for each interface."""
        found: dict[Family, dict[int, None]] = {family: {} for family in FAMILIES}
        for interface, held in self.reading.addresses.items():
            for family, value, _ in held if interface != "lo" else ():
                found[family][value] = None
        return {family: tuple(values) for family, values in found.items()}

    def own(self, family: Family) -> tuple[int, ...] | None:
        """The host's addresses of a family without the loopback's; None when they are not known.

        What the host itself shows is taken before what the register says.
        """
        if self.reading.addresses:
            return self._shown[family]
        return self._estate.of(self.name, family) or None

    def takes_part(self, family: Family) -> bool | None:
        """Whether the host has an address of the family that others can reach; None when that is not known."""
        own = self.own(family)
        if own is None:
            return None
        return any(not LINK_LOCAL[0] <= value <= LINK_LOCAL[1] for value in own)

    def scope(self, point: str, family: Family) -> list[Box]:
        """The traffic a point is asked about: INPUT what goes to the host's addresses, OUTPUT what comes from them.

        At an interface of an account what goes to its addresses (`in`), or comes from them (`out`).
        """
        interface = interface_of(self.reading, point)
        if interface and self.account:
            held = self.account.spans(interface, family)
            return [box_of(family, dst=one) if is_incoming(point) else box_of(family, src=one) for one in held]
        own = self.own(family)
        if point not in {INPUT, OUTPUT} or own is None:
            return [FULL[family]]
        if point == INPUT:
            return [box_of(family, dst=(value, value)) for value in own]
        return [box_of(family, src=(value, value)) for value in own]

    def at(self, point: str) -> Reading:
        """The reading as far as a point needs it: an account has thousands of points, each with a few lists."""
        if point == RETURN and answers.judges_answers(self.reading):
            return answers.of_answers(self.reading)
        if self.account is None or point not in self.points:
            return self.reading
        if point not in self._at:
            place, every = self.points[point], self.chains
            if point in self._wide:
                place, every = replace(self._wide[point], unread=place.unread), self._wide_chains
            chains = reached((every[name] for name in place.stages if name in every), every)
            self._at[point] = replace(self.reading, chains=tuple(chains), points=(place,), addresses={})
        return self._at[point]

    def beside(self, point: str) -> tuple[str, ...]:
        """The other accounts that what is said of a point rests on: of an account's paths, where it leads into them."""
        return self._beside if point in self._wide else ()

    def pieces(self, point: str, family: Family, box: Box, *, overlook_unread: bool = False) -> list[Piece]:
        """The evaluator's pieces of a box. `overlook_unread`: as if every line had been read (never for a proof)."""
        key = (point, overlook_unread)
        if key not in self._evaluators:
            reading = self.at(point)
            if overlook_unread:
                points = tuple(replace(one, unread=0) for one in reading.points)
                reading = replace(reading, unread=(), points=points)
            self._evaluators[key] = Evaluator(reading, point)
        return self._evaluators[key].pieces(family, box)

    def whole(self, point: str, family: Family) -> tuple[Piece, ...]:
        """All traffic of a point in pieces, as if every line had been read. The lines themselves are said apart."""
        key = (point, family)
        if key not in self._whole:
            found = [
                piece
                for box in self.scope(point, family)
                for piece in self.pieces(point, family, box, overlook_unread=True)
            ]
            self._whole[key] = tuple(found)
        return self._whole[key]

    def facts(self, point: str, family: Family) -> Facts:
        """What a point does to all traffic, as if every line had been read; kept with the reading."""
        found = self._facts.get((point, family))
        if found is None:
            found = self._facts[point, family] = self._found(point, family)
        return found

    def _found(self, point: str, family: Family) -> Facts:
        registered = self._estate.of(self.name, family)
        interface = interface_of(self.reading, point)
        if interface and self.account:
            registered = tuple(self._estate.within(self.account.spans(interface, family)))
        if self._kept is None or self.name not in self._kept.readings:
            return self._asked(point, family, registered)
        rests_on = ("facts", self.name, point, family, self._kept.readings[self.name], registered)
        denies, denied, permitted = self._kept.value(rests_on, lambda: self._asked(point, family, registered))
        return Facts(denies, [(low, high) for low, high in denied], [tuple(box) for box in permitted])

    def _asked(self, point: str, family: Family, registered: tuple[int, ...]) -> Facts:
        own, peer = (2, 0) if is_incoming(point) else (0, 2)
        pieces = self.whole(point, family)
        boxes = [piece.box for piece in pieces if piece.decision == "deny"]
        mine = [box for box in boxes if any(box[own] <= value <= box[own + 1] for value in registered)]
        denied = intervals.merge((box[peer], box[peer + 1]) for box in mine)
        everybody = is_incoming(point) and denied == [(0, TOP[family])]
        permitted = [] if everybody else [piece.box for piece in pieces if piece.decision == "permit"]
        return Facts(bool(boxes), denied, permitted)

    def unread(self, point: str) -> list[str]:
        """The unread lines that concern a point, as people find them: `line 12 of rules.v4`."""
        judging = point in self.points and self.points[point].model == "first-match"
        every = "" if judging else point  # a line without a point concerns the rules
        concerned = [one for one in self.reading.unread if one.point in {every, point}]
        return [f"line {one.line} of {one.name} ({one.reason})" for one in concerned]


class Case:
    """Everything the kinds of verdict look at."""

    def __init__(
        self,
        wanted: Wanted,
        readings: Mapping[str, Reading],
        before: Mapping[str, Reading] | None,
        absent: Mapping[str, Verdict | Silence],
        kept: Kept | None = None,
        also: Iterable[Sighting] = (),
        excused: Collection[tuple[Family, int]] = (),
        said: Sequence[Said] = (),
        stood: Iterable[Standing] = (),
        wide: Mapping[str, Reading] | None = None,
    ) -> None:
        self.attached = attachments.attachments(wanted.servers, readings)
        self.paths = Paths(wanted, readings, said, stood)
        self._crossings: dict[tuple[str, Family, tuple[Box, ...]], list[Crossing]] = {}
        self.absent, self.kept = absent, kept
        self.excused = frozenset(excused)
        self._also = tuple(also)
        self.estate = Estate(wanted.servers)
        beside = wide or {}
        self.hosts = {
            name: Host(name, reading, self.estate, kept, beside.get(name)) for name, reading in readings.items()
        }
        accounts = {name: host.account for name, host in self.hosts.items() if host.account}
        asked = attachments.required(wanted, accounts, {*self.hosts, *absent} - {*accounts}, self.attached)
        self.wanted = paths.required(asked, readings, self.crossings) if self.paths else asked
        self.before = {name: Host(name, reading, self.estate) for name, reading in (before or {}).items()}
        self._with_aliases: dict[tuple[str, str, Family], Index] = {}
        self.authorised: dict[Family, Index] = {
            family: Index(dict.fromkeys(box for one in wanted.entries if one.family == family for box in one.boxes))
            for family in FAMILIES
        }

    @cached_property
    def servers_digest(self) -> str:
        """The digest of all registered servers and addresses, in their order."""
        return hashlib.sha256(repr(tuple(self.wanted.servers.items())).encode("utf-8", "backslashreplace")).hexdigest()

    @cached_property
    def scope(self) -> Scope:
        """The networks whose every address must be a registered server's."""
        return Scope(self)

    @cached_property
    def sightings(self) -> tuple[Sighting, ...]:
        """Every address that some host's evidence names, and what inventories and earlier readings show."""
        return (*(one for host in self.hosts.values() for one in seen_by(host)), *self._also)

    @cached_property
    def served(self) -> dict[Family, list[Interval]]:
        """The addresses of all servers: the registered ones, and those in scope that nobody registered."""
        unknown = strangers(self)
        return {family: intervals.merge([*self.estate.spans[family], *unknown[family]]) for family in FAMILIES}

    @cached_property
    def others(self) -> dict[Family, list[Interval]]:
        """All other addresses."""
        return {family: intervals.subtract([(0, TOP[family])], self.served[family]) for family in FAMILIES}

    def authorised_at(self, host: Host, point: str, family: Family) -> Index:
        """What is authorised, with the host's link-local addresses standing for the host itself.

        A rule that names no destination lets the authorised peer in on fe80::… too: the same server and service.
        """
        key = (host.name, point, family)
        if key in self._with_aliases:  # asked for every rule of a host, and most hosts have such addresses
            return self._with_aliases[key]
        own = host.own(family) or ()
        aliases = [value for value in own if family == 6 and LINK_LOCAL[0] <= value <= LINK_LOCAL[1]]
        side = {INPUT: 2, OUTPUT: 0}.get(point)
        if not aliases or side is None:
            return self.authorised[family]
        names = set(self.estate.of(host.name, family))
        boxes = [box for one in self.wanted.entries if one.family == family for box in one.boxes]
        mine = [box for box in boxes if any(box[side] <= value <= box[side + 1] for value in names)]
        more = [_at_end(box, side, value) for box in mine for value in aliases]
        index = self._with_aliases[key] = Index(dict.fromkeys([*boxes, *more]))
        return index

    def crossings(self, entry: Entry) -> list[Crossing]:
        """The devices that an authorised connection passes, or may pass, each with its part of it."""
        key = (entry.id, entry.family, entry.boxes)
        if key not in self._crossings:
            self._crossings[key] = self.paths.crossings(entry.family, entry.boxes)
        return self._crossings[key]

    def passes(self, entry: Entry, host: str, point: str) -> bool:
        """Whether the point is that of a device between the ends of an entry."""
        return point in {FORWARD, RETURN} and any(one.device == host for one in self.crossings(entry))

    def part(self, entry: Entry, host: Host, point: str) -> tuple[Box, ...]:
        """The part of an entry that a point of a host is asked about."""
        if self.passes(entry, host.name, point):
            boxes = (box for one in self.crossings(entry) if one.device == host.name for box in one.boxes)
            return tuple(dict.fromkeys(boxes))
        if host.account is None:
            return part_at(entry, host.name, point, self.wanted)
        return attachments.part(entry, host.name, point, host.account, self.estate.within)

    def towards(self, host: str, family: Family, boxes: list[Box]) -> list[Box]:
        """The parts of `boxes` that go to a registered address of the host."""
        return intersect_all(boxes, [box_of(family, dst=(one, one)) for one in self.estate.of(host, family)])


def _at_end(box: Box, side: int, value: int) -> Box:
    """The box with one address at its source (side 0) or its destination (side 2)."""
    if side == 0:
        return (value, value, *box[2:])
    return (*box[:2], value, value, *box[4:])
