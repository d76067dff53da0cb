"""Service tokens: made by an administrator for a time and a scope, shown once, used, revoked."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from compliance.actions.ledger import record
from compliance.errors import Refused
from compliance.models import Role, RoleGrant, ServiceToken, System, User
from compliance.models.tokens import LONGEST, SERVICE_ROLES
from compliance.permissions import check

PREFIX: Final = "ewt_"  # so that a token found in a log is known for what it is
NOTED_EVERY: Final = timedelta(minutes=1)  # how exactly its last use is known


def digest_of(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def make_token(
    name: str,
    *,
    roles: Iterable[str],
    systems: Iterable[System] = (),
    until: datetime,
    by: User,
    at: datetime | None = None,
) -> tuple[ServiceToken, str]:
    """A program's person, its roles (for these systems, or for all) until a day, and the token that is shown once."""
    moment = at or timezone.now()
    check(by, "manage_tokens", None, at=moment)
    what, wanted = "No token was made.", list(dict.fromkeys(roles))
    scope: list[System | None] = [*systems] or [None]
    if not name.strip():
        raise Refused(what, "It has no name.", "Say which program uses it, and for what.")
    if not wanted or not set(wanted) <= set(SERVICE_ROLES):
        names = ", ".join(Role(role).label.lower() for role in SERVICE_ROLES)
        raise Refused(what, "A program decides nothing and manages nobody.", f"Choose among {names}.")
    if not moment < until <= moment + LONGEST:
        raise Refused(what, "A token ends within a year.", "Choose an end to come, at most a year from today.")
    token = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        person = User.objects.create_user(
            f"service-{secrets.token_hex(8)}@service.invalid", name=f"Service: {name.strip()}"[:120], is_service=True
        )
        row = ServiceToken.objects.create(
            person=person, name=name.strip(), digest=digest_of(token), made_by=by, made_at=moment, expires_at=until
        )
        for role in wanted:
            for system in scope:
                RoleGrant.objects.create(
                    person=person, role=role, system=system, valid_from=moment, valid_to=until, granted_by=by
                )
        said = sorted(system.name for system in scope if system is not None)
        record("make_token", row, by=by, at=moment, name=row.name, roles=wanted, systems=said, until=until.isoformat())
    return row, token


def revoke_token(row: ServiceToken, *, by: User, because: str = "", at: datetime | None = None) -> ServiceToken:
    """It opens nothing from now on, and its person can do nothing any more."""
    moment = at or timezone.now()
    check(by, "manage_tokens", None, at=moment)
    with transaction.atomic():
        if not ServiceToken.objects.filter(pk=row.pk, revoked_at__isnull=True).update(revoked_at=moment):
            raise Refused(f"{row} was not revoked.", "It was revoked already.", "There is nothing to do.")
        User.objects.filter(pk=row.person_id).update(is_active=False)
        RoleGrant.objects.filter(person=row.person_id, valid_to__gt=moment).update(valid_to=moment)
        record("revoke_token", row, by=by, at=moment, because=because, name=row.name)
    row.refresh_from_db()
    return row


def person_of(token: str, *, at: datetime | None = None) -> User | None:
    """Whose token it is, if it still opens anything. Its use is noted, at most once a minute."""
    moment = at or timezone.now()
    if not token.startswith(PREFIX):
        return None
    row = ServiceToken.objects.filter(digest=digest_of(token)).select_related("person").first()
    if row is None or not row.holds_at(moment) or not row.person.is_active:
        return None
    unnoted = Q(last_used_at__isnull=True) | Q(last_used_at__lt=moment - NOTED_EVERY)
    ServiceToken.objects.filter(unnoted, pk=row.pk).update(last_used_at=moment)
    return row.person
