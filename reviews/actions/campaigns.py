"""The verbs of a campaign: starting it, deciding on its connections by the verbs of each, closing it; and reminding.

A decision here is a change record like any other: two people agree to it, or nothing is kept, narrowed or removed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from compliance import severity
from compliance.actions.bulk import Outcome, Recertified, outcome, recertification, refuse_mixed
from compliance.actions.ledger import record
from compliance.errors import Refused
from compliance.models import ConnectionVersion, Notice, Server, System, User, Zone
from compliance.models.estate import Membership, day_of
from compliance.notices import tell
from compliance.permissions import check
from compliance.standing import mentioned
from evidence.judgement import counted
from reviews.actions.reminders import by_key, managers, once, spelt, step_of
from reviews.campaigns import Share, frozen, sentence, shares, stand, stands
from reviews.models import Campaign, CampaignItem

NOTHING: Final = "Nothing was started."
BATCH: Final = 500


def start(
    *,
    title: str,
    systems: Sequence[System],
    which: str,
    due: date,
    by: User,
    before: date | None = None,
    zone: Zone | None = None,
    at: datetime | None = None,
) -> Campaign:
    """Starts a campaign about what is authorised of these systems now; their owners are told.

    Raises Refused where it is about nothing, or its day is not to come.
    """
    moment = at or timezone.now()
    check(by, "start_campaign", None, at=moment)
    for system in systems:
        check(by, "start_campaign", system, at=moment)
    if not systems:
        raise Refused(NOTHING, "No system was named.", "Name those whose owners are to decide.")
    if due <= day_of(moment):
        raise Refused(NOTHING, "Its day is not to come.", "Name a day by which the owners can have decided.")
    if which not in Campaign.Which.values or (which == "due" and before is None) or (which == "zone" and zone is None):
        raise Refused(NOTHING, "It is not said which connections it is about.", "Name the day, or the zone.")
    before, zone = before if which == "due" else None, zone if which == "zone" else None
    chosen = versions(systems, which, before, zone, moment)
    if not chosen:
        raise Refused(NOTHING, "Nothing that is authorised now is of that kind.", "Choose others.")
    with transaction.atomic():
        row = Campaign.objects.create(
            title=title.strip(), which=which, before=before, zone=zone, due=due, started_by=by, started_at=moment
        )
        row.systems.set(systems)
        CampaignItem.objects.bulk_create(
            [CampaignItem(campaign=row, system_id=one.connection.system_id, connection=one.connection, version=one)
             for one in chosen], batch_size=BATCH,
        )  # fmt: skip
        record("start_campaign", row, by=by, at=moment, after=[one.material_hash for one in chosen], because=row.title,
               connections=len(chosen), due=due.isoformat())  # fmt: skip
        for share in shares(stands(row.items.select_related(*WITH), moment)):
            count = counted(share.total, "connection")
            subject = f"{row.ref}: {count} of {share.system} to be decided on by {spelt(due)}"
            body = f"{row.title}. Keep, narrow or remove each. What nobody decides on is not kept by that."
            tell(share.system.owner, key=f"campaign:{row.pk}:start:{share.system.pk}", subject=subject[:200],
                 body=body, path=path_of(row), kind=Notice.REVIEW, at=moment, about=systems)  # fmt: skip
    return row


WITH: Final = ("system__owner", "connection", "version", "change", "decided_by")


def path_of(row: Campaign) -> str:
    """Its page."""
    return f"/campaigns/{row.ref}/"


def versions(
    systems: Sequence[System], which: str, before: date | None, zone: Zone | None, at: datetime
) -> list[ConnectionVersion]:
    """What is authorised of these systems now and is of that kind."""
    rows = ConnectionVersion.objects.filter(connection__system__in=systems).authorised_at(day_of(at))
    if which == "due":
        rows = rows.filter(review_by__lte=before)
    found = list(rows.select_related("connection").order_by("connection_id", "-valid_from"))
    once_each = list({one.connection_id: one for one in reversed(found)}.values())[::-1]
    if which == "provisional":
        return [one for one in once_each if one.material.get("basis") == "provisional"]
    if which == "zone" and zone is not None:
        names = names_in(zone)
        return [one for one in once_each if names & set(mentioned(one.material))]
    return once_each


def names_in(zone: Zone) -> set[str]:
    """The zone, the servers that hold an address in it now, and the groups they are in."""
    held = Q(addresses__zone=zone, addresses__valid_to__isnull=True)
    servers = set(Server.objects.filter(held).values_list("name", flat=True))
    members = Membership.objects.filter(server__name__in=servers, valid_to__isnull=True)
    return {zone.name} | servers | set(members.values_list("group__name", flat=True))


def decide(
    campaign: Campaign,
    rows: Sequence[tuple[CampaignItem, str]],
    what: Recertified,
    *,
    because: Mapping[int, str],
    by: User,
    until: date | None = None,
    at: datetime | None = None,
) -> list[Outcome]:
    """Keeps, narrows or removes each connection of one severity, by a change record of its own.

    `rows`: the item and the hash of what was read of its connection; `because`: the reason of each, by its connection's
    id. Refused as a whole where it is closed, they are of several severities, or nothing is said until when; else each
    has an outcome of its own.
    """
    moment = at or timezone.now()
    for item, _ in rows:
        check(by, "decide_campaign", item, at=moment)
    if campaign.state != Campaign.State.OPEN:
        raise Refused("Nothing was decided.", f"{campaign.ref} is closed.", "Recertify them outside it.")
    now = {one.item.pk: one for one in stands([item for item, _ in rows], moment)}
    said = {one.item.connection_id: one.version.said for one in now.values() if one.version}
    refuse_mixed(severity.of_materials(said))
    if what == "keep" and (until is None or until <= day_of(moment)):
        raise Refused("Nothing was decided.", "There is no day until which it is kept.", "Name a day to come.")

    def one(item: CampaignItem, seen: str) -> str:
        why = because.get(item.connection_id, "").strip()
        if not why:
            raise Refused(f"{item.connection.ref} was left as it is.", "No reason was given.", "Give one.")
        with transaction.atomic():
            row = CampaignItem.objects.select_for_update().get(pk=item.pk)
            if not Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.OPEN).exists():
                raise Refused(f"{item.connection.ref} was left as it is.", f"{campaign.ref} was closed.", "")
            version = row.connection.version_on(day_of(moment))
            there = stand(row, version)
            if not there.left:
                raise Refused(f"{item.connection.ref} was left as it is.", "It is decided on.", there.note)
            if version is None or version.material_hash != seen:
                what_now = "It changed since you read it."
                raise Refused(f"{item.connection.ref} was left as it is.", what_now, "Read it again.")
            if there.state == "draft":
                next_step = "Send that draft, or withdraw it."
                raise Refused(f"{item.connection.ref} was left as it is.", there.note, next_step)
            change, sentence = recertification(version, what, why, until, by, moment)
            row.what, row.because, row.until = what, why, until if what == "keep" else None
            row.change, row.decided_by, row.decided_at = change, by, moment
            row.save(update_fields=["what", "because", "until", "change", "decided_by", "decided_at"])
            record("decide_campaign", campaign, by=by, at=moment, after=what, because=why,
                   connection=item.connection.ref, change=change.ref)  # fmt: skip
        return sentence

    return [
        outcome(item.connection.ref, f"/connections/{item.connection.ref}/", one, item, seen) for item, seen in rows
    ]


def close(campaign: Campaign, *, because: str, by: User, at: datetime | None = None) -> Campaign:
    """Freezes the result with its hash. What nobody decided on stands in it as not decided."""
    moment = at or timezone.now()
    check(by, "close_campaign", campaign, at=moment)
    with transaction.atomic():
        row = Campaign.objects.select_for_update().get(pk=campaign.pk)
        if row.state != Campaign.State.OPEN:
            raise Refused(f"{row.ref} is not closed twice.", f"{row.closed_by} closed it.", "Read its result.")
        found = stands(row.items.select_related(*WITH), moment)
        if any(one.left for one in found) and not because.strip():
            raise Refused(f"{row.ref} was not closed.", f"{sentence(found)}.", "Say why it is closed all the same.")
        row.state, row.closed_by, row.closed_at, row.closed_because = "closed", by, moment, because.strip()
        row.result = frozen(row, found, moment)
        row.result_hash = hashlib.sha256(row.result.encode()).hexdigest()
        row.save(update_fields=["state", "closed_by", "closed_at", "closed_because", "result", "result_hash"])
        left = sum(one.left for one in found)
        record("close_campaign", row, by=by, at=moment, after=row.result_hash, because=row.closed_because, left=left)
    return row


def remind(at: datetime) -> int:
    """Reminds each owner who has something left, 14, 7 and 1 day ahead and when it is overdue; overdue for a week goes
    to those who manage the system as well. In the caller's transaction. Gives how many messages were new."""
    told = 0
    for row in Campaign.objects.filter(state=Campaign.State.OPEN).order_by("pk"):
        step = step_of((row.due - day_of(at)).days)
        if step:
            about = list(row.systems.all())
            for share in shares(stands(row.items.select_related(*WITH), at)):
                told += of_share(row, share, step, about, at) if share.left else 0
    return told


def of_share(row: Campaign, share: Share, step: str, about: Iterable[System], at: datetime) -> int:
    """One owner's reminder, and when it is overdue for a week that of those above."""
    key, owner = f"campaign:{row.pk}:{row.due}:{share.system.pk}", share.system.owner
    subject = f"{row.ref}: {share.left} of {counted(share.total, 'connection')} of {share.system} not decided"
    late = step in ("overdue", "escalated")
    when = "It was due" if late else "It is due"
    body = f"{row.title}. {when} on {spelt(row.due)}. What nobody decides on is not kept."
    told = once(owner, key, "overdue" if step == "escalated" else step, subject, body, path_of(row), at, about)
    count = int(told)
    if step == "escalated":
        body = f"{owner} was to decide by {spelt(row.due)}, and has not. What nobody decides on is not kept."
        for person in by_key(managers(share.system, at) - {owner}):
            count += once(person, key, step, subject, body, path_of(row), at, about)
    return count
