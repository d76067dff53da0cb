"""Addresses inside the estate's networks that something names and no registered server has: one judgement a place."""

from __future__ import annotations

from collections.abc import Iterator

from compliance.traffic.boxes import FAMILIES, box_of
from evidence.case import Case
from evidence.formats.ip_neigh import POINT
from evidence.judgement import Judgement, counted, listed
from evidence.rules import Certainty, Verdict
from evidence.sightings import Sighting

SUBJECT = "unregistered in "  # and the place: `unregistered in zone app`


def unknown(case: Case) -> Iterator[Judgement]:
    """One judgement for each zone or network and family, its members as boxes; and neighbours that were not read."""
    found: dict[str, dict[int, list[Sighting]]] = {}
    for one in case.sightings:
        place = case.scope.place(one.family, one.value)
        known = one.value in case.estate.holders or (one.family, one.value) in case.excused
        if place and not known:
            found.setdefault(place, {}).setdefault(one.value, []).append(one)
    for place, members in sorted(found.items()):
        yield from _of_place(place, members)
    for host in case.hosts.values():
        lines = host.unread(POINT)
        if lines:
            because = f"{counted(len(lines), 'entry', 'entries')} of the neighbour table could not be read, so whom "
            because += f"{host.name} met is not known in full: {listed(lines)}"
            point = f"{host.name}/{POINT}"
            yield Judgement(
                Verdict.not_verifiable, Certainty.unproven, f"{host.name} {POINT}", point, "", (), None, because
            )


def _of_place(place: str, members: dict[int, list[Sighting]]) -> Iterator[Judgement]:
    """The same words for both families: it is one finding."""
    said = listed(f"{several[0].address} (named by {listed(one.where for one in several)})" for several in
                  (members[value] for value in sorted(members)))  # fmt: skip
    verb = "is" if len(members) == 1 else "are"
    because = f"{counted(len(members), 'address', 'addresses')} of {place} {verb} no registered server's: {said}"
    for family in FAMILIES:
        values = sorted(value for value, several in members.items() if several[0].family == family)
        if values:
            boxes = tuple(box_of(family, dst=(value, value)) for value in values)
            yield Judgement(
                Verdict.unknown_server, Certainty.definite, f"{SUBJECT}{place}", "", "", boxes, None, because, family
            )
