"""The import of spreadsheets and register files: brought, matched, tried, and then all rows or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from compliance.actions import imports
from compliance.errors import Refused
from compliance.forms.setup import ImportFileForm, MappingForm, RegisterForm
from compliance.models import System
from compliance.permissions import check
from compliance.views.changes import signed_in
from compliance.views.setup import next_for

HELD: Final = "import"  # session key of the file between the steps
ASKS: Final = ("connections", "shares", imports.REGISTER)  # what is imported as requests takes who may ask


def import_rows(request: HttpRequest) -> HttpResponse:
    """Upload, match the columns, see what would happen, then import all rows or none."""
    person = signed_in(request)
    check(person, "import", None)
    step = request.POST.get("step", "")
    try:
        if step == "mapping":
            return received(request)
        if step == "columns":
            return page(request, "mapping", mapping_form(request, None))
        if step in ("dry_run", "import"):
            return mapped(request, step)
        kind = request.GET.get("kind", "servers")
        if kind in ASKS:
            check(person, "request", None)
    except Refused as refusal:
        kind = request.POST.get("kind") or request.GET.get("kind", "servers")
        return page(request, "upload", ImportFileForm(initial={"kind": kind}), refused=refusal, status=422)
    return page(request, "upload", ImportFileForm(initial={"kind": kind}))


def received(request: HttpRequest) -> HttpResponse:
    """Step 1 → 3 where the header tells which column is which; else to step 2, where a person says it."""
    form = ImportFileForm(request.POST, request.FILES)
    if not form.is_valid():
        return page(request, "upload", form, status=422)
    upload, kind, person = form.cleaned_data["file"], form.cleaned_data["kind"], signed_in(request)
    table = imports.keep(upload.name, upload.read(), kind=kind, by=person)
    request.session[HELD] = {"kept": table.pk, "kind": kind}
    guessed = imports.guess(table)
    if imports.tells_all(table, guessed):
        said = {f"column_{name}": title for name, title in guessed.items()}
        matched = mapping_form(request, said)
        if matched.is_valid():
            result = imports.dry_run(table, mapping=matched.mapping(), by=person)
            return page(request, "dry_run", matched, result=result, said=said)
    return page(request, "mapping", mapping_form(request, None))


def mapping_form(request: HttpRequest, posted: Any) -> MappingForm | RegisterForm:
    """The form that matches the kept file's header to our columns; of a register file, whose it is."""
    held = request.session.get(HELD)
    if not held:
        raise Refused("No file is waiting to be imported", "The session ended in between.", "Choose the file again.")
    person = signed_in(request)
    table = imports.kept(held["kept"], by=person)
    if held["kind"] == imports.REGISTER:
        names = list(System.objects.for_user(person).order_by("name").values_list("name", flat=True))
        return RegisterForm(posted, systems=names, guess=imports.guess(table))
    return MappingForm(posted, fields=imports.fields(held["kind"]), header=table.header, guess=imports.guess(table))


def mapped(request: HttpRequest, step: str) -> HttpResponse:
    """Step 2 → 3 and 3 → done."""
    form = mapping_form(request, request.POST)
    if not form.is_valid():
        return page(request, "mapping", form, status=422)
    held, person = request.session[HELD], signed_in(request)
    table = imports.kept(held["kept"], by=person)
    if step == "import":
        outcome = imports.carry_out(table, mapping=form.mapping(), by=person)
        del request.session[HELD]
        servers = held["kind"] == "servers"
        onward = [link for link in (next_for(person, after=held["kind"]),) if link]
        where = {"label": "See them", "url": "/servers/" if servers else "/changes/"}
        context = {
            "title": "Imported",
            "reference": f"{outcome.new + outcome.changed} rows",
            "sentence": f"{outcome.new} new, {outcome.changed} changed, {outcome.same} as they were.",
            "steps": [] if servers else ["What was asked for waits for its approvals: an import authorises nothing."],
            "links": [*onward, {"label": "Back to set-up", "url": "/setup/"}, where],
        }
        return render(request, "compliance/done.html", context)
    return page(
        request, "dry_run", form, result=imports.dry_run(table, mapping=form.mapping(), by=person), said=request.POST
    )


def page(
    request: HttpRequest,
    step: str,
    form: Any,
    *,
    result: Any = None,
    refused: Any = None,
    said: Mapping[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    """The import page at one of its steps. `said`: how the columns are matched, on the way to the import."""
    carried = [
        {"name": name, "value": value} for name, value in (said or {}).items() if name.startswith("column_") and value
    ]
    context = {
        "form": form,
        "step": step,
        "result": result,
        "refused": refused,
        "carried": carried,
        "matched": [
            {"ours": form[one["name"]].label, "theirs": one["value"]} for one in carried if one["name"] in form.fields
        ],
        "example_url": "",
        "back_url": "/setup/import/" if step != "upload" else "/setup/",
    }
    return render(request, "compliance/import.html", context, status=status)
