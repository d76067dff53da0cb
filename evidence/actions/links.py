"""Links to one pack for somebody without an account: made, shown once, used on record, ended."""

from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path
from typing import Final

from django.db import transaction
from django.utils import timezone

from compliance.actions.ledger import record
from compliance.actions.tokens import digest_of
from compliance.classification import is_reserved
from compliance.errors import Refused
from compliance.models import LedgerInbox, User
from compliance.permissions import check
from evidence.actions.packs import path_of
from evidence.models import Pack, PackLink
from evidence.models.links import LONGEST

PREFIX: Final = "ewl_"  # so that a link found in a log is known for what it is
NOTHING: Final = "No link was made."
OPENED, TAKEN = "open_link", "take_link"


def make_link(pack: Pack, *, name: str, until: datetime, by: User, at: datetime | None = None) -> tuple[PackLink, str]:
    """A link to one built pack for a named reader, and its token, which is shown once."""
    moment = at or timezone.now()
    check(by, "share_pack", pack, at=moment)
    if pack.state != Pack.State.BUILT:
        raise Refused(NOTHING, f"{pack.ref} is not built.", "Wait for it.")
    if is_reserved("", list(pack.systems.all())):
        why = "It is about a system at PROTECTED or above: whoever reads it signs in."
        raise Refused(NOTHING, why, "Give the assessor an account with the role auditor, until a day.")
    if not name.strip():
        raise Refused(NOTHING, "It is for nobody.", "Say who reads it: it stands on each page.")
    if not moment < until <= moment + LONGEST:
        raise Refused(NOTHING, f"A link ends within {LONGEST.days} days.", "Choose an end to come.")
    token = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        row = PackLink.objects.create(
            pack=pack, name=name.strip(), digest=digest_of(token), made_by=by, made_at=moment, expires_at=until
        )
        record("share_pack", pack, by=by, at=moment, link=row.pk, name=row.name, until=until.isoformat())
    return row, token


def end_link(link: PackLink, *, by: User, at: datetime | None = None) -> PackLink:
    """It opens nothing from now on."""
    moment = at or timezone.now()
    check(by, "share_pack", link.pack, at=moment)
    with transaction.atomic():
        if not PackLink.objects.filter(pk=link.pk, ended_at=None).update(ended_at=moment, ended_by=by):
            raise Refused("Nothing was ended.", "The link was ended already.", "There is nothing to do.")
        record("end_link", link.pack, by=by, at=moment, link=link.pk, name=link.name)
    link.refresh_from_db()
    return link


def link_of(token: str, *, at: datetime | None = None) -> PackLink | None:
    """The link of a token, while it opens anything."""
    moment = at or timezone.now()
    if not token.startswith(PREFIX):
        return None
    row = PackLink.objects.filter(digest=digest_of(token)).select_related("pack", "made_by").first()
    return row if row is not None and row.holds_at(moment) and row.made_by.is_active else None


def opened(link: PackLink, *, at: datetime | None = None) -> None:
    """Somebody read the page behind a link. It is written before they get it."""
    with transaction.atomic():
        record(OPENED, link.pack, by=None, at=at or timezone.now(), link=link.pk, name=link.name)


def taken(link: PackLink, what: str, *, at: datetime | None = None) -> Path:
    """The file of the pack, for who came by a link. It is written before they get it."""
    place = path_of(link.pack, what)
    with transaction.atomic():
        record(TAKEN, link.pack, by=None, at=at or timezone.now(), link=link.pk, name=link.name, what=what)
    return place


def uses(pack: Pack) -> dict[int, tuple[int, int, datetime]]:
    """Link → how often its page was read, how often a file was taken, and when last."""
    found: dict[int, tuple[int, int, datetime]] = {}
    rows = LedgerInbox.objects.filter(object_type=Pack._meta.label_lower, object_id=pack.pk)
    rows = rows.filter(data__verb__in=[OPENED, TAKEN])
    for verb, payload, at in rows.order_by("pk").values_list("data__verb", "data__payload", "created"):
        read, took, _ = found.get(payload["link"], (0, 0, at))
        found[payload["link"]] = (read + (verb == OPENED), took + (verb == TAKEN), at)
    return found
