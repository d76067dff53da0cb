"""Shares that let in more than they did at the reading before, and more than anybody authorised.

A share that was as wide before is a finding of its own and no change. What was narrowed is none either; a share that
was authorised and is gone is told by its connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from compliance.traffic.boxes import FAMILIES, Box, Family
from compliance.traffic.residual import difference
from compliance.traffic.shares import Share
from evidence.case import Case, Host
from evidence.judgement import Judgement
from evidence.rules import Verdict
from evidence.share_verdicts import POINT, Row, label, rows_of, wider

BEFORE = "it was not shared so before"


def share_changes(case: Case) -> Iterator[Judgement]:
    """One judgement for each share that was widened past what is authorised; both readings must show the protocol."""
    for name, host in case.hosts.items():
        earlier = case.before.get(name)
        if earlier is None:
            continue
        known = {protocol for protocol, point in POINT.items() if point in host.points and point in earlier.points}
        for family in FAMILIES:
            told: set[str] = set()
            for row in rows_of(host, family):
                for found in wider(case, host, row, family) if row.share.protocol in known else ():
                    if found.subject in told or not is_new(found, row, earlier, family):
                        continue
                    told.add(found.subject)
                    because = f"{found.because}; {BEFORE}"
                    yield replace(found, verdict=Verdict.changed_without_record, because=because)


def is_new(found: Judgement, row: Row, earlier: Host, family: Family) -> bool:
    """Whether some client of the excess did not have the same terms before."""
    same = [one for one in rows_of(earlier, family) if terms(one.share) == terms(row.share)]
    fresh = difference(row.boxes, [box for one in same for box in one.boxes])
    names = set(row.names) - {name for one in same for name in one.names}
    return bool(names) or any(meets(box, other) for box in fresh for other in found.excess)


def terms(share: Share) -> tuple[object, ...]:
    """What a client gets: the share and how."""
    return share.protocol, label(share), share.path, share.access, share.security, share.squash, frozenset(share.users)


def meets(one: Box, other: Box) -> bool:
    """Whether two boxes have a source in common."""
    return one[0] <= other[1] and other[0] <= one[1]
