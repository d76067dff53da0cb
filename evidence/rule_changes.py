"""What changed in effect between two readings of a host: for each rule, what it opened, or let through until then.

Text that moved, comments and counters change nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from compliance.traffic.boxes import FAMILIES, Box, Family
from compliance.traffic.shares import Origin
from evidence.case import Case, Host
from evidence.change_verdicts import Parted, both, cause, newly
from evidence.excess_verdicts import judged
from evidence.object_edits import Edited

Direction = Literal["opened", "closed"]


class Changed(NamedTuple):
    """One rule's part of a difference. Opened: the rule of the newer reading; closed: the one of the older.

    `sure` False: whether the rule lets it through could not be determined, in the reading that has the rule.
    `cause`: the edit of an object that it comes of, "" where the rule itself or its place changed.
    """

    host: str
    point: str
    family: Family
    direction: Direction
    rule: str
    origin: Origin | None
    boxes: tuple[Box, ...]
    sure: bool
    cause: str = ""


def rule_changes(case: Case) -> Iterator[Changed]:
    """All differences in effect of the hosts that have an earlier reading, in a stable order, but for links' upkeep."""
    for name in sorted(case.hosts.keys() & case.before.keys()):
        host, earlier = case.hosts[name], case.before[name]
        edited = Edited(earlier.reading, host.reading)
        for point in (one for one in host.rule_points if one in earlier.rule_points):
            for family in FAMILIES:
                now, then = both(host, earlier, point, family)
                for sure, decision in ((True, "permit"), (False, "unproven")):
                    opened, closed = newly(now, then, decision, "deny"), newly(then, now, decision, "deny")
                    yield from _by_rule(case, host, point, family, "opened", opened, edited, sure=sure)
                    yield from _by_rule(case, host, point, family, "closed", closed, edited, sure=sure)


def _by_rule(
    case: Case,
    host: Host,
    point: str,
    family: Family,
    direction: Direction,
    parts: Sequence[Parted],
    edited: Edited,
    *,
    sure: bool,
) -> Iterator[Changed]:
    by_rule: dict[str, list[Parted]] = {}
    for part in parts:
        by_rule.setdefault(part.piece.rule, []).append(part)
    for rule, held in by_rule.items():
        boxes = tuple(judged(case, point, family, dict.fromkeys(one.box for one in held)))
        if boxes:
            origin, why = held[0].piece.origin, cause(edited, held)
            yield Changed(host.name, point, family, direction, rule, origin, boxes, sure, why)
