"""Ways of administration: written with each comparison; and what a person attests of a log-in nobody can read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from compliance.actions.ledger import record
from compliance.errors import Refused
from compliance.models import Server, User
from compliance.models.estate import day_of
from compliance.permissions import check
from evidence.admin_path import AdminPath
from evidence.models import AdminPathRow, Comparison, LoginAttestation

BATCH = 200


def write(comparison: Comparison, found: Iterable[AdminPath], servers: Mapping[str, Server]) -> int:
    """The rows of an unpublished comparison. Gives how many there are."""
    rows = [row(comparison, one, servers[one.server]) for one in found if one.server in servers]
    AdminPathRow.objects.bulk_create(rows, batch_size=BATCH)
    return len(rows)


def row(comparison: Comparison, one: AdminPath, server: Server) -> AdminPathRow:
    """One server as a row."""
    return AdminPathRow(
        comparison=comparison, system_id=server.system_id, server=server, bastion=one.bastion, reach=one.reach,
        services=one.services, sockets_read=one.sockets_read, bastions=one.bastions, others=one.others,
        outside=one.outside, rule=one.rule[:300], place=one.where[:300], example=one.example[:200],
        because=one.because, login=one.login, seen=one.seen, seen_from=one.seen.get("from", ""),
    )  # fmt: skip


def forget_others(comparison: Comparison) -> None:
    """Removes what earlier comparisons wrote: the list shows what runs now; findings and packs keep what was."""
    AdminPathRow.objects.exclude(comparison=comparison).filter(comparison__published=True).delete()


def attest_login(server: Server, *, says: str, seen_on: date, by: User, at: datetime | None = None) -> LoginAttestation:
    """A person says how one logs in to a server, and when that was looked at. It never takes the place of a reading.

    Raises Refused for a day to come.
    """
    moment = at or timezone.now()
    check(by, "attest_login", server, at=at)
    if seen_on > day_of(moment):
        raise Refused("It was not recorded.", "That day is still to come.", "Give the day on which it was looked at.")
    with transaction.atomic():
        row = LoginAttestation.objects.create(
            system_id=server.system_id, server=server, says=says, seen_on=seen_on, attested_by=by, attested_at=moment
        )
        record("attest_login", row, by=by, at=moment, after=says, because=says, server=server.name)
    return row
