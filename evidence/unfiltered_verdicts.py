"""Pairs of servers between which no required point denies anything: one judgement for each zone or pair of zones.

A host without a reading denies nothing that anybody knows: its pairs count as possible. Proven is a pair only
where both points were read and let everything through. Servers without a zone are grouped by their network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from compliance.traffic import intervals
from compliance.traffic.addresses import prefix_range, to_text
from compliance.traffic.boxes import FAMILIES, TOP, Box, Budget, Family, TooManyPieces, box_of, overlaps
from compliance.traffic.residual import covered
from compliance.traffic.witness import choose
from evidence.case import INPUT, OUTPUT, Case
from evidence.connection_verdicts import no_reading
from evidence.judgement import MOST_PIECES, Judgement, counted, listed
from evidence.rules import Certainty, Verdict

NETWORK: dict[Family, int] = {4: 24, 6: 64}  # what servers without a zone are grouped by: their likely segment
STEPS = 20_000
ABOUT_ABSENCE = frozenset({Verdict.not_verifiable, Verdict.stale, Verdict.unreachable})


@dataclass(frozen=True, slots=True)
class Stance:
    """What one point of a host does: traffic it denies, traffic it certainly permits, whether it was read at all."""

    read: bool
    denied: tuple[Box, ...] = ()
    permitted: tuple[Box, ...] = ()


@dataclass(slots=True)
class Group:
    """The open pairs between two places (or within one)."""

    pairs: list[tuple[str, str]] = field(default_factory=list)
    proven: int = 0
    box: Box | None = None
    sure_box: Box | None = None


def unfiltered(case: Case) -> Iterator[Judgement]:
    """One judgement for each zone (or pair of zones) and family with open pairs."""
    for family in FAMILIES:
        groups = _groups(case, family)
        for label in sorted(groups):
            yield _judgement(case, label, groups[label], family)


def unseen(case: Case, said: Sequence[Judgement]) -> Iterator[Judgement]:
    """The servers whose packet filter nobody read and of which nothing in `said` speaks: they are not left out."""
    named = {one.point.partition("/")[0] for one in said if one.verdict in ABOUT_ABSENCE}
    pairs = [(one.family, box) for one in said if one.verdict is Verdict.unfiltered for box in one.excess]
    for name in case.estate.servers:
        host = case.hosts.get(name)
        if name in named or (host is not None and host.rule_points):
            continue
        own = [(family, value) for family in FAMILIES for value in case.estate.of(name, family)]
        if any(
            family == other and (box[0] <= value <= box[1] or box[2] <= value <= box[3])
            for family, value in own
            for other, box in pairs
        ):
            continue
        verdict, why = no_reading(case, name)
        if host is not None:
            verdict, why = Verdict.not_verifiable, f"no packet filter of {name} was read"
        because = f"{why}: what it lets through is not known"
        yield Judgement(verdict, Certainty.unproven, name, f"{name}/{INPUT}", "", (), None, because)


def _groups(case: Case, family: Family) -> dict[str, Group]:
    servers = [name for name in case.estate.servers if case.estate.of(name, family)]
    places = {name: _place(case, name, family) for name in servers}
    comes_in = {name: _stance(case, name, INPUT, family) for name in servers}
    goes_out = {name: _stance(case, name, OUTPUT, family) for name in servers}
    groups: dict[str, Group] = {}
    for target in servers:
        if _denies_everyone(comes_in[target], case.estate.of(target, family), family):
            continue
        for source in servers:
            boxes = _between(case, source, target, family) if source != target else []
            if not boxes or _denies(comes_in[target], boxes) or _denies(goes_out[source], boxes):
                continue
            if all(covered(box, case.authorised[family].overlapping(box)) for box in boxes):
                continue
            group = groups.setdefault(_label(places[source], places[target]), Group())
            group.pairs.append((source, target))
            group.box = group.box or boxes[0]
            if _permits(comes_in[target], boxes) and _permits(goes_out[source], boxes):
                group.proven += 1
                group.sure_box = group.sure_box or boxes[0]
    return groups


def _stance(case: Case, name: str, point: str, family: Family) -> Stance:
    host = case.hosts.get(name)
    if host is None or point not in host.rule_points:
        return Stance(read=False)
    pieces = host.whole(point, family)
    lines = host.unread(point)
    return Stance(
        read=not lines,
        denied=tuple(piece.box for piece in pieces if piece.decision == "deny"),
        permitted=tuple(piece.box for piece in pieces if piece.decision == "permit" and not lines),
    )


def _between(case: Case, source: str, target: str, family: Family) -> list[Box]:
    return [
        box_of(family, src=(src, src), dst=(dst, dst))
        for src in case.estate.of(source, family)
        for dst in case.estate.of(target, family)
    ]


def _denies(stance: Stance, boxes: list[Box]) -> bool:
    return any(overlaps(denied, box) for denied in stance.denied for box in boxes)


def _denies_everyone(stance: Stance, own: tuple[int, ...], family: Family) -> bool:
    """Whether every source is denied something: then no pair with this target is open, and none need be looked at."""
    sources = [(box[0], box[1]) for box in stance.denied if any(box[2] <= one <= box[3] for one in own)]
    return intervals.merge(sources) == [(0, TOP[family])]


def _permits(stance: Stance, boxes: list[Box]) -> bool:
    if not stance.permitted:
        return False
    try:
        return all(covered(box, stance.permitted, budget=Budget(STEPS)) for box in boxes)
    except TooManyPieces:
        return False


def _place(case: Case, name: str, family: Family) -> str:
    zone = next((zone for zone, servers in case.wanted.zones.items() if name in servers), "")
    if zone:
        return f"zone {zone}"
    length = NETWORK[family]
    return f"network {to_text(family, prefix_range(family, case.estate.of(name, family)[0], length)[0])}/{length}"


def _label(a: str, b: str) -> str:
    return a if a == b else " and ".join(sorted((a, b)))


def _judgement(case: Case, label: str, group: Group, family: Family) -> Judgement:
    names = list(dict.fromkeys(name for pair in group.pairs for name in pair))
    box = group.sure_box or group.box
    if box is None:
        raise ValueError("a group without a pair")
    unseen = [name for name in names if name not in case.hosts]
    pairs = counted(len(group.pairs), "pair")
    where = label.removeprefix("zone ") if " and " not in label else label
    because = f"{counted(len(names), 'server')} in {where} can reach each other on every port over IPv{family}: {pairs}"
    because += f", {group.proven} of them proven" if group.proven else ", nothing is known to stand between them"
    if unseen:
        because += f"; no evidence from {listed(unseen)}"
    return Judgement(
        Verdict.unfiltered,
        Certainty.definite if group.proven else Certainty.possible,
        label,
        label,
        "",
        _extent(case, group, family),
        choose(family, box, case.estate.inventory),
        because,
        family,
    )


def _extent(case: Case, group: Group, family: Family) -> tuple[Box, ...]:
    """The pairs as boxes: neighbouring addresses together, and one box over all where that is still too many."""
    sources = intervals.merge((one, one) for source, _ in group.pairs for one in case.estate.of(source, family))
    targets = intervals.merge((one, one) for _, target in group.pairs for one in case.estate.of(target, family))
    if len(sources) * len(targets) > MOST_PIECES:
        sources = [(sources[0][0], sources[-1][1])]
        targets = [(targets[0][0], targets[-1][1])]
    return tuple(box_of(family, src=source, dst=target) for source in sources for target in targets)
