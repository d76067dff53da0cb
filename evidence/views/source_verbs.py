"""What people do with a source: bring files, read it now, test it, accept less, pause and resume."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from compliance.errors import NotAllowed, Refused
from compliance.forms.decisions import ReasonForm
from compliance.permissions import check
from compliance.views.changes import signed_in
from compliance.views.verbs import confirm
from compliance.words import span
from evidence.actions import smaller, testing
from evidence.actions import sources as verbs
from evidence.actions.attempts import PAUSED
from evidence.forms.sources import UploadForm
from evidence.models import Pull, Source
from evidence.views import sources


@require_POST
def upload(request: HttpRequest, number: int) -> HttpResponse:
    """Files brought by a person: kept and hashed first, read in a job."""
    person = signed_in(request)
    row = get_object_or_404(Source.objects.for_user(person), pk=number)
    check(person, "pull", row)
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return sources.source(request, number, form=form)
    try:
        verbs.upload(row, [(each.name, each.read()) for each in form.cleaned_data["dumps"]], by=person)
    except Refused as refusal:
        return sources.source(request, number, refused=refusal, form=form)
    return HttpResponseRedirect(f"/sources/{row.pk}/")


@require_POST
def pull(request: HttpRequest, number: int) -> HttpResponse:
    """Read it now."""
    person = signed_in(request)
    row = get_object_or_404(Source.objects.for_user(person).select_related("last_pull"), pk=number)
    return told(request, row, lambda: verbs.read_now(row, by=person))


def told(request: HttpRequest, row: Source, act: Callable[[], object]) -> HttpResponse:
    """Does it and shows the source; what the source's state forbids is said on its page."""
    try:
        act()
    except NotAllowed:
        raise
    except Refused as refusal:
        return sources.source(request, row.pk, refused=refusal)
    return HttpResponseRedirect(f"/sources/{row.pk}/")


def accept(request: HttpRequest, number: int) -> HttpResponse:
    """Accept a reading that holds much less: what was, what is, and why that is right."""
    person = signed_in(request)
    rows = Source.objects.for_user(person).select_related("server", "last_pull", "last_good__pull")
    row = get_object_or_404(rows, pk=number)
    check(person, "accept_shrink", row)
    fresh, before = smaller.refused(row), smaller.held(row)
    if request.method != "POST" and fresh is None:
        raise smaller.overtaken(row)

    def act(form: ReasonForm) -> Pull:
        looked_at = row.pulls.filter(pk=form.cleaned_data["seen"]).first()
        if looked_at is None:
            raise smaller.overtaken(row)
        return smaller.accept(row, looked_at, because=form.cleaned_data["because"], by=person)

    return confirm(
        request,
        form=ReasonForm(request.POST or None, initial={"seen": fresh.pk if fresh else None}),
        act=act,
        done=lambda _: f"/sources/{row.pk}/",
        context={
            "title": f"Accept the smaller reading of {row.name}",
            "crumb": [row.server.name, row.get_kind_display()],
            "back_url": f"/sources/{row.pk}/",
            "subject": fresh.what if fresh else "",
            "consequence": "It takes the place of the last good reading, as of when it was read, and is compared.",
            "facts": compared(before, fresh) if before and fresh else [],
            "warning": None,
            "submit": "Accept it",
            "danger": True,
        },
    )


def compared(before: smaller.Size, fresh: Pull) -> list[dict[str, Any]]:
    """Old and new, side by side in words."""
    rows = [
        ("Rules, shares and listeners until now", before.rules if before.rules is not None else "not known"),
        ("In the refused reading", fresh.rules),
        ("Bytes until now", before.size),
        ("Bytes in the refused reading", smaller.bytes_of(fresh)),
    ]
    return [{"label": label, "text": str(count), "mono": True} for label, count in rows]


@require_POST
def test(request: HttpRequest, number: int) -> HttpResponse:
    """Try whether it can be reached and signed in to. Nothing of it becomes evidence."""
    person = signed_in(request)
    row = get_object_or_404(Source.objects.for_user(person).select_related("last_pull"), pk=number)
    return told(request, row, lambda: testing.ask(row, by=person))


def pause(request: HttpRequest, number: int, on: bool) -> HttpResponse:
    """Stop reading a source, or go on: what follows, and why."""
    person = signed_in(request)
    row = get_object_or_404(Source.objects.for_user(person).select_related("server"), pk=number)
    check(person, "edit_source", row)
    stops = f"Nothing is read until somebody resumes it. After {span(row.fresh_hours)} its evidence is too old."
    goes_on = "It is read at once, and then every time it is due."
    return confirm(
        request,
        form=ReasonForm(request.POST or None),
        act=lambda form: verbs.pause(row, on=on, because=form.cleaned_data["because"], by=person),
        done=lambda _: f"/sources/{row.pk}/",
        context={
            "title": f"{'Pause' if on else 'Resume'} {row.name}",
            "crumb": [row.server.name, row.get_kind_display()],
            "back_url": f"/sources/{row.pk}/",
            "subject": PAUSED.get(row.paused_code, ""),
            "consequence": stops if on else goes_on,
            "facts": [],
            "warning": None,
            "submit": "Pause it" if on else "Resume it",
            "danger": on,
        },
    )
