"""What an administrator did to the rules between two readings: by their texts, chain by chain.

Counters are no part of a rule, nor are the handles of nft: a ruleset that is loaded anew gives every rule another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from compliance.traffic.alignment import Block, aligned
from evidence.rules import Reading, Rule

COUNTERS = re.compile(r"^\[\d+:\d+\] |(?<=^:) *| \[\d+:\d+\]$")  # before a rule and behind a policy, in iptables-save
JSON_COUNTERS = re.compile(
    r'"(packets|bytes|used|expires|handle)": ?\d+|"(used_unit)": ?"\w+"|"(last)": ?(?:null|\{[^{}]*\})'
)
Pair = tuple[Rule, Rule]  # of the older and of the newer reading


class Edits(NamedTuple):
    """`gone`, `come`: rules of one reading only; `edited`: those of them that took each other's place.

    `moved`: rules of both, at another place among those that stayed where they were.
    """

    gone: list[Rule]
    come: list[Rule]
    edited: list[Pair]
    moved: list[Pair]


def edits(old: Reading, new: Reading) -> Edits:
    """All of them, in the order of the readings."""
    before, after = _by_chain(old), _by_chain(new)
    found = Edits([], [], [], [])
    for chain in dict.fromkeys((*before, *after)):
        gaps = list(_gaps(before.get(chain, []), after.get(chain, [])))
        moved = _moved([rule for gap in gaps for rule in gap[0]], [rule for gap in gaps for rule in gap[1]])
        found.moved.extend(moved)
        ids = [{pair[side].id for pair in moved} for side in (0, 1)]
        for gap in gaps:
            gone, come = ([rule for rule in gap[side] if rule.id not in ids[side]] for side in (0, 1))
            found.gone.extend(gone)
            found.come.extend(come)
            if len(gone) == len(come):
                found.edited.extend(zip(gone, come, strict=True))
    return found


def _gaps(old: Sequence[Rule], new: Sequence[Rule]) -> Iterator[tuple[Sequence[Rule], Sequence[Rule]]]:
    """What stands in each reading between the rules that both have in the same order."""
    i = j = 0
    blocks = aligned([plain(rule) for rule in old], [plain(rule) for rule in new])
    for block in [*blocks, Block(len(old), len(new), 0)]:
        if block.old > i or block.new > j:
            yield old[i : block.old], new[j : block.new]
        i, j = block.old + block.length, block.new + block.length


def _moved(gone: Sequence[Rule], come: Sequence[Rule]) -> list[Pair]:
    left: dict[str, list[Rule]] = {}
    for rule in reversed(gone):
        left.setdefault(plain(rule), []).append(rule)
    return [(left[plain(rule)].pop(), rule) for rule in come if left.get(plain(rule))]


def _by_chain(reading: Reading) -> dict[str, list[Rule]]:
    """The rules of each chain, one for each line: a rule of both families is taken once."""
    found: dict[str, list[Rule]] = {}
    for rule in {rule.id: rule for chain in reading.chains for rule in chain.rules}.values():
        found.setdefault(rule.chain, []).append(rule)
    return found


def shown(rule: Rule) -> str:
    """The text of a rule for people: of nft with its handle, by which it is changed."""
    return for_people(rule.origin.text)


def for_people(text: str) -> str:
    """A line of a dump as people read it: what `iptables-save -c` counts is no part of the rule."""
    text = text.strip()
    return text if text.startswith("{") else without_counters(text)


def plain(rule: Rule) -> str:
    """The text of a rule without what moves by itself."""
    return without_counters(rule.origin.text)


@lru_cache(maxsize=100_000)
def without_counters(text: str) -> str:
    """A line of a dump without what moves by itself."""
    text = text.strip()
    if text.startswith("{"):
        return JSON_COUNTERS.sub(lambda found: f'"{found[1] or found[2] or found[3]}": 0', text)
    return COUNTERS.sub("", text)
