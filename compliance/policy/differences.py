"""What one version of the policy says that another does not, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from compliance.policy.content import Policy, Setting, Value
from compliance.policy.lines import cells_said, waivers_said
from compliance.policy.shipped import Described

WORDS: Final = {"block": "not permitted", "serious": "serious", "warn": "look at this", "note": "note"}


def differences(before: Policy, after: Policy, described: Sequence[Described]) -> list[str]:
    """Every difference, rule by rule, then the matrix and the exceptions line by line."""
    found: list[str] = []
    for rule in described:
        found += [f"{rule.title}: {one}" for one in _of_rule(before.rules[rule.id], after.rules[rule.id])]
    if before.otherwise != after.otherwise:
        found.append(f"Zone matrix: what no line speaks of is {after.otherwise} (before: {before.otherwise}).")
    found += _of_lines("Zone matrix", cells_said(before.cells), cells_said(after.cells))
    found += _of_lines("Exceptions", waivers_said(before.waivers), waivers_said(after.waivers))
    return found


def _of_rule(before: Setting, after: Setting) -> Iterator[str]:
    if before.on != after.on:
        yield "switched on." if after.on else "switched off."
    if before.severity != after.severity:
        yield f"{WORDS[after.severity]} (before: {WORDS[before.severity]})."
    for key in before.parameters:
        old, new = before.parameters[key], after.parameters[key]
        if old == new:
            continue
        words = key.replace("_", " ")
        if isinstance(old, tuple) and isinstance(new, tuple):
            come = [one for one in new if one not in old]
            gone = [one for one in old if one not in new]
            told = [f"{name} {', '.join(some)}" for name, some in (("added", come), ("removed", gone)) if some]
            yield f"{words}: {'; '.join(told) or 'in another order'}."
        else:
            yield f"{words}: {_said(new)} (before: {_said(old)})."


def _said(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "nothing"


def _of_lines(name: str, before: str, after: str) -> Iterator[str]:
    old, new = before.splitlines(), after.splitlines()
    come, gone = [line for line in new if line not in old], [line for line in old if line not in new]
    yield from (f"{name}: added “{line}”" for line in come)
    yield from (f"{name}: removed “{line}”" for line in gone)
    if old != new and not come and not gone:
        yield f"{name}: the lines stand in another order."
