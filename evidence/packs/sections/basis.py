"""What a claim of a pack rests on: the stored readings behind it by their path in the ZIP, and its evidence tier.

The tiers are ASD's in our own words and proposed only: an assessor decides. A verdict has the tier of the worst copy it
rests on; one that rests on no configuration has none, or is what people recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from evidence.judgement import rested
from evidence.models import Comparison, VerdictRow
from evidence.packs.manifest import Quality
from evidence.packs.sections.known import Read
from evidence.packs.sections.raw import TIERS, stem_of
from evidence.rules import Verdict

RECORDS: Final[Mapping[str, str]] = {  # verdicts that come from what people recorded, and the list that holds it
    Verdict.review_overdue: "data/connections.csv", Verdict.review_missed: "data/reviews.csv",
    Verdict.usage_unknown: "data/connections.csv", Verdict.approved_not_done: "data/changes.csv",
}  # fmt: skip
LISTS: Final[Mapping[str, str]] = {  # verdicts that come from several readings at once, and the list that names them
    Verdict.unknown_server: "data/seen-not-registered.csv", Verdict.unfiltered: "data/points.csv",
    Verdict.against_policy: "data/verdicts.csv",
}  # fmt: skip
NONE: Final = "no configuration that is in this pack"


class Basis(NamedTuple):
    """`tier`: good, fair, poor or "" for none; `rests_on`: paths in the ZIP, or that there are none."""

    tier: Quality
    rests_on: tuple[str, ...]

    @property
    def said(self) -> str:
        """Both in one line, as it is printed."""
        return f"Evidence: {self.tier or 'no single tier'}. Rests on {', '.join(self.rests_on)}."


def basis(row: VerdictRow, reads: Mapping[str, Read], held: Comparison | None) -> Basis:
    """What one verdict of the comparison rests on."""
    found = [read for name in hosts_of(row) if (read := reads.get(name)) is not None and read.snapshot is not None]
    kept = [read for read in found if compared(read, held.at if held else None)]
    if kept:
        tiers = [TIERS.get(read.snapshot.tier, "") for read in kept if read.snapshot]
        worst: Quality = "fair" if "fair" in tiers else "good" if "good" in tiers else ""
        return Basis(worst, tuple(path for read in kept if (path := stem_of(read))))
    if row.verdict in RECORDS:
        refs = (row.connection.ref,) if row.connection else ()
        return Basis("poor", (*refs, RECORDS[Verdict(row.verdict)]))
    return Basis("", (LISTS.get(row.verdict, NONE),))


def hosts_of(row: VerdictRow) -> list[str]:
    """The hosts a verdict names: that of its point, its server, and accounts whose networks the path leads into; each
    once."""
    named = (row.point.partition("/")[0], row.server.name if row.server else "", *rested(row.because))
    return list(dict.fromkeys(name for name in named if name))


def compared(read: Read, at: datetime | None) -> bool:
    """Whether the reading in the pack is the one that was compared, and not one that came after."""
    done = read.snapshot.pull.finished_at if read.snapshot else None
    return at is not None and done is not None and done <= at
