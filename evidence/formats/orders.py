"""In which orders the chains of a point may stand, where a translation makes that matter and no dump tells it.

Chains of one priority on one hook stand in the order in which they were registered, the last one first
(net/netfilter/core.c, nf_hook_entries_grow). As long as nothing is translated the order says nothing: a drop in any of
them is final. Once a chain has translated a packet the other translating chains are not asked, and the rest sees it
under its new address.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from compliance.traffic.boxes import Family
from evidence.formats.hooks import place_of
from evidence.rules import Action, Chain

MOST_ORDERS = 24
Stages = tuple[str, ...]


def orders(stages: Sequence[str], chains: Mapping[str, Chain], family: Family) -> list[Stages]:
    """Every order in which the stages may stand, the given one first. Empty when there are too many to look at."""
    groups = [group for group in _tied(stages, chains, family) if any(chains[name].table == "nat" for name in group)]
    count = 1
    for group in groups:
        for factor in range(2, len(group) + 1):
            count *= factor
    if count > MOST_ORDERS:
        return []
    found: list[Stages] = []
    for chosen in itertools.product(*(_rows(group, chains) for group in groups)):
        order = list(stages)
        for group, row in zip(groups, chosen, strict=True):
            for place, name in zip([order.index(name) for name in group], row, strict=True):
                order[place] = f"\0{name}"
            order = [name.removeprefix("\0") for name in order]
        found.append(tuple(order))
    return found


def _tied(stages: Sequence[str], chains: Mapping[str, Chain], family: Family) -> Iterator[list[str]]:
    """The stages of one hook and priority that do something, where there are several."""
    tied: dict[tuple[str, int], list[str]] = {}
    for name in stages:
        chain = chains.get(name)
        if chain is not None and _does_something(chain, family):
            tied.setdefault((chain.hook, place_of(chain)[0]), []).append(name)
    return (group for group in tied.values() if len(group) > 1)


def _does_something(chain: Chain, family: Family) -> bool:
    rules = (rule for rule in chain.rules if rule.family == family and not rule.id.endswith("#policy"))
    return chain.default is not Action.PERMIT or any(True for _ in rules)


def _rows(group: list[str], chains: Mapping[str, Chain]) -> Iterator[Stages]:
    """The orders of one group; translating chains of different priorities keep theirs among themselves."""
    for row in itertools.permutations(group):
        own = [chains[name].priority for name in row if chains[name].table == "nat"]
        if own == sorted(own):
            yield row
