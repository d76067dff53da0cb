"""The register as code: bring a register file, read what it would change, and ask for exactly that."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from compliance.actions import imports
from compliance.actions import register_plan as verbs
from compliance.errors import NotAllowed, Refused
from compliance.forms.register import ApplyForm, PlanForm
from compliance.models import ImportedTable, System, User
from compliance.permissions import check
from compliance.views.changes import signed_in

HELD: Final = "register_plan"  # session key of the file between the steps
WORDS: Final = {"place": ("Place", "map-pin"), "new": ("New", "plus"), "change": ("Changed", "pencil"),
                "remove": ("Removed", "minus")}  # fmt: skip
LABELS: Final = {"review_by": "To be reviewed by", "ends_on": "Ends on", "expected_use": "Expected use"}


def plan(request: HttpRequest) -> HttpResponse:
    """Bring a file (POST without a digest), read its plan (?step=read), ask for exactly that (POST with its digest)."""
    person = signed_in(request)
    check(person, "import", None)
    held = request.session.get(HELD) or {}
    table = ImportedTable.objects.filter(pk=held.get("kept", 0), brought_by=person, kind=imports.REGISTER).first()
    if table is None or (request.GET.get("step") != "read" and "digest" not in request.POST):
        return bring(request, person)
    return read(request, person, table, {"by": person, "system": held["system"], "remove": held["remove"]})


def bring(request: HttpRequest, person: User) -> HttpResponse:
    """The form; and the file that was brought, kept for whoever brought it."""
    form = PlanForm(request.POST or None, request.FILES or None, systems=systems_of(person))
    refused = None
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            table = imports.keep(said["file"].name, said["file"].read(), kind=imports.REGISTER, by=person)
        except Refused as refusal:
            refused = refusal
        else:
            request.session[HELD] = {"kept": table.pk, "system": said["system"], "remove": said["remove"]}
            return HttpResponseRedirect("/register/plan/?step=read")
    status = 409 if refused else 422 if form.errors else 200
    context = {"form": form, "refused": refused, "file": "", "back_url": "/connections/"}
    return render(request, "compliance/register_plan.html", context, status=status)


def read(request: HttpRequest, person: User, table: ImportedTable, how: dict[str, Any]) -> HttpResponse:
    """What the file would change (GET), and asking for it (POST)."""
    content = str(table.rows[0][1][0]).encode()
    form = ApplyForm(request.POST or None)
    refused = None
    if request.method == "POST" and form.is_valid():
        try:
            done = verbs.apply(table.file, content, digest=form.cleaned_data["digest"], **how)
        except Refused as refusal:
            refused = refusal
        else:
            del request.session[HELD]
            return render(request, "compliance/register_applied.html", {"file": table.file, **shown(done, asked=True)})
    found = verbs.plan(table.file, content, **how)
    context = {
        "form": ApplyForm(initial={"digest": found.digest}),
        "refused": refused,
        "file": table.file,
        "remove": how["remove"],
        "back_url": "/register/plan/",
        **shown(found),
    }
    status = 403 if isinstance(refused, NotAllowed) else 409 if refused else 200
    return render(request, "compliance/register_plan.html", context, status=status)


def systems_of(person: User) -> list[str]:
    """The names of the person's systems."""
    return list(System.objects.for_user(person).order_by("name").values_list("name", flat=True))


def shown(found: verbs.Plan, *, asked: bool = False) -> dict[str, Any]:
    """A plan as the templates show it; its change records only where they were asked for."""
    steps = [
        {
            "what": step.what,
            "label": WORDS[step.what][0],
            "icon": WORDS[step.what][1],
            "ref": step.ref,
            "line": step.line,
            "text": step.text,
            "differs": [
                {"label": LABELS.get(key, key.capitalize()), "before": said(before), "after": said(after)}
                for key, (before, after) in step.differs.items()
            ],
            "hits": step.hits,
            "needs": step.needs,
            "stopped": step.stopped,
            "change": step.change if asked else "",
        }
        for step in found.steps
    ]
    stopped = sum(bool(one.stopped) for one in found.steps)
    return {"steps": steps, "same": found.same, "bad": found.bad, "stopped": stopped}


def said(value: Any) -> str:
    """A value of the material in words."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "none")
