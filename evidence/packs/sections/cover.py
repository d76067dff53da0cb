"""The cover: what the pack is about, from the records as they stood at the cut-off."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from compliance.models import Connection, System, Zone
from evidence.models import Pack
from evidence.packs import content
from evidence.packs.section import Scope
from evidence.packs.sections.known import connections, servers, systems


def face(pack: Pack, scope: Scope, built_at: datetime) -> content.Face:
    """The cover of a pack. The counts of verdicts are set when it is bound."""
    rows = systems(scope)
    kinds = [connection.kind for connection in connections(scope)]
    return content.Face(
        pack=pack.ref,
        organisation=", ".join(sorted({row.organisation.name for row in rows})),
        systems=tuple(described(row) for row in rows),
        marking=pack.marking,
        since=scope.since,
        until=scope.until,
        as_of=scope.as_of,
        built_at=built_at,
        zone=timezone.get_current_timezone_name(),
        servers=len(servers(scope)),
        zones=Zone.objects.filter(system__name__in=scope.systems).count(),
        connections=kinds.count(Connection.Kind.NETWORK),
        shares=kinds.count(Connection.Kind.SHARE),
        profile=scope.profile,
        sample=pack.sample,
    )


def described(row: System) -> content.System:
    """One system as its owner states it."""
    return content.System(
        name=row.name,
        owner=str(row.owner),
        deputy=str(row.deputy or ""),
        authorising_officer=str(row.authorising_officer or ""),
        classification=row.get_classification_display(),
        boundary_in=row.boundary_in,
        boundary_out=row.boundary_out,
        inherited=row.inherited,
    )
