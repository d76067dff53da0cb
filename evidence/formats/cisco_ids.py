"""A reading made in the words of IOS, told in those of a system that shares most of them (NX-OS, IOS XR)."""

from __future__ import annotations

from dataclasses import replace

from compliance.traffic.shares import Residue
from evidence.rules import Action, Chain, Reading, Rule, Statement

IOS = "ios:"
NOT_THERE = ("#undefined", "#empty")


def renamed(reading: Reading, system: str) -> Reading:
    """The reading with ids that begin with `system`.

    A list that is attached and has no entry lets everything through where IOS runs; elsewhere that is in doubt.
    """

    def new(text: str) -> str:
        return system + text.removeprefix(IOS) if text.startswith(IOS) else text

    def rule(one: Rule) -> Rule:
        made = replace(one, id=new(one.id), chain=new(one.chain), target=new(one.target))
        if not one.id.endswith(NOT_THERE):
            return made
        residue = Residue("object", f"{made.id}: what a list without entries does is not known", one.origin.first)
        return replace(made, action=Action.DENY, residue=(*one.residue, residue))

    def chain(one: Chain) -> Chain:
        return replace(one, name=new(one.name), rules=tuple(rule(each) for each in one.rules))

    def statement(one: Statement) -> Statement:
        value = one.value.replace("it lets everything through", "what that does is not known")
        return replace(one, value=value, details=tuple((key, new(text)) for key, text in one.details))

    return replace(
        reading,
        chains=tuple(chain(one) for one in reading.chains),
        points=tuple(replace(one, stages=tuple(new(name) for name in one.stages)) for one in reading.points),
        statements=tuple(statement(one) for one in reading.statements),
    )
