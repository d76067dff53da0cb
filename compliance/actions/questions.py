"""Asking about a change on the record, and answering. Neither alters the change or what was agreed to."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from compliance.actions.ledger import record
from compliance.errors import Refused
from compliance.models import Answer, ChangeRecord, Notice, Question, User
from compliance.notices import tell
from compliance.permissions import check


def ask(change: ChangeRecord, *, text: str, by: User, at: datetime | None = None) -> Question:
    """A question of somebody who decides on it or carries it out. Who asked for it and the owner are told."""
    moment = at or timezone.now()
    with transaction.atomic():
        row = ChangeRecord.objects.select_related("system__owner", "requested_by").get(pk=change.pk)
        check(by, "ask_question", row, at=moment)
        said = something(text, "Nothing was asked.", "Write the question in a sentence.")
        question = Question.objects.create(
            change=row, asked_by=by, asked_at=moment, text=said, content_hash=row.content_hash
        )
        record("ask_question", row, by=by, at=moment, because=said, question=question.pk)
        for person in {row.requested_by, row.system.owner} - {by}:
            tell(
                person,
                key=f"question:{question.pk}:{person.pk}",
                subject=f"{by} asks about {row.ref}: {row.title}"[:200],
                body=said,
                path=f"/changes/{row.ref}/",
                kind=Notice.QUESTION,
                at=moment,
            )
    return question


def answer(question: Question, *, text: str, by: User, at: datetime | None = None) -> Answer:
    """The answer, once. Who asked is told."""
    moment = at or timezone.now()
    with transaction.atomic():
        row = Question.objects.select_related("change__system", "change__requested_by", "asked_by").get(pk=question.pk)
        check(by, "answer_question", row, at=moment)
        said = something(text, "Nothing was answered.", "Write the answer in a sentence.")
        given = Answer(question=row, asked_by=row.asked_by, answered_by=by, answered_at=moment, text=said)
        try:
            with transaction.atomic():
                given.save(force_insert=True)
        except IntegrityError as error:
            raise Refused(
                "Your answer was not kept.", "Somebody answered in the same moment.", "Read their answer first."
            ) from error
        record("answer_question", row.change, by=by, at=moment, because=said, question=row.pk)
        tell(
            row.asked_by,
            key=f"answer:{given.pk}:{row.asked_by_id}",
            subject=f"{by} answered about {row.change.ref}: {row.change.title}"[:200],
            body=said,
            path=f"/changes/{row.change.ref}/",
            kind=Notice.QUESTION,
            at=moment,
        )
    return given


def something(text: str, what: str, step: str) -> str:
    """The text without blanks around it; refused when nothing is left."""
    if not text.strip():
        raise Refused(what, "No text was given.", step)
    return text.strip()
