"""The cover: what the pack is about, from the records as they stood at the cut-off."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from compliance.models import Connection, System, Zone
from evidence.models import Pack
from evidence.packs import content
from evidence.packs.mapping import NOT_STATED, Said, own
from evidence.packs.section import Scope
from evidence.packs.sections.controls import stated
from evidence.packs.sections.known import connections, servers, systems

SUBJECT = ("ASD ISM", "ISM-1479")  # the control a pack is about


def face(pack: Pack, scope: Scope, built_at: datetime) -> content.Face:
    """The cover of a pack. The counts of verdicts are set when it is bound."""
    rows = systems(scope)
    said = stated(scope).get(SUBJECT, ())
    kinds = [connection.kind for connection in connections(scope)]
    return content.Face(
        pack=pack.ref,
        organisation=", ".join(sorted({row.organisation.name for row in rows})),
        systems=tuple(described(row, own(said, row.name)) for row in rows),
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


def described(row: System, said: Said | None) -> content.System:
    """One system as its owner states it; `said`: how the pack's own control stands there."""
    if said is not None:
        when = f"{timezone.localtime(said.at):%-d %B %Y}"
        status = f"{said.label}, as {said.by} stated on {when}: {said.short.rstrip('.')}"
    return content.System(
        name=row.name,
        owner=str(row.owner),
        deputy=str(row.deputy or ""),
        authorising_officer=str(row.authorising_officer or ""),
        classification=row.get_classification_display(),
        boundary_in=row.boundary_in,
        boundary_out=row.boundary_out,
        inherited=row.inherited,
        stated_status=status if said is not None else NOT_STATED,
    )
