"""Asking about a change and answering, on the record."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from compliance.actions import questions as verbs
from compliance.forms.questions import AnswerForm, QuestionForm
from compliance.models import ChangeRecord, Question, User
from compliance.permissions import check, may
from compliance.views.shown import facts
from compliance.views.verbs import confirm


def shown(change: ChangeRecord, person: User) -> list[dict[str, Any]]:
    """The questions about a change, oldest first, each with its answer or the way to answer it."""
    rows = change.questions.select_related("asked_by", "answer__answered_by", "change__system", "change__requested_by")
    rows = rows.prefetch_related("change__needs")
    return [
        {
            "text": row.text,
            "by": str(row.asked_by),
            "at": row.asked_at,
            "answer": getattr(row, "answer", None),
            "answer_url": f"/changes/{change.ref}/questions/{row.pk}/"
            if may(person, "answer_question", row) is None
            else "",
        }
        for row in rows
    ]


def ask(request: HttpRequest, number: int) -> HttpResponse:
    """Ask about a change."""
    person: User = request.user  # type: ignore[assignment]
    change = get_object_or_404(ChangeRecord.objects.for_user(person), pk=number)
    form = QuestionForm(request.POST or None)
    if not form.is_valid():
        check(person, "ask_question", change)
    return confirm(
        request,
        form=form,
        act=lambda form: verbs.ask(change, text=form.cleaned_data["text"], by=person),
        done=lambda _: f"/changes/{change.ref}/",
        context=page(
            change, "Ask a question", "Ask", "The change stays as it is, and so does every agreement given to it."
        ),
    )


def answer(request: HttpRequest, number: int, question: int) -> HttpResponse:
    """Answer a question about a change."""
    person: User = request.user  # type: ignore[assignment]
    change = get_object_or_404(ChangeRecord.objects.for_user(person), pk=number)
    row = get_object_or_404(change.questions.select_related("change__system", "asked_by"), pk=question)
    form = AnswerForm(request.POST or None)
    if not form.is_valid():
        check(person, "answer_question", row)
    said = page(
        change,
        "Answer a question",
        "Answer",
        "What was sent is not edited. If it should say something else, withdraw it and ask again.",
    )
    said["facts"].insert(0, {"label": f"{row.asked_by} asks", "text": row.text, "mono": False})
    return confirm(
        request,
        form=form,
        act=lambda form: verbs.answer(row, text=form.cleaned_data["text"], by=person),
        done=lambda _: f"/changes/{change.ref}/",
        context=said,
    )


def page(change: ChangeRecord, title: str, submit: str, consequence: str) -> dict[str, Any]:
    """Context of the confirmation page."""
    return {
        "title": f"{title}: {change.ref}",
        "crumb": [change.ref, change.get_kind_display()],
        "back_url": f"/changes/{change.ref}/",
        "subject": change.title,
        "consequence": consequence,
        "facts": [dict(fact) for fact in facts(change.material)],
        "warning": None,
        "submit": submit,
        "danger": False,
    }


def waiting(person: User) -> list[int]:
    """The keys of the changes with a question that this person may answer, the oldest question first."""
    rows = Question.objects.for_answer_by(person).order_by("asked_at", "pk")
    return list(dict.fromkeys(rows.values_list("change", flat=True)))
