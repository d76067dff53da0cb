"""What stands before or behind a point and stops what it lets through: said beside a finding, never in its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from compliance.traffic.boxes import Box, Budget, Family, TooManyPieces, box_of, intersect
from compliance.traffic.residual import covered
from evidence.case import FORWARD, INPUT, OUTPUT, Case
from evidence.judgement import Judgement, listed
from evidence.paths import Crossing, is_device

MOST: Final = 64  # boxes of an excess that are followed further
SERVERS: Final = 32  # at whose own points they are looked at
STEPS: Final = 50_000


def contained(case: Case, host: str, point: str, one: Judgement) -> Judgement:
    """The judgement with what the rest of the path does to its excess, where devices are known."""
    if not case.paths or not one.excess or len(one.excess) > MOST:
        return one
    try:
        if point in {INPUT, OUTPUT}:
            said = _before(case, one.family, one.excess)
        elif point == FORWARD and is_device(case.hosts[host].reading):
            said = _behind(case, one.family, one.excess)
        else:
            return one
    except TooManyPieces:
        return one
    return replace(one, because=one.because + said) if said else one


def _before(case: Case, family: Family, excess: Sequence[Box]) -> str:
    """What devices stop of that which a host lets in or out."""
    denied: dict[Box, str] = {}
    for crossing in case.paths.crossings(family, excess):
        if crossing.kind == "between" and crossing.device in case.hosts:
            denied.update(dict.fromkeys(_denied(case, family, crossing), crossing.device))
    if not denied:
        return ""
    budget = Budget(STEPS)
    names = listed(dict.fromkeys(denied.values()))
    if all(covered(box, denied, budget=budget) for box in excess):
        return f"; contained by {names}"
    own = [box_of(family, src=(value, value)) for name in dict.fromkeys(denied.values())
           for value in case.hosts[name].own(family) or ()]  # fmt: skip
    if all(covered(box, [*denied, *own], budget=budget) for box in excess):
        return f"; contained by {names}, but for what {names} may send"
    return f"; {names} stops some of it"


def _denied(case: Case, family: Family, crossing: Crossing) -> Iterable[Box]:
    host = case.hosts[crossing.device]
    found = (piece for box in crossing.boxes for piece in host.pieces(FORWARD, family, box))
    return (piece.box for piece in found if piece.decision == "deny")


def _behind(case: Case, family: Family, excess: Sequence[Box]) -> str:
    """Which servers behind a device stop all that it lets through to them."""
    holding: list[str] = []
    letting: list[str] = []
    unknown: list[str] = []
    for name in case.estate.servers:
        towards = [box_of(family, dst=(value, value)) for value in case.estate.of(name, family)]
        mine = [part for box in excess for own in towards if (part := intersect(box, own)) is not None]
        if not mine:
            continue
        if len(holding) + len(letting) + len(unknown) >= SERVERS:
            return ""
        host = case.hosts.get(name)
        if host is None or INPUT not in host.rule_points:
            unknown.append(name)
            continue
        said = {piece.decision for box in mine for piece in host.pieces(INPUT, family, box)}
        (letting if "permit" in said else unknown if "unproven" in said or not said else holding).append(name)
    parts = [f"; open end to end to {listed(letting)}"] if letting else []
    parts += [f"; contained by INPUT of {listed(holding)}"] if holding else []
    parts += [f"; what {listed(unknown)} lets in is not known"] if unknown and (holding or letting) else []
    return "".join(parts)
