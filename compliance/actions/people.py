"""People: made by an administrator, given roles for a time, let in by a one-time link, deactivated, never deleted."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from compliance.actions.ledger import record
from compliance.actions.sessions import end_all
from compliance.errors import NotAllowed, Refused
from compliance.models import Approval, Role, RoleGrant, SetUpLink, System, User
from compliance.models.people import link_digest
from compliance.permissions import check

LINK_LASTS: Final = timedelta(days=1)
NO_ADDRESS: Final = "@localhost"  # of the first administrator, until they say theirs behind their link
HEAVY: Final = (Role.SYSTEM_OWNER, Role.MANAGER, Role.ADMINISTRATOR)  # roles that decide, or give roles
COOLING: Final = timedelta(days=1)  # of a role that decides, given by the only administrator there is
AUDITORS_STAY: Final = timedelta(days=90)  # unless a day is said: auditors are let in for a time


def make_person(
    email: str,
    name: str,
    *,
    roles: Iterable[str] = (),
    by: User | None,
    system: System | None = None,
    title: str = "",
    at: datetime | None = None,
) -> User:
    """A person with roles (for one system or for all), without a password: they set it by a one-time link.

    `by` None is allowed for the first person of an installation only.
    """
    moment = at or timezone.now()
    may_manage(by, moment)
    wanted = email.strip().lower()
    refuse_bad_address(wanted)
    if User.objects.filter(email=wanted).exists():
        raise Refused("Nobody was added.", f"There is a person with {wanted} already.", "Give that person the role.")
    with transaction.atomic():
        person = User.objects.create_user(wanted, name=name.strip(), title=title.strip())
        record("make_person", person, by=by, at=moment, name=person.name)
        for role in roles:
            give(person, role, system=system, by=by, at=moment)
    return person


def grant(
    person: User,
    role: str,
    *,
    by: User | None,
    system: System | None = None,
    until: datetime | None = None,
    at: datetime | None = None,
) -> RoleGrant:
    """Gives a person a role, for one system or for all. Nobody gives one to themselves."""
    moment = at or timezone.now()
    may_manage(by, moment)
    with transaction.atomic():
        return give(person, role, system=system, by=by, at=moment, until=until)


def give(
    person: User, role: str, *, system: System | None, by: User | None, at: datetime, until: datetime | None = None
) -> RoleGrant:
    """The grant itself, in the caller's transaction."""
    if role not in Role.values:
        raise Refused(f"There is no role {role}.", "", f"The roles are {', '.join(Role.values)}.")
    if person.is_service:
        raise Refused(f"{person} gets no role.", "It is a program: its token says what it may.", "Make another token.")
    if role == Role.ADMINISTRATOR and system is not None:
        raise Refused(
            f"{person} does not become administrator of {system}.",
            "Administrators look after the whole installation.",
            "Leave the system empty.",
        )
    if by is not None and by.pk == person.pk:
        raise Refused("Nobody grants a role to themselves.", "", "A second administrator does it.")
    held = person.grants(at).filter(role=role, system=system, valid_to=until).first()
    if held is not None:
        return held
    if role == Role.AUDITOR and until is None:
        until = at + AUDITORS_STAY
    awaits, decides_from = second_eyes(person, role, by, at)
    row = RoleGrant.objects.create(
        person=person, role=role, system=system, valid_from=at, valid_to=until, granted_by=by,
        awaits_second=awaits, decides_from=decides_from,
    )  # fmt: skip
    record(
        "grant", row, by=by, at=at, person=person.pk, role=role, system=system.pk if system else None,
        awaits_second=awaits, until=until.isoformat() if until else None,
    )  # fmt: skip
    return row


def second_eyes(person: User, role: str, by: User | None, at: datetime) -> tuple[bool, datetime | None]:
    """Whether the grant waits for a second administrator, and from when it decides where there is none to ask.

    In set-up, before anything was ever approved, one administrator alone can bring it to its first decision.
    """
    if by is None or role not in HEAVY:
        return False, None
    held = RoleGrant.objects.in_force(at).filter(role=Role.ADMINISTRATOR, person__is_active=True)
    if held.exclude(person__in=[by, person]).exists():
        return True, None
    set_up = not Approval.objects.exists()
    return False, None if set_up or role == Role.ADMINISTRATOR else at + COOLING


def confirm_grant(row: RoleGrant, *, by: User, because: str = "", at: datetime | None = None) -> RoleGrant:
    """A second administrator lets a role count from now on. Who gave it, or gets it, cannot."""
    moment = at or timezone.now()
    may_manage(by, moment)
    what = f"The role of {row.person} was not confirmed."
    if by.pk in (row.person_id, row.granted_by_id):
        raise NotAllowed(what, "Who gave a role, or gets it, does not confirm it.", "Another administrator does.")
    with transaction.atomic():
        stands = Q(valid_to__isnull=True) | Q(valid_to__gt=moment)
        waits = RoleGrant.objects.filter(stands, pk=row.pk, awaits_second=True)
        if not waits.update(awaits_second=False, confirmed_by=by, confirmed_at=moment):
            raise Refused(what, "It does not wait for a second administrator any more.", "Look at the list again.")
        record("confirm_grant", row, by=by, at=moment, because=because, person=row.person_id, role=row.role)
    row.refresh_from_db()
    return row


def take_away(row: RoleGrant, *, by: User, because: str = "", at: datetime | None = None) -> None:
    """A role ends now. What was decided in it stays."""
    moment = at or timezone.now()
    may_manage(by, moment)
    with transaction.atomic():
        RoleGrant.objects.filter(pk=row.pk).update(valid_to=moment)
        record("take_away", row, by=by, at=moment, because=because, person=row.person_id, role=row.role)


def deactivate(person: User, *, by: User, because: str = "", at: datetime | None = None) -> User:
    """The person can do nothing any more; what they decided keeps their name."""
    moment = at or timezone.now()
    may_manage(by, moment)
    if by.pk == person.pk:
        raise Refused("You cannot deactivate yourself.", "", "A second administrator does it.")
    with transaction.atomic():
        User.objects.filter(pk=person.pk).update(is_active=False)
        ending = Q(valid_to__isnull=True) | Q(valid_to__gt=moment)
        RoleGrant.objects.filter(ending, person=person).update(valid_to=moment)
        SetUpLink.objects.filter(person=person, used_at__isnull=True).update(expires_at=moment)
        end_all(person)
        record("deactivate", person, by=by, at=moment, because=because)
    person.refresh_from_db()
    return person


def set_up_link(person: User, *, by: User | None, at: datetime | None = None) -> str:
    """A token with which the person sets a password once, within a day. Links given before end."""
    moment = at or timezone.now()
    may_manage(by, moment)
    if not person.is_active:
        raise Refused(f"{person} gets no link.", "They are deactivated.", "Activate them first.")
    if person.is_service:
        raise Refused(f"{person} gets no link.", "It is a program: it comes in by its token.", "Make another token.")
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        SetUpLink.objects.filter(person=person, used_at__isnull=True).update(expires_at=moment)
        row = SetUpLink.objects.create(
            person=person, digest=link_digest(token), made_at=moment, expires_at=moment + LINK_LASTS
        )
        record("set_up_link", row, by=by, at=moment, person=person.pk)
    return token


def fresh_link(person: User, *, by: User, at: datetime | None = None) -> str:
    """A token in place of one that ran out, for somebody who has never come in.

    Nobody else gets one from a page: with it an administrator could come in as somebody who decides.
    """
    may_manage(by, at or timezone.now())
    if came_in(person):
        raise Refused(
            f"{person} gets no new link.",
            "They have come in already; with a link somebody else could come in as them.",
            "Who lost their password sets it anew at the sign-in page, or by ./run manage setuplink on the machine.",
        )
    return set_up_link(person, by=by, at=at)


def came_in(person: User) -> bool:
    """Whether a person has set a password or signed in, ever."""
    return person.last_login is not None or person.has_usable_password()


def first_link(*, at: datetime | None = None) -> str:
    """The address behind which the first administrator sets a password; "" once somebody has one.

    Makes that person when there is nobody at all. A later start gives a fresh link and ends the one before.
    """
    if somebody_can_sign_in():
        return ""
    first = User.objects.filter(is_active=True, role_grants__role=Role.ADMINISTRATOR).order_by("pk").first()
    if first is None:
        first = make_person("administrator@localhost", "Administrator", roles=[Role.ADMINISTRATOR], by=None, at=at)
    return f"{settings.SITE_URL}/setup/link/{set_up_link(first, by=None, at=at)}/"


def use_link(token: str, password: str, *, name: str = "", email: str = "", at: datetime | None = None) -> User:
    """Sets the password of the person the link is for. A link works once. `email`: the address they sign in with from
    now on, for the first administrator alone, who has none yet."""
    moment = at or timezone.now()
    row = SetUpLink.objects.filter(digest=link_digest(token)).select_related("person").first()
    used = Refused("This link does not open any more.", "It was used, or it is too old.", "Ask for a new one.")
    if row is None or not row.person.is_active:
        raise used
    person, address = row.person, email.strip().lower()
    if address and person.email.endswith(NO_ADDRESS):
        refuse_bad_address(address)
        if User.objects.filter(email=address).exclude(pk=person.pk).exists():
            raise Refused("This address is taken.", f"There is a person with {address} already.", "Use another one.")
        person.email = address
    try:
        validate_password(password, person)
    except ValidationError as error:
        raise Refused("This password is not strong enough.", " ".join(error.messages), "Choose another one.") from error
    with transaction.atomic():
        fresh = SetUpLink.objects.filter(pk=row.pk, used_at__isnull=True, expires_at__gt=moment)
        if not fresh.update(used_at=moment):
            raise used
        person.name = name.strip() or person.name
        person.set_password(password)
        person.save(update_fields=["name", "email", "password"])
        record("use_link", person, by=person, at=moment)
    return person


def somebody_can_sign_in() -> bool:
    """Whether anybody has set a password yet."""
    unusable = Q(password__startswith=UNUSABLE_PASSWORD_PREFIX)
    return User.objects.exclude(unusable).exists()


def may_manage(by: User | None, at: datetime) -> None:
    """Administrators manage people; nobody at all does while an installation has none who ever came in."""
    if by is None and not somebody_can_sign_in():
        return
    check(by, "manage_people", None, at=at)


def refuse_bad_address(email: str) -> None:
    """An e-mail address a message can be sent to."""
    try:
        validate_email(email)
    except ValidationError as error:
        raise Refused(f"{email or 'A blank'} is no e-mail address.", "", "Write it like name@example.org.") from error
