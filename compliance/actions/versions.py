"""What becomes of an approved change: a version that stands, and the end of the one it takes the place of."""

from __future__ import annotations

from datetime import datetime

from compliance.actions.carrying import carry
from compliance.actions.leaving import put_out
from compliance.actions.material import day_in, ends_of
from compliance.models import AddressSpace, ChangeRecord, Connection, ConnectionVersion, Endpoint
from compliance.models.estate import day_of


def authorise(change: ChangeRecord, *, at: datetime) -> list[ChangeRecord]:
    """Writes the version of a change approved at `at`, and closes what stood. Gives the changes it replaces.

    The former version ends on the day the new one begins. Called by the last approval, in its transaction.
    """
    hold_register()
    if change.kind == ChangeRecord.Kind.WIDEN:
        carry(change, at=at)
        return []
    if change.kind == ChangeRecord.Kind.DECOMMISSION:
        return put_out(change, at=at)
    day = day_of(at)
    standing = ConnectionVersion.objects.filter(connection=change.of, valid_to__isnull=True)
    former = [version.change for version in standing.select_related("change")]
    standing.update(valid_to=day, closed_by=change)
    if change.kind == ChangeRecord.Kind.RETIRE:
        return former
    ConnectionVersion.objects.create(
        connection=change.of,
        change=change,
        material=change.material,
        material_hash=change.content_hash,
        valid_from=day,
        ends_on=day_in(change.material, "ends_on"),
        review_by=day_in(change.material, "review_by"),
        recorded_at=at,
    )
    if change.kind == ChangeRecord.Kind.AMEND:
        sources, destination = ends_of(change.material)
        ends = Endpoint.objects.in_bulk([sources[0], destination], field_name="name")
        Connection.objects.filter(pk=change.of.pk).update(source=ends[sources[0]], destination=ends[destination])
    return former


def hold_register() -> None:
    """One decision at a time writes what is authorised: each sees what the one before opened (PostgreSQL)."""
    list(AddressSpace.objects.select_for_update().order_by("pk"))
