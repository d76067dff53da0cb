"""Asking: the form, the answers to check, and the confirmation with what happens next."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance.actions import connections as verbs
from compliance.errors import Refused
from compliance.forms.requests import RequestForm
from compliance.models import ChangeRecord, Connection
from compliance.models.estate import day_of
from compliance.permissions import check
from compliance.views.changes import needs_of, signed_in
from compliance.views.connections import newest_material
from compliance.views.shown import ends, services


def new(request: HttpRequest) -> HttpResponse:
    """The request form (GET), its answers to check (step=check), back to it (step=edit), or sent (step=send)."""
    person = signed_in(request)
    check(person, "request", None)
    amended = named(request)
    step = request.POST.get("step", "")
    form = RequestForm(request.POST if step else None, person=person, initial=initial(request, amended))
    if step in ("check", "send") and form.is_valid():
        if step == "check":
            return render(request, "compliance/request_check.html", answers(request.POST, form, None))
        try:
            change = send(form, amended, person)
        except Refused as refusal:
            return render(request, "compliance/request_check.html", answers(request.POST, form, refusal), status=409)
        return HttpResponseRedirect(f"/requests/{change.ref}/sent/")
    if step == "edit":
        form.is_valid()
    return render(
        request,
        "compliance/request_form.html",
        {
            "title": f"Change {amended.ref}" if amended else "Request a connection or a share",
            "sections": [
                {"title": title, "lead": lead, "fields": [form[name] for name in names]}
                for title, lead, names in form.SECTIONS
            ],
            "form": form,
            "covered": None,
            "back_url": "/connections/",
        },
        status=422 if form.errors and step == "check" else 200,
    )


def named(request: HttpRequest) -> Connection | None:
    """The connection to be changed, where the address names one."""
    ref = request.GET.get("amend", "")
    if not ref.startswith("CON-") or not ref[4:].isdigit():
        return None
    return get_object_or_404(Connection.objects.for_user(request.user), pk=int(ref[4:]))


def initial(request: HttpRequest, amended: Connection | None) -> dict[str, Any]:
    """What the form starts with: nothing, a kind from the address, or what stands today."""
    start: dict[str, Any] = {"kind": "share" if request.GET.get("kind") == "share" else "network"}
    if amended is None:
        return start
    version = amended.version_on(day_of(timezone.now()))
    material = dict(version.material) if version else newest_material(amended)
    source, destination = ends(material)
    kept = ("kind", "path", "protocol", "access", "security", "expected_use", "review_by", "ends_on")
    return {
        **{key: material[key] for key in kept if material.get(key)},
        "system": amended.system_id,
        "source": source,
        "destination": destination,
        "services": ", ".join(material.get("services", [])),
        "title": f"Change {amended}"[:200],
    }


def send(form: RequestForm, amended: Connection | None, person: Any) -> ChangeRecord:
    """One verb: a new connection, or a change to one that stands."""
    said = form.cleaned_data
    details = {key: said[key] for key in ("title", "urgency", "window", "rollback", "ticket")}
    if amended is not None:
        return verbs.amend(amended, material=form.material(), justification=form.justification(), by=person, **details)
    return verbs.request(
        system=said["system"], material=form.material(), justification=form.justification(), by=person, **details
    )


def answers(posted: QueryDict, form: RequestForm, refused: Refused | None) -> dict[str, Any]:
    """Context of the page on which the answers are checked."""
    hidden = {"network": ("path", "protocol", "access", "security"), "share": ("services",)}[form.cleaned_data["kind"]]
    owner = form.cleaned_data["system"].owner
    return {
        "title": "Check your answers",
        "sections": [
            {
                "title": title,
                "answers": [
                    {"label": form[name].label, "text": spoken(form, name), "mono": name in ("services", "path")}
                    for name in names
                    if name not in hidden
                ],
            }
            for title, _, names in form.SECTIONS
        ],
        "carried": [
            {"name": name, "value": value}
            for name, values in posted.lists()
            if name not in ("csrfmiddlewaretoken", "step")
            for value in values
        ],
        "opens": None,
        "approvers": [
            {"capacity": f"System owner of {form.cleaned_data['system']}", "person": str(owner)},
            {"capacity": "A manager", "person": "anybody who holds the role, but you"},
        ],
        "form": form,
        "refused": refused,
    }


def spoken(form: RequestForm, name: str) -> str:
    """An answer as text."""
    value = form.cleaned_data.get(name)
    if value in (None, ""):
        return ""
    choices = dict(getattr(form.fields[name], "choices", None) or {}) if isinstance(value, str) else {}
    return str(choices.get(value, value))


def sent(request: HttpRequest, number: int) -> HttpResponse:
    """The reference, and what happens next."""
    person = signed_in(request)
    change = get_object_or_404(ChangeRecord.objects.for_user(person), pk=number)
    source, destination = ends(change.material)
    deciding = [f"{need.get_capacity_display()} of {need.system} decides." for need in needs_of(change)]
    return render(
        request,
        "compliance/done.html",
        {
            "title": "Request sent",
            "reference": change.ref,
            "sentence": f"{source} → {destination}, {services(change.material)}. Those who decide have been told.",
            "steps": [*deciding, "The engineer changes the firewall; the next reading of the rules proves it."],
            "links": [
                {"label": f"See {change.ref}", "url": f"/changes/{change.ref}/"},
                {"label": "Request another", "url": "/requests/new/"},
            ],
        },
    )
