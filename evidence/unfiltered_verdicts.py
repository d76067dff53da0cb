"""Pairs of servers between which no required point denies anything: one judgement for each zone or pair of zones.

A host without a reading denies nothing that anybody knows: its pairs count as possible. Proven is a pair only
where both points were read and let everything through. Servers without a zone are grouped by their network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compliance.traffic import intervals
from compliance.traffic.boxes import FAMILIES, Box, Family, box_of
from compliance.traffic.intervals import Interval
from compliance.traffic.witness import choose
from evidence.case import INPUT, Case
from evidence.connection_verdicts import no_reading
from evidence.judgement import MOST_PIECES, Judgement, counted, listed
from evidence.open_pairs import Group, Pairs
from evidence.rules import Certainty, Verdict

ABOUT_ABSENCE = frozenset({Verdict.not_verifiable, Verdict.stale, Verdict.unreachable})


def unfiltered(case: Case) -> Iterator[Judgement]:
    """One judgement for each zone (or pair of zones) and family with open pairs."""
    for family in FAMILIES:
        pairs = Pairs(case, family)
        for label, group in sorted(pairs.groups().items()):
            yield _judgement(case, label, group, pairs, family)


def unseen(case: Case, said: Sequence[Judgement]) -> Iterator[Judgement]:
    """The servers whose packet filter nobody read and of which nothing in `said` speaks: they are not left out."""
    named = {one.point.partition("/")[0] for one in said if one.verdict in ABOUT_ABSENCE}
    spoken_of = {family: _addresses(said, family) for family in FAMILIES}
    for name in case.estate.servers:
        host = case.hosts.get(name)
        if name in named or name in case.attached or (host is not None and host.rule_points):
            continue
        own = [(family, value) for family in FAMILIES for value in case.estate.of(name, family)]
        if any(intervals.holds(spoken_of[family], value) for family, value in own):
            continue
        verdict, why = no_reading(case, name)
        if host is not None:
            verdict, why = Verdict.not_verifiable, f"no packet filter of {name} was read"
        because = f"{why}: what it lets through is not known"
        yield Judgement(verdict, Certainty.unproven, name, f"{name}/{INPUT}", "", (), None, because)


def _addresses(said: Sequence[Judgement], family: Family) -> list[Interval]:
    """The addresses that some judgement on unfiltered pairs is about."""
    boxes = [box for one in said if one.verdict is Verdict.unfiltered and one.family == family for box in one.excess]
    return intervals.merge([(box[at], box[at + 1]) for box in boxes for at in (0, 2)])


def _judgement(case: Case, label: str, group: Group, pairs: Pairs, family: Family) -> Judgement:
    names = group.names()
    pair = group.sure_pair or group.pair
    if pair is None:
        raise ValueError("a group without a pair")
    unseen = [name for name in names if name not in case.hosts]
    where = label.removeprefix("zone ") if " and " not in label else label
    because = f"{counted(len(names), 'server')} in {where} can reach each other on every port over IPv{family}: "
    because += counted(group.count, "pair")
    because += f", {group.proven} of them proven" if group.proven else ", nothing is known to stand between them"
    if unseen:
        because += f"; no evidence from {listed(unseen)}"
    return Judgement(
        Verdict.unfiltered,
        Certainty.definite if group.proven else Certainty.possible,
        label,
        label,
        "",
        _extent(group, pairs, family),
        choose(family, pairs.between(*pair)[0], case.estate.inventory),
        because,
        family,
    )


def _extent(group: Group, pairs: Pairs, family: Family) -> tuple[Box, ...]:
    """The pairs as boxes: neighbouring addresses together, and one box over all where that is still too many."""
    sources, targets = pairs.addresses(group.sources()), pairs.addresses(group.targets())
    if len(sources) * len(targets) > MOST_PIECES:
        sources = [(sources[0][0], sources[-1][1])]
        targets = [(targets[0][0], targets[-1][1])]
    return tuple(box_of(family, src=source, dst=target) for source in sources for target in targets)
