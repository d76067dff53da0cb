"""Register entries that would say what rules let through today: proposed from rules and from what listens. Pure.

    learn(case, judged, named) -> Learned | Left, one after the other

Learned: one source, one destination and one service that a rule lets through and nobody authorised. Nothing is proposed
that would authorise more than runs: a range is learned as the zone, group or party that it is word for word, else as
the registered servers in it; a rule for every port as the services that its server was seen to offer; what another
point of the way stops, or nobody listens for, is not learned at all. Left: a rule, and why (a part of) it says nothing
that a register could hold; it stays the finding it is.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from compliance.register import Wanted
from compliance.traffic import addresses, intervals
from compliance.traffic.addresses import Range, family_of_value
from compliance.traffic.boxes import FAMILIES, ICMP, PORT_TOP, TOP, Box, Family, box_of
from compliance.traffic.intervals import Interval
from compliance.traffic.services import WITH_PORTS, Span, parse, say
from evidence import ends
from evidence.case import INPUT, OUTPUT, POLICY, Case, Host
from evidence.ends import Gate
from evidence.exposure_verdicts import SUBJECT as PUBLIC_WAY
from evidence.judgement import Judgement, counted, listed
from evidence.rules import Certainty, Verdict
from evidence.sockets import POINT, Service, services, sort

MOST_PORTS: Final = 100  # more of them in one rule name no service (compliance/severity.py calls it wide)
MOST_ENDS: Final = 64  # servers in one range: beyond, nobody says which of them need it
Spans = tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """An end of the register that is more than one server: group, zone or party, with all its ranges."""

    name: str
    ranges: Mapping[Family, Spans]


class Learned(NamedTuple):
    """One entry that a rule calls for. `point`: HOST/POINT."""

    source: str
    destination: str
    service: str
    point: str
    rule: str


class Left(NamedTuple):
    """What of a rule is not learned, and why, in a sentence without its end."""

    point: str
    rule: str
    because: str


class Unsaid(Exception):
    """The register has no words for it. Its text says why."""


def named_ends(register: Mapping[str, Any], wanted: Wanted) -> list[Named]:
    """Groups, parties and zones of a register (compliance.standing) with their ranges; groups before zones."""
    found = []
    for row in (*register["groups"], *register["zones"]):
        ranges: list[Range] = []
        for text in row.get("members") or row.get("prefixes") or ():
            held = wanted.servers.get(text)
            ranges += [addresses.parse(text)] if held is None else [_single(value) for value in held]
        found.append(Named(row["name"], {family: _merged(ranges, family) for family in FAMILIES}))
    return found


def learn(case: Case, judged: Iterable[Judgement], named: Sequence[Named]) -> Iterator[Learned | Left]:
    """What the over-permissive rules of one comparison call for, each (entry, rule) once."""
    ends = Ends(case, named)
    for one in judged:
        if one.verdict is Verdict.permits_more:
            yield from dict.fromkeys(_of_rule(ends, one))


class Ends:
    """Addresses as the register names them, and what the hosts say of a way between two."""

    def __init__(self, case: Case, named: Sequence[Named]) -> None:
        self.case = case
        self.exact: dict[tuple[Family, Spans], str] = {}
        for one in named:
            for family, spans in one.ranges.items():
                if spans:
                    self.exact.setdefault((family, spans), one.name)
        self.values = {
            family: sorted(value for value in case.estate.holders if family_of_value(value) == family)
            for family in FAMILIES
        }
        self.offered: dict[str, list[Service] | None] = {}

    def names(self, family: Family, spans: Spans) -> list[str]:
        """The ends of the register that a range is, or the servers in it. Raises Unsaid."""
        if 2 * sum(high - low + 1 for low, high in spans) > TOP[family]:  # all, but for what is authorised of it
            raise Unsaid("it names everybody, and so nobody who needs it")
        exact = self.exact.get((family, spans))
        holders = self.case.estate.holders
        values = self.values[family]
        inside = dict.fromkeys(
            holders[value]
            for low, high in spans
            for value in values[bisect_left(values, low) : bisect_right(values, high)]
        )
        single = len(inside) == 1 and spans == tuple(
            intervals.merge((value, value) for value in self.case.estate.of(next(iter(inside)), family))
        )
        if exact is not None and not single:
            return [exact]
        if not inside:
            raise Unsaid(f"nobody registered {_said(family, spans)}")
        if len(inside) > MOST_ENDS:
            raise Unsaid(f"{len(inside)} servers lie in {_said(family, spans)}: which of them need it, it does not say")
        return list(inside)

    def beyond(self, family: Family, spans: Spans, names: Sequence[str]) -> str:
        """What of a range its names leave out, in words; "" when nothing."""
        if any(name not in self.case.estate.servers for name in names):
            return ""
        held = [(value, value) for name in names for value in self.case.estate.of(name, family)]
        left = intervals.subtract(spans, intervals.merge(held))
        return _said(family, tuple(left)) if left else ""

    def services(self, destination: str, family: Family, span: Span) -> list[str]:
        """The services of a span that the register can name, and only those that listen where that is known.

        Raises Unsaid.
        """
        if span[2:4] != (0, PORT_TOP) and span[0] in WITH_PORTS:
            raise Unsaid("it goes by source ports, of which the register knows nothing")
        offered = self.listening(destination)
        wide = span[0] != span[1] or (span[0] in WITH_PORTS and span[5] - span[4] >= MOST_PORTS)
        if not wide and (span[0] not in WITH_PORTS or offered is None):
            return [word(span)]
        if offered is None:
            raise Unsaid(f"it names no service, and nobody read what listens on {destination}")
        here = [one for one in offered if hears(one, family, span)]
        if not here:
            raise Unsaid(f"nobody listens on {say(span)} of {destination}: the rule can go")
        return [one.name for one in here] if wide else [word(span)]

    def listening(self, name: str) -> list[Service] | None:
        """What a server offers to others; None where its sockets were not read whole, or it is no server."""
        if name not in self.offered:
            host = self.case.hosts.get(name)
            known = host is not None and POINT in host.points and not host.unread(POINT)
            self.offered[name] = _offered(host, self.case.before.get(name)) if host and known else None
        return self.offered[name]

    def stopped(self, source: str, destination: str, family: Family, span: Span, seen_at: str) -> str:
        """The other point of the way that lets none of it through (`OUTPUT of web-01`); "" when none is known to."""
        way = self.way(source, destination, family, span)
        for name, at in ((source, OUTPUT), (destination, INPUT)):
            for host, point in ends.gates(self.case, name, at):
                if f"{host.name}/{point}" == seen_at or not host.facts(point, family).denies:
                    continue
                mine = [part for box in way for part in ends.passing(Gate(host, point), at, family, box)]
                if mine and all(piece.decision == "deny" for box in mine for piece in host.pieces(point, family, box)):
                    return f"{point} of {host.name}"
        return ""

    def way(self, source: str, destination: str, family: Family, span: Span) -> list[Box]:
        """The traffic between two servers; none where one of them is no server."""
        pairs = [(a, b) for a in self.case.estate.of(source, family) for b in self.case.estate.of(destination, family)]
        return [box_of(family, src=(a, a), dst=(b, b))[:4] + span for a, b in pairs]


def _of_rule(ends: Ends, one: Judgement) -> Iterator[Learned | Left]:
    if one.rule.endswith(POLICY):
        yield Left(one.point, one.rule, "it is open by its policy: who needs what, it does not say")
        return
    if one.subject.startswith(PUBLIC_WAY):
        yield Left(one.point, one.rule, "a public way is closed, or the server is published by a request of its own")
        return
    if one.certainty is not Certainty.definite:
        yield Left(one.point, one.rule, "what it lets through could not be determined")
        return
    for sources, destinations, span in _rectangles(one.excess):
        try:
            yield from _of_rectangle(ends, one, sources, destinations, span)
        except Unsaid as why:
            yield Left(one.point, one.rule, str(why))


def _rectangles(boxes: Iterable[Box]) -> Iterator[tuple[Spans, Spans, Span]]:
    """The boxes as sources × destinations × services, pieces that were cut from one put together again."""
    by_target: dict[tuple[Interval, Span], list[Interval]] = {}
    for box in boxes:
        by_target.setdefault(((box[2], box[3]), box[4:]), []).append((box[0], box[1]))
    by_source: dict[tuple[Spans, Span], list[Interval]] = {}
    for (target, span), sources in by_target.items():
        by_source.setdefault((tuple(intervals.merge(sources)), span), []).append(target)
    for (sources_, span), targets in by_source.items():
        yield sources_, tuple(intervals.merge(targets)), span


def _of_rectangle(
    ends: Ends, one: Judgement, sources: Spans, destinations: Spans, span: Span
) -> Iterator[Learned | Left]:
    """Every pair of one rectangle, each service; and what of its ranges no name stands for. Raises Unsaid."""
    family = one.family
    to, by = ends.names(family, destinations), ends.names(family, sources)
    for destination in to:
        try:
            offered = ends.services(destination, family, span)
        except Unsaid as why:
            yield Left(one.point, one.rule, str(why))
            continue
        for source in by:
            if source == destination:
                continue
            stops = ends.stopped(source, destination, family, span, one.point)
            if stops:
                yield Left(one.point, one.rule, f"{stops} stops it from {source} to {destination}")
                continue
            yield from (Learned(source, destination, service, one.point, one.rule) for service in offered)
    for spans, names in ((sources, by), (destinations, to)):
        rest = ends.beyond(family, spans, names)
        if rest:
            yield Left(one.point, one.rule, f"no server holds {rest}: narrow the rule to those that do")


def _offered(host: Host, before: Host | None) -> list[Service]:
    return [one for one in services(host.reading.listeners) if sort(one, host, before).sort == "service"]


def hears(one: Service, family: Family, span: Span) -> bool:
    """Whether the service takes what goes to a span, in that family."""
    inside = span[0] <= one.proto <= span[1] and span[4] <= one.port <= span[5]
    return inside and any(socket.family == family for socket in one.sockets)


def word(span: Span) -> str:
    """The service as the register writes it. Raises Unsaid."""
    text = say(span)
    try:
        meant = parse(text).span
    except ValueError:
        meant = None
    if meant != span and not (span[0] in ICMP.values() and meant is not None and meant[:2] == span[:2]):
        raise Unsaid(f"the register has no word for {text}")
    return text


def _said(family: Family, spans: Spans) -> str:
    prefixes = addresses.to_prefixes(Range(family, low, high) for low, high in spans)
    return listed(prefixes) if len(prefixes) < MOST_ENDS else counted(len(prefixes), "range")


def _single(value: int) -> Range:
    return Range(family_of_value(value), value, value)


def _merged(ranges: Iterable[Range], family: Family) -> Spans:
    return tuple(intervals.merge((one.low, one.high) for one in ranges if one.family == family))
