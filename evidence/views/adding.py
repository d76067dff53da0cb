"""Adding a source: first the way a host is read, then only what that way needs."""

from __future__ import annotations

from typing import Final, NamedTuple

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from compliance.errors import NotAllowed, Refused
from compliance.permissions import check
from compliance.views.changes import signed_in
from compliance.views.setup import next_for
from compliance.views.step_up import held
from evidence.actions import adding, folders
from evidence.forms.sources import FoldersForm, SourceForm
from evidence.models import Source

Kind = Source.Kind


class Way(NamedTuple):
    """A way a host can be read: its kind, and what it is worth."""

    kind: Source.Kind
    text: str


MANY: Final = "A folder with a folder for each host"
FOLDERS: Final = "/sources/folders/"
# The most telling first
WAYS: Final = (
    Way(
        Kind.SSH,
        "Eastwest signs in with a key of its own and runs one program that only reads. One command on the host sets"
        " it up.",
    ),
    Way(
        Kind.CISCO,
        "Eastwest signs in to an IOS, IOS XE or ASA device with an account that may show its configuration and nothing"
        " else.",
    ),
    Way(
        Kind.FORTIOS,
        "Eastwest asks a FortiGate for its tables with a token that may read them, every virtual domain of it.",
    ),
    Way(
        Kind.PANOS,
        "Eastwest asks a Palo Alto firewall or Panorama for its active configuration with a key that may read it.",
    ),
    Way(
        Kind.PUSH,
        "Nobody signs in to the host: a timer there sends its dumps, with a token for this source alone.",
    ),
    Way(
        Kind.GIT,
        "Oxidized, RANCID or a cron job commit its configuration. Git shows what was committed, not that the host was"
        " looked at.",
    ),
    Way(
        Kind.DIRECTORY,
        "Something else puts its dumps into a folder here. What they show is as old as the oldest file.",
    ),
    Way(
        Kind.UPLOAD,
        "A person brings its dumps, all of one moment, and brings them again before they grow stale.",
    ),
    Way(
        Kind.AWS,
        "Security groups, network ACLs, interfaces and routes of an account, by a role that may only describe them.",
    ),
    Way(Kind.LOCAL, "The machine that Eastwest runs on, by its own read-only commands."),
)  # fmt: skip


def add(request: HttpRequest) -> HttpResponse:
    """The ways, or the form of the way that was chosen."""
    person = signed_in(request)
    check(person, "add_source", None)
    kind = request.POST.get("kind") or request.GET.get("kind", "")
    way = next((each for each in WAYS if each.kind == kind), None)
    if way is None:
        rows = [
            {"label": each.kind.label, "text": each.text, "url": f"/sources/new/?kind={each.kind}"} for each in WAYS
        ]
        rows.append({"label": MANY, "text": "The same for all hosts at once, each read from its own.", "url": FOLDERS})
        return render(request, "evidence/source_kinds.html", {"kinds": rows}, status=422 if kind else 200)
    form = SourceForm(request.POST or None, kind=kind, person=person, initial=held(request))
    refused = None
    if request.method == "POST" and form.is_valid():
        try:
            row = adding.add(by=person, **form.settings())
            return HttpResponseRedirect(f"/sources/{row.pk}/")
        except Refused as refusal:
            refused = refusal
    page = {
        "title": way.kind.label,
        "lead": way.text,
        "form": form,
        "submit": "Add the source",
        "back_url": "/sources/new/",
        "multipart": False,
        "crumb": [{"label": "Sources", "url": "/sources/"}, {"label": "Add a source", "url": "/sources/new/"}],
        "refused": refused,
    }
    return render(request, "compliance/form.html", page, status=422 if form.errors or refused else 200)


def many(request: HttpRequest) -> HttpResponse:
    """A folder with a folder for each host: what lies there first (step=check), then a source for each (step=add)."""
    person = signed_in(request)
    check(person, "add_source", None)
    step, typed = request.POST.get("step", ""), held(request)
    form, found, refused, status = FoldersForm(request.POST or None, initial=typed), None, None, 200
    if request.method == "POST":
        status = 200 if form.is_valid() else 422
        try:
            if status == 200 and step == "add":
                return added(request, folders.add_all(by=person, **form.cleaned_data))
            found = folders.look(form.cleaned_data["path"], by=person) if status == 200 else None
        except NotAllowed:
            raise
        except Refused as refusal:
            refused, status = refusal, 422
    context = {"title": MANY, "form": form, "found": found, "refused": refused}
    return render(request, "evidence/source_folders.html", context, status=status)


def added(request: HttpRequest, rows: list[Source]) -> HttpResponse:
    """What was added, and where one goes on."""
    onward = [link for link in (next_for(signed_in(request), after="sources"),) if link]
    context = {
        "title": "Sources added",
        "reference": f"{len(rows)} source{'' if len(rows) == 1 else 's'}",
        "sentence": "Each is read now, and from then on once a day.",
        "steps": ["What was read is compared with the register a few seconds after the last of them."],
        "links": [{"label": "See them", "url": "/sources/"}, *onward, {"label": "Back to set-up", "url": "/setup/"}],
    }
    return render(request, "compliance/done.html", context)
