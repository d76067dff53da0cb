"""Where it is worth asking a point: the traffic of single rules, as packets come to them jump by jump.

A point is never cut into pieces as a whole: thousands of rules would cut it into millions. What may be let through
lies in the traffic of a rule that accepts (or of an open policy), what changed between two readings in the traffic
of a rule that changed. These regions are wider than the truth where jumps return or interfaces tell packets apart;
the evaluator says of every region what holds there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from compliance.traffic.alignment import unmatched
from compliance.traffic.boxes import FULL, Box, Budget, Family, TooManyPieces, intersect
from compliance.traffic.index import Index
from compliance.traffic.residual import residual
from evidence.formats.evaluate import judges
from evidence.formats.first_packet import parts_in
from evidence.formats.lanes import POLICY, has
from evidence.judgement import MOST_PIECES
from evidence.rules import Action, Chain, Point, Reading, Rule

MOST_MET = 100_000  # boxes of rules on all ways to them; beyond, each rule is taken once with all it matches
CALLS = frozenset({Action.JUMP, Action.GOTO})
ACCEPTS = frozenset({Action.PERMIT, Action.PASS})
STOPS = frozenset({Action.DENY, Action.REJECT})
LEAVES = frozenset({Action.RETURN, Action.GOTO})
TRANSLATES = frozenset({"dnat", "redirect"})
SHORTENED = "…"  # the end of a residue that does not repeat all of what it stands for
ALWAYS = ((), None, None)  # no residue, no interface


class Met(NamedTuple):
    """A rule with the part of its traffic that can come to it in a stage; depth 0: in the base chain itself.

    `names`: what tells one chain from another where the way there does not: see `_meaning`.
    """

    rule: Rule
    box: Box
    depth: int
    leads: bool = True  # False: it calls a chain that is not defined
    names: tuple[object, ...] = ()


class Stage(NamedTuple):
    """One base chain of a point with every rule that packets can meet from there."""

    chain: Chain
    met: list[Met]

    @property
    def is_open(self) -> bool:
        """Whether what no rule decides is let through, or may be."""
        return _default(self.chain) not in STOPS


def stages(reading: Reading, point: Point, family: Family) -> list[Stage]:
    """The base chains of a point that see the family, with their rules."""
    chains = {chain.name: chain for chain in reading.chains}
    bases = [chains[name] for name in point.stages if name in chains and judges(chains[name], family)]
    return [Stage(base, _met(chains, base, family)) for base in bases]


def _met(chains: Mapping[str, Chain], base: Chain, family: Family) -> list[Met]:
    try:
        return list(_along(chains, base, family, (FULL[family],), (), Budget(MOST_MET)))
    except TooManyPieces:
        names = _called(chains, base)
        found = ((rule, int(name != base.name)) for name in names for rule in chains[name].rules)
        return [
            Met(rule, box, depth, rule.action not in CALLS or rule.target in chains, (rule.chain, rule.target))
            for rule, depth in found
            for box in _boxes(rule, family)
        ]


def _along(
    chains: Mapping[str, Chain],
    chain: Chain,
    family: Family,
    bounds: Sequence[Box],
    way: tuple[str, ...],
    budget: Budget,
) -> Iterator[Met]:
    everything = bounds[0] == FULL[family]
    for rule in chain.rules:
        if rule.id == chain.name + POLICY:
            continue
        boxes = _boxes(rule, family)
        parts = boxes if everything else [part for box in boxes for one in bounds if (part := intersect(box, one))]
        leads = rule.action not in CALLS or rule.target in chains
        names = (way.index(rule.target),) if rule.action in CALLS and rule.target in way else ()  # a loop, and to where
        for part in parts:
            budget.spend()
            yield Met(rule, part, len(way), leads, names)
        if rule.action in CALLS and parts and rule.target in chains and rule.target not in way:
            yield from _along(chains, chains[rule.target], family, parts, (*way, chain.name), budget)


def _boxes(rule: Rule, family: Family) -> list[Box]:
    """What of a family a rule matches, of packets that begin a flow; everything where nobody knows what it matches."""
    if rule.family != family:
        return []
    states = None if rule.states is None else frozenset(state.upper() for state in rule.states)
    boxes = rule.boxes or ((FULL[family],) if rule.residue else ())
    return [part for box in boxes for part in parts_in(box, family, states)]


def _called(chains: Mapping[str, Chain], base: Chain) -> list[str]:
    found, waiting = [], [base.name]
    while waiting:
        name = waiting.pop()
        if name in chains and name not in found:
            found.append(name)
            waiting.extend(rule.target for rule in chains[name].rules if rule.action in CALLS)
    return found


def _default(chain: Chain) -> Action | None:
    policy = next((rule for rule in chain.rules if rule.id == chain.name + POLICY), None)
    return chain.default or (policy.action if policy else None)


def may_pass(point: Point, found: Sequence[Stage], authorised: Index, scope: Sequence[Box]) -> Iterator[Box]:
    """Boxes that hold everything a point may let through beyond the authorised (and little of the authorised).

    In a list of the first-match kind every packet that passes is accepted in each stage, so the rules of one stage
    suffice: one that denies by default, where there is one. A packet whose destination is translated on the way is
    looked for where it came from.
    """
    asked = [met.box for stage in found for met in stage.met if _translates(met.rule)]
    chosen = list(found)
    if point.model == "first-match" and found:
        chosen = [min(found, key=lambda one: (one.is_open, one.chain.table != "filter"))]
    asked += [met.box for stage in chosen for met in stage.met if _may_accept(met.rule)]
    seen = Index(())
    for box in _within(dict.fromkeys(asked), scope):
        if seen.holder(box) is None and authorised.holder(box) is None:
            cuts = [*authorised.overlapping(box), *seen.overlapping(box)]
            pieces = list(islice(residual(box, cuts), MOST_PIECES + 1))
            yield from pieces if len(pieces) <= MOST_PIECES else [box]
            seen.add(box)
    if not found or any(stage.is_open for stage in chosen):
        stopped = Index(_stopped(chosen[0]) if len(chosen) == 1 else ())
        for box in scope:
            cuts = [*seen.overlapping(box), *stopped.overlapping(box), *authorised.overlapping(box)]
            yield from islice(residual(box, cuts), MOST_PIECES)


def _translates(rule: Rule) -> bool:
    return (rule.nat is not None and rule.nat.kind in TRANSLATES) or has(rule, "nat")


def _may_accept(rule: Rule) -> bool:
    return rule.action in ACCEPTS or has(rule, "action", "nat")


def _stopped(stage: Stage) -> list[Box]:
    """What the base chain itself certainly denies; nothing where a rule of it may lead past its denies."""
    rules = [met for met in stage.met if met.depth == 0]
    if any(met.rule.action in LEAVES for met in rules):
        return []
    return [
        met.box
        for met in rules
        if met.rule.action in STOPS and met.rule.enabled and (met.rule.residue, met.rule.iif, met.rule.oif) == ALWAYS
    ]


def _within(boxes: Iterable[Box], scope: Sequence[Box]) -> Iterator[Box]:
    for box in boxes:
        for limit in scope:
            part = intersect(box, limit)
            if part is not None:
                yield part


def changed(old: Reading, new: Reading, point: str, family: Family) -> Iterator[Box]:
    """Disjoint boxes that hold everything a point of two readings may decide differently."""
    boxes = dict.fromkeys(_differing(_stages_of(old, point, family), _stages_of(new, point, family), family))
    if (old.addresses, old.routes) != (new.addresses, new.routes):
        boxes = {FULL[family]: None}
    seen = Index(())
    for box in boxes:
        if seen.holder(box) is None:
            yield from residual(box, seen.overlapping(box))
            seen.add(box)


def _stages_of(reading: Reading, name: str, family: Family) -> list[Stage]:
    point = next((one for one in reading.points if one.name == name), None)
    return [] if point is None else stages(reading, point, family)


def _differing(old: Sequence[Stage], new: Sequence[Stage], family: Family) -> list[Box]:
    boxes: list[Box] = []
    if [_standing(one.chain) for one in old] != [_standing(one.chain) for one in new]:
        return [FULL[family]]
    for then, now in zip(old, new, strict=True):
        before, after = ([met for met in one.met if decides(met.rule)] for one in (then, now))
        gone, come = unmatched([_meaning(met) for met in before], [_meaning(met) for met in after])
        boxes += [after[place].box for place in come]
        boxes += [before[place].box for place in gone]
    return boxes


def decides(rule: Rule) -> bool:
    """Whether a rule does anything to the packets it matches, or may: one that only logs or counts does not."""
    return rule.action is not Action.CONTINUE or rule.nat is not None or has(rule, "action", "nat")


def _standing(chain: Chain) -> tuple[object, ...]:
    """What a base chain is, whatever it is called: a part of its name says of which families and kernel interface."""
    return chain.name.partition("/")[0], chain.table, chain.hook, chain.priority, _default(chain)


def _meaning(met: Met) -> tuple[object, ...]:
    """What a rule does to the packets that meet it, without its id and line: those move when other rules come.

    Nor does it matter what the chains are called: the rules of a called chain stand behind the rule that calls it,
    one step deeper, and where such a rule changed all that it can lead to is looked at.
    """
    rule = met.rule
    unsure = tuple((one.what, one.text) for one in rule.residue)
    if any(text.endswith(SHORTENED) for _, text in unsure):
        unsure = (*unsure, ("match", rule.origin.text))
    return (
        met.box, met.depth, met.leads, met.names, rule.action, rule.iif, rule.oif, rule.states, rule.nat, unsure,
        rule.enabled,
    )  # fmt: skip
