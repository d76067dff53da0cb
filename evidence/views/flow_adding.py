"""Adding a flow log: first the way it comes, then only what that way needs."""

from __future__ import annotations

from typing import Final, NamedTuple

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from compliance.errors import Refused
from compliance.permissions import check
from compliance.views.changes import signed_in
from compliance.views.step_up import held
from evidence.actions import flow_logs as verbs
from evidence.forms.flows import FlowLogForm
from evidence.models import FlowLog

Kind = FlowLog.Kind


class Way(NamedTuple):
    """A way a flow log can come: its kind, and what it is worth."""

    kind: FlowLog.Kind
    text: str


WAYS: Final = (
    Way(
        Kind.DIRECTORY,
        "Something else puts the files into a folder here: a copy of a bucket, an exporter, a sensor.",
    ),
    Way(
        Kind.S3,
        "AWS delivers VPC flow logs to a bucket, as text or Parquet. Late objects are found, known ones not fetched.",
    ),
    Way(
        Kind.CLOUDWATCH,
        "AWS delivers VPC flow logs to a log group. Each hour becomes one file, fetched anew while records still come.",
    ),
    Way(Kind.GIT, "Something commits the files to a repository."),
    Way(Kind.UPLOAD, "A person brings the files of each month. What is not brought is a gap, and is said."),
)


def add(request: HttpRequest) -> HttpResponse:
    """The ways, or the form of the way that was chosen."""
    person = signed_in(request)
    check(person, "add_source", None)
    kind = request.POST.get("kind") or request.GET.get("kind", "")
    way = next((each for each in WAYS if each.kind == kind), None)
    if way is None:
        kinds = [{"label": each.kind.label, "text": each.text, "url": f"/flows/new/?kind={each.kind}"} for each in WAYS]
        return render(request, "evidence/flow_kinds.html", {"kinds": kinds}, status=422 if kind else 200)
    form = FlowLogForm(request.POST or None, kind=kind, person=person, initial=held(request))
    refused = None
    if request.method == "POST" and form.is_valid():
        try:
            return HttpResponseRedirect(f"/flows/{verbs.add_flow_log(by=person, **form.settings()).pk}/")
        except Refused as refusal:
            refused = refusal
    context = {
        "title": way.kind.label,
        "lead": way.text,
        "form": form,
        "submit": "Add the flow log",
        "back_url": "/flows/new/",
        "multipart": False,
        "crumb": [{"label": "Flow logs", "url": "/flows/"}, {"label": "Add a flow log", "url": "/flows/new/"}],
        "refused": refused,
    }
    return render(request, "compliance/form.html", context, status=422 if form.errors or refused else 200)
