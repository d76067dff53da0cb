"""Saying by hand which device stands between two zones: one person proposes, another confirms, either may end it."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from compliance.actions.ledger import record
from compliance.errors import NotAllowed, Refused
from compliance.models import Server, User, Zone
from compliance.permissions import check
from evidence.models import DevicePath
from evidence.paths import ANYWHERE, Said

AGAIN = "Nothing was changed. Look at the page again: somebody may have been quicker."


def propose(
    device: Server, *, source: Zone | None, target: Zone | None, because: str, by: User, at: datetime | None = None
) -> DevicePath:
    """One person says that traffic from one zone to another passes a device. It counts once somebody else confirms."""
    check(by, "say_path", device.system, at=at)
    if not because.strip():
        raise Refused("The path was not kept.", "Nobody said how it is known.", "Say which drawing or record shows it.")
    if source is None and target is None:
        raise Refused("The path was not kept.", "It names no zone at all.", "Name a zone on one side at least.")
    held = DevicePath.objects.filter(device=device, source=source, target=target, ended_at__isnull=True)
    if held.exists():
        raise Refused("The path was not kept.", "The same is said already.", "Confirm it, or end it first.")
    with transaction.atomic():
        row = DevicePath.objects.create(
            system=device.system, device=device, source=source, target=target, because=because.strip(), proposed_by=by,
            proposed_at=at or timezone.now(),
        )  # fmt: skip
        record("propose_path", device, by=by, at=at, after=str(row), because=because)
    return row


def confirm(path: DevicePath, *, because: str, by: User, at: datetime | None = None) -> DevicePath:
    """A second person says the same: from now on connections between these zones are asked at the device."""
    check(by, "say_path", path.system, at=at)
    if path.proposed_by_id == by.pk:
        raise own(path)
    if not because.strip():
        raise Refused("The path was not confirmed.", "Nobody said how it was looked at.", "Say how.")
    with transaction.atomic():
        rows = DevicePath.objects.filter(pk=path.pk, confirmed_at__isnull=True, ended_at__isnull=True)
        try:
            with transaction.atomic():
                done = rows.update(confirmed_by=by, confirmed_at=at or timezone.now())
        except IntegrityError as error:
            raise own(path) from error
        if not done:
            raise Refused("The path was not confirmed.", "It is confirmed or ended already.", AGAIN)
        record("confirm_path", path.device, by=by, at=at, after=str(path), because=because)
    path.refresh_from_db()
    return path


def end(path: DevicePath, *, because: str, by: User, at: datetime | None = None) -> DevicePath:
    """It does not hold any more, or never did: what the interfaces show counts again."""
    check(by, "say_path", path.system, at=at)
    if not because.strip():
        raise Refused("The path was not ended.", "No reason was given.", "Say why.")
    with transaction.atomic():
        done = DevicePath.objects.filter(pk=path.pk, ended_at__isnull=True)
        if not done.update(ended_by=by, ended_at=at or timezone.now()):
            raise Refused("The path was not ended.", "It has ended already.", AGAIN)
        record("end_path", path.device, by=by, at=at, after=str(path), because=because)
    path.refresh_from_db()
    return path


def own(path: DevicePath) -> NotAllowed:
    """Nobody confirms their own."""
    return NotAllowed(
        "The path was not confirmed.",
        f"{path.proposed_by} said it: one person alone could name a device that hides what is open.",
        "Somebody else looks at it and confirms it.",
    )


def said(at: datetime) -> list[Said]:
    """What two people said, by pair of zones: all devices of a pair are passed."""
    rows = DevicePath.objects.in_force(at).select_related("device", "source", "target")
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows.order_by("pk"):
        pair = (row.source.name if row.source else ANYWHERE, row.target.name if row.target else ANYWHERE)
        found.setdefault(pair, []).append(row.device.name)
    return [Said(source, target, tuple(dict.fromkeys(names))) for (source, target), names in found.items()]
