"""Whether all traffic of what is removed is stopped: what is left of it once each point has taken what it stops. Pure.

A point takes only what certainly passes it: a server's own filter what is for (or from) its addresses, an interface of
an account the same, an account's path all of it, a device what certainly passes between. So one server of a group that
stops its own part says nothing about the others, and an answer that does not come back stops no first packet.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from compliance.register import Entry
from compliance.traffic.addresses import family_of_value
from compliance.traffic.boxes import TOP, Box, box_of, intersect_all, limited
from compliance.traffic.residual import difference
from evidence.attachments import SIDE, interface_of
from evidence.case import FORWARD, INPUT, OUTPUT, RETURN, Case
from evidence.formats.evaluate import Piece


class Rest(NamedTuple):
    """What of an entry no point is known to stop. `through`: some of it is let on, and nothing asked is undecided."""

    boxes: tuple[Box, ...]
    through: bool


def rest_of(case: Case, entry: Entry, *, out: str = "") -> Rest:
    """The traffic of an entry of the case that is left. `out`: a server out of service, which says nothing any more."""
    left = meant(case, entry)
    said: set[str] = set()
    for host, point in entry.required:
        if host == out or point == RETURN:
            continue
        found = list(_asked(case, entry, host, point, left))
        said |= {str(piece.decision) for piece in found} if host in case.hosts else {"unproven"}
        left = difference(left, [piece.box for piece in found if piece.decision == "deny"])
    return Rest(tuple(left), "permit" in said and "unproven" not in said)


def meant(case: Case, entry: Entry) -> list[Box]:
    """The traffic of an entry that somebody could send and hear: at an end of registered servers, theirs alone.

    From a place that holds servers and more (a zone) all of it: who is not registered sends as well.
    """
    held = {way: _addresses(case, entry, way) for way in (INPUT, OUTPUT)}
    left = list(entry.boxes)
    if held[INPUT]:
        left = intersect_all(left, [box_of(entry.family, dst=(one, one)) for one in held[INPUT]])
    elif held[OUTPUT]:
        left = intersect_all(left, [box_of(entry.family, src=(one, one)) for one in held[OUTPUT]])
    itself = [
        box_of(entry.family, src=(one, one), dst=(other, other))
        for name in {case.estate.holders[value] for value in held[OUTPUT]}
        for one in case.estate.of(name, entry.family)
        for other in case.estate.of(name, entry.family)
    ]
    return difference(left, itself)  # what a host says to itself stays on its loopback interface


def _addresses(case: Case, entry: Entry, way: str) -> set[int]:
    """The registered addresses at one end: of the receivers (INPUT) or of the senders."""
    side = 2 if way == INPUT else 0
    spans = {(box[side], box[side + 1]) for box in entry.boxes} - {(0, TOP[entry.family])}  # anybody is no server
    return {value for value in case.estate.within(spans) if family_of_value(value) == entry.family}


def _asked(case: Case, entry: Entry, name: str, point: str, left: list[Box]) -> Iterator[Piece]:
    host = case.hosts.get(name)
    if host is None:
        return
    boxes = left
    if interface := interface_of(host.reading, point):
        side = SIDE[point.partition("/")[2]]
        spans = host.account.spans(interface, entry.family) if host.account else []
        boxes = [limited(box, side, max(box[side], low), min(box[side + 1], high))
                 for box in left for low, high in spans if low <= box[side + 1] and high >= box[side]]  # fmt: skip
    elif point in {INPUT, OUTPUT}:
        own = case.estate.of(name, entry.family)
        boxes = intersect_all(
            left, [box_of(entry.family, **{"dst" if point == INPUT else "src": (one, one)}) for one in own]
        )
    elif host.account is None and point == FORWARD:
        certain = [box for one in case.crossings(entry) if one.device == name and one.kind == "between"
                   for box in one.boxes]  # fmt: skip
        boxes = intersect_all(left, certain)
    for box in boxes:
        yield from host.pieces(point, entry.family, box)
