"""Whose agreement a change needs, and whose it has, as the pages show it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils import timezone

from compliance.four_eyes import need_for
from compliance.models import ApprovalNeeded, ChangeRecord, User
from compliance.permissions import may


def needs_of(change: ChangeRecord) -> list[ApprovalNeeded]:
    """Whose agreement it needs."""
    return needs_of_all([change])[change.pk]


def needs_of_all(changes: Iterable[ChangeRecord]) -> dict[int, list[ApprovalNeeded]]:
    """Change → whose agreement it needs; of all in one query."""
    found: dict[int, list[ApprovalNeeded]] = {change.pk: [] for change in changes}
    rows = ApprovalNeeded.objects.filter(change__in=found).select_related(
        "system__owner", "system__authorising_officer", "person", "approval__approver", "approval__in_place_of"
    )
    for row in rows.order_by("stage", "pk"):
        found[row.change_id].append(row)
    return found


def needed(need: ApprovalNeeded, change: ChangeRecord, person: User) -> dict[str, Any]:
    """One need and whether it is met."""
    approval = getattr(need, "approval", None)
    officer = str(need.system.authorising_officer or "")
    whose = {"manager": "", "named": "", "authorising_officer": officer}
    place = f" (in place of {approval.in_place_of})" if approval and approval.in_place_of else ""
    return {
        "capacity": need.label + place,
        "person": str(approval.approver) if approval else whose.get(need.capacity, str(need.system.owner)),
        "at": approval.at if approval else None,
        "because": approval.because if approval else "",
        "mine": approval is None and may(person, "approve", change) is None and is_theirs(need, change, person),
        "later": approval is None and need.stage > 1,
    }


def is_theirs(need: ApprovalNeeded, change: ChangeRecord, person: User) -> bool:
    """Whether this need is the one that the person's click would meet."""
    met = need_for(person, change, timezone.now())
    return met is not None and met.pk == need.pk
