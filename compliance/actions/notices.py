"""Who is told what about a change record."""

from __future__ import annotations

from datetime import datetime

from compliance.capacities import held
from compliance.four_eyes import open_needs
from compliance.models import ChangeRecord, User
from compliance.notices import tell


def tell_deciders(change: ChangeRecord, at: datetime) -> None:
    """Everybody who could meet an open need of a submitted change, and is not its requester, is told once."""
    for need in open_needs(change):
        for person in User.objects.filter(is_active=True).exclude(
            pk__in=[change.requested_by_id, change.last_edited_by_id]
        ):
            if held(person, need, change, at):
                tell(
                    person,
                    key=f"decide:{change.pk}:{person.pk}",
                    subject=f"{urgency(change)}{change.ref} waits for your decision: {change.title}"[:200],
                    body=f"{change.requested_by} asks: {change.title}.",
                    path=f"/inbox/{change.ref}/",
                    at=at,
                )


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
        at=at,
    )


def tell_engineers(change: ChangeRecord, at: datetime) -> None:
    """The engineers of the system are told that there is something to be done."""
    for person in User.objects.filter(is_active=True, role_grants__role="engineer").distinct():
        if person.holds(["engineer"], change.system_id, at):
            tell(
                person,
                key=f"todo:{change.pk}:{person.pk}",
                subject=f"{urgency(change)}{change.ref} is approved and to be done: {change.title}"[:200],
                body=f"When the rules are changed, mark {change.ref} as done: the next reading proves it.",
                path=f"/changes/{change.ref}/",
                at=at,
            )
