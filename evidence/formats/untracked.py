"""NOTRACK: where a rule may have taken a connection out of tracking, nobody knows any more whether it is NEW.

The packets such a rule matches are UNTRACKED from there on. A rule limited to states that treats NEW and UNTRACKED
differently may or may not see them: that part of it becomes residue, the rest stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from compliance.traffic.boxes import FAMILIES, Box, Family, intersect_all
from compliance.traffic.residual import difference
from compliance.traffic.shares import Residue
from evidence.rules import Action, Chain, Rule

NOTRACK = "NOTRACK"  # Rule.target of a rule that goes on, but without tracking


def doubt_states(chains: Sequence[Chain]) -> tuple[Chain, ...]:
    """The chains with residue where tracking may have been switched off. Doing it twice changes nothing."""
    untracked: dict[Family, list[Rule]] = {family: [] for family in FAMILIES}
    for chain in chains:
        for rule in chain.rules:
            if rule.action is Action.CONTINUE and rule.target == NOTRACK:
                untracked[rule.family].append(rule)
    if not any(untracked.values()):
        return tuple(chains)
    return tuple(
        replace(chain, rules=tuple(part for rule in chain.rules for part in _parts(rule, untracked[rule.family])))
        for chain in chains
    )


def _parts(rule: Rule, untracked: Sequence[Rule]) -> list[Rule]:
    if rule.states is None or ("NEW" in rule.states) == ("UNTRACKED" in rule.states):
        return [rule]
    cuts: list[Box] = [box for one in untracked for box in one.boxes]
    touched = intersect_all(rule.boxes, cuts)
    if not touched:
        return [rule]
    names = ", ".join(dict.fromkeys(one.id for one in untracked))
    doubt = Residue("match", f"connection state, not tracked after {names}", rule.origin.first)
    doubtful = replace(rule, boxes=tuple(dict.fromkeys(touched)), states=None, residue=(*rule.residue, doubt))
    rest = difference(rule.boxes, cuts)
    return [replace(rule, boxes=tuple(rest)), doubtful] if rest else [doubtful]
