"""Who may propose a policy, and who may decide on one: two people, both with their role for the whole organisation."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from allauth.mfa.models import Authenticator
from django.conf import settings

from compliance.errors import Refused
from compliance.four_eyes import FACTORS
from compliance.models import Organisation, PolicyVersion, Role, User

ROLES: Final = (Role.SYSTEM_OWNER, Role.MANAGER)


def why_not_policy(person: User, verb: str, version: Any, at: datetime) -> Refused | None:
    """Why this person cannot propose a policy (or decide on this version of it); None when they can."""
    what = "You cannot propose a policy." if verb == "propose_policy" else "You cannot decide on the policy."
    if person.is_superuser or person.holds([Role.ADMINISTRATOR], at=at):
        return Refused(what, "Administrators manage people and sources and never decide.", "An owner or manager does.")
    if not person.grants(at).filter(role__in=ROLES, system__isnull=True).exists():
        return Refused(
            what,
            "The policy holds for every system, and your role is for some.",
            "A system owner or manager of the whole organisation does.",
        )
    if isinstance(version, PolicyVersion) and version.proposed_by_id == person.pk:
        return Refused(what, "Nobody decides on a policy they proposed.", "Somebody else who holds the role decides.")
    if verb == "adopt_policy" and needs_second_factor() and not _has_one(person):
        return Refused(
            what,
            "Those who decide sign in with a second factor, and you have none set up.",
            "Set up an authenticator app or a passkey under your account.",
            link=("Set up two-step sign-in", "/accounts/2fa/"),
        )
    return None


def needs_second_factor() -> bool:
    """Whether those who decide must have a second factor: the setting, and our own organisations' word."""
    ours = Organisation.objects.filter(kind=Organisation.Kind.OWN, approvers_need_mfa=True)
    return bool(settings.APPROVERS_NEED_MFA) and bool(ours.exists())


def _has_one(person: User) -> bool:
    return bool(Authenticator.objects.filter(user_id=person.pk, type__in=FACTORS).exists())
