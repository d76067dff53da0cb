"""What was seen at a past moment: the comparison that stood then, and the snapshots it rested on (settings.PANELS)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from compliance.actions.material import names_of
from compliance.models import Connection, Endpoint, Server, User
from evidence.models import Comparison, RuleChange, Snapshot, Source, VerdictRow
from evidence.rules import Verdict
from evidence.verdicts import BESIDE, RANK
from evidence.views.rule_changes import listed
from evidence.views.shown import packet, spoken_point


def comparison_then(at: datetime) -> Comparison | None:
    """The last comparison at that moment."""
    return Comparison.objects.filter(published=True, at__lte=at).first()


def register(at: datetime, person: User) -> dict[str, Any]:
    """Connection → its worst verdict then, and which comparison says so."""
    held = comparison_then(at)
    rows = VerdictRow.objects.for_user(person).filter(comparison=held, headline=True, connection__isnull=False)
    said = dict(rows.exclude(verdict__in=BESIDE).values_list("connection_id", "verdict")) if held else {}
    return {"verdicts": said, "compared_at": held.at if held else None}


def connection(asked: tuple[Connection, datetime], person: User) -> dict[str, Any]:
    """The verdicts then point by point, the snapshots that stood, and what had changed in the rules for it."""
    subject, at = asked
    held = comparison_then(at)
    rows = VerdictRow.objects.for_user(person).filter(comparison=held, connection=subject) if held else None
    shown = [row for row in rows or () if row.verdict != Verdict.usage_unknown]
    changes = RuleChange.objects.for_user(person).filter(change__connection=subject, at__lte=at)
    return {
        "compared_at": held.at if held else None,
        "points": [
            {
                "name": spoken_point(row.point),
                "verdict": row.verdict,
                "certainty": row.certainty,
                "rule": row.rule,
                "because": row.because,
                "packet": packet(row.witness),
            }
            for row in sorted(shown, key=lambda row: -RANK[Verdict(row.verdict)])
        ],
        "snapshots": snapshots(subject, at, person),
        "rule_changes": [listed(row) for row in changes.select_related("server", "change", "delta__snapshot")],
    }


def snapshots(subject: Connection, at: datetime, person: User) -> list[dict[str, Any]]:
    """The newest snapshot of each source of its servers at that moment; a server without any is named."""
    found = []
    for server in servers_of(subject, at):
        newest: dict[int, Snapshot] = {}
        rows = Snapshot.objects.for_user(person).filter(server=server, published=True, pull__finished_at__lte=at)
        for snapshot in rows.select_related("source").order_by("observed_at", "pk"):
            newest[snapshot.source_id] = snapshot
        found += [
            {"server": server.name, "source": each.source.name, "at": each.observed_at, "digest": each.digest}
            for each in newest.values()
        ]
        if not newest:
            hidden = Source.objects.filter(server=server).exclude(pk__in=Source.objects.for_user(person)).exists()
            why = "of a system you do not see" if hidden else "never read by then"
            found.append({"server": server.name, "source": why, "at": None, "digest": ""})
    return found


def servers_of(subject: Connection, at: datetime) -> list[Server]:
    """The servers at its ends then, as far as these are servers or groups."""
    names = {subject.source.name, subject.destination.name}
    for version in subject.versions.all():
        names.update(names_of(version.material))
    found: dict[int, Server] = {}
    for end in Endpoint.objects.filter(name__in=names).select_related("server", "group"):
        for server in [end.server] if end.server else end.group.members_on(at) if end.group else []:
            found[server.pk] = server
    return sorted(found.values(), key=lambda server: server.name)
