"""Verdicts and findings in the words of the pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from django.utils import timezone

from compliance.models import User
from compliance.traffic.witness import describe
from evidence.models import Comparison, Finding, VerdictRow
from evidence.verdicts import BESIDE

LATE = timedelta(hours=36)  # a nightly comparison that is older than this was missed
SPELT_OUT = 12


def packet(witness: Mapping[str, Any] | None) -> str:
    """An example of traffic as one line: `10.20.4.19 → 10.30.1.8 tcp/5437`."""
    if not witness:
        return ""
    proto, port = witness.get("proto", ""), witness.get("dport", "")
    service = f"{proto}/{port}" if proto in ("tcp", "udp", "sctp") and port not in ("", None) else str(proto)
    if str(proto).startswith("icmp"):
        service = f"{proto}/{witness.get('sport', '')}"
    return f"{witness.get('src', '')} → {witness.get('dst', '')} {service}".strip()


def spoken_point(point: str) -> str:
    """`web-01/INPUT` as people say it: `INPUT of web-01`."""
    host, slash, name = point.partition("/")
    return f"{name} of {host}" if slash else point


def box_text(family: int, box: Any) -> str:
    """A box as one line: `10.20.4.0/24 → 10.30.1.8 tcp/5432`."""
    return "{src} → {dst} {service}".format(**describe(6 if family == 6 else 4, tuple(box)))


def latest(at: Any = None) -> Comparison | None:
    """The last published comparison, or the last before a moment."""
    rows = Comparison.objects.filter(published=True).defer("counts", "trend", "burned")
    return (rows.filter(at__lt=at) if at else rows).first()


def is_late(comparison: Comparison | None) -> bool:
    """Whether the comparison is missing or older than a night and a half."""
    return comparison is None or timezone.now() - comparison.at > LATE


class Headlines(NamedTuple):
    """The counted verdicts of a comparison: those of connections, which sum to the register, and all others."""

    register: Counter[str]
    others: Counter[str]


def headlines(person: User, comparison: Comparison | None) -> Headlines:
    """The counted verdicts this person may see: as the comparison added them up, or by the database where it is of
    before that was kept."""
    found = Headlines(Counter(), Counter())
    if comparison is None:
        return found
    for verdict, about, others in kept(person, comparison) if comparison.heads else added_up(person, comparison):
        (found.others if verdict in BESIDE else found.register)[verdict] += about
        found.others[verdict] += others
    return Headlines(+found.register, +found.others)


def kept(person: User, comparison: Comparison) -> Iterator[tuple[str, int, int]]:
    """(verdict, about a connection, about something else), of each system by itself."""
    systems = person.system_ids()
    for system, counted in comparison.heads.items():
        if systems is None or int(system) in systems:
            yield from ((verdict, about, others) for verdict, (about, others) in counted.items())


def added_up(person: User, comparison: Comparison) -> Iterator[tuple[str, int, int]]:
    """The same, of all systems together."""
    rows = VerdictRow.objects.for_user(person).filter(comparison=comparison)
    yield from ((verdict, about, count - about) for verdict, count, about in rows.added_up())


def listed(finding: Finding) -> dict[str, Any]:
    """One row of the list of findings."""
    owner = finding.system.owner
    return {
        "ref": finding.ref,
        "url": f"/findings/{finding.ref}/",
        "verdict": finding.verdict,
        "certainty": finding.certainty,
        "state": finding.state,
        "severity": finding.severity,
        "summary": finding.because,
        "packet": packet(finding.witness),
        "subject": str(finding.connection) if finding.connection else finding.subject,
        "point": spoken_point(finding.point),
        "owner": str(owner),
        "opened_at": finding.first_seen,
        "members": getattr(finding, "members_count", 1),
        "accepted_until": finding.accepted_until,
        "proof_before": finding.because,
        "proof_after": "",
    }
