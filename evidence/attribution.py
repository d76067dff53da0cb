"""Which change record a rule change belongs to: by the ticket in the rule's text, by set containment, by time.

semantics.md 18: the set that changed lies inside what an approved change says, inside its window; the same for what
was closed. What of a matched change goes beyond its record is a surplus of its own: approved 443, opened 1-65535.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from compliance.traffic.boxes import Box, Family, overlaps
from compliance.traffic.index import Index
from evidence.excess_verdicts import cut
from evidence.proposals import spelt
from evidence.rule_changes import Changed

RECORDED, SURPLUS, UNRECORDED, REPAIR = "recorded", "surplus", "unrecorded", "repair"


@dataclass(frozen=True, slots=True)
class Record:
    """An approved change: what it lets engineers open and close, what a rule's text may call it, and its window.

    `since`: when it was approved (an urgent one: when it was asked for). `until`: when it was said to be done.
    """

    ref: str
    names: frozenset[str]
    since: datetime
    until: datetime | None
    opens: Mapping[Family, tuple[Box, ...]] = field(default_factory=dict)
    closes: Mapping[Family, tuple[Box, ...]] = field(default_factory=dict)

    def in_window(self, after: datetime, before: datetime) -> bool:
        """Whether it may be the cause of what changed between these two readings."""
        return self.since <= before and (self.until is None or self.until >= after)

    def covers(self, change: Changed) -> tuple[Box, ...]:
        """What of the family it lets engineers do in the direction of the change."""
        return (self.opens if change.direction == "opened" else self.closes).get(change.family, ())


class Attribution(NamedTuple):
    """The outcome (recorded, surplus, unrecorded, repair), the record it belongs to, how it matched, and why."""

    outcome: str
    ref: str
    matched: tuple[str, ...]
    surplus: tuple[Box, ...]
    because: str


def attribute(
    change: Changed, records: Sequence[Record], *, between: tuple[datetime, datetime], authorised: Index
) -> Attribution:
    """Whose change it is. `between`: the two readings; `authorised`: all that is authorised in the change's family."""
    named = [record for record in records if is_named(record, change.origin.text if change.origin else "")]
    near = [record for record in records if record.in_window(*between)]
    # A closed rule bears the name of the record that opened it: that one does not say it may be closed
    matched = [
        record
        for record in near
        if _meets(change.boxes, record.covers(change)) or (record in named and record.covers(change))
    ]
    matched.sort(key=lambda record: (record not in named, record.since))
    if matched:
        return _of_records(change, matched, named, authorised)
    if change.direction == "closed":
        return _closed_without(change, named, authorised)
    told = (
        f"It names {named[0].ref}, which was open for it at another time." if named else "No change record covers it."
    )
    outside = cut(list(change.boxes), authorised)
    if not outside:
        told += " What it opens is authorised."
    return Attribution(UNRECORDED, "", (), tuple(outside), f"{said(change)}. {told}")


def _of_records(change: Changed, matched: Sequence[Record], named: Sequence[Record], authorised: Index) -> Attribution:
    first = matched[0]
    how = tuple(
        name
        for name, holds in (
            ("ticket", first in named),
            ("content", _meets(change.boxes, first.covers(change))),
            ("window", True),
        )
        if holds
    )
    covered = [box for record in matched for box in record.covers(change)]
    beyond = cut(list(change.boxes), Index(covered))
    if change.direction == "closed":
        lost = [box for box in beyond if authorised.overlapping(box)]
        if not lost:
            return Attribution(RECORDED, first.ref, how, (), f"{said(change)}, as {first.ref} says.")
        told = f"{first.ref} does not say so of {spelt(change.family, lost)}, which is authorised."
        return Attribution(SURPLUS, first.ref, how, tuple(lost), f"{said(change)}. {told}")
    if not beyond:
        return Attribution(RECORDED, first.ref, how, (), f"{said(change)}, as {first.ref} says.")
    approved = spelt(change.family, first.covers(change)) or "nothing of this kind"
    elsewhere = "" if cut(beyond, authorised) else " What was opened besides is authorised elsewhere."
    told = f"{first.ref} approved {approved}; opened besides: {spelt(change.family, beyond)}.{elsewhere}"
    return Attribution(SURPLUS, first.ref, how, tuple(beyond), f"{said(change)}. {told}")


def _closed_without(change: Changed, named: Sequence[Record], authorised: Index) -> Attribution:
    lost = [box for box in change.boxes if authorised.overlapping(box)]
    if not lost:
        return Attribution(REPAIR, "", (), (), f"{said(change)}. Nobody had authorised it.")
    told = f"It named {named[0].ref}. " if named else ""
    because = f"{said(change)}. {told}It is authorised, and no change record takes it away."
    return Attribution(UNRECORDED, "", (), tuple(lost), because)


def said(change: Changed) -> str:
    """The change in words."""
    verb = {"opened": "lets through", "closed": "let through until then"}[change.direction]
    sure = "" if change.sure else "perhaps "
    return f"{change.rule} {sure}{verb} {spelt(change.family, change.boxes)}"


def is_named(record: Record, text: str) -> bool:
    """Whether the rule's text names the record as a word of its own: CHG-4 is not in CHG-42."""
    return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) for name in record.names if name)


def _meets(boxes: Iterable[Box], others: Sequence[Box]) -> bool:
    return any(overlaps(box, other) for box in boxes for other in others)
