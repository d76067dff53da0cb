"""What each point lets through beyond everything authorised: over-permissive rules, one judgement a rule and point.

Each permit is split into server to server, outside to server and server to outside (judged) and other (not server
communication, not judged here). INPUT and OUTPUT of a server are always judged; FORWARD passes other traffic too.
A point that is open by its policy is one judgement with the count of servers it may reach and what contains it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from compliance.traffic import intervals
from compliance.traffic.boxes import (
    FAMILIES,
    ICMP,
    Box,
    Budget,
    Family,
    TooManyPieces,
    box_of,
    contains,
    limited,
)
from compliance.traffic.difference import beyond
from compliance.traffic.index import Index
from compliance.traffic.intervals import Interval, meeting
from compliance.traffic.residual import residual
from compliance.traffic.witness import choose
from evidence.attachments import interface_of, is_fabric
from evidence.case import FORWARD, INPUT, OUTPUT, POLICY, Case, Host, is_incoming
from evidence.connection_verdicts import not_given
from evidence.containment import contained
from evidence.formats.evaluate import Piece, judges
from evidence.formats.first_packet import BORN, UNTRACKED
from evidence.interfaces import interfaces
from evidence.judgement import MOST_PIECES, Judgement, at_line, counted, in_own_words, listed
from evidence.regions import may_pass, stages
from evidence.rules import Action, Certainty, Verdict
from evidence.second_opinion import supported

STEPS = 200_000
WAYS = ("server to server", "outside to server", "server to outside")
OPEN_BY_POLICY = "open by policy"
# Neighbour and multicast discovery: never routed, never tracked, and a host without it has no IPv6 (RFC 4890, 4.4.1).
LINK_UPKEEP: dict[Family, tuple[Box, ...]] = {
    4: (),
    6: tuple(box_of(6, proto=ICMP[6], sport=kinds) for kinds in BORN[6][UNTRACKED]),
}


@dataclass(slots=True)
class Excess:
    """What one rule lets through at one point, before the authorised is taken away."""

    rule: str
    permit: list[Piece] = field(default_factory=list)
    maybe: list[Piece] = field(default_factory=list)


def excesses(case: Case) -> Iterator[Judgement]:
    """The over-permissive rules of every host that was read, and the points and families that could not be judged."""
    for host in case.hosts.values():
        for point in host.rule_points:
            for family in FAMILIES:
                if (host.takes_part(family) is not False or host.own(family)) and not _never_forwards(
                    host, point, family
                ):
                    found = _recalled(case, host, point, family)
                    yield from (contained(case, host.name, point, one) for one in found)
        for name in _named_points(host):
            yield from _unread(host, name)


def _named_points(host: Host) -> list[str]:
    """The points at which unread lines are said. An account has thousands: what concerns all of them is said once."""
    if not is_fabric(host.reading):
        return list(host.points) if host.rule_points else ["", *host.points]
    own = {one.point for one in host.reading.unread}
    return [name for name in host.points if name in own or name == FORWARD]


def _never_forwards(host: Host, point: str, family: Family) -> bool:
    """Whether FORWARD is as the kernel has it on every machine, and the host is not seen to stand between networks.

    Linux forwards nothing unless it is told to (net.ipv4.ip_forward); an open FORWARD without rules is no decision.
    """
    if point != FORWARD:
        return False
    chains = [host.chains[name] for name in host.points[point].stages if name in host.chains]
    chains = [one for one in chains if judges(one, family)]
    untouched = all(rule.id.endswith(POLICY) for one in chains if one.hook == "forward" for rule in one.rules)
    networks = [name for name, held in host.reading.addresses.items() if held and name != "lo"]
    return untouched and all(one.default is Action.PERMIT for one in chains) and len(networks) < 2


def _recalled(case: Case, host: Host, point: str, family: Family) -> Iterable[Judgement]:
    """What goes beyond at a point: as it is kept from an earlier comparison, else worked out."""
    kept = case.kept
    if kept is None or host.name not in kept.readings:
        return _at(case, host, point, family)
    everything = rests_on(case, host, point, family, kept.readings[host.name])
    return kept.recall(everything, lambda: _at(case, host, point, family))


def rests_on(case: Case, host: Host, point: str, family: Family, reading: str) -> tuple[object, ...]:
    """All that what goes beyond at a point depends on: `reading` is the digest of what was read of the host.

    Of the register only what overlaps the traffic of the point is ever looked at (`Index.overlapping`, in its order);
    of all servers the addresses, at FORWARD and at interfaces also of those that nobody registered; of other hosts
    whether their INPUT denies anything, where OUTPUT is open by policy.
    """
    index = case.authorised_at(host, point, family)
    numbers = sorted({number for box in host.scope(point, family) for number in index.numbers(box)})
    authorised = tuple(index.boxes[number] for number in numbers)
    others = [name for name in case.estate.servers if name != host.name] if point == OUTPUT else []
    holding = tuple(name for name in others if denies_something(case, name, INPUT, family))
    served = () if point in {INPUT, OUTPUT} else tuple(case.served[family])
    return ("excess", host.name, point, family, reading, case.servers_digest, authorised, holding, served)


def _at(case: Case, host: Host, point: str, family: Family) -> Iterator[Judgement]:
    by_rule: dict[str, Excess] = {}
    blind: list[Piece] = []
    for piece in _found(case, host, point, family):
        if piece.decision == "deny":
            continue
        if not piece.rule or not_given(piece, host.name, family):
            blind.append(piece)
            continue
        held = by_rule.setdefault(piece.rule, Excess(piece.rule))
        (held.permit if piece.decision == "permit" else held.maybe).append(piece)
    if blind and (point == INPUT or not _is_blind(host, INPUT, family)):
        yield _blind(host, point, family, blind[0])
    for held in by_rule.values():
        yield from _of_rule(case, host, point, family, held)


def _found(case: Case, host: Host, point: str, family: Family) -> Iterator[Piece]:
    """What the point says of all traffic it may let through beyond the authorised."""
    place, index = host.points[point], case.authorised_at(host, point, family)
    for box in may_pass(place, stages(host.at(point), place, family), index, host.scope(point, family)):
        yield from host.pieces(point, family, box, overlook_unread=True)


def _is_blind(host: Host, point: str, family: Family) -> bool:
    """Whether nothing was read about the family at a point: said once for a host, at INPUT where that is so."""
    pieces = host.whole(point, family) if point in host.rule_points else ()
    return any(not piece.rule or not_given(piece, host.name, family) for piece in pieces)


def _blind(host: Host, point: str, family: Family, piece: Piece) -> Judgement:
    """A point that says nothing about a family: what it lets through is not known."""
    why = not_given(piece, host.name, family) or piece.because
    because = f"{why}: what it lets through over IPv{family} is not known"
    return Judgement(
        Verdict.not_verifiable, Certainty.unproven, host.name, f"{host.name}/{point}", "", (), None, because, family
    )


def _unread(host: Host, point: str) -> Iterator[Judgement]:
    lines = host.unread(point)
    if lines:
        what = counted(len(lines), "line")
        because = f"{what} of {point or 'the dump'} could not be read, so nothing is proven there: {listed(lines)}"
        yield Judgement(
            Verdict.not_verifiable, Certainty.unproven, host.name, f"{host.name}/{point}", "", (), None, because
        )


def _of_rule(case: Case, host: Host, point: str, family: Family, held: Excess) -> Iterator[Judgement]:
    proven = judged(case, point, family, [piece.box for piece in held.permit])
    possible = judged(case, point, family, [piece.box for piece in held.maybe])
    index = case.authorised_at(host, point, family)
    sure, unsure = cut(proven, index), cut(possible, index)
    if not sure and not unsure:
        return
    known = point == FORWARD or host.takes_part(family) is not None
    certain = bool(sure) and known and not host.unread(point)
    piece = (held.permit if sure else held.maybe)[0]
    extent = (*sure, *unsure)
    witness = choose(family, extent[0], case.estate.inventory)
    yield Judgement(
        Verdict.permits_more,
        Certainty.definite if certain else Certainty.possible,
        subject(host, point, held.rule),
        f"{host.name}/{point}",
        held.rule,
        extent,
        witness,
        _because(case, host, point, family, piece, extent, unproven="" if sure else piece.because),
        family,
    )


def judged(case: Case, point: str, family: Family, boxes: Iterable[Box]) -> list[Box]:
    """The part of the boxes that has a server at one end, registered or not. At INPUT and OUTPUT the host is one.

    The upkeep of an IPv6 link between neighbours is no communication between servers (docs/adr/0005).
    """
    boxes = [box for box in boxes if not any(contains(one, box) for one in LINK_UPKEEP[family])]
    if point in {INPUT, OUTPUT}:
        return boxes
    servers, others = case.served[family], case.others[family]
    own = 2 if is_incoming(point) else 0  # an interface may be that of a server, or of a gateway
    found: list[Box] = []
    for box in boxes:
        if point != FORWARD and not intervals.subtract([(box[own], box[own + 1])], servers):
            found.append(box)
            continue
        found.extend(_side(box, 2, servers))
        found.extend(part for out in _side(box, 2, others) for part in _side(out, 0, servers))
    return found


def _side(box: Box, at: int, spans: Sequence[Interval]) -> Iterator[Box]:
    for low, high in meeting(spans, box[at], box[at + 1]):
        yield limited(box, at, max(low, box[at]), min(high, box[at + 1]))


def cut(boxes: list[Box], authorised: Index) -> list[Box]:
    """The boxes without the authorised. Where that needs too many pieces, each box that has some is kept whole:
    an extent may be too wide, never too narrow."""
    budget = Budget(STEPS)
    found: list[Box] = []
    try:
        for piece in beyond(boxes, authorised, budget=budget):
            found.append(piece)
            if len(found) > MOST_PIECES:
                break
        else:
            return found
    except TooManyPieces:
        found.clear()  # what was cut so far says nothing about the rest
    return [box for box in boxes if _sticks_out(box, authorised)]


def _sticks_out(box: Box, authorised: Index) -> bool:
    try:
        return next(residual(box, authorised.overlapping(box), budget=Budget(STEPS)), None) is not None
    except TooManyPieces:
        return True


def subject(host: Host, point: str, rule: str) -> str:
    """What a finding about a rule is about: the rule in its own words, which stay the same when rules move."""
    if rule.endswith(POLICY):
        return f"{point} {OPEN_BY_POLICY}"
    found = host.rules.get(rule)
    return in_own_words(found) if found is not None else rule


def _because(
    case: Case, host: Host, point: str, family: Family, piece: Piece, extent: tuple[Box, ...], *, unproven: str
) -> str:
    example = choose(family, extent[0], case.estate.inventory)
    start = f"{piece.rule}{at_line(piece.origin)} {'may let' if unproven else 'lets'} through {example}"
    if unproven:
        return f"{start}, which nobody authorised: {unproven}"
    beside = supported(host.reading, piece.rule)
    if piece.rule.endswith(POLICY):
        return (
            f"{point} of {host.name} is open by its policy{at_line(piece.origin)}: {_reach(case, host, point, family)}"
        )
    ways = listed(_ways(case, family, extent))
    return f"{start}, which nobody authorised ({ways}){_along(case, host, point, family, extent)}{beside}"


def _along(case: Case, host: Host, point: str, family: Family, extent: tuple[Box, ...]) -> str:
    """What the rest of the path does to what an interface of an account lets through; "" elsewhere."""
    account = host.account
    if account is None or not interface_of(host.reading, point):
        return ""
    peer = 0 if is_incoming(point) else 2
    asked = [
        limited(box, peer, low, high) for box in extent
        for low, high in _without(box, peer, account.vacant(family, box[peer], box[peer + 1]))
    ]  # fmt: skip
    found: dict[str, Piece] = {}
    for piece in (piece for box in asked[:MOST_PIECES] for piece in host.pieces(FORWARD, family, box)):
        if piece.decision == "permit":
            return f"; open along the whole path, as {choose(family, piece.box, case.estate.inventory)} shows"
        found.setdefault(piece.decision, piece)
    if "unproven" in found or len(asked) > MOST_PIECES:
        return "; whether the rest of the path lets it through is not known"
    if not found:
        return "; nobody is there today who could send or hear it"
    return f"; contained by {found['deny'].rule}"


def _without(box: Box, at: int, spans: Sequence[Interval]) -> list[Interval]:
    return intervals.subtract([(box[at], box[at + 1])], spans)


def _ways(case: Case, family: Family, boxes: tuple[Box, ...]) -> list[str]:
    sides = {"server": case.served[family], "outside": case.others[family]}
    found = []
    for way in WAYS:
        source, _, target = way.partition(" to ")
        if any(
            any(True for out in _side(box, 2, sides[target]) for _ in _side(out, 0, sides[source])) for box in boxes
        ):
            found.append(way)
    return found or ["not server communication"]


def _reach(case: Case, host: Host, point: str, family: Family) -> str:
    """How many servers an open point reaches or lets in, and at which of them the other point denies."""
    others = [name for name in case.estate.servers if name != host.name and case.estate.of(name, family)]
    if point == INPUT:
        return (
            f"{counted(len(others), 'other server')} and everyone outside may come in, as far as nobody else stops it"
        )
    if point != OUTPUT:
        free = [one.name for one in interfaces(host.reading) if not one.coming]
        at = f"; what comes in at {listed(free)} meets no list" if free else ""
        return f"everything that is not denied by a rule passes{at}"
    holding = [name for name in others if denies_something(case, name, INPUT, family)]
    left = [name for name in others if name not in holding]
    parts = [f"it may open connections to {counted(len(others), 'other server')} ({counted(len(others), 'pair')})"]
    if holding:
        parts.append(f"contained by INPUT of {listed(holding)}")
    if left:
        parts.append(f"not contained at {listed(left)}")
    return ", ".join(parts)


def denies_something(case: Case, name: str, point: str, family: Family) -> bool:
    """Whether a point of a host was read and denies some traffic of the family."""
    host = case.hosts.get(name)
    return host is not None and host.facts(point, family).denies
