"""How often rules were met, as counters said that were read by the cut-off. A rule that nobody counts is never unused.

Counters are kept of the newest reading alone. Those of a later one still tell of the cut-off where they have not moved
since; where they have, or where the rules were read anew, how they stood is not known, and that is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from evidence.judgement import counted as number
from evidence.models import RuleUse
from evidence.packs.section import Cell
from evidence.packs.sections.known import Read
from evidence.rules import Rule


class Says(StrEnum):
    """What is known of the counter of one rule at the cut-off."""

    UNUSED = "no use"
    MET = "met"
    SET_BACK = "set back"
    LATER = "moved after the cut-off"
    UNCOUNTED = "not counted"


COLUMNS: Final = ("host", "point", "rule", "file", "line", "says", "hits", "counted_since", "no_use_since")
SAYS: Final = COLUMNS.index("says")
KNOWN: Final = frozenset({Says.UNUSED, Says.MET, Says.SET_BACK})
IMPLICIT: Final = "#implicit"  # the end of a list is no rule that somebody wrote
NONE: Final = "no counters of rules came with its reading"
ANEW: Final = "its rules were read anew after the cut-off, and counters are kept of the newest alone"
Rows = Iterable[tuple[Cell, ...]]


@dataclass(frozen=True, slots=True)
class Uses:
    """The counters of one host by rule, as far as they speak for its last reading by the cut-off, at `seen`.

    `because`: why there are none; "" where there are.
    """

    rules: Mapping[str, RuleUse] = field(default_factory=dict)
    seen: datetime | None = None
    because: str = NONE

    @classmethod
    def of(cls, read: Read) -> Uses:
        """Those of the source a host was read from."""
        if read.source is None or read.snapshot is None or read.seen_at is None:
            return cls()
        rules = {row.rule: row for row in RuleUse.objects.filter(source=read.source)}
        if rules and read.source.last_good_id != read.snapshot.pk:
            return cls(because=ANEW)
        return cls(rules, read.seen_at, "") if rules else cls()

    def says(self, rule: str) -> Says:
        """What is known of one rule."""
        use = self.rules.get(rule)
        if use is None or self.seen is None or (use.counted_since is not None and use.counted_since > self.seen):
            return Says.UNCOUNTED
        if use.quiet_since > self.seen:
            return Says.LATER
        if use.hits or use.told:
            return Says.MET
        return Says.UNUSED if use.set_back_at is None else Says.SET_BACK


def listed(host: str, point: str, rules: Iterable[Rule], uses: Uses) -> list[tuple[Cell, ...]]:
    """The rules in force at a point as rows of the list; none where the host has no counters that count."""
    found: list[tuple[Cell, ...]] = []
    for rule in rules if not uses.because else ():
        if rule.id.endswith(IMPLICIT):
            continue
        says = uses.says(rule.id)
        use = uses.rules[rule.id] if says in KNOWN else None
        told = (use.hits, use.counted_since, use.quiet_since) if use else (None, None, None)
        found.append((host, point, rule.id, rule.origin.name, rule.origin.first, says.value, *told))
    return found


def numbers(rows: Rows) -> tuple[int | None, int | None]:
    """Of the rules of a point: how many show no use, and of how many it is known. None where it is known of none."""
    said = Counter(row[SAYS] for row in rows)
    known = sum(said[one] for one in KNOWN)
    return (said[Says.UNUSED], known) if known else (None, None)


def sentence(hosts: Iterable[Uses], rows: Rows) -> str:
    """What the pages say of the counters of the hosts whose rules were read; "" where none was."""
    every = list(hosts)
    counting, anew = sum(not one.because for one in every), sum(one.because == ANEW for one in every)
    said = Counter(row[SAYS] for row in rows)
    known = sum(said[one] for one in KNOWN)
    if not every:
        return ""
    own, show = ("counts how often its" if counting == 1 else "count how often their"), number(known, "counted rule")
    unused = f"{said[Says.UNUSED]:,} of {show} {'shows' if said[Says.UNUSED] == 1 else 'show'} no use."
    parts = [
        f"Of {number(len(every), 'host')} {counting} {own} rules are met: {unused}"
        if counting
        else "No reading has counters of rules that speak for the cut-off: which rules nothing meets is not known.",
        f"Set back and at nothing since, so not among these: {said[Says.SET_BACK]:,}." if said[Says.SET_BACK] else "",
        f"Moved after the cut-off, so not known: {said[Says.LATER]:,}." if said[Says.LATER] else "",
        f"Not counted by the device: {said[Says.UNCOUNTED]:,}." if said[Says.UNCOUNTED] else "",
        f"Of {number(anew, 'host')} the rules were read anew after the cut-off: how the counters stood is not known."
        if anew
        else "",
    ]
    return " ".join(one for one in parts if one)
