"""What changed between two readings of a host that no authorisation explains (attribution by set containment).

Two kinds are found from the readings and the register alone: traffic that is let through now, was stopped before
and is not authorised; and traffic that was let through before, is stopped now and is authorised. What was closed
and nobody had authorised is a repair and is not reported. Who changed it, and under which ticket, is asked of the
change records (semantics 18) by the caller. Only what both readings prove counts; text that moved does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from compliance.traffic.boxes import FAMILIES, Box, Family, intersect
from compliance.traffic.difference import shared
from compliance.traffic.index import Index
from compliance.traffic.witness import choose
from evidence.actors import actors
from evidence.case import Case, Host
from evidence.excess_verdicts import cut, judged, subject
from evidence.formats.evaluate import Piece
from evidence.judgement import Judgement, at_line
from evidence.regions import changed
from evidence.rules import Certainty, Verdict


def changes(case: Case) -> Iterator[Judgement]:
    """One judgement for each rule that opened something, and for each connection that lost something, at a point."""
    for name, host in case.hosts.items():
        earlier = case.before.get(name)
        for point in host.rule_points if earlier is not None else ():
            if earlier is None or point not in earlier.rule_points:
                continue
            for family in FAMILIES:
                now, then = both(host, earlier, point, family)
                yield from _opened(case, host, point, family, newly(now, then, "permit", "deny"))
                yield from _lost(case, host, point, family, newly(now, then, "deny", "permit"))


def both(host: Host, earlier: Host, point: str, family: Family) -> tuple[list[Piece], list[Piece]]:
    """What the two readings say of the traffic that they may decide differently: (now, then)."""
    now: list[Piece] = []
    then: list[Piece] = []
    limits = host.scope(point, family)
    for region in changed(earlier.reading, host.reading, point, family):
        for box in (part for limit in limits if (part := intersect(region, limit)) is not None):
            now += host.pieces(point, family, box, overlook_unread=True)
            then += earlier.pieces(point, family, box, overlook_unread=True)
    return now, then


def newly(now: Iterable[Piece], then: Iterable[Piece], decision: str, was: str) -> list[tuple[Piece, Box]]:
    """The parts that are decided one way in the first and were decided the other way in the second."""
    index = Index(piece.box for piece in then if piece.decision == was)
    return [
        (piece, part)
        for piece in now
        if piece.decision == decision
        for other in index.overlapping(piece.box)
        if (part := intersect(piece.box, other)) is not None
    ]


def _opened(case: Case, host: Host, point: str, family: Family, parts: list[tuple[Piece, Box]]) -> Iterator[Judgement]:
    by_rule: dict[str, list[tuple[Piece, Box]]] = {}
    for piece, box in parts:
        by_rule.setdefault(piece.rule, []).append((piece, box))
    for rule, held in by_rule.items():
        boxes = judged(case, point, family, [box for _, box in held])
        extra = cut(boxes, case.authorised[family])
        if not extra:
            continue
        witness = choose(family, extra[0], case.estate.inventory)
        line = at_line(held[0][0].origin)
        because = f"{rule}{line} lets {witness} through; it was stopped before, and nobody authorised it"
        because += actors(host.reading, point, rule)
        yield _judgement(case, host, point, family, subject(host, point, rule), rule, extra, because)


def _lost(case: Case, host: Host, point: str, family: Family, parts: list[tuple[Piece, Box]]) -> Iterator[Judgement]:
    for entry in case.wanted.entries:
        if entry.family != family or (host.name, point) not in entry.required:
            continue
        index = Index(entry.boxes)
        gone = [(piece, part) for piece, box in parts for part, _ in shared([box], index)]
        if not gone:
            continue
        piece, box = gone[0]
        witness = choose(family, box, case.estate.inventory)
        because = f"{witness} of {entry.id} was let through before; {piece.rule}{at_line(piece.origin)} stops it now"
        because += actors(host.reading, point, piece.rule)
        lost = [part for _, part in gone]
        yield _judgement(case, host, point, family, entry.id, piece.rule, lost, because)


def _judgement(
    case: Case, host: Host, point: str, family: Family, about: str, rule: str, boxes: list[Box], because: str
) -> Judgement:
    lines = host.unread(point)
    return Judgement(
        Verdict.changed_without_record,
        Certainty.possible if lines else Certainty.definite,
        about,
        f"{host.name}/{point}",
        rule,
        tuple(boxes),
        choose(family, boxes[0], case.estate.inventory),
        because,
        family,
    )
