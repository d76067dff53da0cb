"""Many sets of rules, one after the other: each has a number, and seed and number are enough to repeat it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from random import Random
from typing import NamedTuple

from evidence.rules import Reading
from tests.oracle import compare, layout
from tests.oracle.compare import Disagreement, Tally, as_read
from tests.oracle.kernel import Kernel, host
from tests.oracle.namespace import NotPossible, ToolRefused
from tests.oracle.rulesets import Ruleset
from tests.oracle.smaller import said
from tests.oracle.wire import Lost

SAME_HOST = 40  # sets of rules that one host sees before another is made
PACKETS = 240  # packets for each point and family: loading and reading a set of rules costs as much as 200 of them
CONTROL_PACKETS = 150


class Round(NamedTuple):
    """What came of one set of rules; `trouble` says why it gave no answers ("" = it did).

    `smaller`: its first disagreement on the fewest rules, where that was asked for.
    """

    number: int
    tally: Tally
    trouble: str
    smaller: str = ""

    def lines(self, seed: str) -> Iterator[str]:
        """What a person must hear about it."""
        if self.trouble:
            yield f"set {self.number} of seed {seed} gave no answer: {self.trouble}"
        shown: set[str] = set()
        for one in self.tally.disagreements:
            if one.ours.rule in shown:
                continue
            shown.add(one.ours.rule)
            yield f"DISAGREEMENT, repeat it with ./run oracle --seed {seed} --only {self.number}\n{one}\n{one.rules}"
        if self.smaller:
            yield self.smaller


def rounds(
    seed: str,
    numbers: Iterable[int],
    *,
    packets: int = PACKETS,
    misread: Callable[[Reading], Reading] = as_read,
    smaller: bool = False,
) -> Iterator[Round]:
    """One after the other, for as long as the caller wants more. Raises NotPossible.

    `smaller`: look for the fewest rules of a disagreement, which takes a minute.
    """
    with tempfile.TemporaryDirectory(prefix="eastwest-oracle-") as folder:
        for place, group in groupby(numbers, key=lambda number: number // SAME_HOST):
            drawn = layout.drawn(Random(f"{seed}/host/{place}"))
            with host(drawn, Path(folder)) as kernel:
                _control(kernel, Random(f"{seed}/control/{place}"))
                for number in group:
                    dice = Random(f"{seed}/{number}")
                    try:
                        tally = compare.one_ruleset(kernel, dice, packets, misread=misread)
                        fewer = "\n".join(said(kernel, tally.disagreements)) if smaller else ""
                        yield Round(number, tally, "", fewer)
                    except (ToolRefused, Lost) as problem:
                        yield Round(number, Tally(), str(problem))


def _control(kernel: Kernel, dice: Random) -> None:
    """Without rules everything comes through; else this is no place to ask. Raises NotPossible."""
    try:
        found: list[Disagreement] = compare.one_ruleset(kernel, dice, CONTROL_PACKETS, rules=Ruleset()).disagreements
    except (ToolRefused, Lost) as problem:
        raise NotPossible(f"The kernel cannot be asked here: {problem}") from problem
    if found:
        raise NotPossible(f"The kernel cannot be asked here: without any rules, {found[0]}")
