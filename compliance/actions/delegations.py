"""Naming somebody who decides in one's place, and ending it early."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from compliance.actions.ledger import record
from compliance.delegations import holds_itself
from compliance.errors import NotAllowed, Refused
from compliance.models import Delegation, Notice, Role, System, User
from compliance.notices import tell
from compliance.permissions import may

LONGEST: Final = timedelta(days=92)  # somebody away for longer gives the role up


def delegate(
    to: User,
    *,
    capacity: str,
    system: System,
    until: datetime,
    because: str,
    by: User,
    since: datetime | None = None,
    at: datetime | None = None,
) -> Delegation:
    """`by` names who decides in their place for a system, from `since` (default now) until a moment within 92 days."""
    moment = at or timezone.now()
    begin = since or moment
    refuse_not_held(by, capacity, system, moment)
    refuse_unfit(to, by, system, moment)
    if not because.strip():
        raise Refused("Nobody was named.", "No reason was given.", "Say why in a sentence, such as leave.")
    if begin < moment - timedelta(minutes=5) or until <= begin or until > begin + LONGEST:
        raise Refused("Nobody was named.", "It begins now or later, and lasts 92 days at most.", "Choose other days.")
    with transaction.atomic():
        row = Delegation.objects.create(
            delegator=by, delegate=to, capacity=capacity, system=system, valid_from=begin, valid_to=until,
            because=because.strip(), made_at=moment,
        )  # fmt: skip
        record(
            "delegate", row, by=by, at=moment, because=because, delegate=to.pk, capacity=capacity, system=system.pk,
            since=begin.isoformat(), until=until.isoformat(),
        )  # fmt: skip
        last = timezone.localtime(until)
        tell(
            to,
            key=f"delegation:{row.pk}:{to.pk}",
            subject=f"You decide for {by} as {row.get_capacity_display().lower()} of {system}",
            body=f"Until {last.day} {last:%B %Y, %H:%M}. {row.because}",
            path="/delegations/",
            kind=Notice.SECURITY,
            at=moment,
        )
    return row


def end(row: Delegation, *, by: User, at: datetime | None = None) -> Delegation:
    """Ends it before its time: who gave it, who holds it, or an administrator."""
    moment = at or timezone.now()
    refused = why_not_end(row, by, moment)
    if refused is not None:
        raise refused
    with transaction.atomic():
        rows = Delegation.objects.filter(pk=row.pk, ended_at__isnull=True, valid_to__gt=moment)
        if not rows.update(ended_at=moment):
            raise Refused("Nothing was ended.", "It is over already.", "Look at the list again.")
        record("end_delegation", row, by=by, at=moment, delegate=row.delegate_id)
    row.refresh_from_db()
    return row


def why_not_end(row: Delegation, by: User, at: datetime) -> Refused | None:
    """Why this person cannot end it; None when they can."""
    return None if by.pk in (row.delegator_id, row.delegate_id) else may(by, "manage_people", None, at=at)


def refuse_not_held(by: User, capacity: str, system: System, at: datetime) -> None:
    """Only what one holds oneself can be given, and a delegate cannot delegate on."""
    if capacity not in Delegation.Capacity.values or not holds_itself(by, capacity, system.pk, at):
        label = dict(Delegation.Capacity.choices).get(capacity, capacity).lower()
        raise NotAllowed(
            "Nobody was named.", f"You are not {label} of {system} in your own right.", "Who holds the role names one."
        )


def refuse_unfit(to: User, by: User, system: System, at: datetime) -> None:
    """A delegate is somebody else, active, with a role in the system, and no administrator."""
    what = "Nobody was named."
    if to.pk == by.pk:
        raise Refused(what, "A delegate is somebody else.", "Choose another person.")
    if not to.is_active or to.is_superuser or to.holds([Role.ADMINISTRATOR], at=at):
        raise Refused(what, f"{to} is an administrator or not active, and decides nothing.", "Choose another person.")
    roles = [role for role in Role.values if role not in (Role.ADMINISTRATOR, Role.AUDITOR)]
    if not to.holds(roles, system.pk, at):
        raise Refused(what, f"{to} has no role in {system}.", "Choose somebody who works with the system.")
