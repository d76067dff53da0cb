"""Four eyes: whose agreement a change needs, who can give it, and why somebody cannot."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.utils import timezone

from compliance.actions.material import names_of
from compliance.capacities import held
from compliance.errors import Refused
from compliance.models import (
    ApprovalNeeded,
    ApprovalStage,
    Capacity,
    ChangeRecord,
    ConnectionVersion,
    Endpoint,
    Role,
    System,
    User,
)

OFFICER, NAMED = Capacity.AUTHORISING_OFFICER, Capacity.NAMED


class Need(NamedTuple):
    """Whose agreement is asked for: in which capacity, for which system."""

    capacity: str
    system: System
    stage: int = 1
    title: str = ""
    person: User | None = None


def needs_of(change_system: System, ends: Iterable[System | None]) -> list[Need]:
    """The owner and a manager of the change's system, and for each other system an end lies in, an owner of it.

    Where one person owns both systems the third need stays: it is met by a second owner (a deputy), because
    needs are met by distinct people.
    """
    needs = [Need(Capacity.SYSTEM_OWNER, change_system), Need(Capacity.MANAGER, change_system)]
    others = {system.pk: system for system in ends if system is not None and system.pk != change_system.pk}
    needs.extend(Need(Capacity.OTHER_OWNER, others[key]) for key in sorted(others))
    return needs


def needs_for(change: ChangeRecord) -> list[Need]:
    """The needs of a change, from every name its material mentions, as these stand in systems today."""
    names, systems = set(names_of(change.material)), []
    for version in concerned(change):
        names |= set(names_of(version.material))
        systems.append(version.connection.system)
    ends = Endpoint.objects.filter(name__in=names).select_related("server__system", "group__system", "zone__system")
    return [*needs_of(change.system, [*systems, *(end.system for end in ends)]), *further(change.system)]


def further(system: System, at: datetime | None = None) -> list[Need]:
    """The stages a system asks for beyond the first, each in its place."""
    rows = ApprovalStage.objects.filter(system=system).in_force(at or timezone.now()).select_related("person")
    return [Need(NAMED if row.person else OFFICER, system, row.position, row.title, row.person) for row in rows]


def concerned(change: ChangeRecord) -> list[ConnectionVersion]:
    """What stands of the connections that a change to the estate widens or retires."""
    if change.connection_id is not None:
        return []
    numbers = [int(ref.removeprefix("CON-")) for ref in change.refs]
    rows = ConnectionVersion.objects.filter(connection_id__in=numbers, valid_to__isnull=True)
    return list(rows.select_related("connection__system"))


def open_needs(change: ChangeRecord) -> list[ApprovalNeeded]:
    """The needs nobody has met yet, of the stage that is being asked: a later one waits until it is complete."""
    rows = change.needs.filter(approval__isnull=True).select_related("system", "person").order_by("stage", "pk")
    waiting_now = list(rows)
    return [need for need in waiting_now if need.stage == waiting_now[0].stage]


def need_for(person: User, change: ChangeRecord, at: datetime) -> ApprovalNeeded | None:
    """The open need this person would meet: first as the named owner, then as a manager, then as another owner.

    Each person meets one, so the scarcest capacity of a person goes first. See capacities.py for delegates.
    """
    mine = [need for need in open_needs(change) if held(person, need, change, at)]
    return min(mine, key=lambda need: (_rank(person, need), need.pk), default=None)


def _rank(person: User, need: ApprovalNeeded) -> int:
    if need.capacity == Capacity.MANAGER:
        return 1
    return 0 if need.system.owner_id == person.pk else 2


def why_not_decide(person: User, verb: str, change: ChangeRecord, at: datetime) -> Refused | None:
    """Why this person cannot approve (or reject) this change; None when they can."""
    what = f"You cannot {verb} {change.ref}."
    if person.pk in (change.requested_by_id, change.last_edited_by_id):
        instead = "Withdraw it instead." if verb == "reject" else "Somebody else who holds the role decides."
        return Refused(what, "Nobody decides on their own change: you asked for it or edited it last.", instead)
    if person.is_superuser or person.holds([Role.ADMINISTRATOR], at=at):
        return Refused(what, "Administrators manage people and sources and never decide.", "An owner or manager does.")
    if verb == "approve" and change.needs.filter(approval__approver=person).exists():
        return Refused(what, "You agreed to it already.", "A different person must meet what is still needed.")
    if verb == "approve" and need_for(person, change, at) is None:
        return Refused(what, f"It waits for {waiting(change)}.", "Somebody in that capacity decides.")
    if needs_second_factor(change) and not Authenticator.objects.filter(user_id=person.pk, type__in=FACTORS).exists():
        return Refused(
            what,
            "Those who decide sign in with a second factor, and you have none set up.",
            "Set up an authenticator app or a passkey under your account.",
            link=("Set up two-step sign-in", "/accounts/2fa/"),
        )
    return None


FACTORS: Final = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)  # recovery codes alone are no second factor


def needs_second_factor(change: ChangeRecord) -> bool:
    """Whether those who decide on this change must have a second factor: the setting, and the organisation's own."""
    return settings.APPROVERS_NEED_MFA and change.system.organisation.approvers_need_mfa


def waiting(change: ChangeRecord) -> str:
    """What a submitted change still needs, in words."""
    needs = [f"the {need.label}" for need in open_needs(change)]
    return " and ".join(needs) or "nobody any more"
