"""People who come by the organisation's provider: recognised by `sub` alone, with the roles of their groups."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from compliance.actions.ledger import record
from compliance.actions.people import refuse_bad_address
from compliance.errors import Refused
from compliance.models import RoleGrant, System, User
from compliance.permissions import check

PROVIDER: Final = "oidc"
NOT_LET_IN: Final = "You were not let in."


def arrive(claims: Mapping[str, Any], *, at: datetime | None = None) -> User:
    """The person of a verified ID token: known by its `sub`, or made where one of its groups has a role here.

    Grants of groups that are there no longer end; those of new ones begin. Raises Refused, with its reason.
    """
    moment, sub = at or timezone.now(), str(claims["sub"])
    wanted = roles_of(claims)
    with transaction.atomic():
        known = SocialAccount.objects.filter(provider=PROVIDER, uid=sub).select_related("user").first()
        person = known.user if known else welcomed(claims, sub, wanted, moment)
        if not person.is_active:
            raise Refused(NOT_LET_IN, "You are deactivated here.", "Ask an administrator.")
        brought_up_to_date(person, wanted, moment)
    if not person.grants(moment).exists():
        raise Refused(NOT_LET_IN, "None of your groups has a role here.", "Ask an administrator which group you need.")
    return person


def roles_of(claims: Mapping[str, Any]) -> set[tuple[str, int | None]]:
    """(role, system or None for all) of every group in the token; a system nobody knows gives nothing."""
    named = claims.get(settings.OIDC_CLAIM)
    groups = {named} if isinstance(named, str) else {one for one in named or () if isinstance(one, str)}
    rows = [row for group in sorted(groups) for row in settings.OIDC_GROUPS.get(group, [])]
    systems = dict(System.objects.values_list("name", "pk"))
    found = {(row["role"], systems.get(row["system"], -1) if row.get("system") else None) for row in rows}
    return {(role, system) for role, system in found if system != -1}


def welcomed(claims: Mapping[str, Any], sub: str, wanted: set[tuple[str, int | None]], at: datetime) -> User:
    """A person for a `sub` that nobody has yet. An address that somebody has here already is never enough."""
    if not wanted:
        raise Refused(NOT_LET_IN, "None of your groups has a role here.", "Ask an administrator which group you need.")
    email = str(claims.get("email") or "").strip().lower()
    refuse_bad_address(email)
    if User.objects.filter(email=email).exists():
        raise Refused(
            NOT_LET_IN,
            f"Somebody with {email} is here already, and an address alone proves nobody.",
            "Ask an administrator to link the two: ./run manage oidclink.",
        )
    person = User.objects.create_user(email, name=str(claims.get("name") or email)[:120])
    SocialAccount.objects.create(provider=PROVIDER, uid=sub, user=person)
    record("arrive", person, by=None, at=at, sub=sub, issuer=settings.OIDC_ISSUER)
    return person


def brought_up_to_date(person: User, wanted: set[tuple[str, int | None]], at: datetime) -> None:
    """Ends what no group gives any more and begins what one gives now; roles given by hand stay."""
    standing = RoleGrant.objects.filter(person=person, by_groups=True, valid_to__isnull=True)
    held = {(row.role, row.system_id): row for row in standing}
    for key in held.keys() - wanted:
        RoleGrant.objects.filter(pk=held[key].pk).update(valid_to=at)
        record("take_away", held[key], by=None, at=at, because="The group is gone.", person=person.pk, role=key[0])
    for role, system in sorted(wanted - held.keys(), key=str):
        row = RoleGrant.objects.create(person=person, role=role, system_id=system, valid_from=at, by_groups=True)
        record("grant", row, by=None, at=at, because="By group.", person=person.pk, role=role, system=system)


def link(person: User, sub: str, *, by: User, at: datetime | None = None) -> None:
    """An administrator says that this `sub` is this person."""
    check(by, "manage_people", None, at=at)
    if by.pk == person.pk:
        raise Refused("Nobody links themselves.", "", "A second administrator does it.")
    with transaction.atomic():
        if not sub.strip() or SocialAccount.objects.filter(provider=PROVIDER, uid=sub.strip()).exists():
            raise Refused(f"{person} was not linked.", "The sub is empty, or somebody's already.", "Look it up again.")
        SocialAccount.objects.create(provider=PROVIDER, uid=sub.strip(), user=person)
        record("link", person, by=by, at=at, sub=sub.strip(), issuer=settings.OIDC_ISSUER)
