"""Four eyes on risks: the authorising officer of the system decides, or their delegate; never who asked."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from allauth.mfa.models import Authenticator
from django.conf import settings

from compliance.delegations import in_place_of
from compliance.errors import NotAllowed, Refused
from compliance.four_eyes import FACTORS
from compliance.models import RiskAcceptance, Role, System, User

BY_OFFICER: Final = ("decide_risk", "revoke_risk")  # verbs of the authorising officer, which no role gives


def officer_of(person: User, system: System, at: datetime) -> User | None:
    """The authorising officer as whom the person may act: themselves, or whose delegate they are; None for nobody."""
    officer = system.authorising_officer
    if officer is None or not officer.is_active:
        return None
    if officer.pk == person.pk:
        return officer
    return officer if in_place_of(person, "authorising_officer", system.pk, at) == officer else None


def why_not(person: User, verb: str, risk: RiskAcceptance, at: datetime) -> Refused | None:
    """Why this person cannot decide on this risk, or revoke it; None when they can."""
    system, what = risk.system, f"You cannot {'decide on' if verb == 'decide_risk' else 'revoke'} {risk.ref}."
    if system.authorising_officer is None:
        return NotAllowed(
            what, f"{system} names no authorising officer, who alone accepts risks.", "An administrator names one."
        )
    if officer_of(person, system, at) is None:
        who = f"{system.authorising_officer}, the authorising officer of {system}, does, or a delegate."
        return NotAllowed(what, "Risks are accepted by the authorising officer.", who)
    if person.is_superuser or person.holds([Role.ADMINISTRATOR], at=at):
        return NotAllowed(
            what, "Administrators manage people and sources and never decide.", "A delegate can be named."
        )
    if verb == "revoke_risk":
        return None
    if risk.requested_by_id == person.pk:
        return NotAllowed(what, "Nobody decides on the risk they asked for.", "A delegate of the officer decides.")
    if lacks_factor(person, system):
        return NotAllowed(
            what,
            "Those who decide sign in with a second factor, and you have none set up.",
            "Set up an authenticator app or a passkey under your account.",
            link=("Set up two-step sign-in", "/accounts/2fa/"),
        )
    return None


def lacks_factor(person: User, system: System) -> bool:
    """Whether the organisation asks those who decide for a second factor, and this person has none."""
    asked = settings.APPROVERS_NEED_MFA and system.organisation.approvers_need_mfa
    return asked and not Authenticator.objects.filter(user_id=person.pk, type__in=FACTORS).exists()
