"""Reconciliation: everything that stands as the verbs cannot have left it. It reads; evidence makes findings of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from django.db.models import F
from django.utils import timezone

from compliance.actions import reconcile_estate as carried
from compliance.actions.irregular import Irregularity
from compliance.business_days import last_moment
from compliance.models import Approval, ChangeRecord, ConnectionVersion, LedgerInbox, State
from compliance.models.approvals import content_hash, shortfalls

APPROVED_ONCE: Final = (State.APPROVED, State.IMPLEMENTED, State.VERIFIED, State.DISPUTED, State.RETIRED)
# The state each ledger verb leaves; the last of them must be the state of the record.
LEAVES: Final = {
    "request": State.DRAFT,
    "submit": State.SUBMITTED,
    "act_first": State.SUBMITTED,
    "decide": State.APPROVED,
    "reject": State.REJECTED,
    "withdraw": State.WITHDRAWN,
    "implement": State.IMPLEMENTED,
    "verify": State.VERIFIED,
    "dispute": State.DISPUTED,
    "retire": State.RETIRED,
}


def reconcile(*, at: datetime | None = None) -> list[Irregularity]:
    """All irregularities as things stand, in a stable order. Each forged record is named once for each reason."""
    moment = at or timezone.now()
    found = [*_states(), *_versions(moment), *_approvals(), *carried.irregular(moment), *_late(moment)]
    return sorted(found, key=lambda one: (one.obj._meta.label, one.obj.pk, one.kind, one.sentence))


def _late(at: datetime) -> Iterator[Irregularity]:
    """Urgent changes carried out first, and not decided within two business days."""
    rows = ChangeRecord.objects.filter(state=State.SUBMITTED, implemented_at__isnull=False)
    for change in rows:
        if change.implemented_at and last_moment(change.implemented_at) < at:
            sentence = f"{change.ref} was carried out before its approval, which is due since two business days."
            yield Irregularity("late", change, sentence)


def _states() -> Iterator[Irregularity]:
    """Change records whose state, content or history was not made by the verbs."""
    unproven = shortfalls(ChangeRecord.objects.filter(state__in=APPROVED_ONCE).values("pk"))
    last = _last_states()
    for change in ChangeRecord.objects.all():
        shown = change.get_state_display().lower()
        if change.pk in unproven:
            yield Irregularity("state", change, f"{change.ref} says {shown}, but {unproven[change.pk]}.")
        if content_hash(change.material) != change.content_hash:
            yield Irregularity("material", change, f"The content of {change.ref} was altered after it was hashed.")
        if change.pk not in last:
            yield Irregularity("ledger", change, f"{change.ref} was never asked for through Eastwest.")
        elif last[change.pk] != change.state:
            was = State(last[change.pk]).label.lower()
            yield Irregularity("state", change, f"{change.ref} says {shown}; the last step recorded left it {was}.")


def _last_states() -> dict[int, str]:
    """The state in which the ledger left each change record."""
    rows = LedgerInbox.objects.filter(data__verb__in=list(LEAVES), data__object__type="compliance.changerecord")
    return {data["object"]["id"]: LEAVES[data["verb"]] for data in rows.order_by("pk").values_list("data", flat=True)}


def _versions(at: datetime) -> Iterator[Irregularity]:
    """Versions that say what nobody approved, that ended without an approved reason, or begin in the future."""
    versions = list(ConnectionVersion.objects.select_related("connection", "change", "closed_by"))
    behind = {row.change_id for row in versions} | {row.closed_by_id for row in versions if row.closed_by_id}
    unproven = shortfalls(sorted(behind))
    for row in versions:
        ref, change = row.connection.ref, row.change
        if row.change_id in unproven:
            why = f"{ref} stands by {change.ref}, but {unproven[row.change_id]}: it authorises nothing."
            yield Irregularity("version", row.connection, why)
        if content_hash(row.material) != row.material_hash or row.material_hash != change.content_hash:
            yield Irregularity("material", row.connection, f"{ref} says something else than {change.ref} approved.")
        if change.connection_id != row.connection_id or change.kind == ChangeRecord.Kind.RETIRE:
            yield Irregularity("version", row.connection, f"{change.ref} does not authorise {ref}.")
        terms = tuple(day.isoformat() if day else None for day in (row.ends_on, row.review_by))
        if terms != (row.material.get("ends_on"), row.material.get("review_by")):
            yield Irregularity("material", row.connection, f"The dates of {ref} are not those that were approved.")
        if row.valid_to is not None and (row.closed_by_id is None or row.closed_by_id in unproven):
            yield Irregularity("version", row.connection, f"{ref} was ended without an approved change.")
        if row.recorded_at > at:
            yield Irregularity("version", row.connection, f"A version of {ref} is dated in the future.")
    standing = set(ConnectionVersion.objects.values_list("change_id", flat=True))
    for change in ChangeRecord.objects.filter(state__in=APPROVED_ONCE, connection__isnull=False).exclude(
        kind=ChangeRecord.Kind.RETIRE
    ):
        if change.pk not in standing:
            yield Irregularity("version", change, f"{change.ref} says it was approved, and no version came of it.")


def _approvals() -> Iterator[Irregularity]:
    """Approvals by the wrong person or with a wrong seal, on changes that do not claim to be approved yet."""
    rows = Approval.objects.select_related("needed__change", "approver").exclude(
        needed__change__state__in=APPROVED_ONCE
    )
    own = rows.filter(approver=F("needed__change__requested_by")) | rows.filter(
        approver=F("needed__change__last_edited_by")
    )
    for row in own:
        change = row.needed.change
        yield Irregularity("approval", change, f"{row.approver} agreed to {change.ref}, which is their own.")
    sealed = set(LedgerInbox.objects.filter(data__verb="approve").values_list("data__payload__seal", flat=True))
    for row in rows:
        if row.seal not in sealed:
            change = row.needed.change
            yield Irregularity("approval", change, f"An approval of {change.ref} was not given through Eastwest.")
