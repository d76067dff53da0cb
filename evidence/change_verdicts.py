"""What changed between two readings of a host that no authorisation explains (attribution by set containment).

Two kinds are found from the readings and the register alone: traffic that is let through now, was stopped before
and is not authorised; and traffic that was let through before, is stopped now and is authorised. What was closed
and nobody had authorised is a repair and is not reported. Who changed it, and under which ticket, is asked of the
change records (semantics 18) by the caller. Only what both readings prove counts; text that moved does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from compliance.traffic.boxes import FAMILIES, Box, Family, intersect
from compliance.traffic.difference import shared
from compliance.traffic.index import Index
from compliance.traffic.witness import choose
from evidence.actors import actors
from evidence.case import Case, Host
from evidence.excess_verdicts import cut, judged, subject
from evidence.formats.evaluate import Piece
from evidence.judgement import Judgement, at_line
from evidence.object_edits import Edited
from evidence.regions import changed
from evidence.rules import Certainty, Verdict


class Parted(NamedTuple):
    """Traffic that is decided otherwise now: by which piece of the one reading, and by which of the other."""

    piece: Piece
    box: Box
    other: Piece


def changes(case: Case) -> Iterator[Judgement]:
    """One judgement for each rule that opened something, and for each connection that lost something, at a point."""
    for name, host in case.hosts.items():
        earlier = case.before.get(name)
        if earlier is None:
            continue
        edited = Edited(earlier.reading, host.reading)
        for point in host.rule_points:
            if point not in earlier.rule_points:
                continue
            for family in FAMILIES:
                now, then = both(host, earlier, point, family)
                yield from _opened(case, host, point, family, newly(now, then, "permit", "deny"), edited)
                yield from _lost(case, host, point, family, newly(now, then, "deny", "permit"), edited)


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


def newly(now: Iterable[Piece], then: Iterable[Piece], decision: str, was: str) -> list[Parted]:
    """The parts that are decided one way in the first and were decided the other way in the second."""
    former = {piece.box: piece for piece in then if piece.decision == was}
    index = Index(former)
    return [
        Parted(piece, part, former[other])
        for piece in now
        if piece.decision == decision
        for other in index.overlapping(piece.box)
        if (part := intersect(piece.box, other)) is not None
    ]


def cause(edited: Edited, parts: Iterable[Parted]) -> str:
    """The edits of objects that the change comes of, in either rule that decides it; "" where there is none."""
    pieces = [piece for one in parts for piece in (one.piece, one.other)]
    said = dict.fromkeys(edited.cause(piece.origin) for piece in pieces)
    return "; ".join(one for one in said if one)


def _opened(
    case: Case, host: Host, point: str, family: Family, parts: list[Parted], edited: Edited
) -> Iterator[Judgement]:
    by_rule: dict[str, list[Parted]] = {}
    for part in parts:
        by_rule.setdefault(part.piece.rule, []).append(part)
    for rule, held in by_rule.items():
        boxes = judged(case, point, family, [one.box for one in held])
        extra = cut(boxes, case.authorised[family])
        if not extra:
            continue
        witness = choose(family, extra[0], case.estate.inventory)
        line, why = at_line(held[0].piece.origin), cause(edited, held)
        because = f"{rule}{line} lets {witness} through; it was stopped before, and nobody authorised it"
        because += f": {why}" if why else ""
        because += actors(host.reading, point, rule)
        yield _judgement(case, host, point, family, subject(host, point, rule), rule, extra, because, why)


def _lost(
    case: Case, host: Host, point: str, family: Family, parts: list[Parted], edited: Edited
) -> Iterator[Judgement]:
    for entry in case.wanted.entries:
        if entry.family != family or (host.name, point) not in entry.required:
            continue
        index = Index(entry.boxes)
        gone = [one._replace(box=part) for one in parts for part, _ in shared([one.box], index)]
        if not gone:
            continue
        piece, box, why = gone[0].piece, gone[0].box, cause(edited, gone)
        witness = choose(family, box, case.estate.inventory)
        because = f"{witness} of {entry.id} was let through before; {piece.rule}{at_line(piece.origin)} stops it now"
        because += f": {why}" if why else ""
        because += actors(host.reading, point, piece.rule)
        lost = [one.box for one in gone]
        yield _judgement(case, host, point, family, entry.id, piece.rule, lost, because, why)


def _judgement(
    case: Case, host: Host, point: str, family: Family, about: str, rule: str, boxes: list[Box], because: str, why: str
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
        f"{host.name}: {why}" if why else "",
    )
