"""Whether what flow logs showed is cured. Logs that say nothing cure nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from compliance.models.estate import day_of
from compliance.traffic.boxes import Family
from compliance.traffic.index import Index
from evidence.flowlogs.seen import FlowEvidence, longest
from evidence.models import Finding
from evidence.rules import Verdict

QUIET_H: Final = 7 * 24  # hours in a row, all watched, in which it was not seen again
OF_USE: Final = frozenset({Verdict.unused, Verdict.silent_baseline})


class Said(NamedTuple):
    """The sentence, and whether the finding stands all the same."""

    because: str
    held: bool = False


@dataclass(frozen=True)
class Seen:
    """What the flow logs say now, what is authorised, and of which connections use is not known."""

    flows: FlowEvidence | None
    authorised: Mapping[Family, Index]
    unknown: Collection[str]


def of_flows(row: Finding, seen: Seen, at: datetime) -> Said:
    """Of a finding that the flow logs gave and do not give any more."""
    flows, authorised = seen.flows, seen.authorised
    if flows is None:
        return Said("No flow log is read any more that would show it.", held=True)
    if row.verdict in OF_USE:
        return _of_use(row, seen, at)
    family: Family = 4 if row.family == 4 else 6
    boxes = [tuple(each["box"]) for each in row.extent]
    if boxes and all(authorised[family].holder(box) is not None for box in boxes):
        return Said("It is authorised now.")
    coverage = flows.coverage
    after = coverage.from_hour(coverage.of_boxes(family, boxes), int(row.last_seen.timestamp()) // 3600)
    window = coverage.from_hour(after, coverage.last_hour - 31 * 24)
    quiet = longest(window)
    if not boxes or quiet < QUIET_H:
        because = (
            f"It is too long ago to be told again, and only {quiet} hours in a row were watched since: to say that"
        )
        return Said(f"{because} it ended takes {QUIET_H}.", held=True)
    return Said(f"It was not seen again in {quiet // 24} days in a row in which it was watched for.")


def _of_use(row: Finding, seen: Seen, at: datetime) -> Said:
    if row.connection is None:
        named = row.subject.rpartition(" ")[2]
        return Said(f"A flow to its {named} service was seen, or it is not asked of it any more.")
    if row.connection.version_on(day_of(at)) is None:
        return Said(f"{row.subject} is not authorised any more.")
    last = seen.flows.last_used(row.subject) if seen.flows else None
    if last is None or row.subject in seen.unknown:
        return Said(f"Whether {row.subject} is used is not known any more: too few hours were watched.", held=True)
    return Said(f"{row.subject} was used on {datetime.fromtimestamp(last, UTC):%-d %B %Y, %H:%M} UTC.")
