"""What the rules permit between real servers although the policy forbids it: authorised or not. Pure.

One judgement for each rule of the policy, pair of zones and system of the servers reached: its root cause is one
decision. Its members are the pairs of servers that really reach each other: all points that were read at the one let it
in (INPUT, and interfaces of accounts), and those of the other, where any was read, do not hold it back. What passes by
the policy of a chain is left out: an open point is one finding already, and says all of it. Not so for what servers
open to the internet: there the rule is that nothing is open but what the policy names, and OUTPUT of each server is
asked, its policy too.

What an exception decided on as a record of its own leaves open is said, and never counted as open beyond it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

from compliance.policy.check import meetings
from compliance.policy.content import Policy
from compliance.policy.facts import Side, alike
from compliance.policy.pairs import NIGHTLY
from compliance.policy.shipped import Described
from compliance.policy.spans import EVERY
from compliance.traffic import intervals
from compliance.traffic.boxes import FAMILIES, TOP, Box, Family, box_of, intersect_all
from compliance.traffic.difference import beyond
from compliance.traffic.index import Index
from compliance.traffic.residual import covered, difference
from compliance.traffic.services import ANY_SPAN, Span
from compliance.traffic.witness import choose
from evidence import ends
from evidence.admin_path import here
from evidence.case import INPUT, OUTPUT, POLICY, Case
from evidence.excess_verdicts import LINK_UPKEEP
from evidence.formats.evaluate import Piece
from evidence.judgement import MOST_PIECES, Judgement, at_line, counted, listed
from evidence.rules import Certainty, Verdict

GRAVE: Final = ("block", "serious", "warn")  # a note asks for nothing, and opens no finding
PLACE: Final = "policy"  # the point of these judgements: they are about several hosts
TO_INTERNET: Final = "server-to-internet"  # the one rule that is asked of what leaves
SHOWN: Final = 5


class LeftOpen(NamedTuple):
    """An exception from one rule that somebody decided on: its record, its day, and the traffic by family."""

    rule: str
    reference: str
    until: date
    boxes: Mapping[Family, Sequence[Box]]


class Reached(NamedTuple):
    """Two sides, and the services between them that a rule forbids."""

    rule: str
    source: Side
    target: Side
    spans: tuple[Span, ...]
    because: str


@dataclass(slots=True)
class Members:
    """What really passes under one rule from one zone to another, in one family.

    `example`: a part of it that the rule speaks of; `boxes` may be wider where they name every address outside.
    `left_open`: what exceptions cover of it, by pair; `under` are their records.
    """

    boxes: list[Box] = field(default_factory=list)
    example: Box | None = None
    pairs: dict[str, None] = field(default_factory=dict)
    left_open: dict[str, list[Box]] = field(default_factory=dict)
    under: dict[str, date] = field(default_factory=dict)
    authorised: int = 0
    proven: bool = False
    rule: str = ""
    where: str = ""  # the line of that rule
    because: str = ""


class Asking:
    """What is asked of the readings in one family; the same question is asked once."""

    def __init__(self, case: Case, family: Family, exceptions: Sequence[LeftOpen]) -> None:
        self.case, self.family = case, family
        self.known: dict[tuple[str, str, Box], list[Piece]] = {}
        self.exceptions = [one for one in exceptions if one.boxes.get(family)]
        self.indices = {
            rule: Index(box for one in self.exceptions if one.rule == rule for box in one.boxes[family])
            for rule in {one.rule for one in self.exceptions}
        }

    def not_excepted(self, rule: str, boxes: Sequence[Box], members: Members) -> list[Box]:
        """What of it no exception from the rule leaves open. The records that leave some open are noted."""
        index = self.indices.get(rule)
        if index is None:
            return list(boxes)
        for one in self.exceptions:
            if one.rule == rule and intersect_all(boxes, one.boxes[self.family]):
                members.under[one.reference] = one.until
        return list(beyond(boxes, index))

    def passing(self, host: str, point: str, box: Box) -> list[Piece]:
        """The pieces that a rule, not the default of a chain, lets through or may let through."""
        return [one for one in self.said(host, point, box) if one.rule and not one.rule.endswith(POLICY)]

    def said(self, host: str, point: str, box: Box) -> list[Piece]:
        """The pieces that no point at that end of a server denies."""
        key = (host, point, box)
        if key not in self.known:
            pieces = ends.asked(self.case, host, point, self.family, box, overlook_unread=True)
            self.known[key] = [one for one in pieces if one.decision != "deny"]
        return self.known[key]

    def let_out(self, source: Side, name: str, box: Box) -> tuple[list[Box], bool]:
        """What OUTPUT of the server it comes from lets out of a box, and whether that is proven.

        All of it, unproven, where nothing was read there; all of it, proven, where it is no server of ours.
        """
        if source.outside:
            return [box], True
        if not ends.gates(self.case, name, OUTPUT):
            return [box], False
        said = self.said(name, OUTPUT, box)
        return [one.box for one in said], self.is_read(name, OUTPUT) and all(one.decision == "permit" for one in said)

    def is_read(self, name: str, way: str) -> bool:
        """Whether every line of the points at that end was read."""
        return not any(gate.host.unread(gate.point) for gate in ends.gates(self.case, name, way))

    def is_authorised(self, boxes: Sequence[Box]) -> bool:
        """Whether all of it is authorised."""
        index = self.case.authorised[self.family]
        return all(covered(box, index.overlapping(box)) for box in boxes)


def against(
    case: Case,
    policy: Policy,
    described: Sequence[Described],
    sides: Iterable[Side],
    outside: Side,
    *,
    on: date,
    internet: Sequence[Side] = (),
    exceptions: Sequence[LeftOpen] = (),
) -> Iterator[Judgement]:
    """Every rule of the policy that what was read does not keep.

    `sides`: the servers; `outside`: the internet; `internet`: the same in parts that the policy may name, for what
    leaves; `exceptions`: what records of their own leave open.
    """
    servers = list(sides)
    apart = {name for one in policy.waivers for name in (one.source, one.destination)}
    sources = (*alike(servers, apart), outside)
    named = {rule.id: rule for rule in described}
    kept: list[Judgement] = []
    for family in FAMILIES:
        asking = Asking(case, family, exceptions)
        found: dict[tuple[str, str, str, str], Members] = {}
        for side in servers:
            host = side.names[0]
            if ends.gates(case, host, INPUT):
                own = case.hosts.get(host)
                for asked in forbidden(here(policy, own) if own else policy, NIGHTLY, sources, [side], on):
                    key = (asked.rule, asked.source.place, side.place, side.system)
                    _gather(asking, host, side, asked, found.setdefault(key, Members()))
            if ends.gates(case, host, OUTPUT):
                for asked in forbidden(policy, [TO_INTERNET], [side], internet, on):
                    key = (asked.rule, side.place, asked.target.place, side.system)
                    _leaving(asking, host, side, asked, found.setdefault(key, Members()))
        for (rule, source, target, system), members in found.items():
            subject = f"{rule}: {source or 'no zone'} → {target or 'no zone'}, {system}"
            if members.boxes:
                yield _judged(case, named[rule], subject, members, family)
            elif members.left_open:
                kept.append(_left_open(case, named[rule], subject, members, family))
    yield from kept  # last: where the other family has more, that is what is said of both


def forbidden(
    policy: Policy, rules: Iterable[str], sources: Iterable[Side], targets: Iterable[Side], on: date
) -> Iterator[Reached]:
    """What nobody may do between these sides, by the rules that are asked every night and are no mere notes."""
    listed, ends = list(sources), list(targets)
    for rule in rules:
        if not policy.rules[rule].on:
            continue
        for source in listed:
            for target in ends:
                for level, met in meetings(policy, rule, source, target, EVERY, on):
                    if level in GRAVE and not met.exempt and not met.asks:
                        yield Reached(rule, source, target, met.spans, met.because)


def _gather(asking: Asking, host: str, target: Side, asked: Reached, members: Members) -> None:
    """Adds what the points of one server let in of what one rule forbids."""
    family = asking.family
    starts = intervals.merge((one.low, one.high) for one in asked.source.ranges if one.family == family)
    from_starts = [box_of(family, src=start) for start in starts]
    for one in target.ranges:
        if one.family != family or not starts:
            continue
        for span in _merged(asked.spans):
            narrow = span == ANY_SPAN or bool(asked.source.outside)
            for low, high in starts if narrow else [(0, TOP[family])]:
                for piece in asking.passing(host, INPUT, (low, high, one.low, one.high, *span)):
                    cut = intersect_all([piece.box], from_starts)
                    _add(asking, host, piece, cut, asked, members)


def _merged(spans: Sequence[Span]) -> Sequence[Span]:
    """The spans, or one for all of them where they come to every service."""
    return [ANY_SPAN] if ANY_SPAN in spans else spans


def _add(asking: Asking, host: str, piece: Piece, boxes: list[Box], asked: Reached, members: Members) -> None:
    """The pairs of servers that really reach each other by a piece."""
    upkeep = list(LINK_UPKEEP[asking.family])
    for box in difference(boxes, upkeep) if upkeep else boxes:
        for source, part in _starts(asking, asked.source, box):
            if source == host:
                continue
            out, sure = asking.let_out(asked.source, source, part)
            if not out:
                continue
            proven = sure and piece.decision == "permit" and asking.is_read(host, INPUT)
            _count(asking, members, f"{source} → {host}", out, asked, piece, proven=proven)


def _count(
    asking: Asking,
    members: Members,
    pair: str,
    out: list[Box],
    asked: Reached,
    piece: Piece,
    *,
    proven: bool,
    whole: Sequence[Box] = (),
) -> None:
    """Adds a pair that really passes: to what is open, or to what exceptions leave open where they cover all of it.

    `whole`: how it is kept where no exception takes anything away.
    """
    left = asking.not_excepted(asked.rule, out, members)
    members.because = members.because or asked.because
    if not left:
        members.left_open.setdefault(pair, []).extend(out)
        return
    if pair not in members.pairs:
        members.pairs[pair] = None
        members.authorised += asking.is_authorised(left)
    members.boxes.extend(whole if whole and left == out else left)
    members.example = members.example or left[0]
    members.proven = members.proven or proven
    if not members.rule:
        members.rule, members.where = piece.rule, at_line(piece.origin)


def _leaving(asking: Asking, host: str, source: Side, asked: Reached, members: Members) -> None:
    """Adds what OUTPUT of one server lets out of what one rule forbids, by its policy as well as by a rule."""
    family = asking.family
    ends = [(one.low, one.high) for one in asked.target.ranges if one.family == family]
    wanted = [box_of(family, dst=end) for end in intervals.merge(ends)]
    services = [(0, TOP[family], 0, TOP[family], *span) for span in _merged(asked.spans)]
    for one in source.ranges:
        if one.family != family or not wanted:
            continue
        for piece in asking.said(host, OUTPUT, (one.low, one.high, 0, TOP[family], *ANY_SPAN)):
            whole = difference(intersect_all([piece.box], services), LINK_UPKEEP[family])
            parts = intersect_all(whole, wanted)
            if parts:
                proven = piece.decision == "permit" and asking.is_read(host, OUTPUT)
                pair = f"{host} → {asked.target}"
                _count(asking, members, pair, parts, asked, piece, proven=proven, whole=whole)


def _starts(asking: Asking, source: Side, box: Box) -> Iterator[tuple[str, Box]]:
    """The parts of a box by the server they come from; what comes from outside stays whole."""
    if source.outside:
        yield source.names[0], box
        return
    for one in source.ranges:
        if one.family == asking.family and one.low <= box[1] and box[0] <= one.high:
            low, high = max(one.low, box[0]), min(one.high, box[1])
            yield asking.case.estate.holders.get(low, source.names[0]), (low, high, *box[2:])


def _judged(case: Case, rule: Described, subject: str, members: Members, family: Family) -> Judgement:
    count = len(members.pairs)
    beside = [pair for pair in members.left_open if pair not in members.pairs]
    authorised = (
        "none of it is authorised"
        if not members.authorised
        else "all of it is authorised"
        if members.authorised == count
        else f"{members.authorised} of them authorised"
    )
    more = f" Beside these, {_records(members)} leaves {counted(len(beside), 'pair')} open." if beside else ""
    because = (
        f"{rule.title}: the rules let {counted(count, 'pair')} through ({authorised}): "
        f"{listed(members.pairs, most=SHOWN)}.{more} For one, {members.because}: "
        f"by {members.rule}{members.where}. {rule.why}"
    )
    return Judgement(
        Verdict.against_policy,
        Certainty.definite if members.proven else Certainty.possible,
        subject,
        PLACE,
        members.rule,
        bounded(members.boxes, family, out=rule.id == TO_INTERNET),
        choose(family, members.example or members.boxes[0], case.estate.inventory),
        because,
        family,
    )


def _left_open(case: Case, rule: Described, subject: str, members: Members, family: Family) -> Judgement:
    """All that passes is under exceptions: it is said, with their records, and is a finding whose risk is accepted."""
    boxes = [box for found in members.left_open.values() for box in found]
    because = (
        f"{rule.title}: {_records(members)} leaves {counted(len(members.left_open), 'pair')} open: "
        f"{listed(members.left_open, most=SHOWN)}. Beyond that the rules let nothing through. {rule.why}"
    )
    excess = bounded(boxes, family, out=rule.id == TO_INTERNET)
    witness = choose(family, boxes[0], case.estate.inventory)
    return Judgement(Verdict.against_policy, Certainty.definite, subject, PLACE, "", excess, witness, because, family)


def _records(members: Members) -> str:
    """The records that leave something open, each with its day."""
    return " and ".join(f"{ref} (until {until.day} {until:%B %Y})" for ref, until in members.under.items())


def bounded(boxes: Iterable[Box], family: Family, *, out: bool) -> tuple[Box, ...]:
    """The traffic, each box once; above MOST_PIECES one wider box for each server, so that no server is left out."""
    once = tuple(dict.fromkeys(boxes))
    if len(once) <= MOST_PIECES:
        return once
    if out:
        return tuple(dict.fromkeys((box[0], box[1], 0, TOP[family], *ANY_SPAN) for box in once))
    return tuple(dict.fromkeys((0, TOP[family], box[2], box[3], *ANY_SPAN) for box in once))
