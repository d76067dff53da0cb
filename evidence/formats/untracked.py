"""NOTRACK: where a rule may have taken a packet out of tracking, nobody knows any more in which state it is.

The packets such a rule matches are UNTRACKED from there on, whatever they were before: NEW, or INVALID as an ICMP
answer without its question is. A rule that treats the two differently may or may not see them, and neither may a rule
that translates, which sees tracked connections only: that part of it becomes residue, the rest stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from compliance.traffic.boxes import FAMILIES, FULL, Box, Family, intersect_all
from compliance.traffic.residual import difference
from compliance.traffic.shares import Residue
from evidence.formats.first_packet import BORN, INVALID, NEW, UNTRACKED, parts_in
from evidence.formats.matching import NOT_TAKEN_OUT, TAKEN_OUT
from evidence.rules import Action, Chain, Rule

NOTRACK = "NOTRACK"  # Rule.target of a rule that goes on, but without tracking
EVERY = frozenset(BORN[4])


def doubt_states(chains: Sequence[Chain]) -> tuple[Chain, ...]:
    """The chains with residue where tracking may have been switched off. Doing it twice changes nothing."""
    untracked: dict[Family, list[Rule]] = {family: [] for family in FAMILIES}
    for chain in chains:
        for rule in chain.rules:
            if takes_out(rule):
                untracked[rule.family].append(rule)
    if not any(untracked.values()):
        return tuple(chains)
    return tuple(
        replace(chain, rules=tuple(part for rule in chain.rules for part in _parts(rule, chain, untracked)))
        for chain in chains
    )


def takes_out(rule: Rule) -> bool:
    """Whether the packets of a rule are no longer tracked behind it."""
    return rule.action is Action.CONTINUE and rule.target == NOTRACK


def _told_apart(rule: Rule, chain: Chain) -> frozenset[str]:
    """The states whose packets meet the rule otherwise once they are UNTRACKED."""
    if chain.table == "nat" and rule.action is not Action.CONTINUE:
        return frozenset({NEW})  # all that a chain that translates is asked about
    if rule.states is None or takes_out(rule):
        return frozenset()
    if rule.states in {TAKEN_OUT, NOT_TAKEN_OUT}:
        return EVERY
    return frozenset(state for state in (NEW, INVALID) if (state in rule.states) != (UNTRACKED in rule.states))


def _parts(rule: Rule, chain: Chain, untracked: dict[Family, list[Rule]]) -> list[Rule]:
    told_apart = _told_apart(rule, chain)
    by = [one for one in untracked[rule.family] if told_apart]
    cuts = [part for one in by for part in _taken_out(one, told_apart)]
    touched = intersect_all(rule.boxes, cuts)
    if not touched:
        return [rule]
    names = ", ".join(dict.fromkeys(one.id for one in by))
    doubt = Residue("match", f"connection state, not tracked after {names}", rule.origin.first)
    if doubt in rule.residue:
        return [rule]
    doubtful = replace(rule, boxes=tuple(dict.fromkeys(touched)), states=None, residue=(*rule.residue, doubt))
    rest = difference(rule.boxes, cuts)
    return [replace(rule, boxes=tuple(rest)), doubtful] if rest else [doubtful]


def _taken_out(rule: Rule, told_apart: frozenset[str]) -> list[Box]:
    """The traffic that a NOTRACK rule may match, of packets that are in one of the states by themselves."""
    boxes = rule.boxes or ((FULL[rule.family],) if rule.residue else ())
    inside = [part for box in boxes for part in parts_in(box, rule.family, rule.states)]
    return [part for box in inside for part in parts_in(box, rule.family, told_apart)]
