"""One inventory that others keep: how old its list is, whom nobody could read, bringing a new one."""

from __future__ import annotations

from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from compliance.errors import Refused
from compliance.forms.decisions import ReasonForm
from compliance.permissions import check, may
from compliance.views.changes import signed_in
from compliance.views.jobs import card
from compliance.views.verbs import confirm
from evidence.actions import inventories as verbs
from evidence.artefacts import read_back
from evidence.forms.inventory import ColumnsForm, InventoryForm, ListForm
from evidence.inventory_lists import inventory_state
from evidence.models import Inventory, InventoryReading

SHOWN: Final = 100  # lines that the page repeats
READINGS: Final = 10


def of(request: HttpRequest, number: int) -> Inventory:
    """The inventory, among those this person may see."""
    rows = Inventory.objects.for_user(signed_in(request))
    return get_object_or_404(rows.select_related("system__owner", "last_reading", "last_good"), pk=number)


def one(
    request: HttpRequest, number: int, refused: Refused | None = None, form: ListForm | None = None
) -> HttpResponse:
    """How fresh it is, what came last, and every line that could not be read."""
    person, row = signed_in(request), of(request, number)
    may_read = may(person, "pull", row) is None
    good, last = row.last_good, row.last_reading
    running = row.readings.filter(state__in=verbs.WAITING).select_related("job").first()
    state, said = inventory_state(row, timezone.now())
    brings = may_read and not row.config
    shown = last if last is not None and last.state == last.State.FAILED else good
    return render(
        request,
        "evidence/inventory_list.html",
        {
            "inventory": row,
            "state": state,
            "late": state in ("stale", "never"),
            "job": card(running.job, result_url=f"/inventory/{row.pk}/") if running and running.job else None,
            "said": said,
            "next_step": last.next_step if last and said else "",
            "readings": row.readings.exclude(state__in=verbs.WAITING).select_related("by")[:READINGS],
            "problems": good.problems[:SHOWN] if good else [],
            "problems_more": max((good.lines_unread if good else 0) - SHOWN, 0),
            "raw_url": f"/inventory/{row.pk}/raw/{shown.pk}/" if shown and shown.stored_id else "",
            "form": (form or ListForm()) if brings else None,
            "read_url": f"/inventory/{row.pk}/read/" if may_read and row.config else "",
            "columns_url": f"/inventory/{row.pk}/columns/" if may(person, "edit_source", row) is None else "",
            "accept_url": f"/inventory/{row.pk}/accept/"
            if verbs.refused(row) and may(person, "accept_shrink", row) is None
            else "",
            "counts_columns": columns_said(row),
            "refused": refused,
        },
        status=422 if refused or (form is not None and form.errors) else 200,
    )


def columns_said(row: Inventory) -> str:
    """Which columns count, in words."""
    if not row.columns:
        return "those that are called like a name or an address"
    named = [row.columns.get("name", ""), *row.columns.get("addresses", []), row.columns.get("status", "")]
    return ", ".join(filter(None, named))


def add(request: HttpRequest) -> HttpResponse:
    """A new inventory."""
    person = signed_in(request)
    check(person, "add_source", None)
    form = InventoryForm(request.POST or None, person=person)
    refused = None
    if request.method == "POST" and form.is_valid():
        try:
            return HttpResponseRedirect(f"/inventory/{verbs.add_inventory(by=person, **form.settings()).pk}/")
        except Refused as refusal:
            refused = refusal
    context = {
        "title": "Add an inventory",
        "lead": "A list of servers that somebody else keeps, as CSV. The register is held against it.",
        "form": form,
        "submit": "Add it",
        "back_url": "/inventory/",
        "multipart": False,
        "crumb": [{"label": "Inventory", "url": "/inventory/"}],
        "refused": refused,
    }
    return render(request, "compliance/form.html", context, status=422 if form.errors or refused else 200)


@require_POST
def bring(request: HttpRequest, number: int) -> HttpResponse:
    """A file brought by a person: kept and hashed first, read in a job."""
    person, row = signed_in(request), of(request, number)
    check(person, "pull", row)
    form = ListForm(request.POST, request.FILES)
    if not form.is_valid():
        return one(request, number, form=form)
    file = form.cleaned_data["file"]
    try:
        verbs.bring(row, file.name, file.read(), by=person)
    except Refused as refusal:
        return one(request, number, refused=refusal, form=form)
    return HttpResponseRedirect(f"/inventory/{row.pk}/")


@require_POST
def read(request: HttpRequest, number: int) -> HttpResponse:
    """Read its folder now."""
    person, row = signed_in(request), of(request, number)
    try:
        verbs.read_now(row, by=person)
    except Refused as refusal:
        check(person, "pull", row)
        return one(request, number, refused=refusal)
    return HttpResponseRedirect(f"/inventory/{row.pk}/")


def columns(request: HttpRequest, number: int) -> HttpResponse:
    """Say which columns of its file count."""
    person, row = signed_in(request), of(request, number)
    check(person, "edit_source", row)
    known = row.columns
    start = {
        "name": known.get("name", ""),
        "addresses": "\n".join(known.get("addresses", [])),
        "status": known.get("status", ""),
    }
    return confirm(
        request,
        form=ColumnsForm(request.POST or None, initial=start),
        act=lambda form: verbs.set_columns(row, by=person, **form.cleaned_data),
        done=lambda _: f"/inventory/{row.pk}/",
        context=context(row, f"Columns of {row.name}", "Its last file is read again with them.", "Read it so"),
    )


def accept(request: HttpRequest, number: int) -> HttpResponse:
    """Accept a list that names much less."""
    person, row = signed_in(request), of(request, number)
    check(person, "accept_shrink", row)
    refused = verbs.refused(row)
    if refused is None:
        raise Refused(f"Nothing of {row.name} waits.", "No list of it was refused for its size.", "Look at its page.")
    told = "It takes the place of the last good list: who is not in it counts as not named any more."
    return confirm(
        request,
        form=ReasonForm(request.POST or None, initial={"seen": refused.pk}),
        act=lambda form: verbs.accept_smaller(refused, because=form.cleaned_data["because"], by=person),
        done=lambda _: f"/inventory/{row.pk}/",
        context={
            **context(row, f"Accept the smaller list of {row.name}", told, "Accept it"),
            "subject": refused.what,
            "danger": True,
        },
    )


def context(row: Inventory, title: str, consequence: str, submit: str) -> dict[str, Any]:
    """Context of a confirmation page."""
    return {
        "title": title,
        "crumb": ["Inventory", row.name],
        "back_url": f"/inventory/{row.pk}/",
        "subject": "",
        "consequence": consequence,
        "facts": [],
        "warning": None,
        "submit": submit,
        "danger": False,
    }


def raw(request: HttpRequest, number: int, reading: int) -> HttpResponse:
    """The file as it came, for who may see the inventory."""
    row = of(request, number)
    kept = get_object_or_404(InventoryReading.objects.select_related("stored"), pk=reading, inventory=row)
    if kept.stored is None:
        raise Http404
    try:
        content = read_back(kept.stored)
    except FileNotFoundError as error:
        raise Http404 from error
    answer = HttpResponse(content, content_type="application/octet-stream")
    answer["Content-Disposition"] = f'attachment; filename="{kept.stored.sha256[:12]}.raw"'
    return answer
