"""From the objects of an account to enforcement points: interfaces, subnets, and the whole path between two addresses.

`INTERFACE/in`, `INTERFACE/out`: the union of its security groups. `SUBNET/in`, `SUBNET/out`: its network ACL. A group
or an ACL is a point as well, wherever it is attached. FORWARD: the path of a first packet: groups out ∩ ACL out ∩ route
∩ ACL in ∩ groups in. RETURN: what lets its answer back (ACLs and routes; groups remember). What is not read on a path
makes it not known (docs/adr/0030).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from compliance.traffic import intervals
from compliance.traffic.addresses import Range, parse, say
from compliance.traffic.boxes import FAMILIES, FULL, TOP, Box, Family, box_of
from compliance.traffic.shares import Origin, Residue
from evidence.formats.aws_endpoints import guarded
from evidence.formats.aws_lists import DIRECTIONS, TABLE, Direction, Groups, acl_chain, rule
from evidence.formats.aws_objects import OPERATED, Estate, Interface, Subnet
from evidence.formats.aws_routes import PUBLIC, blocked, edges, gateways, links, public_six, table_chain
from evidence.rules import Action, Chain, Reading, Rule, Statement

FORWARD, RETURN = "FORWARD", "RETURN"
FORWARD_STAGES = ("leave", "acl-out", "route", "acl-in", "enter")
RETURN_STAGES = ("answers-out", "back", "answers-in")
PATH = f"{TABLE}:path/"
NOBODY, BEYOND = "-nobody", "-beyond"  # no interface has this address: of a VPC of this account, of another one's
# What must have been read for a step to be known, by the key of the answers and the command that gives them
NEEDED = {
    "SecurityGroups": "describe-security-groups", "NetworkInterfaces": "describe-network-interfaces",
    "Subnets": "describe-subnets", "NetworkAcls": "describe-network-acls", "RouteTables": "describe-route-tables",
}  # fmt: skip


class Steps:
    """The rules of one step of a path, in their order."""

    def __init__(self, name: str) -> None:
        self.name = f"{PATH}{name}"
        self.rules: list[Rule] = []
        self.default = Action.PERMIT  # what no rule of it concerns is let on

    def add(
        self, uid: str, action: Action, boxes: Iterable[tuple[Family, Box]], said: str, *, target: str = "",
        unknown: bool = False, origin: Origin | None = None,
    ) -> None:  # fmt: skip
        """A rule for these boxes; `unknown`: nobody knows what becomes of them, and `said` is why."""
        listed = list(boxes)
        for family in FAMILIES:
            mine = tuple(box for one, box in listed if one == family)
            if mine:
                residue = (Residue("action", said, 0),) if unknown else ()
                self.rules.append(
                    rule(f"{self.name}#{uid}", self.name, len(self.rules) + 1, family, action, mine, residue,
                         origin or Origin("", "", 0, 0, said), target)
                )  # fmt: skip

    def doubt(self, uid: str, boxes: Iterable[tuple[Family, Box]], why: str) -> None:
        """What becomes of these boxes was not read."""
        self.add(uid, Action.DENY, boxes, why, unknown=True)

    def chain(self) -> Chain:
        """The step as a chain."""
        return Chain(self.name, TABLE, TABLE, 0, self.default, tuple(self.rules))


class Fabric:
    """The chains of an account, and which of them each point asks."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.chains: list[Chain] = []
        self.points: dict[str, tuple[str, ...]] = {}
        self.groups = Groups(estate)
        self._spans = list(estate.spans())
        self._lists()
        for interface in estate.interfaces.values():
            for direction in DIRECTIONS:
                self._interface(interface, direction)
        for subnet in estate.subnets.values():
            for direction in DIRECTIONS:
                acl = estate.acl_of(subnet.id)
                self.points[f"{subnet.id}/{direction}"] = (f"{TABLE}:{acl or subnet.id}/{direction}",)
        self._path()

    def _lists(self) -> None:
        estate = self.estate
        for group in estate.groups.values():
            for direction in DIRECTIONS:
                self._list(group.id, direction, self.groups.chain(group, direction))
        for acl in estate.acls.values():
            for direction in DIRECTIONS:
                self._list(acl.id, direction, acl_chain(acl, direction))
                self.chains.append(acl_chain(acl, direction, back=True))
        for table in estate.tables.values():
            self.chains += [table_chain(estate, table), table_chain(estate, table, back=True)]

    def _list(self, uid: str, direction: Direction, chain: Chain) -> None:
        self.chains.append(chain)
        self.points[f"{uid}/{direction}"] = (chain.name,)

    def _interface(self, one: Interface, direction: Direction) -> None:
        name, origin = f"{TABLE}:{one.id}/{direction}", None
        account, found = one.origin
        origin = Origin(account.digest, account.name, found.first, found.last, f"{one.id} {one.label}".strip(), one.id)
        mine = [(each.family, _end(each, incoming=direction == "in")) for each in one.ranges]
        rules: list[Rule] = []
        for family in FAMILIES:
            boxes = tuple(box for each, box in mine if each == family)
            if not boxes:
                continue
            rules += [
                rule(f"{name}#{group}", name, number, family, Action.JUMP, boxes, (), origin,
                     f"{TABLE}:{group}/{direction}")
                for number, group in enumerate(one.groups, start=1)
            ]  # fmt: skip
            last, action = ("default", Action.DENY) if one.groups else ("no-group", Action.PERMIT)
            rules.append(rule(f"{name}#{last}", name, len(one.groups) + 1, family, action, boxes, (), origin))
        rules += [
            rule(f"{name}#elsewhere", name, len(one.groups) + 2, family, Action.DENY, (FULL[family],), (),
                 Origin("", "", 0, 0, f"it is not an address of {one.id}"))
            for family in FAMILIES
        ]  # fmt: skip
        self.chains.append(Chain(name, TABLE, TABLE, 0, Action.DENY, tuple(rules)))
        self.points[f"{one.id}/{direction}"] = (name,)

    def _path(self) -> None:
        built = {"leave": self._edge("out"), "enter": self._edge("in"), "route": self._away(), "back": self._back()}
        for direction in DIRECTIONS:
            built[f"acl-{direction}"] = self._acls(f"acl-{direction}", direction, incoming=direction == "in")
            built[f"answers-{direction}"] = self._acls(f"answers-{direction}", direction, incoming=direction == "out")
        self.chains += [steps.chain() for steps in built.values()]
        self.points[FORWARD] = tuple(PATH + name for name in FORWARD_STAGES)
        self.points[RETURN] = tuple(PATH + name for name in RETURN_STAGES)

    def _edge(self, direction: Direction) -> Steps:
        """The security groups of the end that sends, or of the end that is sent to."""
        incoming = direction == "in"
        steps = Steps("enter" if incoming else "leave")
        self._missing(steps, "NetworkInterfaces", "SecurityGroups")
        for span, vpcs in self._ambiguous():
            steps.doubt("twice", [(span.family, _end(span, incoming=incoming))],
                        f"{say(span.family, span.low, span.high)} stands in {vpcs}")  # fmt: skip
        for one in self.estate.interfaces.values():
            if not incoming:  # at the first step, so that this is the reason that is named
                public = _towards(parse(text) for text in one.public.values())
                steps.doubt(
                    f"{one.id}-public", public, f"it is translated to a private address of {one.id}: ask for that"
                )
            steps.add(one.id, Action.GOTO, ((each.family, _end(each, incoming=incoming)) for each in one.ranges),
                      f"the security groups of {one.id}", target=f"{TABLE}:{one.id}/{direction}")  # fmt: skip
        for vpc, span in self._spans:
            mark = BEYOND if vpc in self.estate.beyond else NOBODY
            steps.doubt(f"{vpc}{mark}", [(span.family, _end(span, incoming=incoming))],
                        f"no interface that was read has this address of {vpc}")  # fmt: skip
        steps.add("outside", Action.PERMIT, FULL.items(), "outside every VPC: no security group stands there")
        return steps

    def _acls(self, name: str, direction: Direction, *, incoming: bool) -> Steps:
        """The network ACL of the subnet at one end; within a subnet none is asked. Answers run the other way."""
        steps = Steps(name)
        self._missing(steps, "Subnets", "NetworkAcls")
        chain = direction if name.startswith("acl") else f"answers-{direction}"
        for one in self.estate.subnets.values():
            steps.add(f"{one.id}-inside", Action.PERMIT, _within(one), f"within {one.id}: no network ACL is asked")
            boxes = [(each.family, _end(each, incoming=incoming)) for each in one.ranges]
            acl = self.estate.acl_of(one.id)
            if acl:
                steps.add(one.id, Action.GOTO, boxes, f"the network ACL of {one.id}", target=f"{TABLE}:{acl}/{chain}")
            else:
                steps.doubt(one.id, boxes, f"the network ACL of {one.id} was not read")
        self._elsewhere(steps, incoming=incoming)
        return steps

    def _elsewhere(self, steps: Steps, *, incoming: bool) -> None:
        """Addresses of a VPC that stand in no subnet that was read."""
        for vpc, span in self._spans:
            steps.doubt(f"{vpc}-elsewhere", [(span.family, _end(span, incoming=incoming))],
                        f"no subnet that was read has this address of {vpc}")  # fmt: skip

    def _missing(self, steps: Steps, *kinds: str) -> None:
        for kind in kinds:
            if kind not in self.estate.given:
                steps.doubt(kind, FULL.items(), f"the answer of {NEEDED[kind]} was not given")

    def _away(self) -> Steps:
        """From a subnet by its route table; from elsewhere by the ways that lead into a VPC."""
        steps = Steps("route")
        steps.default = Action.DENY
        self._missing(steps, "Subnets", "RouteTables")
        for uid, why, ranges in guarded(self.estate):
            steps.doubt(f"{uid}-policy", _towards(ranges), why)
        self._tables(steps, "away", incoming=False)
        self._elsewhere(steps, incoming=False)
        for vpc in dict.fromkeys(name for name, _ in self._spans):
            self._arriving(steps, vpc)
        steps.doubt("unconcerned", FULL.items(), "neither end is in a VPC that was read")
        return steps

    def _back(self) -> Steps:
        steps = Steps("back")
        self._missing(steps, "Subnets", "RouteTables")
        for vpc in dict.fromkeys(name for name, _ in self._spans):
            for gateway, why, ranges in edges(self.estate, vpc):  # the answers to what asked from inside come in there
                asked = [(one.family, box_of(one.family, src=(one.low, one.high), dst=far))
                         for one in ranges or _everything() for far in _beyond(gateway, one.family)]  # fmt: skip
                steps.doubt(f"{vpc}-edge", asked, why)
        self._tables(steps, "back", incoming=True)
        self._elsewhere(steps, incoming=True)
        return steps

    def _tables(self, steps: Steps, way: str, *, incoming: bool) -> None:
        for one in self.estate.subnets.values():
            boxes = [(each.family, _end(each, incoming=incoming)) for each in one.ranges]
            table = self.estate.table_of(one)
            if table:
                steps.add(one.id, Action.GOTO, boxes, f"the routes of {one.id}", target=f"{TABLE}:{table}/{way}")
            else:
                steps.doubt(one.id, boxes, f"the route table of {one.id} was not read")

    def _arriving(self, steps: Steps, vpc: str) -> None:
        """What reaches a VPC from outside: by an internet gateway to public addresses, else by links nobody read."""
        estate = self.estate
        inside = [span for name, span in self._spans if name == vpc]
        by, served = gateways(estate, vpc), public_six(estate, vpc)
        if not by and "InternetGateways" not in estate.given:
            steps.doubt(f"{vpc}-gateway", _towards(inside), f"whether {vpc} has an internet gateway was not read")
        for gateway, why, ranges in edges(estate, vpc):
            boxes = [(one.family, box_of(one.family, src=far, dst=(one.low, one.high)))
                     for one in ranges or _everything() for far in _beyond(gateway, one.family)]  # fmt: skip
            steps.doubt(f"{vpc}-edge", boxes, why)
        for one in estate.interfaces.values() if by else ():
            public = [Range(4, value, value) for value in one.public] if one.vpc == vpc else []
            if one.vpc == vpc and not one.shut:
                six = intervals.merge((each.low, each.high) for each in one.ranges if each.family == 6)
                public += [Range(6, low, high) for low, high in intervals.intersect(six, served)]
            boxes = [(each.family, box_of(each.family, src=source, dst=(each.low, each.high)))
                     for each in public for source in PUBLIC[each.family]]  # fmt: skip
            why = blocked(estate, vpc)
            if why:
                steps.doubt(f"{vpc}-restricted", boxes, why)
            steps.add(f"{one.id}-{by[0]}", Action.PERMIT, boxes, f"by {by[0]} to a public address of {one.id}")
        for why, sources in links(estate, vpc):
            boxes = [(each.family, box_of(each.family, src=source, dst=(each.low, each.high)))
                     for each in inside for source in _sources(sources, each.family)]  # fmt: skip
            steps.doubt(f"{vpc}-link", boxes, why)
        steps.add(
            f"{vpc}-no-way-in", Action.DENY, _towards(inside), f"no way that was read leads into {vpc} from there"
        )

    def _ambiguous(self) -> Iterator[tuple[Range, str]]:
        """Addresses that stand in several VPCs: nobody knows which of them a packet means."""
        for number, (vpc, span) in enumerate(self._spans):
            for other, more in self._spans[number + 1 :]:
                if vpc == other or span.family != more.family:
                    continue
                for low, high in intervals.intersect([(span.low, span.high)], [(more.low, more.high)]):
                    yield Range(span.family, low, high), f"{vpc} and in {other}"


def _end(span: Range, *, incoming: bool) -> Box:
    """All traffic to (or from) a range."""
    if incoming:
        return box_of(span.family, dst=(span.low, span.high))
    return box_of(span.family, src=(span.low, span.high))


def _within(subnet: Subnet) -> list[tuple[Family, Box]]:
    return [
        (one.family, box_of(one.family, src=(one.low, one.high), dst=(other.low, other.high)))
        for one in subnet.ranges
        for other in subnet.ranges
        if one.family == other.family
    ]


def _towards(spans: Iterable[Range]) -> list[tuple[Family, Box]]:
    return [(one.family, _end(one, incoming=True)) for one in spans]


def _sources(ranges: Iterable[Range], family: Family) -> list[tuple[int, int]]:
    listed = list(ranges)
    return [(one.low, one.high) for one in listed if one.family == family] if listed else [(0, TOP[family])]


def _everything() -> list[Range]:
    """For a route that nobody understands: it may be for anything."""
    return [Range(family, 0, TOP[family]) for family in FAMILIES]


def _beyond(gateway: str, family: Family) -> tuple[tuple[int, int], ...]:
    """From where packets come in by a gateway: an internet gateway has public addresses alone behind it."""
    return PUBLIC[family] if gateway.startswith("igw-") else ((0, TOP[family]),)


def operated(estate: Estate) -> Iterator[Statement]:
    """The interfaces that AWS runs for us: a load balancer, a database. No packet filter of ours stands behind them."""
    for one in estate.interfaces.values():
        if one.operator:
            account, found = one.origin
            origin = Origin(account.digest, account.name, found.first, found.last, one.id, one.id)
            yield Statement(OPERATED, one.id, one.operator, (), origin)


def inside(reading: Reading, family: Family, mark: str = NOBODY) -> list[tuple[int, int]]:
    """The addresses of the VPCs of a reading; with BEYOND those of other accounts that stand beside them."""
    return intervals.merge(_leaving(reading, family, lambda one: one.id.endswith(mark)))


def held_by(reading: Reading, family: Family) -> dict[str, list[tuple[int, int]]]:
    """Interface -> its addresses, of all that stand on the paths of a reading."""
    leave = next((chain for chain in reading.chains if chain.name == f"{PATH}leave"), None)
    gone = (one for one in leave.rules if one.family == family and one.action is Action.GOTO) if leave else ()
    return {one.id.partition("#")[2]: [(box[0], box[1]) for box in one.boxes] for one in gone}


def vacant(reading: Reading, family: Family) -> list[tuple[int, int]]:
    """Those of them that no interface holds: nobody sends from there, and nobody hears."""
    held = intervals.merge(_leaving(reading, family, lambda one: one.action is Action.GOTO))
    return intervals.subtract(inside(reading, family), held)


def _leaving(reading: Reading, family: Family, wanted: Callable[[Rule], bool]) -> Iterator[tuple[int, int]]:
    leave = next((chain for chain in reading.chains if chain.name == f"{PATH}leave"), None)
    for one in leave.rules if leave else ():
        if one.family == family and wanted(one):
            yield from ((box[0], box[1]) for box in one.boxes)
