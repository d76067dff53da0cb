"""How somebody could meet a need: by their own role, as the officer or person it names, or as a delegate."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from compliance.delegations import in_place_of
from compliance.models import ApprovalNeeded, Capacity, ChangeRecord, Delegation, Role, User

ROLE_FOR: Final[dict[str, str]] = {
    Capacity.SYSTEM_OWNER: Role.SYSTEM_OWNER,
    Capacity.MANAGER: Role.MANAGER,
    Capacity.OTHER_OWNER: Role.SYSTEM_OWNER,
}
# What a delegation must be for, so that its delegate meets a need; a person named for a stage is not stood in for
DELEGATED: Final[dict[str, str]] = {
    Capacity.SYSTEM_OWNER: Delegation.Capacity.SYSTEM_OWNER,
    Capacity.MANAGER: Delegation.Capacity.MANAGER,
    Capacity.OTHER_OWNER: Delegation.Capacity.SYSTEM_OWNER,
    Capacity.AUTHORISING_OFFICER: Delegation.Capacity.AUTHORISING_OFFICER,
}


class Held(NamedTuple):
    """That somebody holds the capacity: in their own right, or in place of `officer`."""

    officer: User | None


def held(person: User, need: ApprovalNeeded, change: ChangeRecord, at: datetime) -> Held | None:
    """How this person could meet this need at that time; None when they could not."""
    if in_own_right(person, need, at):
        return Held(None)
    capacity = DELEGATED.get(need.capacity)
    if capacity is None:
        return None
    never = (change.requested_by_id, change.last_edited_by_id)
    officer = in_place_of(person, capacity, need.system_id, at, never=never)
    return Held(officer) if officer is not None else None


def in_own_right(person: User, need: ApprovalNeeded, at: datetime) -> bool:
    """Whether the person holds the capacity themselves."""
    if need.capacity == Capacity.NAMED:
        return person.is_active and need.person_id == person.pk
    if need.capacity == Capacity.AUTHORISING_OFFICER:
        return person.is_active and need.system.authorising_officer_id == person.pk
    return person.holds([ROLE_FOR[need.capacity]], need.system_id, at, deciding=True)
