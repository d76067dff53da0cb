"""What stands at a server's own end: its packet filter, and the interfaces of accounts that hold its addresses. Pure.

Who listens, who shares, what the policy forbids and what a rule calls for are asked of all of them together: what one
stops does not come through, what all let through does. Where an account was read and the server's own filter was not,
nothing is proven to come through (docs/adr/0034); what the account stops is stopped all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from compliance.traffic import intervals
from compliance.traffic.boxes import Box, Family, limited
from compliance.traffic.residual import difference
from evidence.attachments import IN, OUT
from evidence.case import INPUT, OUTPUT, POLICY, Case, Host
from evidence.formats.evaluate import Piece
from evidence.judgement import listed

WAYS = {INPUT: (IN, 2), OUTPUT: (OUT, 0)}  # of an interface, and where its own address stands in a box


class Gate(NamedTuple):
    """One point at a server's end, as people find it."""

    host: Host
    point: str

    @property
    def interface(self) -> str:
        """The interface it stands at; for a server's own filter its name, which nobody asks."""
        return self.point.partition("/")[0]

    def __str__(self) -> str:
        return f"{self.point} of {self.host.name}"


def gates(case: Case, name: str, way: str) -> list[Gate]:
    """Every point that was read at the end of a server: its own, and those of its interfaces."""
    own = case.hosts.get(name)
    found = [Gate(own, way)] if own is not None and way in own.rule_points else []
    side, _ = WAYS[way]
    return found + [Gate(case.hosts[one.account], f"{one.interface}/{side}") for one in case.attached.get(name, ())]


def is_whole(case: Case, name: str, way: str) -> bool:
    """Whether all that filters at that end was read: the server's own filter, unless AWS runs the machine."""
    own = case.hosts.get(name)
    if own is not None:
        return way in own.rule_points
    held = case.attached.get(name, ())
    run = [case.hosts[one.account].account for one in held]
    return bool(held) and all(
        account is not None and one.interface in account.operators for one, account in zip(held, run, strict=True)
    )


def asked(case: Case, name: str, way: str, family: Family, box: Box, *, overlook_unread: bool = False) -> list[Piece]:
    """What all points of an end say together of a box, in disjoint pieces; nothing of it where none was read."""
    found = gates(case, name, way)
    if not found:
        return []
    at = next((one for one in found if one.point == way), None)
    if at is not None:
        pieces = at.host.pieces(way, family, box, overlook_unread=overlook_unread)
    else:
        missing = "" if is_whole(case, name, way) else f"what {name} itself filters was not read"
        pieces = [Piece(box, "unproven" if missing else "permit", "", None, (), missing)]
    behind = [one for one in found if one.point != way]
    return [part for piece in pieces for part in _through(behind, way, family, piece, overlook_unread)]


def passing(gate: Gate, way: str, family: Family, box: Box) -> list[Box]:
    """The part of a box that passes a point: at an interface what is for (or from) its own addresses."""
    if gate.host.account is None:
        return [box]
    side = WAYS[way][1]
    held = intervals.intersect([(box[side], box[side + 1])], gate.host.account.spans(gate.interface, family))
    return [limited(box, side, low, high) for low, high in held]


def _through(behind: list[Gate], way: str, family: Family, piece: Piece, overlook_unread: bool) -> Iterator[Piece]:
    """What becomes of a piece at the interface that holds its address; what none of them holds passes none of them."""
    if piece.decision == "deny":
        yield piece
        return
    left = [piece.box]
    for gate in behind:
        for mine in passing(gate, way, family, piece.box):
            left = [rest for one in left for rest in difference([one], [mine])]
            for said in gate.host.pieces(gate.point, family, mine, overlook_unread=overlook_unread):
                yield _both(piece, said)
    yield from (replace(piece, box=box) for box in left)


def _both(own: Piece, said: Piece) -> Piece:
    """What two points, each of which must let a packet on, do together. A rule is named before an open policy."""
    if said.decision == "deny":
        return said
    named = said if not own.rule or own.rule.endswith(POLICY) else own
    if own.decision == "unproven":
        return replace(named, box=said.box, decision="unproven", because=own.because)
    return said if said.decision == "unproven" else replace(named, box=said.box)


def sentence(case: Case, name: str, way: str, family: Family, boxes: Iterable[Box]) -> str:
    """Whether traffic to (or from) a server comes through at its end, and what contains it."""
    listed_boxes = list(boxes)
    points = gates(case, name, way)
    if not points:
        return f"whether {way} of {name} lets anybody in is not known"
    shut = [one for one in points if _is_shut(one, way, family, listed_boxes)]
    if shut:
        verb = "lets" if len(shut) == 1 else "let"
        return f"contained by {listed(map(str, shut))}, which {verb} nothing to it in"
    found = [piece for box in listed_boxes for piece in asked(case, name, way, family, box)]
    if any(piece.decision == "permit" for piece in found):
        verb = "lets" if len(points) == 1 else "let"
        return f"{listed(map(str, points))} {verb} traffic to it in"
    if found and all(piece.decision == "deny" for piece in found):
        return f"contained by {listed(map(str, points))} together"
    why = "" if is_whole(case, name, way) else f": what {name} itself filters was not read"
    return f"whether {listed(map(str, points))} {'lets' if len(points) == 1 else 'let'} anybody in is not proven{why}"


def _is_shut(gate: Gate, way: str, family: Family, boxes: list[Box]) -> bool:
    """Whether one point holds all of it off by itself: an interface only what is for its own addresses."""
    if any(passing(gate, way, family, box) != [box] for box in boxes):
        return False
    found = [piece for box in boxes for piece in gate.host.pieces(gate.point, family, box)]
    return bool(found) and all(piece.decision == "deny" for piece in found)
