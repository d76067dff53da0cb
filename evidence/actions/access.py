"""What a source signs in with, and the key by which its host is known: set, shown, confirmed by somebody else."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.db import IntegrityError, transaction
from django.utils import timezone

from compliance.actions.ledger import record
from compliance.errors import NotAllowed, Refused
from compliance.models import Receiver, User
from compliance.permissions import check
from evidence import sealing
from evidence.actions import receivers
from evidence.actions.sources import SIGNS_IN_LATER, ask
from evidence.collectors import secrets as references
from evidence.collectors.collected import PullError
from evidence.collectors.keys import Shown, public_half
from evidence.models import ErrorCode, Pin, Pull, Source, SourceSecret
from evidence.models.sources import OVER_HTTPS, OVER_SSH

TAKES_A_SECRET: Final = OVER_SSH | OVER_HTTPS | {Source.Kind.GIT, Source.Kind.AWS}
AGAIN = "Nothing was changed. Look at the page again: somebody may have been quicker."


@dataclass(frozen=True)
class Given:
    """What a person chose: a reference, a value they typed (kept out of every repr), or a key made here (neither)."""

    use: str
    reference: str = ""
    value: bytes = b""

    def __repr__(self) -> str:
        return f"Given({self.use}, {self.reference or 'a value'})"


def set_secret(source: Source, given: Given, *, by: User, at: datetime | None = None) -> SourceSecret:
    """What the source signs in with from now on. Without reference and value a key is made, and only its public half
    is ever shown. Raises Refused; nothing of a value stands in an error or in the ledger."""
    check(by, "edit_source", source, at=at)
    if source.kind not in TAKES_A_SECRET:
        raise Refused(f"{source.name} takes no secret.", "It is not read over a network.", "Add one that is.")
    if given.use not in SourceSecret.Use.values:
        raise Refused("The secret was not set.", "It is neither a key nor a password.", "Choose one of the two.")
    if given.reference and (why := references.wrong(given.reference)):
        raise Refused("The secret was not set.", why, "Correct the reference.")
    if source.kind not in OVER_SSH and given.use != SourceSecret.Use.PASSWORD:
        raise Refused(
            "The secret was not set.", "It takes a token or an access key.", "Choose the password, and give it there."
        )
    value, public = given.value, ""
    if not given.reference and not value:
        if given.use == SourceSecret.Use.PASSWORD:
            raise Refused("The secret was not set.", "No password was given.", "Type it, or say where it lies.")
        value = new_key()
    if value and given.use == SourceSecret.Use.KEY:
        public = public_of(value)
    with transaction.atomic():
        Source.objects.select_for_update().get(pk=source.pk)
        held = SourceSecret.objects.filter(source=source).first() or SourceSecret(source=source)
        held.source, held.use, held.reference, held.public = source, given.use, given.reference, public
        held.serial, held.set_by, held.set_at = uuid.uuid4(), by, at or timezone.now()
        held.sealed, held.sealed_with = ("", "")
        if not given.reference:
            held.sealed, held.sealed_with = sealing.seal(value, bound_to=references.bound_to(held))
        held.save()
        record("set_secret", source, by=by, at=at, after=given.reference or "kept by Eastwest", use=given.use)
        if source.kind in SIGNS_IN_LATER and source.enabled and not source.pulls.exists():  # it waited for this
            ask(source, by=by, at=at)
    return held


def public_of(value: bytes) -> str:
    """The public half of a typed private key. Raises Refused where it is none."""
    try:
        return public_half(value)
    except PullError as error:
        raise Refused("The secret was not set.", error.what, error.next_step) from None


def new_key() -> bytes:
    """An Ed25519 key for one source alone, as OpenSSH writes it."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


def rotate(*, by: User | None, because: str, at: datetime | None = None) -> tuple[int, list[str]]:
    """A new key for what is kept: every value is sealed anew, and keys that seal nothing any more are destroyed.

    Gives how many values, and the ids of the destroyed keys. The key in use until now stays until the next rotation:
    a page that was sealing in the same moment may still need it. Raises Refused when a value cannot be opened; then
    every key stays.
    """
    if not because.strip():
        raise Refused("The keys were not rotated.", "No reason was given.", "Say why, for the auditor.")
    try:
        with transaction.atomic():
            rows = list(SourceSecret.objects.select_for_update().exclude(sealed="").select_related("source"))
            told = list(Receiver.objects.select_for_update().exclude(sealed=""))
            known = sealing.add_key(beside_others=bool(rows or told))
            for row in rows:
                row.sealed = sealing.again(row.sealed, references.bound_to(row), known)
                row.sealed_with = known[0].id
            SourceSecret.objects.bulk_update(rows, ["sealed", "sealed_with"])
            for row in rows:
                record("rotate_secret", row.source, by=by, at=at, because=because, key=row.sealed_with)
            receivers.seal_anew(told, known)
            for receiver in told:
                record("rotate_secret", receiver, by=by, at=at, because=because, key=receiver.sealed_with)
        used = set(SourceSecret.objects.exclude(sealed="").values_list("sealed_with", flat=True))
        used |= set(Receiver.objects.exclude(sealed="").values_list("sealed_with", flat=True))
        gone = sealing.keep_only(used | {key.id for key in known[:2]})
    except sealing.Unreadable as error:
        raise Refused("The keys were not rotated.", error.what, error.next_step) from None
    return len(rows) + len(told), gone


def propose_pin(source: Source, shown: Shown, *, by: User, at: datetime | None = None) -> Pin:
    """The key that a host just showed, for somebody else to compare. A proposal nobody confirmed gives way to it."""
    check(by, "edit_source", source, at=at)
    moment = at or timezone.now()
    with transaction.atomic():
        Source.objects.select_for_update().get(pk=source.pk)
        Pin.objects.open().filter(source=source, kind=shown.kind).update(ended_at=moment, ended_by=by)
        pin = Pin.objects.create(
            source=source,
            kind=shown.kind,
            address=shown.address,
            algorithm=shown.algorithm,
            public=shown.public,
            fingerprint=shown.fingerprint,
            proposed_by=by,
            proposed_at=moment,
        )
        record("propose_pin", source, by=by, at=at, after=str(pin), address=shown.address)
    return pin


def confirm_pin(pin: Pin, *, fingerprint: str, because: str, by: User, at: datetime | None = None) -> Pin:
    """A second person says that it is the host's own key; from now on nothing else is believed.

    It replaces the one before, and the source is read at once. `fingerprint`: as they compared it; another one than the
    pin's is refused. `because`: how they compared it.
    """
    why = why_not_confirm(by, pin, at=at)
    if why is not None:
        raise why
    if fingerprint.strip() != pin.fingerprint:
        raise Refused("The key was not confirmed.", "What was compared is not what is shown now.", AGAIN)
    if not because.strip():
        raise Refused("The key was not confirmed.", "Nobody said how it was compared.", "Say how.")
    moment = at or timezone.now()
    with transaction.atomic():
        source = Source.objects.select_for_update().get(pk=pin.source_id)
        Pin.objects.in_force().filter(source=pin.source_id, kind=pin.kind).update(ended_at=moment, ended_by=by)
        try:
            with transaction.atomic():
                done = Pin.objects.open().filter(pk=pin.pk).update(confirmed_by=by, confirmed_at=moment)
        except IntegrityError as error:
            raise own(pin) from error
        if not done:
            raise Refused("The key was not confirmed.", "It is not proposed any more.", AGAIN)
        record("confirm_pin", source, by=by, at=at, after=str(pin), because=because, proposed_by=pin.proposed_by_id)
        read_again(source, by=by, at=moment)
    pin.refresh_from_db()
    return pin


def read_again(source: Source, *, by: User, at: datetime) -> None:
    """What waited for its key, or paused because another one was shown, is read now. In the caller's transaction."""
    if source.paused_code == ErrorCode.HOSTKEY_CHANGED:
        resumed = {"enabled": True, "paused_code": "", "paused_at": None, "failures": 0}
        Source.objects.filter(pk=source.pk).update(**resumed)
        record("resume", source, by=by, at=at, because="its new host key was confirmed")
        source.refresh_from_db()
    waiting = source.pulls.filter(state__in=[Pull.State.QUEUED, Pull.State.RUNNING]).exists()
    if source.enabled and not waiting:
        ask(source, by=by, at=at)


def refuse_pin(pin: Pin, *, because: str, by: User, at: datetime | None = None) -> Pin:
    """It is not the host's key, or nobody could tell. Nothing is pulled with it."""
    check(by, "confirm_pin", pin.source, at=at)
    if not because.strip():
        raise Refused("The key was not refused.", "No reason was given.", "Say why: somebody may be in between.")
    with transaction.atomic():
        ended = Pin.objects.open().filter(pk=pin.pk).update(ended_at=at or timezone.now(), ended_by=by)
        if not ended:
            raise Refused("The key was not refused.", "It is not proposed any more.", AGAIN)
        record("refuse_pin", pin.source, by=by, at=at, after=str(pin), because=because)
    pin.refresh_from_db()
    return pin


def why_not_confirm(person: User, pin: Pin, *, at: datetime | None = None) -> Refused | None:
    """Why this person cannot confirm it: the role, or that they proposed it themselves."""
    from compliance.permissions import may

    refused = may(person, "confirm_pin", pin.source, at=at)
    if refused is None and pin.proposed_by_id == person.pk:
        return own(pin)
    return refused


def own(pin: Pin) -> NotAllowed:
    """Nobody confirms their own."""
    return NotAllowed(
        "The key was not confirmed.",
        f"{pin.proposed_by} proposed it: one person alone could let a false host in.",
        "Somebody else compares the fingerprint and confirms it.",
    )
