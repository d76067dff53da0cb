"""Which connections were tested whole and found in agreement: the tier that ASD calls excellent is proposed of these.

Never on a claim: only what Eastwest itself heard from the hosts over SSH counts, within the period of the pack, and
only where each address and port that the connection authorises was tried and got through, each by its last decided
test. A file that a person brought can take a tier away and never gives one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, time
from typing import Final, NamedTuple

from django.utils import timezone

from compliance.models.estate import day_of
from compliance.register import Wanted
from evidence.actions.sheets import approved, came_of, latest
from evidence.authorised import wanted_on
from evidence.models import VerdictRow
from evidence.packs.section import Scope
from evidence.packs.sections.basis import Basis
from evidence.rules import Verdict
from evidence.sheet_pairs import TCP, Pair, authorised, within
from evidence.sheet_script import AS_EXPECTED, UNDECIDED
from evidence.sheet_verdicts import as_pair

NAMED: Final = 20  # connections that the pages name


class Last(NamedTuple):
    """The last decided test of a pair: where it stands, and whether it counts."""

    ref: str
    counts: bool


def agreed(scope: Scope) -> dict[str, tuple[str, ...]]:
    """By connection that was tested whole and agreed within the period: the rows of the sheets that show it."""
    since = timezone.make_aware(datetime.combine(scope.since, time()))
    last: dict[str, Last] = {}
    for sheet in approved(by=scope.as_of):
        heard = latest(sheet, scope.as_of)
        for pair, _, outcome in came_of(sheet, scope.as_of):
            if outcome.verdict == UNDECIDED or not pair["connection"]:
                continue
            result = heard[pair["from"]]
            counts = outcome.verdict == AS_EXPECTED and result.source_id is not None and result.began_at >= since
            last[as_pair(dict(pair)).key] = Last(f"{sheet.ref} row {pair['row']}", counts)
    refs = {key.partition(" ")[0] for key, one in last.items() if one.counts}
    if not refs:
        return {}
    wanted = wanted_on(day_of(scope.as_of))
    found = {ref: whole(wanted, ref) for ref in refs}
    return {
        ref: tuple(sorted({last[pair.key].ref for pair in pairs}))
        for ref, pairs in sorted(found.items())
        if pairs and all(pair.key in last and last[pair.key].counts for pair in pairs)
    }


def whole(wanted: Wanted, ref: str) -> list[Pair]:
    """Everything that a connection authorises, as pairs; [] where something of it is no pair that a sheet can try.

    No pair: IPv6, anything but TCP, a range of ports, and addresses that no registered server has.
    """
    entries = [entry for entry in wanted.entries if entry.id == ref]
    homes = sorted({value for values in wanted.servers.values() for value in values})
    boxes = [box for entry in entries for box in entry.boxes]
    triable = all(entry.family == 4 and entry.share is None for entry in entries) and all(
        (box[4], box[5]) == (TCP, TCP) and box[8] == box[9] and
        all(len(within(homes, low, high)) == high - low + 1 for low, high in (box[0:2], box[2:4]))
        for box in boxes
    )  # fmt: skip
    return authorised(wanted, wanted.servers, [ref]) if boxes and triable else []


def with_test(on: Basis, row: VerdictRow, tested: Mapping[str, tuple[str, ...]]) -> Basis:
    """What a verdict rests on, with its test: only one that says as authorised, and was read as well."""
    rows = tested.get(row.connection.ref, ()) if row.connection and row.verdict == Verdict.implemented else ()
    return Basis("excellent", (*on.rests_on, *rows, "data/tests.csv")) if rows and on.tier in ("good", "fair") else on


def said(tested: Mapping[str, tuple[str, ...]], connections: Iterable[str]) -> tuple[str, ...]:
    """A sentence for each connection of the pack that was tested whole, and how many more there are."""
    mine = [ref for ref in connections if ref in tested]
    lines = tuple(
        f"{ref}: every address and port that it authorises was tried from its hosts by Eastwest itself and got through "
        f"({', '.join(tested[ref])}). Where its rules were read and are as authorised, the tier proposed is excellent."
        for ref in mine[:NAMED]
    )
    return (*lines, f"{len(mine) - NAMED} more in data/verdicts.csv.") if len(mine) > NAMED else lines
