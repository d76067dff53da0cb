"""Programs that are told what happens: set up by an administrator, tried, paused, ended; messages sent again."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from compliance import announcing
from compliance.actions.jobs import enqueue, enqueue_all
from compliance.actions.ledger import record
from compliance.errors import Refused
from compliance.models import Delivery, Receiver, System, User
from compliance.permissions import check
from evidence import sealing
from evidence.collectors import secrets as references
from evidence.collectors.addresses import https_parts
from evidence.collectors.chat import wrong_address
from evidence.collectors.collected import PullError
from evidence.collectors.https import PIN
from evidence.collectors.messages import bound_to

NOT_MADE: Final = "Nothing was set up."
SHORTEST: Final = 16  # characters of a signing secret that somebody types
HEADER_SAFE: Final = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class Wanted:
    """What an administrator chose. `secret`: typed, kept out of every repr; neither it nor a reference: one is made."""

    name: str
    kind: str
    events: Sequence[str]
    systems: Sequence[System] = ()
    address: str = ""
    pin: str = ""
    reference: str = ""
    secret: str = ""

    def __repr__(self) -> str:
        return f"Wanted({self.name}, {self.kind}, {self.reference or 'a value'})"


def add_receiver(wanted: Wanted, *, by: User, at: datetime | None = None) -> tuple[Receiver, str]:
    """Sets it up. Gives it, and the signing secret where Eastwest made one: that is shown once. Raises Refused."""
    moment = at or timezone.now()
    check(by, "manage_integrations", None, at=moment)
    refuse_wrong(wanted)
    webhook = wanted.kind == Receiver.Kind.WEBHOOK
    made = secrets.token_urlsafe(32) if webhook and not wanted.secret and not wanted.reference else ""
    row = Receiver(
        name=wanted.name.strip(),
        kind=wanted.kind,
        address=wanted.address.strip() if webhook else "",
        pin=wanted.pin.strip() if webhook else "",
        events=[event for event in announcing.EVENTS if event in wanted.events],
        reference=wanted.reference,
        made_by=by,
        made_at=moment,
    )
    if not wanted.reference:
        row.sealed, row.sealed_with = sealing.seal((wanted.secret or made).encode(), bound_to=bound_to(row))
    with transaction.atomic():
        row.save()
        row.systems.set(wanted.systems)
        record(
            "add_receiver", row, by=by, at=moment, kind=row.kind, name=row.name, events=row.events,
            systems=sorted(system.name for system in wanted.systems), secret=row.reference or "kept by Eastwest",
        )  # fmt: skip
    return row, made


def refuse_wrong(wanted: Wanted) -> None:
    """What cannot be set up, in a sentence that holds no secret."""
    if not wanted.name.strip() or wanted.kind not in Receiver.Kind.values:
        raise Refused(NOT_MADE, "It has no name or no kind.", "Say what it is called and what it is.")
    if not wanted.events or not set(wanted.events) <= set(announcing.EVENTS):
        raise Refused(NOT_MADE, "No event was chosen.", "Choose what it is told of.")
    if wanted.reference and (why := references.wrong(wanted.reference)):
        raise Refused(NOT_MADE, why, "Correct the reference.")
    if wanted.kind != Receiver.Kind.WEBHOOK:
        if not wanted.reference and (why := wrong_address(wanted.kind, wanted.secret)):
            raise Refused(NOT_MADE, why, "Copy the address from the channel's own settings.")
        return
    try:
        https_parts(wanted.address.strip())
    except PullError as error:
        raise Refused(NOT_MADE, error.what, error.next_step) from None
    if not HEADER_SAFE.fullmatch(wanted.address.strip()):
        raise Refused(NOT_MADE, "The address holds a blank or a letter that no address has.", "Write it encoded.")
    if wanted.pin.strip() and not PIN.fullmatch(wanted.pin.strip()):
        raise Refused(NOT_MADE, "The fingerprint is none.", "Write SHA256: and 43 letters, or leave it empty.")
    if wanted.secret and len(wanted.secret) < SHORTEST:
        why = f"The signing secret is shorter than {SHORTEST} characters: it could be guessed."
        raise Refused(NOT_MADE, why, "Leave it empty: Eastwest makes a good one.")


def seal_anew(rows: Iterable[Receiver], known: list[sealing.Key]) -> None:
    """The same values under the newest key. In the caller's transaction; raises Unreadable."""
    held = list(rows)
    for row in held:
        row.sealed, row.sealed_with = sealing.again(row.sealed, bound_to(row), known), known[0].id
    Receiver.objects.bulk_update(held, ["sealed", "sealed_with"])


def try_out(row: Receiver, *, by: User, at: datetime | None = None) -> Delivery:
    """A message of the event `test`, so that somebody sees whether it arrives."""
    moment = at or timezone.now()
    check(by, "manage_integrations", None, at=moment)
    refuse_ended(row)
    if row.paused_at is not None:
        raise Refused(f"{row.name} was not tried.", "It is paused.", "Resume it first.")
    path = f"/setup/integrations/{row.pk}/"
    news = announcing.News(announcing.TEST, f"A test of {row.name}", path, tuple(row.systems.all()))
    with transaction.atomic():
        made = announcing.deliver([(row, news)], at=moment, asked_by=by)
        record("test_receiver", row, by=by, at=moment, name=row.name)
    return made[0]


def pause(row: Receiver, *, by: User, because: str = "", at: datetime | None = None) -> Receiver:
    """Nothing is sent from now on; what happens meanwhile waits."""
    return switch(row, "pause_receiver", by=by, because=because, at=at)


def resume(row: Receiver, *, by: User, because: str = "", at: datetime | None = None) -> Receiver:
    """What waited is sent."""
    return switch(row, "resume_receiver", by=by, because=because, at=at)


def switch(row: Receiver, verb: str, *, by: User, because: str, at: datetime | None) -> Receiver:
    """Pauses or resumes it, once."""
    moment, on = at or timezone.now(), verb == "pause_receiver"
    check(by, "manage_integrations", None, at=moment)
    refuse_ended(row)
    with transaction.atomic():
        rows = Receiver.objects.filter(pk=row.pk, ended_at__isnull=True, paused_at__isnull=on)
        if not rows.update(paused_at=moment if on else None):
            raise Refused(f"{row.name} stays as it is.", f"It {'is paused' if on else 'runs'} already.", "Look again.")
        record(verb, row, by=by, at=moment, because=because, name=row.name)
        if not on:
            waiting = Delivery.objects.filter(receiver=row, state=Delivery.State.WAITING)
            waiting.update(round=F("round") + 1)
            enqueue_all("deliver", {announcing.job_key(each): {"delivery": each.pk} for each in waiting.all()})
    row.refresh_from_db()
    return row


def end(row: Receiver, *, by: User, because: str = "", at: datetime | None = None) -> Receiver:
    """Nothing is sent any more, and its secret is destroyed. The log of what was sent stays."""
    moment = at or timezone.now()
    check(by, "manage_integrations", None, at=moment)
    with transaction.atomic():
        gone = {"ended_at": moment, "reference": "", "sealed": "", "sealed_with": ""}
        if not Receiver.objects.filter(pk=row.pk, ended_at__isnull=True).update(**gone):
            raise Refused(f"{row.name} was not ended.", "It was ended already.", "There is nothing to do.")
        waiting = Delivery.objects.filter(receiver=row, state=Delivery.State.WAITING)
        waiting.update(state=Delivery.State.DROPPED, next_at=None, problem="The receiver was ended before.")
        record("end_receiver", row, by=by, at=moment, because=because, name=row.name)
    row.refresh_from_db()
    return row


def send_again(delivery: Delivery, *, by: User, at: datetime | None = None) -> Delivery:
    """The same message once more, under the same id: who took it already can tell."""
    moment = at or timezone.now()
    check(by, "manage_integrations", None, at=moment)
    refuse_ended(delivery.receiver)
    ended = [Delivery.State.SENT, Delivery.State.DEAD, Delivery.State.DROPPED]
    with transaction.atomic():
        rows = Delivery.objects.filter(pk=delivery.pk, state__in=ended, round=delivery.round)
        if not rows.update(state=Delivery.State.WAITING, tries=0, next_at=None, round=delivery.round + 1, asked_by=by):
            raise Refused("It was not sent again.", "It waits to be sent already.", "Look at the log again.")
        delivery.refresh_from_db()
        enqueue("deliver", key=announcing.job_key(delivery), args={"delivery": delivery.pk}, by=by)
        record("send_again", delivery.receiver, by=by, at=moment, message=delivery.uid.hex, event=delivery.event)
    return delivery


def refuse_ended(row: Receiver) -> None:
    """Nothing goes to what was ended."""
    if row.ended_at is not None:
        raise Refused(f"Nothing is sent to {row.name}.", "It was ended.", "Set it up anew.")
