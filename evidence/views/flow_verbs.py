"""What people do with a flow log: bring files, fetch it now, have a file read again or set it aside, state what it
sees, pause it."""

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
from evidence.actions import flow_logs as verbs
from evidence.actions.flow_aside import blinds, set_aside
from evidence.forms.flows import AsideForm, FlowFilesForm, StatedWatchesForm
from evidence.models import FlowFile, FlowLog
from evidence.views import flow_logs


@require_POST
def upload(request: HttpRequest, number: int) -> HttpResponse:
    """Files brought by a person: kept and hashed first, each read in a job."""
    person, row = signed_in(request), flow_logs.of(request, number)
    check(person, "pull", row)
    form = FlowFilesForm(request.POST, request.FILES)
    if not form.is_valid():
        return flow_logs.one(request, number, form=form)
    try:
        verbs.upload(row, [(each.name, each.file) for each in form.cleaned_data["logs"]], by=person)
    except Refused as refusal:
        return flow_logs.one(request, number, refused=refusal, form=form)
    return HttpResponseRedirect(f"/flows/{row.pk}/")


@require_POST
def read(request: HttpRequest, number: int) -> HttpResponse:
    """Fetch it now."""
    row = flow_logs.of(request, number)
    return told(request, row, lambda: verbs.read_now(row, by=signed_in(request)))


@require_POST
def again(request: HttpRequest, number: int, file: int) -> HttpResponse:
    """Have a file read once more."""
    row = flow_logs.of(request, number)
    kept = get_object_or_404(FlowFile.objects.select_related("stored", "log"), pk=file, log=row)
    return told(request, row, lambda: verbs.read_again(kept, by=signed_in(request)))


def aside(request: HttpRequest, number: int, file: int) -> HttpResponse:
    """Set a file aside that nobody can read, and say which days it should have shown."""
    person, row = signed_in(request), flow_logs.of(request, number)
    check(person, "edit_source", row)
    kept = get_object_or_404(FlowFile.objects.select_related("stored", "log"), pk=file, log=row)
    days = blinds(kept)
    told = "The days you name stay not known; before and after them the log counts as watched again. It can be undone."
    return confirm(
        request,
        form=AsideForm(request.POST or None, initial=days._asdict()),
        act=lambda form: set_aside(kept, by=person, **form.cleaned_data),
        done=lambda _: f"/flows/{row.pk}/",
        context={
            **context(row, f"Set {kept.name} aside", told, "Set it aside"),
            "facts": [
                {"label": "Came", "text": f"{kept.received_at:%-d %B %Y}", "mono": False},
                {"label": "Why it is not used", "text": kept.what or kept.get_state_display(), "mono": False},
                {"label": "Not known because of it", "text": f"{days.since:%-d %B} to {days.until:%-d %B %Y}",
                 "mono": False},
            ],
        },
    )  # fmt: skip


def told(request: HttpRequest, row: FlowLog, act: Callable[[], object]) -> HttpResponse:
    """Does it and shows the flow log; what its state forbids is said on its page."""
    try:
        act()
    except NotAllowed:
        raise
    except Refused as refusal:
        return flow_logs.one(request, row.pk, refused=refusal)
    return HttpResponseRedirect(f"/flows/{row.pk}/")


def watches(request: HttpRequest, number: int) -> HttpResponse:
    """State which networks it sees all of."""
    person, row = signed_in(request), flow_logs.of(request, number)
    check(person, "edit_source", row)
    told = "Where it saw nothing of a connection inside these networks, that may be called unused from then on."
    return confirm(
        request,
        form=StatedWatchesForm(request.POST or None, initial={"watches": "\n".join(row.watches)}),
        act=lambda form: verbs.set_watches(row, by=person, **form.cleaned_data),
        done=lambda _: f"/flows/{row.pk}/",
        context=context(row, f"What {row.name} sees all of", told, "State it"),
    )


def pause(request: HttpRequest, number: int, on: bool) -> HttpResponse:
    """Stop fetching it, or go on."""
    person, row = signed_in(request), flow_logs.of(request, number)
    check(person, "edit_source", row)
    stops = "Nothing of it is fetched until somebody resumes it. What it would have shown is a gap."
    told = stops if on else "It is fetched at once, and then every time it is due."
    return confirm(
        request,
        form=ReasonForm(request.POST or None),
        act=lambda form: verbs.pause(row, on=on, because=form.cleaned_data["because"], by=person),
        done=lambda _: f"/flows/{row.pk}/",
        context={
            **context(row, f"{'Pause' if on else 'Resume'} {row.name}", told, "Pause it" if on else "Resume it"),
            "danger": on,
        },
    )


def context(row: FlowLog, title: str, consequence: str, submit: str) -> dict[str, Any]:
    """Context of a confirmation page."""
    return {
        "title": title,
        "crumb": ["Flow logs", row.name],
        "back_url": f"/flows/{row.pk}/",
        "subject": "",
        "consequence": consequence,
        "facts": [],
        "warning": None,
        "submit": submit,
        "danger": False,
    }
