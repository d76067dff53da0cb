"""`ct status dnat`: whether the destination of a connection was translated before, answered for the whole host.

A format that reads one dump cannot know it: another tool of the same host may translate. Where no rule of the host
translates destinations of a family, no connection of it has the status; where rules do, only what goes to one of
their new destinations can have it, and there it stays a doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from compliance.traffic.boxes import FAMILIES, Box, Family, intersect_all
from compliance.traffic.shares import Residue
from evidence.rules import Chain, Rule

WAS = "connection status dnat: whether its destination was translated before"
WAS_NOT = "connection status not dnat: whether its destination was not translated before"
OF_DESTINATION = frozenset({"dnat", "redirect"})


def settle_status(chains: Sequence[Chain]) -> tuple[Chain, ...]:
    """The chains of a host with the doubts about this status taken away where they are none."""
    if not any(_asks(rule) for chain in chains for rule in chain.rules):
        return tuple(chains)
    reached = {family: _new_destinations(chains, family) for family in FAMILIES}
    return tuple(
        replace(chain, rules=tuple(_settled(rule, reached[rule.family]) if _asks(rule) else rule
                                   for rule in chain.rules))
        for chain in chains
    )  # fmt: skip


def doubt_of(*, wanted: bool, line: int) -> Residue:
    """What a rule has that asks for this status."""
    return Residue("match", WAS if wanted else WAS_NOT, line)


def _asks(rule: Rule) -> bool:
    return any(one.text in {WAS, WAS_NOT} for one in rule.residue)


def _new_destinations(chains: Iterable[Chain], family: Family) -> list[Box] | None:
    """The boxes that translated traffic of a family goes to; None where nobody knows."""
    found: list[Box] = []
    for chain in chains:
        for rule in chain.rules:
            if rule.family != family:
                continue
            kinds = {one.what for one in rule.residue}
            if "nat" in kinds or ("action" in kinds and chain.table == "nat"):
                return None
            if rule.nat is not None and rule.nat.kind in OF_DESTINATION:
                if not rule.nat.to:
                    return None
                found.extend(rule.nat.to)
    return found


def _settled(rule: Rule, reached: list[Box] | None) -> Rule:
    if reached is None:
        return rule
    texts = {one.text for one in rule.residue}
    if WAS in texts:
        boxes = tuple(dict.fromkeys(intersect_all(rule.boxes, reached))) if reached else ()
        return replace(rule, boxes=boxes, residue=rule.residue if boxes else ())
    left = tuple(one for one in rule.residue if one.text != WAS_NOT)
    return rule if reached else replace(rule, residue=left)
