"""What somebody is responsible for in this room: systems, roles, what waits for them; and passing it on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from compliance import capacities
from compliance.actions.ledger import record
from compliance.actions.people import give
from compliance.charges import Charge
from compliance.errors import Refused
from compliance.four_eyes import open_needs
from compliance.models import ApprovalStage, ChangeRecord, Delegation, Role, RoleGrant, State, System, User

POSTS: Final = {"owner": "System owner", "deputy": "Deputy", "authorising_officer": "Authorising officer"}
OPEN: Final = (State.DRAFT, State.SUBMITTED, State.APPROVED, State.IMPLEMENTED, State.DISPUTED)
AT_LEAST_ONE: Final = (Role.MANAGER, Role.ADMINISTRATOR)  # roles without whose last holder nothing goes on


def held(person: User, at: datetime) -> Iterator[Charge]:
    """Systems first, then roles, then what is only told."""
    for post, label in POSTS.items():
        for system in System.objects.filter(**{post: person}).order_by("name"):
            note = "A system has an owner at every moment." if post == "owner" else ""
            yield Charge(f"{post}:{system.pk}", label, system.name, "", "required" if note else "optional", note)
    for grant in person.grants(at).select_related("system").order_by("role", "system__name", "pk"):
        if grant.role == Role.SYSTEM_OWNER and grant.system is not None and grant.system.owner_id == person.pk:
            continue  # goes with the system
        note = nobody_else(grant, person, at)
        where = grant.system.name if grant.system else "all systems"
        choice: Any = "required" if note else "optional"
        yield Charge(f"grant:{grant.pk}", grant.get_role_display(), where, "", choice, note)
    for stage in ApprovalStage.objects.filter(person=person).in_force(at).select_related("system").order_by("pk"):
        note = f"The stages of {stage.system} name them: change that first."
        yield Charge(f"stage:{stage.pk}", "Named stage", f"{stage.title} of {stage.system}", "", "required", note)
    for row in Delegation.objects.filter(delegator=person).in_force(at).select_related("delegate", "system"):
        yield Charge(f"delegation:{row.pk}", "Delegation", str(row), "", "stays", "It ends with them.")
    for change in ChangeRecord.objects.filter(requested_by=person, state__in=OPEN).order_by("pk"):
        note = f"It stays theirs and goes on. An owner of {change.system} can withdraw it."
        yield Charge(
            f"change:{change.pk}", "Asked for", f"{change.ref} {change.title}", f"/changes/{change.ref}/", "stays", note
        )
    for change in ChangeRecord.objects.waiting_for(person).order_by("pk"):
        if not all_met_without(change, person, at):
            note = "Nobody else can agree in this capacity: pass the role on."
            text = f"{change.ref} {change.title}"
            yield Charge(f"need:{change.pk}", "Waits for them alone", text, f"/changes/{change.ref}/", "stays", note)


def nobody_else(grant: RoleGrant, person: User, at: datetime) -> str:
    """Why this role must not end with this person; "" where others hold it."""
    if grant.role not in AT_LEAST_ONE:
        return ""
    others = RoleGrant.objects.filter(role=grant.role, person__is_active=True).exclude(person=person).in_force(at)
    label = grant.get_role_display().lower()
    if grant.role == Role.ADMINISTRATOR:
        return "" if others.exists() else "There is no other administrator."
    systems = [grant.system] if grant.system else list(System.objects.all())
    without = [str(one) for one in systems if not any(each.system_id in (None, one.pk) for each in others)]
    return f"Nobody else is {label} of {', '.join(without)}." if without else ""


def all_met_without(change: ChangeRecord, person: User, at: datetime) -> bool:
    """Whether every open need of a submitted change can be met by somebody other than this person."""
    people = list(User.objects.filter(is_active=True).exclude(pk__in=[person.pk, change.requested_by_id]))
    people = [one for one in people if one.pk != change.last_edited_by_id]
    return all(any(capacities.held(one, need, change, at) for one in people) for need in open_needs(change))


def pass_on(charge: Charge, person: User, successor: User | None, *, by: User, at: datetime) -> None:
    """One line to its successor; without one it ends with the person. In the caller's transaction."""
    kind, _, number = charge.key.partition(":")
    if kind in POSTS:
        system = System.objects.get(pk=number)
        System.objects.filter(pk=system.pk).update(**{kind: successor})
        if successor is not None and kind != "authorising_officer":
            owned = successor.holds([Role.SYSTEM_OWNER], system.pk, at)
            if not owned:
                now_theirs(give(successor, Role.SYSTEM_OWNER, system=system, by=by, at=at), charge)
        to = successor.pk if successor else None
        record("hand_over", system, by=by, at=at, post=kind, was=person.pk, to=to)
    elif kind == "stage":
        raise Refused("Nothing was passed on.", charge.note, "Its owner names the stages of a system.")
    elif kind == "grant" and successor is not None:
        grant = RoleGrant.objects.get(pk=number)
        now_theirs(give(successor, grant.role, system=grant.system, by=by, at=at, until=grant.valid_to), charge)


def now_theirs(grant: RoleGrant, charge: Charge) -> None:
    """What must not be left to nobody is not left to somebody whose role does not count yet."""
    if charge.choice == "required" and getattr(grant, "awaits_second", False):
        raise Refused(
            "Nothing was passed on.",
            f"{grant.person} is {grant.get_role_display().lower()} only once a second administrator confirmed it.",
            "Give them that role first, and hand over once it is confirmed.",
            link=("Give a role", "/setup/roles/new/"),
        )
