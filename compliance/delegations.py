"""In whose place somebody decides: asked of the records at that moment, and of what the delegator still holds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from compliance.models import Delegation, Role, User


def holds_itself(person: User, capacity: str, system_id: int, at: datetime) -> bool:
    """Whether the person holds the capacity in their own right: a delegate cannot delegate on."""
    if capacity == Delegation.Capacity.AUTHORISING_OFFICER:
        return person.is_active and person.systems_authorised.filter(pk=system_id).exists()
    return person.holds([capacity], system_id, at, deciding=True)


def in_place_of(person: User, capacity: str, system_id: int, at: datetime, *, never: Iterable[int] = ()) -> User | None:
    """Whose delegate the person is in that capacity and system at that time; None when nobody's.

    `never`: people (ids) in whose place nobody may decide here, such as the requester of a change. Administrators
    and superusers are nobody's delegate, whatever was written.
    """
    if not person.is_active or person.is_superuser or person.holds([Role.ADMINISTRATOR], at=at):
        return None
    rows = Delegation.objects.filter(delegate=person, capacity=capacity, system_id=system_id).in_force(at)
    for row in rows.exclude(delegator_id__in=list(never)).select_related("delegator").order_by("pk"):
        if holds_itself(row.delegator, capacity, system_id, at):
            return row.delegator
    return None
