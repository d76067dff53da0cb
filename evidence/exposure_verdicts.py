"""Back ends of a cloud account that the internet may reach: a public address, or a subnet with a route to a gateway.

A server is published where something is authorised to it from a public address that is nobody's of the estate. All
others are back ends, and stand in private subnets. Load balancers and NAT gateways are there to be exposed; any other
interface with a public address is said as well, registered or not.
"""

from __future__ import annotations

from collections.abc import Iterator

from compliance.traffic import intervals
from compliance.traffic.addresses import looks_like_address, parse
from compliance.traffic.boxes import FAMILIES, Box, Family, box_of
from compliance.traffic.witness import choose
from evidence.attachments import is_fabric, spans
from evidence.case import Case, Host
from evidence.formats.aws_routes import ADDRESS, EXPOSED, NOT_READ, PUBLIC, ROUTE_THERE
from evidence.judgement import Judgement, at_line, listed
from evidence.rules import Certainty, Statement, Verdict

SUBJECT = "public way to "
CURE = (
    "take its public address away and move it into a subnet whose route table leads to no internet gateway; let a load "
    "balancer take requests, a NAT gateway carry what it asks for, and a peering what it shares with another VPC"
)


def exposures(case: Case) -> Iterator[Judgement]:
    """One judgement for each interface that is, may be, or is not known to be, reached from the internet."""
    for host in case.hosts.values():
        if not is_fabric(host.reading):
            continue
        said: dict[str, list[Statement]] = {}
        for one in host.reading.statements:
            if one.about == EXPOSED and not one.detail("role") and one.subject in host.reading.addresses:
                said.setdefault(one.subject, []).append(one)
        holders: dict[str, list[str]] = {}
        for name, attached in case.attached.items():
            for each in attached:
                if each.account == host.name:
                    holders.setdefault(each.interface, []).append(name)
        for interface, mine in said.items():
            names = holders.get(interface, [])
            if not any(is_published(case, name) for name in names):
                yield from _of(case, host, interface, names, mine)


def is_published(case: Case, name: str) -> bool:
    """Whether anything is authorised to a server from a public address that is no server's."""
    for family in FAMILIES:
        own = case.estate.of(name, family)
        for box in case.authorised[family].overlapping(box_of(family)) if own else ():
            if any(box[2] <= value <= box[3] for value in own):
                strangers = intervals.subtract([(box[0], box[1])], case.served[family])
                if intervals.intersect(strangers, PUBLIC[family]):
                    return True
    return False


def _of(case: Case, host: Host, interface: str, names: list[str], said: list[Statement]) -> Iterator[Judgement]:
    addresses = [one for one in said if one.detail("how") == ADDRESS]
    routes = [one for one in said if one.detail("how") == ROUTE_THERE]
    who = listed(names) or interface
    place = f"{host.name}/{interface}"
    if addresses:
        of = "is a back end" if names else "is no registered server and no load balancer"
        because = f"{who} {of} and has the public address {listed(one.value for one in addresses)}"
        because += f", by {addresses[0].detail('by')}" if addresses[0].detail("by") else ""
        because += f"; route table {routes[0].value} of its subnet leads there as well" if routes else ""
        yield _judgement(case, host, interface, who, because, addresses[0], Certainty.definite)
    elif routes and names:
        because = (
            f"{who} is a back end, and route table {routes[0].value} of its subnet leads to {routes[0].detail('by')}: "
            "one public address is all it would take"
        )
        yield _judgement(case, host, interface, who, because, routes[0], Certainty.possible)
    elif names and any(one.detail("how") == NOT_READ for one in said):
        because = f"whether {who} stands in a private subnet is not known: its route table was not read"
        yield Judgement(
            Verdict.not_verifiable, Certainty.unproven, f"{SUBJECT}{who}", place, "", (), None, because
        )  # fmt: skip


def _judgement(
    case: Case, host: Host, interface: str, who: str, because: str, said: Statement, certainty: Certainty
) -> Judgement:
    wanted: Family = 6 if looks_like_address(said.value) and parse(said.value).family == 6 else 4
    boxes: list[Box] = [
        box_of(wanted, src=source, dst=own)
        for own in spans(host.reading, interface, wanted)
        for source in PUBLIC[wanted]
    ]
    witness = choose(wanted, boxes[0], case.estate.inventory) if boxes else None
    text = f"{because}{at_line(said.origin)}"
    place = f"{host.name}/{interface}"
    return Judgement(
        Verdict.permits_more, certainty, f"{SUBJECT}{who}", place, "", tuple(boxes), witness, text, wanted
    )  # fmt: skip
