"""Short ways to write rules and chains by hand, and a naive interpreter to hold the evaluator against."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

from compliance.traffic.boxes import FULL, Box, Family
from compliance.traffic.shares import Origin, Residue
from evidence.rules import Action, Chain, Nat, Point, Reading, Rule
from tests.traffic.tiny import Packet, lies_in

FILTER = "iptables:filter/"
STATES = frozenset({"NEW"})


def rule(
    chain: str,
    seq: int,
    action: Action,
    *boxes: Box,
    target: str = "",
    family: Family = 4,
    iif: Iterable[str] | None = None,
    oif: Iterable[str] | None = None,
    states: Iterable[str] | None = None,
    nat: Nat | None = None,
    residue: str = "",
    what: str = "match",
    enabled: bool = True,
) -> Rule:
    """One rule; without boxes it matches everything of its family."""
    unsure: tuple[Residue, ...] = ()
    if residue:
        kind = {"match": "match", "action": "action", "object": "object", "nat": "nat"}[what]
        unsure = (Residue(kind, residue, seq),)  # type: ignore[arg-type]
    return Rule(
        id=f"{chain}#{seq}",
        chain=chain,
        seq=seq,
        family=family,
        action=action,
        target=target,
        boxes=boxes or (FULL[family],),
        iif=None if iif is None else frozenset(iif),
        oif=None if oif is None else frozenset(oif),
        states=None if states is None else frozenset(states),
        nat=nat,
        residue=unsure,
        enabled=enabled,
        origin=Origin("a", "rules.v4", seq, seq, f"rule {seq}"),
    )


def base(
    name: str, default: Action | None, *rules: Rule, hook: str = "input", table: str = "filter", priority: int = 0
) -> Chain:
    """A base chain."""
    return Chain(name, table, hook, priority, default, rules)


def user(name: str, *rules: Rule) -> Chain:
    """A chain that others jump to."""
    return Chain(name, "filter", "", 0, None, rules)


def reading(
    *chains: Chain,
    stages: Sequence[str] = (),
    point: str = "INPUT",
    unread: int = 0,
    addresses: Mapping[str, tuple[tuple[Family, int, int], ...]] | None = None,
) -> Reading:
    """A reading of one point whose stages are its base chains in the order given, unless said otherwise."""
    order = tuple(stages) or tuple(chain.name for chain in chains if chain.hook)
    return Reading(
        "iptables", points=(Point(point, "first-match", order, unread),), chains=chains, addresses=addresses or {}
    )


class Naive:
    """Follows one packet rule by rule in one world, in which each rule with residue has a fixed outcome."""

    def __init__(self, read: Reading, world: Mapping[str, str]) -> None:
        self.chains = {chain.name: chain for chain in read.chains}
        self.stages = read.points[0].stages
        self.world = world

    def verdict(self, packet: Packet, interface: str) -> str:
        """`accept` or `drop`."""
        for stage in self.stages:
            ended = self._chain(stage, packet, interface)
            if ended in {"end", "return"}:
                ended = "accept" if self.chains[stage].default is Action.PERMIT else "drop"
            if ended == "drop":
                return "drop"
        return "accept"

    def _chain(self, name: str, packet: Packet, interface: str) -> str:
        for one in self.chains[name].rules:
            if not self._matches(one, packet, interface):
                continue
            if any(residue.what == "action" for residue in one.residue):
                if self.world[one.id] != "continue":
                    return self.world[one.id]
            elif one.action is Action.PERMIT:
                return "accept"
            elif one.action in {Action.DENY, Action.REJECT}:
                return "drop"
            elif one.action is Action.RETURN:
                return "return"
            elif one.action is Action.GOTO:
                ended = self._chain(one.target, packet, interface)
                return "return" if ended == "end" else ended
            elif one.action is Action.JUMP:
                ended = self._chain(one.target, packet, interface)
                if ended in {"accept", "drop"}:
                    return ended
        return "end"

    def _matches(self, one: Rule, packet: Packet, interface: str) -> bool:
        if one.states is not None and "NEW" not in one.states:
            return False
        if one.iif is not None and interface not in one.iif:
            return False
        if not any(lies_in(packet, box) for box in one.boxes):
            return False
        return self.world.get(one.id, "matches") != "passes by"


def worlds(read: Reading) -> Iterable[Mapping[str, str]]:
    """Every way in which what could not be modelled may turn out."""
    unsure: dict[str, tuple[str, ...]] = {}
    for chain in read.chains:
        for one in chain.rules:
            if any(residue.what == "action" for residue in one.residue):
                unsure[one.id] = ("accept", "drop", "continue")
            elif one.residue or not one.enabled:
                unsure[one.id] = ("matches", "passes by")
    for outcome in itertools.product(*unsure.values()):
        yield dict(zip(unsure, outcome, strict=True))
