"""What the rules permit between real servers although the policy forbids it: authorised or not. Pure.

One judgement for each rule of the policy, pair of zones and system of the servers reached: its root cause is one
decision. Its members are the pairs of servers that really reach each other: INPUT of the one, as read, lets it in, and
OUTPUT of the other, where it was read, does not hold it back. What passes by the policy of a chain is left out: an open
point is one finding already, and says all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
from compliance.traffic.residual import covered, difference
from compliance.traffic.services import ANY_SPAN, Span
from compliance.traffic.witness import choose
from evidence.case import INPUT, OUTPUT, POLICY, Case, Host
from evidence.excess_verdicts import LINK_UPKEEP
from evidence.formats.evaluate import Piece
from evidence.judgement import MOST_PIECES, Judgement, counted, listed
from evidence.rules import Certainty, Verdict

GRAVE: Final = ("block", "serious", "warn")  # a note asks for nothing, and opens no finding
PLACE: Final = "policy"  # the point of these judgements: they are about several hosts
SHOWN: Final = 5


class Reached(NamedTuple):
    """Two sides, and the services between them that a rule forbids."""

    rule: str
    source: Side
    spans: tuple[Span, ...]
    because: str


@dataclass(slots=True)
class Members:
    """What really passes under one rule from one zone to another, in one family."""

    boxes: list[Box] = field(default_factory=list)
    pairs: dict[str, None] = field(default_factory=dict)
    authorised: int = 0
    proven: bool = False
    rule: str = ""
    because: str = ""


class Asking:
    """What is asked of the readings in one family; the same question is asked once."""

    def __init__(self, case: Case, family: Family) -> None:
        self.case, self.family = case, family
        self.known: dict[tuple[str, str, Box], list[Piece]] = {}

    def passing(self, host: Host, point: str, box: Box) -> list[Piece]:
        """The pieces that a rule, not the default of a chain, lets through or may let through."""
        return [one for one in self.said(host, point, box) if one.rule and not one.rule.endswith(POLICY)]

    def said(self, host: Host, point: str, box: Box) -> list[Piece]:
        """The pieces that are not denied."""
        key = (host.name, point, box)
        if key not in self.known:
            pieces = host.pieces(point, self.family, box, overlook_unread=True)
            self.known[key] = [one for one in pieces if one.decision != "deny"]
        return self.known[key]

    def let_out(self, source: Side, name: str, box: Box) -> tuple[list[Box], bool]:
        """What OUTPUT of the server it comes from lets out of a box, and whether that is proven.

        All of it, unproven, where that point was not read; all of it, proven, where it is no server of ours.
        """
        host = self.case.hosts.get(name)
        if source.outside:
            return [box], True
        if host is None or OUTPUT not in host.rule_points:
            return [box], False
        said = self.said(host, OUTPUT, box)
        return [one.box for one in said], not host.unread(OUTPUT) and all(one.decision == "permit" for one in said)

    def is_authorised(self, boxes: Sequence[Box]) -> bool:
        """Whether all of it is authorised."""
        index = self.case.authorised[self.family]
        return all(covered(box, index.overlapping(box)) for box in boxes)


def against(
    case: Case, policy: Policy, described: Sequence[Described], sides: Iterable[Side], outside: Side, *, on: date
) -> Iterator[Judgement]:
    """Every rule of the policy that what was read does not keep. `sides`: the servers; `outside`: the internet."""
    servers = list(sides)
    apart = {name for one in policy.waivers for name in (one.source, one.destination)}
    sources = (*alike(servers, apart), outside)
    named = {rule.id: rule for rule in described}
    for family in FAMILIES:
        asking = Asking(case, family)
        found: dict[tuple[str, str, str, str], Members] = {}
        for side in servers:
            host = case.hosts.get(side.names[0])
            if host is None or INPUT not in host.rule_points:
                continue
            for asked in forbidden(policy, sources, side, on):
                members = found.setdefault((asked.rule, asked.source.place, side.place, side.system), Members())
                _gather(asking, host, side, asked, members)
        for (rule, source, target, system), members in found.items():
            if members.boxes:
                yield _judged(case, named[rule], f"{rule}: {source or 'no zone'} → {target or 'no zone'}, {system}",
                              members, family)  # fmt: skip


def forbidden(policy: Policy, sources: Iterable[Side], target: Side, on: date) -> Iterator[Reached]:
    """What nobody may do towards one server, by the rules that are asked every night and are no mere notes."""
    for rule in NIGHTLY:
        setting = policy.rules[rule]
        if not setting.on:
            continue
        for source in sources:
            for level, met in meetings(policy, rule, source, target, EVERY, on):
                if level in GRAVE and not met.exempt and not met.asks:
                    yield Reached(rule, source, met.spans, met.because)


def _gather(asking: Asking, host: Host, target: Side, asked: Reached, members: Members) -> None:
    """Adds what INPUT of one server lets in of what one rule forbids."""
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


def _add(asking: Asking, host: Host, piece: Piece, boxes: list[Box], asked: Reached, members: Members) -> None:
    """The pairs of servers that really reach each other by a piece."""
    upkeep = list(LINK_UPKEEP[asking.family])
    for box in difference(boxes, upkeep) if upkeep else boxes:
        for source, part in _starts(asking, asked.source, box):
            if source == host.name:
                continue
            out, sure = asking.let_out(asked.source, source, part)
            if not out:
                continue
            pair = f"{source} → {host.name}"
            if pair not in members.pairs:
                members.pairs[pair] = None
                members.authorised += asking.is_authorised(out)
            members.boxes.extend(out[: MOST_PIECES - len(members.boxes)])
            members.proven = members.proven or (sure and piece.decision == "permit" and not host.unread(INPUT))
            members.rule, members.because = members.rule or piece.rule, members.because or asked.because


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
    authorised = (
        "none of it is authorised"
        if not members.authorised
        else "all of it is authorised"
        if members.authorised == count
        else f"{members.authorised} of them authorised"
    )
    because = (
        f"{rule.title}: the rules let {counted(count, 'pair')} through ({authorised}): "
        f"{listed(members.pairs, most=SHOWN)}. For one, {members.because}. {rule.why}"
    )
    return Judgement(
        Verdict.against_policy,
        Certainty.definite if members.proven else Certainty.possible,
        subject,
        PLACE,
        members.rule,
        tuple(members.boxes),
        choose(family, members.boxes[0], case.estate.inventory),
        because,
        family,
    )
