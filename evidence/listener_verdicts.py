"""Who listens without an authorised connection to it, and which authorised service has nobody listening."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from compliance.register import Entry
from compliance.traffic.addresses import to_text
from compliance.traffic.boxes import FAMILIES, Box, Family, box_of, overlaps
from compliance.traffic.services import WITH_PORTS, protocol_name, say, span_of
from compliance.traffic.witness import choose
from evidence.case import INPUT, LINK_LOCAL, Case, Host
from evidence.ends import sentence
from evidence.judgement import Judgement, at_line, counted, listed
from evidence.rules import Certainty, Listener, Verdict
from evidence.sockets import POINT, RANGE, Service, Sorted, is_group, only_itself, services, sort

WILDCARD = 0
NOBODY_GOES = "no authorised connection goes there"


def listeners(case: Case) -> Iterator[Judgement]:
    """For every host whose sockets were read."""
    for host in case.hosts.values():
        if POINT not in host.points:
            continue
        heard = services(host.reading.listeners)
        perhaps: dict[str, list[tuple[Service, Sorted]]] = {}
        for service in heard:
            sorted_as = sort(service, host, case.before.get(host.name))
            if sorted_as.sort == "service":
                yield from _unauthorised(case, host, service)
            elif sorted_as.sort == "undecided":
                perhaps.setdefault(service.process, []).append((service, sorted_as))
        for process, found in perhaps.items():
            yield from _perhaps(case, host, process, found)
        if not host.unread(POINT):
            yield from _nobody(case, host)


def stray(case: Case, host: Host, service: Service) -> dict[Family, list[Box]]:
    """The traffic that would reach a service while nothing of it is authorised, by family.

    A family in which nobody knows the host's addresses is there with no traffic at all.
    """
    found: dict[Family, list[Box]] = {}
    for family in FAMILIES:
        boxes = [box for one in service.sockets if one.family == family for box in _reachable(case, host, one)]
        own = [box for box in boxes if not case.authorised[family].overlapping(box)]
        if own:
            found[family] = own
    reached = any(_reachable(case, host, one) for one in service.sockets)
    unknown = next((one.family for one in service.sockets if host.takes_part(one.family) is None), None)
    return {unknown: []} if not found and not reached and unknown else found


def _unauthorised(case: Case, host: Host, service: Service) -> Iterator[Judgement]:
    """One judgement for a port in each family in which others can reach it and nobody may."""
    for family, boxes in stray(case, host, service).items():
        mine = [one for one in service.sockets if one.family == family]
        who = service.process or "somebody"
        unsure = [one.unsure for one in mine if one.unsure]
        because = f"{who} listens on {service.name} of {host.name}{at_line(mine[0].origin)}; {NOBODY_GOES}"
        yield _judgement(case, host, service.name, f"{who} on {service.name}", mine, family, boxes, because, unsure)


def _perhaps(case: Case, host: Host, process: str, found: Sequence[tuple[Service, Sorted]]) -> Iterator[Judgement]:
    """One judgement for all sockets of a program on ports that the kernel hands out: its numbers change every time."""
    by_family: dict[Family, list[Box]] = {}
    for service, _ in found:
        for family, boxes in stray(case, host, service).items():
            by_family.setdefault(family, []).extend(boxes)
    for family, boxes in by_family.items():
        mine = [one for service, _ in found for one in service.sockets if one.family == family]
        ports = listed(service.name for service, _ in found)
        reasons = listed(sorted_as.because for _, sorted_as in found)
        because = (
            f"{process} has {counted(len(found), 'socket')} on {host.name} ({ports}{at_line(mine[0].origin)}) that may "
            f"be clients waiting for an answer or a service ({reasons}); {NOBODY_GOES}"
        )
        yield _judgement(case, host, f"{RANGE} {process}", f"{process} on {RANGE}", mine, family, boxes, because, ["?"])


def _judgement(
    case: Case, host: Host, name: str, cause: str, mine: Sequence[Listener], family: Family, boxes: Sequence[Box],
    because: str, unsure: Sequence[str],
) -> Judgement:  # fmt: skip
    parts = [because, *(one for one in dict.fromkeys(unsure) if one != "?"), *_heard(mine)]
    witness = choose(family, boxes[0], case.estate.inventory) if boxes else None
    if witness is not None and not is_group(mine[0]):
        parts.append(sentence(case, host.name, INPUT, witness.family, boxes))
    return Judgement(
        Verdict.listener_unauthorised,
        Certainty.possible if unsure else Certainty.definite,
        f"{host.name} {name}",
        f"{host.name}/{POINT}",
        f"ss:{protocol_name(mine[0].proto)}/{mine[0].port}#{mine[0].origin.first}",
        tuple(boxes),
        witness,
        "; ".join(parts),
        family,
        cause,
    )


def _heard(sockets: Sequence[Listener]) -> Iterator[str]:
    """What narrows who reaches it: a multicast group, the link alone, one interface."""
    groups = [to_text(one.family, one.address) for one in sockets if is_group(one)]
    if groups:
        yield f"it hears the group {listed(groups)}, to which every neighbour on its link can send"
    elif all(_on_the_link(one) for one in sockets):
        yield "only neighbours on its link reach that address"
    interfaces = {one.interface for one in sockets}
    if "" not in interfaces:
        yield f"it is bound to {listed(sorted(interfaces))}"


def _on_the_link(one: Listener) -> bool:
    return one.family == 6 and LINK_LOCAL[0] <= one.address <= LINK_LOCAL[1]


def _reachable(case: Case, host: Host, listener: Listener) -> list[Box]:
    """The traffic that would reach the socket: to its address, or to every address of the host it hears."""
    family = listener.family
    if listener.address != WILDCARD:
        own: tuple[int, ...] = (listener.address,)
    elif host.takes_part(family):
        held = _on_interface(host, listener) or host.own(family) or ()
        own = tuple(one for one in held if family == 4 or not LINK_LOCAL[0] <= one <= LINK_LOCAL[1])
    else:
        own = ()
    return [box_of(family, dst=(one, one), proto=listener.proto, dport=listener.port) for one in own]


def _on_interface(host: Host, listener: Listener) -> tuple[int, ...]:
    """The addresses of the interface a socket is bound to; none where it is not, or they are not known."""
    held = host.reading.addresses.get(listener.interface, ()) if listener.interface else ()
    return tuple(value for family, value, _ in held if family == listener.family)


def _nobody(case: Case, host: Host) -> Iterator[Judgement]:
    """Authorised services of the host on which nobody listens; protocols without ports cannot be seen this way."""
    heard = [one for one in host.reading.listeners if not only_itself(one)]
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
        because = f"nobody listens on {listed(names)} at {listed(where)} of {host.name}, which {entry.id} authorises"
        yield Judgement(
            Verdict.no_listener,
            Certainty.definite,
            entry.id,
            f"{host.name}/{POINT}",
            "",
            (),
            choose(entry.family, missing[0], case.estate.inventory),
            because + _elsewhere(host, entry.family, missing),
            entry.family,
        )


def _elsewhere(host: Host, family: Family, missing: Sequence[Box]) -> str:
    """Who has the port at another address: `; postgres listens there at 127.0.0.1 only`."""
    near = [
        one for one in host.reading.listeners
        if any(box[4] == one.proto and box[8] <= one.port <= box[9] for box in missing)
    ]  # fmt: skip
    if not near:
        return ""
    where = listed(to_text(one.family, one.address) if one.address else f"IPv{one.family}" for one in near)
    return f"; {near[0].process or 'somebody'} listens there at {where} only{at_line(near[0].origin)}"


def _unheard(box: Box, entry: Entry, heard: Sequence[Listener]) -> bool:
    """Whether a box names one protocol with ports and no socket takes any of it."""
    if box[4] != box[5] or box[4] not in WITH_PORTS:
        return False
    return not any(one.family == entry.family and overlaps(box, _taken(one)) for one in heard)


def _taken(listener: Listener) -> Box:
    sides: Mapping[str, tuple[int, int]] = (
        {} if listener.address == WILDCARD else {"dst": (listener.address, listener.address)}
    )
    return box_of(listener.family, proto=listener.proto, dport=listener.port, **sides)
