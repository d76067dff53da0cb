"""Who is told what about a change record."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils import timezone

from compliance.business_days import last_moment
from compliance.capacities import ROLE_FOR, held, in_own_right
from compliance.four_eyes import open_needs
from compliance.models import ApprovalNeeded, ChangeRecord, Delegation, Notice, Role, RoleGrant, User
from compliance.models.people import keep_grants
from compliance.notices import tell, tell_all


def deciders(change: ChangeRecord, at: datetime) -> list[User]:
    """Everybody who could meet an open need of a submitted change, and is not its requester.

    What it costs does not grow with the number of people: only those are asked about who hold something that counts.
    """
    needs = open_needs(change)
    standing_in = Delegation.objects.filter(system__in=[need.system_id for need in needs]).in_force(at)
    placed: set[int | None] = set(standing_in.values_list("delegate", flat=True))
    people = list(able(needs, placed, at).exclude(pk__in=[change.requested_by_id, change.last_edited_by_id]))
    keep_grants(people)
    return [
        person
        for person in people
        if any(in_own_right(person, need, at) for need in needs)
        or (person.pk in placed and any(held(person, need, change, at) for need in needs))
    ]


def able(needs: list[ApprovalNeeded], placed: set[int | None], at: datetime) -> QuerySet[User]:
    """Those among whom is everybody who could meet a need: by role, as named, as officer, or placed as a delegate."""
    systems = {need.system_id for need in needs}
    roles = {ROLE_FOR[need.capacity] for need in needs if need.capacity in ROLE_FOR}
    named = placed | {need.person_id for need in needs} | {need.system.authorising_officer_id for need in needs}
    granted = RoleGrant.objects.in_force(at).filter(role__in=roles)
    granted = granted.filter(Q(system__isnull=True) | Q(system__in=systems))
    return User.objects.filter(Q(pk__in=granted.values("person")) | Q(pk__in=named - {None}), is_active=True)


def tell_deciders(change: ChangeRecord, at: datetime) -> None:
    """Everybody who decides on it now is told once."""
    tell_all(
        [(person, f"decide:{change.pk}:{person.pk}") for person in deciders(change, at)],
        subject=f"{urgency(change)}{change.ref} waits for your decision: {change.title}"[:200],
        body=f"{change.requested_by} asks: {change.title}.",
        path=f"/inbox/{change.ref}/",
        kind=Notice.DECISION,
        at=at,
    )


def tell_acted_first(change: ChangeRecord, because: str, at: datetime) -> None:
    """Who decides, and the owner, are told that it was carried out before they decided, and by when it is due."""
    due = timezone.localtime(last_moment(at))
    tell_all(
        [(person, f"acted:{change.pk}:{person.pk}") for person in {change.system.owner, *deciders(change, at)}],
        subject=f"Urgent: {change.ref} was carried out before its approval: {change.title}"[:200],
        body=f"{because} To be decided by {due.day} {due:%B %Y}. Until it is approved it is not authorised.",
        path=f"/inbox/{change.ref}/",
        kind=Notice.DECISION,
        at=at,
    )


def tell_to_undo(change: ChangeRecord, decision: str, at: datetime) -> None:
    """The engineers are told that what was carried out first was not approved and is to be undone."""
    tell_all(
        [(person, f"undo:{change.pk}:{person.pk}") for person in engineers(change, at)],
        subject=f"{change.ref} was carried out first and is {decision}: undo it"[:200],
        body=change.rollback or "It is not authorised. Until the rules are as before, it is a finding.",
        path=f"/changes/{change.ref}/",
        kind=Notice.WORK,
        at=at,
    )


def engineers(change: ChangeRecord, at: datetime) -> QuerySet[User]:
    """Everybody who holds the role of engineer for its system."""
    grants = RoleGrant.objects.in_force(at).filter(role=Role.ENGINEER)
    grants = grants.filter(Q(system__isnull=True) | Q(system_id=change.system_id))
    return User.objects.filter(pk__in=grants.values("person"), is_active=True)


def urgency(change: ChangeRecord) -> str:
    """How the subject of a message begins where it must not wait."""
    return "Urgent: " if change.urgency == ChangeRecord.Urgency.URGENT else ""


def tell_requester(change: ChangeRecord, what: str, because: str, at: datetime) -> None:
    """Who asked is told what became of it. `what`: "approved", "rejected", "disputed" …"""
    tell(
        change.requested_by,
        key=f"{what}:{change.pk}:{change.version}",
        subject=f"{change.ref} is {what}: {change.title}",
        body=because or f"{change.ref} is {what}.",
        path=f"/changes/{change.ref}/",
        kind=Notice.OUTCOME,
        at=at,
    )


def tell_engineers(change: ChangeRecord, at: datetime) -> None:
    """The engineers of the system are told that there is something to be done."""
    tell_all(
        [(person, f"todo:{change.pk}:{person.pk}") for person in engineers(change, at)],
        subject=f"{urgency(change)}{change.ref} is approved and to be done: {change.title}"[:200],
        body=f"When the rules are changed, mark {change.ref} as done: the next reading proves it.",
        path=f"/changes/{change.ref}/",
        kind=Notice.WORK,
        at=at,
    )
