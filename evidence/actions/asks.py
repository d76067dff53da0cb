"""What assessors ask for beside a pack, and what they are given: words, a file, another pack."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone

from compliance import notices
from compliance.actions.ledger import record
from compliance.errors import Refused
from compliance.models import Notice, User
from compliance.permissions import check
from evidence.artefacts import keep
from evidence.models import EvidenceAsk, EvidenceReply, Pack, PackLink

MOST_BYTES: Final = 20 << 20
LONGEST: Final = 2000  # signs
BY_A_LINK: Final = 20  # questions that one link may leave without an answer


def ask(pack: Pack, *, text: str, by: User, at: datetime | None = None) -> EvidenceAsk:
    """An assessor with an account asks. The owners of the pack's systems are told."""
    moment = at or timezone.now()
    check(by, "ask_evidence", pack, at=moment)
    with transaction.atomic():
        row = EvidenceAsk.objects.create(pack=pack, asked_by=by, asked_at=moment, text=something(text))
        record("ask_evidence", pack, by=by, at=moment, because=row.text, ask=row.pk)
        told(row, moment)
    return row


def ask_by_link(link: PackLink, *, text: str, at: datetime | None = None) -> EvidenceAsk:
    """Somebody behind a link asks; of those who never get an answer only so many are taken."""
    moment = at or timezone.now()
    with transaction.atomic():
        PackLink.objects.select_for_update().get(pk=link.pk)  # many at once are counted one after the other
        if link.asks.filter(replies__isnull=True).count() >= BY_A_LINK:
            raise Refused("Nothing was asked.", f"{BY_A_LINK} questions wait for an answer.", "Wait for one of them.")
        row = EvidenceAsk.objects.create(pack=link.pack, link=link, asked_at=moment, text=something(text))
        record(
            "ask_evidence", link.pack, by=None, at=moment, because=row.text, ask=row.pk, link=link.pk, name=link.name
        )
        told(row, moment)
    return row


def answer(
    row: EvidenceAsk, *, text: str, by: User, file: tuple[str, bytes] | None = None, other: Pack | None = None,
    at: datetime | None = None,
) -> EvidenceReply:  # fmt: skip
    """Words, and where there is one a file or another pack of systems that this pack is about."""
    moment, nothing = at or timezone.now(), "Nothing was answered."
    check(by, "answer_evidence", row.pack, at=moment)
    if file is not None and not 0 < len(file[1]) <= MOST_BYTES:
        raise Refused(nothing, f"A file has at most {MOST_BYTES >> 20} MB, and is not empty.", "Bring another.")
    if other is not None and not set(other.systems.values_list("pk")) <= set(row.pack.systems.values_list("pk")):
        raise Refused(nothing, f"{other.ref} is about other systems than {row.pack.ref}.", "Name another pack.")
    said = something(text)
    stored = keep(file[1]) if file is not None else None
    with transaction.atomic():
        reply = EvidenceReply.objects.create(
            ask=row, text=said, stored=stored, file=file[0][:200] if file else "", other=other, answered_by=by,
            sha256=stored.sha256 if stored else "", answered_at=moment,
        )  # fmt: skip
        record("answer_evidence", row.pack, by=by, at=moment, because=said, ask=row.pk, file=reply.sha256)
        if row.asked_by is not None:
            notices.tell(row.asked_by, key=f"evidence-reply:{reply.pk}", subject=f"{by} answered about {row.pack.ref}",
                         body=said, path=f"/packs/{row.pack.ref}/asks/", kind=Notice.QUESTION, at=moment)  # fmt: skip
    return reply


def told(row: EvidenceAsk, at: datetime) -> None:
    """Word to the owners of the pack's systems."""
    for owner in {system.owner for system in row.pack.systems.select_related("owner")} - {row.asked_by}:
        subject = f"{row.who} asks about {row.pack.ref}"[:200]
        notices.tell(owner, key=f"evidence-ask:{row.pk}:{owner.pk}", subject=subject, body=row.text,
                     path=f"/packs/{row.pack.ref}/asks/", kind=Notice.QUESTION, at=at)  # fmt: skip


def something(text: str) -> str:
    """The text without blanks around it; refused when nothing is left, or far too much."""
    if not 0 < len(text.strip()) <= LONGEST:
        raise Refused("Nothing was kept.", f"It takes a text of up to {LONGEST} signs.", "Write it in some sentences.")
    return text.strip()
