"""The points of a reading in a few words: how many rules, and what becomes of a packet that none decides. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from compliance.traffic.boxes import FAMILIES
from evidence.formats.evaluate import judges
from evidence.rules import Action, Chain, Point, Reading

JUMPS = frozenset({Action.JUMP, Action.GOTO})
POLICY = "#policy"


def summary(reading: Reading) -> list[dict[str, Any]]:
    """Each point as {"name", "rules", "default"}."""
    return [_point(reading, point) for point in reading.points]


def _point(reading: Reading, point: Point) -> dict[str, Any]:
    if point.model != "first-match":
        return {"name": point.name, "rules": _size(reading, point.name), "default": "deny"}
    chains = {chain.name: chain for chain in reading.chains}
    stages = [chains[name] for name in point.stages if name in chains]
    rules = {rule.id for chain in reached(stages, chains) for rule in chain.rules if not rule.id.endswith(POLICY)}
    return {"name": point.name, "rules": len(rules), "default": _default(reading, stages)}


def _size(reading: Reading, name: str) -> int:
    """How many sockets, shares or statements of the host a point stands for."""
    if name == "listeners":
        return len(reading.listeners)
    if name.startswith("shares/"):
        return sum(f"shares/{one.protocol}" == name for one in reading.shares)
    return sum(f"says/{one.about}" == name for one in reading.statements)


def reached(stages: Iterable[Chain], chains: dict[str, Chain]) -> list[Chain]:
    """The base chains of a point and every chain their rules lead to."""
    found: dict[str, Chain] = {}
    waiting = list(stages)
    while waiting:
        chain = waiting.pop()
        if chain.name in found:
            continue
        found[chain.name] = chain
        waiting.extend(chains[rule.target] for rule in chain.rules if rule.action in JUMPS and rule.target in chains)
    return list(found.values())


def _default(reading: Reading, stages: list[Chain]) -> str:
    """What becomes of a packet no rule decides: `permit`, `deny`, or one for each family that the file shows.

    A family that is shown and that no chain of the point sees is open there.
    """
    by_family: dict[str, str] = {}
    for family in FAMILIES:
        defaults = [chain.default for chain in stages if judges(chain, family)]
        if defaults or family in reading.families:
            by_family[f"IPv{family}"] = "permit" if all(one is Action.PERMIT for one in defaults) else "deny"
    if len(set(by_family.values())) <= 1:
        return next(iter(by_family.values()), "")
    return ", ".join(f"{family} {default}" for family, default in by_family.items())
