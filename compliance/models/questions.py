"""Questions about a change, and their answers: said once, never altered, and no part of what is approved."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from compliance.models.changes import ChangeRecord
from compliance.models.people import Role, User


class QuestionQuerySet(models.QuerySet["Question"]):
    """Questions, by whether they are answered."""

    def waiting(self) -> QuestionQuerySet:
        """Those nobody has answered."""
        return self.filter(answer__isnull=True)

    def for_answer_by(self, person: User) -> QuestionQuerySet:
        """Those this person may answer: of their own requests, and of the systems they own; not their own questions."""
        systems = {grant.system_id for grant in person.roles_held() if grant.role == Role.SYSTEM_OWNER}
        everywhere = None in systems
        mine = Q(change__requested_by=person) | Q(change__system__in=systems - {None})
        # few wait for an answer; the requests of somebody's systems are many
        few = list(self.waiting().order_by().values_list("pk", flat=True))
        rows = self.filter(pk__among=few)
        return (rows if everywhere else rows.filter(mine)).exclude(asked_by=person)


class Question(models.Model):
    """Something a decider or engineer wants to know before going on. It stands on the record for good."""

    change = models.ForeignKey(ChangeRecord, on_delete=models.PROTECT, related_name="questions")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="questions_asked")
    asked_at = models.DateTimeField(default=timezone.now)
    text = models.TextField()
    content_hash = models.CharField(max_length=64, help_text="Of what the change said when it was asked.")

    objects: ClassVar[models.Manager[Question]] = QuestionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["pk"]

    def __str__(self) -> str:
        return f"{self.change.ref}: {self.text[:80]}"


class Answer(models.Model):
    """What was answered, by whom. One answer to a question; who wants to know more asks again."""

    question = models.OneToOneField(Question, on_delete=models.PROTECT, related_name="answer")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    answered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="questions_answered")
    answered_at = models.DateTimeField(default=timezone.now)
    text = models.TextField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=~Q(answered_by=F("asked_by")),
                name="nobody_answers_their_own_question",
                violation_error_message="Nobody answers their own question.",
            ),
        ]

    def __str__(self) -> str:
        return self.text[:80]
