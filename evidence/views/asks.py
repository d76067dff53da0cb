"""What assessors ask for beside a pack, and what they are given."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from compliance.errors import NotAllowed, Refused
from compliance.permissions import check, may
from compliance.views.changes import signed_in
from compliance.views.step_up import held
from evidence.actions import asks as verbs
from evidence.forms.links import AnswerForm, AskForm
from evidence.models import EvidenceAsk, EvidenceReply, Pack
from evidence.views.links import as_file
from evidence.views.packs import found


def asks(request: HttpRequest, number: int) -> HttpResponse:
    """The thread of one pack; by POST an assessor asks."""
    row, person = found(request, number), signed_in(request)
    asks_too, refused = may(person, "ask_evidence", row), None
    if request.method == "POST" and asks_too is not None:
        raise asks_too
    form = AskForm(request.POST if request.method == "POST" else None, initial=held(request))
    if request.method == "POST" and form.is_valid():
        try:
            verbs.ask(row, text=form.cleaned_data["text"], by=person)
            return HttpResponseRedirect(f"/packs/{row.ref}/asks/")
        except Refused as refusal:
            refused = refusal
    context = {
        "pack": row,
        "asks": row.asks.select_related("asked_by", "link").prefetch_related("replies__answered_by", "replies__other"),
        "form": form if asks_too is None else None,
        "may_answer": may(person, "answer_evidence", row) is None,
        "refused": refused,
    }
    return render(request, "evidence/asks.html", context, status=422 if form.errors or refused else 200)


def answer(request: HttpRequest, number: int, ask: int) -> HttpResponse:
    """Answer one question."""
    row, person = found(request, number), signed_in(request)
    check(person, "answer_evidence", row)
    asked = get_object_or_404(EvidenceAsk.objects.select_related("asked_by", "link"), pack=row, pk=ask)
    mine = set(row.systems.values_list("pk", flat=True))
    built = Pack.objects.for_user(person).filter(state=Pack.State.BUILT).prefetch_related("systems")
    same = [one.pk for one in built if {system.pk for system in one.systems.all()} <= mine]
    posted = request.method == "POST"
    form = AnswerForm(*((request.POST, request.FILES) if posted else ()), packs=same, initial=held(request))
    refused = None
    if posted and form.is_valid():
        said, file = form.cleaned_data, form.cleaned_data["file"]
        try:
            brought = (file.name, file.read()) if file else None
            verbs.answer(asked, text=said["text"], file=brought, other=said["other"], by=person)
            return HttpResponseRedirect(f"/packs/{row.ref}/asks/")
        except Refused as refusal:
            refused = refusal
    context = {
        "title": f"Answer {asked.who}",
        "lead": asked.text,
        "form": form,
        "submit": "Answer",
        "back_url": f"/packs/{row.ref}/asks/",
        "multipart": True,
        "crumb": [
            {"label": row.ref, "url": f"/packs/{row.ref}/"},
            {"label": "Asked for", "url": f"/packs/{row.ref}/asks/"},
        ],
        "refused": refused,
    }
    status = 403 if isinstance(refused, NotAllowed) else 422 if form.errors or refused else 200
    return render(request, "compliance/form.html", context, status=status)


@require_safe
def reply_file(request: HttpRequest, number: int, reply: int) -> HttpResponse:
    """The file of an answer."""
    return as_file(get_object_or_404(EvidenceReply, pk=reply, ask__pack=found(request, number), stored__isnull=False))
