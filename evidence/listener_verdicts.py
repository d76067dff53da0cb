"""Who listens without an authorised connection to it, and which authorised service has nobody listening."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from compliance.register import Entry
from compliance.traffic.addresses import to_text
from compliance.traffic.boxes import FAMILIES, Box, Family, box_of, overlaps
from compliance.traffic.services import WITH_PORTS, protocol_name, say, span_of
from compliance.traffic.witness import Witness, choose
from evidence.case import INPUT, LINK_LOCAL, Case, Host
from evidence.judgement import Judgement, at_line, listed
from evidence.rules import Certainty, Listener, Verdict

POINT = "listeners"
LOOPBACK: dict[Family, tuple[int, int]] = {4: (0x7F000000, 0x7FFFFFFF), 6: (1, 1)}
WILDCARD = 0


@dataclass(slots=True)
class Service:
    """All sockets of one protocol and port on a host, by family."""

    proto: int
    port: int
    sockets: list[Listener] = field(default_factory=list)

    @property
    def name(self) -> str:
        """`tcp/8080`."""
        return f"{protocol_name(self.proto)}/{self.port}"


def listeners(case: Case) -> Iterator[Judgement]:
    """For every host whose sockets were read."""
    for host in case.hosts.values():
        if POINT not in host.points:
            continue
        heard = [one for one in host.reading.listeners if not _only_itself(one)]
        for service in _services(heard):
            yield from _unauthorised(case, host, service)
        if not host.unread(POINT):
            yield from _nobody(case, host, heard)


def _only_itself(listener: Listener) -> bool:
    low, high = LOOPBACK[listener.family]
    return low <= listener.address <= high


def _services(heard: list[Listener]) -> list[Service]:
    found: dict[tuple[int, int], Service] = {}
    for one in heard:
        found.setdefault((one.proto, one.port), Service(one.proto, one.port)).sockets.append(one)
    return [found[key] for key in sorted(found)]


def _unauthorised(case: Case, host: Host, service: Service) -> Iterator[Judgement]:
    """One judgement for a port, in the first family in which others can reach it and nobody may."""
    open_to = [
        (family, box) for family in FAMILIES for one in service.sockets if one.family == family
        for box in _reachable(case, host, one)
    ]  # fmt: skip
    stray = [(family, box) for family, box in open_to if not case.authorised[family].overlapping(box)]
    unknown = [one for one in service.sockets if host.takes_part(one.family) is None]
    if not stray and (open_to or not unknown):
        return
    family, boxes = (
        (stray[0][0], [box for one, box in stray if one == stray[0][0]]) if stray else (unknown[0].family, [])
    )
    witness = choose(family, boxes[0], case.estate.inventory) if boxes else None
    origin = service.sockets[0].origin
    who = listed(one.process or "somebody" for one in service.sockets)
    because = f"{who} listens on {service.name} of {host.name}{at_line(origin)}; no authorised connection goes there"
    if witness is not None:
        because += f"; {_network(host, witness, boxes)}"
    yield Judgement(
        Verdict.listener_unauthorised,
        Certainty.definite,
        f"{host.name} {service.name}",
        f"{host.name}/{POINT}",
        f"ss:{service.name}#{origin.first}",
        tuple(boxes),
        witness,
        because,
        family,
    )


def _reachable(case: Case, host: Host, listener: Listener) -> list[Box]:
    """The traffic that would reach the socket: to its address, or to every address of the host."""
    family = listener.family
    if listener.address != WILDCARD:
        own: tuple[int, ...] = (listener.address,)
    elif host.takes_part(family):
        own = tuple(one for one in host.own(family) or () if family == 4 or not LINK_LOCAL[0] <= one <= LINK_LOCAL[1])
    else:
        own = ()
    return [box_of(family, dst=(one, one), proto=listener.proto, dport=listener.port) for one in own]


def _network(host: Host, witness: Witness, boxes: list[Box]) -> str:
    if INPUT not in host.rule_points:
        return f"whether INPUT of {host.name} lets anybody in is not known"
    found = [piece for box in boxes for piece in host.pieces(INPUT, witness.family, box)]
    if any(piece.decision == "permit" for piece in found):
        return f"INPUT of {host.name} lets traffic to it in"
    if found and all(piece.decision == "deny" for piece in found):
        return f"contained by INPUT of {host.name}, which lets nothing to it in"
    return f"whether INPUT of {host.name} lets anybody in is not proven"


def _nobody(case: Case, host: Host, heard: list[Listener]) -> Iterator[Judgement]:
    """Authorised services of the host on which nobody listens; protocols without ports cannot be seen this way."""
    for entry in case.wanted.entries:
        if (host.name, INPUT) not in entry.required:
            continue
        missing = [
            box for box in case.towards(host.name, entry.family, list(entry.boxes)) if _unheard(box, entry, heard)
        ]
        if not missing:
            continue
        names = dict.fromkeys(say(span_of(box)) for box in missing)
        where = dict.fromkeys(to_text(entry.family, box[2]) for box in missing)
        yield Judgement(
            Verdict.no_listener,
            Certainty.definite,
            entry.id,
            f"{host.name}/{POINT}",
            "",
            (),
            choose(entry.family, missing[0], case.estate.inventory),
            f"nobody listens on {listed(names)} at {listed(where)} of {host.name}, which {entry.id} authorises",
            entry.family,
        )


def _unheard(box: Box, entry: Entry, heard: list[Listener]) -> bool:
    """Whether a box names one protocol with ports and no socket takes any of it."""
    if box[4] != box[5] or box[4] not in WITH_PORTS:
        return False
    return not any(one.family == entry.family and overlaps(box, _taken(one)) for one in heard)


def _taken(listener: Listener) -> Box:
    sides: Mapping[str, tuple[int, int]] = (
        {} if listener.address == WILDCARD else {"dst": (listener.address, listener.address)}
    )
    return box_of(listener.family, proto=listener.proto, dport=listener.port, **sides)
