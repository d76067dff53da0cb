"""A disagreement on fewer rules: lines are taken away as long as the kernel and we still answer as they did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from evidence.formats.evaluate import Evaluator
from evidence.host import read_host
from tests.oracle.compare import Disagreement
from tests.oracle.kernel import Kernel
from tests.oracle.namespace import ToolRefused
from tests.oracle.rulesets import Ruleset

MOST_TRIED_EVERYWHERE = 4  # so many lines are taken away at every place, more only side by side


def smallest(kernel: Kernel, found: Disagreement) -> Ruleset:
    """The rules of the disagreement without what does not matter to it (a few hundred loads)."""

    def holds(rules: Ruleset) -> bool:
        try:
            kernel.load(rules)
        except ToolRefused:
            return False
        if kernel.passes(found.point, [found.packet.sent]) != [found.passed]:
            return False
        reading = read_host(kernel.dumps(sets=bool(rules.sets)))
        return Evaluator(reading, found.point).decide(found.packet.asked).decision == found.ours.decision

    rules = found.rules
    if not holds(rules):
        return rules  # it does not come again: nothing can be said about its parts
    for place in (*rules.saved, "", "ipset"):
        rules = _without_lines(rules, place, holds)
    return rules


def _text(rules: Ruleset, place: str) -> str:
    return rules.sets if place == "ipset" else rules.saved[place] if place else rules.native


def _with(rules: Ruleset, place: str, text: str) -> Ruleset:
    if place == "ipset":
        return replace(rules, sets=text)
    if not place:
        return replace(rules, native=text)
    kept = {**rules.saved, place: text}
    return replace(rules, saved={tool: one for tool, one in kept.items() if one.strip()})


def _without_lines(rules: Ruleset, place: str, holds: Callable[[Ruleset], bool]) -> Ruleset:
    """One file with as few lines as will do: halves, quarters, … single lines."""
    lines = _text(rules, place).splitlines()
    size = len(lines)
    while size:
        start = 0
        while start < len(lines):
            fewer = [*lines[:start], *lines[start + size :]]
            if holds(_with(rules, place, _joined(fewer))):
                lines = fewer
            else:
                start += size if size > MOST_TRIED_EVERYWHERE else 1
        size //= 2
    return _with(rules, place, _joined(lines))


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def said(kernel: Kernel, disagreements: list[Disagreement]) -> Iterator[str]:
    """The smallest rules of the first disagreement, as a person reads them."""
    for one in disagreements[:1]:
        yield f"the smallest rules on which that packet is still judged otherwise:\n{smallest(kernel, one)}"
