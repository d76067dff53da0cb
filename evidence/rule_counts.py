"""The rules of one point as they are written: tied to something authorised or not, any to any, never reached. Pure.

Looked at are rules that let new connections through. Those that answer (state ESTABLISHED), translate, count, log or
deny, and the loopback's, open nothing and are neither tied nor untied.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from compliance.register import Entry
from compliance.traffic.boxes import FAMILIES, FULL, Box, Budget, Family, TooManyPieces
from compliance.traffic.index import Index
from compliance.traffic.residual import covered
from evidence.points import POLICY, reached
from evidence.rules import Action, Chain, Point, Reading, Rule

NEW = "NEW"
LOOPBACK = frozenset({"lo"})
OTHER_TABLES = frozenset({"nat", "mangle", "raw", "security"})  # of iptables: what is accepted there goes on to filter
ENDS = frozenset({Action.PERMIT, Action.DENY, Action.REJECT, Action.RETURN, Action.GOTO})
CONNECTION = re.compile(r"\bCON-[0-9]+\b")
MOST_RULES = 5_000  # of one chain, for the question whether a rule is ever reached; above it that is not measured
# What stands among the rules though nobody wrote it: the end of a list with what IOS puts before it for IPv6, what a
# device does where it has no rule, the two rules that every PAN-OS ends with
UNWRITTEN = re.compile(r"#(?:implicit(?:-[a-z-]+)?|int(?:er|ra)zone-default)\Z|\A[a-z-]+:(?:default|mode)/")
STEPS = 2_000  # of the same question about one rule


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one point: rules by what they are. `shadowed` None: too many rules, or too entangled, to say.

    `in_force`: every rule that is switched on, once, whatever it does.
    """

    tied: tuple[Rule, ...]
    untied: tuple[Rule, ...]
    any_any: tuple[Rule, ...]
    shadowed: tuple[Rule, ...] | None
    disabled: int
    in_force: tuple[Rule, ...] = ()


def counted(reading: Reading, point: Point, ties: Ties) -> Counts:
    """Counts of a point that packets pass; `ties`: what is authorised to pass it."""
    chains = {chain.name: chain for chain in reading.chains}
    stages = [chains[name] for name in point.stages if name in chains]
    met = reached(stages, chains)
    opening = grouped(rule for chain in met if not is_other(chain) for rule in chain.rules if opens(rule))
    tied = {key for key, parts in opening.items() if any(map(ties.holds, parts))}
    wide = {chain.name for chain in unrestricted(stages, chains)}
    return Counts(
        tied=tuple(opening[key][0] for key in opening if key in tied),
        untied=tuple(opening[key][0] for key in opening if key not in tied),
        any_any=tuple(parts[0] for parts in opening.values() if parts[0].chain in wide and any(map(is_any_any, parts))),
        shadowed=never_reached(met),
        disabled=len(grouped(rule for chain in met for rule in chain.rules if not rule.enabled)),
        in_force=tuple(
            parts[0] for parts in grouped(rule for chain in met for rule in chain.rules if rule.enabled).values()
        ),
    )


def grouped(rules: Iterable[Rule]) -> dict[str, list[Rule]]:
    """Rules by id: one line of a dump may be several, one for each family and each way its matches can hold."""
    found: dict[str, list[Rule]] = defaultdict(list)
    for rule in rules:
        if not rule.id.endswith(POLICY):
            found[rule.id].append(rule)
    return dict(found)


def opens(rule: Rule) -> bool:
    """Whether the rule lets new connections through, from or to another machine."""
    return (
        rule.action is Action.PERMIT
        and rule.enabled
        and rule.nat is None
        and bool(rule.boxes)
        and (rule.states is None or NEW in rule.states)
        and LOOPBACK not in (rule.iif, rule.oif)
    )


def is_other(chain: Chain) -> bool:
    """Whether the chain belongs to a table of iptables that does not filter."""
    return chain.table.rpartition(" ")[2] in OTHER_TABLES


def is_any_any(rule: Rule) -> bool:
    """Whether it names no source, no destination and no service."""
    return FULL[rule.family] in rule.boxes


class Ties:
    """What is authorised at a point, ready to be asked about its rules."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.ids = {entry.id for entry in entries}
        self.by_family: dict[Family, Index] = {
            family: Index(box for entry in entries if entry.family == family for box in entry.boxes)
            for family in FAMILIES
        }

    def holds(self, rule: Rule) -> bool:
        """Whether its comment names an authorised connection, or it lets some of one through."""
        if self.ids.intersection(CONNECTION.findall(rule.origin.comment)):
            return True
        index = self.by_family[rule.family]
        return any(index.numbers(box) for box in rule.boxes)


def unrestricted(stages: Sequence[Chain], chains: dict[str, Chain]) -> list[Chain]:
    """The chains that packets come to by jumps which leave nothing out."""
    kept = {
        chain.name: Chain(
            chain.name, chain.table, chain.hook, chain.priority, chain.default,
            tuple(rule for rule in chain.rules if is_any_any(rule) and rule.states is None),
        )
        for chain in chains.values()
    }  # fmt: skip
    return reached([kept[stage.name] for stage in stages], kept)


def never_reached(chains: Iterable[Chain]) -> tuple[Rule, ...] | None:
    """The rules that no packet comes to, because rules before them in their chain decide all they match."""
    found: list[Rule] = []
    for chain in chains:
        if len(chain.rules) > MOST_RULES:
            return None
        try:
            hidden = [hidden_in(chain, family) for family in FAMILIES]
        except TooManyPieces:
            return None
        for parts in grouped(rule for rule in chain.rules if rule.enabled and rule.boxes and is_written(rule)).values():
            if all(id(part) in hidden[FAMILIES.index(part.family)] for part in parts):
                found.append(parts[0])
    return tuple(found)


def is_written(rule: Rule) -> bool:
    """Whether somebody wrote it: what stands there by itself cannot be taken away."""
    return not UNWRITTEN.search(rule.id)


def hidden_in(chain: Chain, family: Family) -> set[int]:
    """The rules of a family (by `id()`) whose every box is decided before. Raises TooManyPieces."""
    before, deciding = Index(()), list[Rule]()
    found: set[int] = set()
    for rule in chain.rules:
        if rule.family != family or not rule.enabled:
            continue
        if rule.boxes and all(is_decided(box, rule, before, deciding) for box in rule.boxes):
            found.add(id(rule))
        if rule.action in ENDS and not rule.residue and not rule.id.endswith(POLICY):
            for box in rule.boxes:
                before.add(box)
                deciding.append(rule)
    return found


def is_decided(box: Box, rule: Rule, before: Index, deciding: Sequence[Rule]) -> bool:
    """Whether earlier rules, none of them narrower in interface or state, hold the whole box."""
    cuts = [before.boxes[number] for number in before.numbers(box) if is_no_narrower(deciding[number], rule)]
    return bool(cuts) and covered(box, cuts, budget=Budget(STEPS))


def is_no_narrower(earlier: Rule, later: Rule) -> bool:
    """Whether the earlier rule sees every interface and state that the later one does."""
    limits = ((earlier.iif, later.iif), (earlier.oif, later.oif), (earlier.states, later.states))
    return all(limit is None or limit == other for limit, other in limits)
