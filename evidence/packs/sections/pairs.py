"""Coverage per pair: of each pair of endpoints with an authorised connection, which of its points decide, which not.

A point decides where its rules were read, fresh and understood for this connection; it is then known what they let
through. Whether the traffic of a pair is logged is another thing: logs are told by log and hour, rules that log are not
told apart, so that column says so, for every pair.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from evidence.models import VerdictRow
from evidence.packs.content import Coverage
from evidence.packs.section import Cell, Scope, Table
from evidence.packs.sections.known import versions
from evidence.packs.verify import NOT_KNOWN
from evidence.verdicts import BESIDE

COLUMNS: Final = ("source", "destination", "connections", "enforced", "points_deciding", "points_not_known", "logged")
NOT_LOGGED: Final = (
    "not known by pair: which hours each flow log shows stands under Communication logs, and rules that log are not "
    "told apart"
)
EVERY, SOME, NONE = "at every point", "at some points", "at no point"
UNKNOWN_PATH: Final = "an unknown path"
NAMED: Final = 8


def listed(scope: Scope, every: Iterable[VerdictRow]) -> Table:
    """The pairs of the connections authorised at the cut-off, those without a deciding point first."""
    known: dict[int, set[str]] = defaultdict(set)
    dark: dict[int, set[str]] = defaultdict(set)
    for row in every:
        if row.connection_id is not None and row.verdict not in BESIDE:
            (dark if row.verdict in NOT_KNOWN else known)[row.connection_id].add(row.point or UNKNOWN_PATH)
    pairs: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    for version in versions(scope, scope.as_of):
        one = version.connection
        pairs[str(one.source), str(one.destination)].append((one.ref, one.pk))
    lines = [line(ends, of, known, dark) for ends, of in sorted(pairs.items())]
    order = (NONE, SOME, EVERY)
    return Table("pairs", COLUMNS, sorted(lines, key=lambda one: order.index(str(one[3]))))


def line(
    ends: tuple[str, str], of: Iterable[tuple[str, int]], known: dict[int, set[str]], dark: dict[int, set[str]]
) -> tuple[Cell, ...]:
    """A pair as a row of the list. A point that one connection could not be decided at is not known for the pair."""
    every = list(of)
    unread = set().union(*(dark.get(key, set()) for _, key in every))
    decides = set().union(*(known.get(key, set()) for _, key in every)) - unread
    unseen = [key for _, key in every if key not in known and key not in dark]  # no comparison has said anything of it
    if unseen:
        unread.add("not compared")
    enforced = NONE if not decides else SOME if unread else EVERY
    refs = " ".join(ref for ref, _ in every)
    return (*ends, refs, enforced, " ".join(sorted(decides)), "; ".join(sorted(unread)), NOT_LOGGED)


def coverage(table: Table) -> tuple[Coverage, Coverage]:
    """What the pages say of it: pairs with every point deciding, and pairs whose traffic is known to be logged."""
    without = [f"{row[0]} to {row[1]} ({row[5]})" for row in table.rows if row[3] != EVERY]
    more = f" and {len(without) - NAMED} more in data/pairs.csv" if len(without) > NAMED else ""
    total = len(table.rows)
    return (
        Coverage("Pairs of endpoints decided at every point", total, total - len(without),
                 ", ".join(without[:NAMED]) + more),
        Coverage("Pairs whose traffic is known to be logged", total, 0, NOT_LOGGED.removeprefix("not known by pair: ")),
    )  # fmt: skip
