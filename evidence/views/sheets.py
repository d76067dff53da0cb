"""Test sheets: what is tried from the hosts themselves, who let it happen, and what came of it."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from compliance.errors import NotAllowed, Refused
from compliance.models import Server, System
from compliance.permissions import check, may
from compliance.views.changes import signed_in
from compliance.views.jobs import card
from compliance.views.step_up import held
from compliance.views.verbs import confirm
from evidence.actions import sheets as verbs
from evidence.actions.sheet_runs import ask
from evidence.forms.sheets import DecideForm, ResultForm, SheetForm
from evidence.models import Sheet, SheetRun, Source
from evidence.packs.manifest import path_part
from evidence.sheet_powershell import SHELL, UNVERIFIED, powershell
from evidence.sheet_script import AS_EXPECTED, DIFFERS, script


@require_safe
def sheets(request: HttpRequest) -> HttpResponse:
    """All sheets of this person's systems, the newest first."""
    person = signed_in(request)
    rows = Sheet.objects.for_user(person).with_results().select_related("system", "asked_by", "decided_by")
    return render(
        request,
        "evidence/sheets.html",
        {
            "rows": [{"sheet": row, "rows": len(row.pairs), "counts": counts(row)} for row in rows[:MOST]],
            "more": max(0, rows.count() - MOST),
            "new_url": "/tests/new/" if may(person, "plan_test", None) is None else "",
        },
    )


MOST = 100  # sheets that the list shows


def counts(row: Sheet) -> dict[str, int]:
    """How many pairs came to what."""
    found = [outcome.verdict for _, _, outcome in verbs.came_of(row)]
    right, wrong = found.count(AS_EXPECTED), found.count(DIFFERS)
    return {"differs": wrong, "right": right, "open": len(found) - right - wrong}


def add(request: HttpRequest) -> HttpResponse:
    """Plan a test. Nothing happens before a second person has approved it."""
    person = signed_in(request)
    check(person, "plan_test", None)
    systems = [one.pk for one in System.objects.for_user(person) if may(person, "plan_test", one) is None]
    form = SheetForm(request.POST if request.method == "POST" else None, systems=systems, initial=held(request))
    refused = None
    if request.method == "POST" and form.is_valid():
        try:
            row = verbs.plan(form.cleaned_data["system"], form.plan(), by=person)
            return HttpResponseRedirect(f"/tests/{row.ref}/")
        except Refused as refusal:
            refused = refusal
    return render(
        request,
        "compliance/form.html",
        {
            "title": "Plan a test",
            "lead": "A seed draws pairs of servers, authorised and not. Each host gets a small script that tries them "
            "in a window that a second person approves. It opens connections and sends nothing.",
            "form": form,
            "submit": "Draw the pairs",
            "back_url": "/tests/",
            "multipart": False,
            "crumb": [{"label": "Test sheets", "url": "/tests/"}],
            "refused": refused,
        },
        status=403 if isinstance(refused, NotAllowed) else 422 if form.errors or refused else 200,
    )


def found(request: HttpRequest, number: int) -> Sheet:
    """The sheet, for who may see its system."""
    rows = Sheet.objects.for_user(signed_in(request)).with_results()
    rows = rows.select_related("system", "asked_by", "decided_by")
    return get_object_or_404(rows, pk=number)


@require_safe
def sheet(request: HttpRequest, number: int) -> HttpResponse:
    """One sheet: its pairs, its scripts, and what came of them."""
    row, person = found(request, number), signed_in(request)
    brings = row.state == Sheet.State.APPROVED and may(person, "plan_test", row) is None
    decides = row.state == Sheet.State.WAITING and row.asked_by_id != person.pk
    results = row.results.select_related("server", "brought_by", "source").order_by("pk")
    now = timezone.now()
    over = over_ssh(row) if brings and row.window_from <= now < row.window_to else set()
    runs = row.runs.select_related("server", "asked_by", "job").order_by("-pk")
    waiting = [one for one in runs if one.state == SheetRun.State.WAITING and one.job]
    return render(
        request,
        "evidence/sheet.html",
        {
            "sheet": row,
            "counts": counts(row),
            "pairs": [
                {
                    **pair,
                    "said": pair["said"].replace("_", " "),
                    "seen": seen or "",
                    "verdict": outcome.verdict,
                    "why": outcome.why,
                }
                for pair, seen, outcome in verbs.came_of(row)
            ],
            "unverified": UNVERIFIED,
            "scripts": [
                {
                    "host": name,
                    "url": f"/tests/{row.ref}/script/{at}/",
                    "windows_url": f"/tests/{row.ref}/script/{at}/?shell={SHELL}",
                    "run_url": f"/tests/{row.ref}/run/{at}/" if name in over else "",
                }
                for at, name in enumerate(verbs.hosts(row), 1)
            ],
            "jobs": [
                card(one.job, result_url=f"/tests/{row.ref}/", title=f"Trying from {one.server}")
                for one in waiting
                if one.job
            ],
            "missed": [one for one in runs if one.state == SheetRun.State.NOT_REACHED],
            "results": results,
            "decide_url": f"/tests/{row.ref}/decide/" if decides and may(person, "decide_test", row) is None else "",
            "results_url": f"/tests/{row.ref}/results/" if brings else "",
        },
    )


def decide(request: HttpRequest, number: int) -> HttpResponse:
    """A second person lets it happen, or does not."""
    row, person = found(request, number), signed_in(request)
    check(person, "decide_test", row)
    if row.asked_by_id == person.pk:
        raise NotAllowed(f"You do not decide on {row.ref}.", "You planned it.", "A second person does.")

    def act(form: Any) -> Sheet:
        said = form.cleaned_data
        return verbs.decide(row, approve=said["decision"] == "approve", note=said["because"], by=person)

    first, last = timezone.localtime(row.window_from), timezone.localtime(row.window_to)
    window = f"{first:%-d %B %Y, %H:%M} to {last:%-d %B %Y, %H:%M}"
    facts = [
        ("Planned by", str(row.asked_by)), ("Why", row.because), ("Window", window),
        ("Pairs", str(len(row.pairs))), ("Hosts", ", ".join(verbs.hosts(row))),
    ]  # fmt: skip
    return confirm(
        request,
        form=DecideForm(request.POST if request.method == "POST" else None, initial=held(request)),
        act=act,
        done=lambda _: f"/tests/{row.ref}/",
        context={
            "title": f"Decide on {row.ref}",
            "crumb": ["Test sheets", row.system.name],
            "back_url": f"/tests/{row.ref}/",
            "subject": "Connections will be opened from these hosts and closed at once.",
            "consequence": "Intrusion detection will see them: tell whoever watches it.",
            "facts": [{"label": label, "text": text} for label, text in facts],
            "submit": "Put it on record",
        },
    )


@require_safe
def host_script(request: HttpRequest, number: int, host: int) -> HttpResponse:
    """The script of one host, once the sheet is approved; with `?shell=powershell` that for Windows."""
    row = found(request, number)
    names = verbs.hosts(row)
    if row.state != Sheet.State.APPROVED or not 1 <= host <= len(names):
        raise Http404
    name = names[host - 1]
    made, end = (powershell, "ps1") if request.GET.get("shell") == SHELL else (script, "sh")
    text = made(row.ref, row.sha256, name, row.pairs, (row.window_from, row.window_to))
    answer = HttpResponse(text, content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{row.ref}-{path_part(name)}.{end}"'.lower()
    return answer


def over_ssh(row: Sheet) -> set[str]:
    """The hosts of a sheet that it could be run on over SSH."""
    names = Source.objects.filter(kind=Source.Kind.SSH, server__system=row.system, paused_code="")
    return set(names.values_list("server__name", flat=True)) & set(verbs.hosts(row))


@require_POST
def run(request: HttpRequest, number: int, host: int) -> HttpResponse:
    """Runs it on one host over SSH."""
    row, person = found(request, number), signed_in(request)
    check(person, "plan_test", row)
    names = verbs.hosts(row)
    if not 1 <= host <= len(names):
        raise Http404
    ask(row, get_object_or_404(Server.objects.for_user(person), name=names[host - 1]), by=person)
    return HttpResponseRedirect(f"/tests/{row.ref}/")


def results(request: HttpRequest, number: int) -> HttpResponse:
    """What one host's script printed."""
    row, person = found(request, number), signed_in(request)
    check(person, "plan_test", row)
    posted = request.method == "POST"
    form = ResultForm(*((request.POST, request.FILES) if posted else ()), hosts=verbs.hosts(row), initial=held(request))
    refused = None
    if posted and form.is_valid():
        server = get_object_or_404(Server.objects.for_user(person), name=form.cleaned_data["host"])
        try:
            verbs.bring(row, server, form.cleaned_data["file"].read(), by=person)
            return HttpResponseRedirect(f"/tests/{row.ref}/")
        except Refused as refusal:
            refused = refusal
    return render(
        request,
        "compliance/form.html",
        {
            "title": f"Bring what came of {row.ref}",
            "lead": "The file that the host's script printed, as it is. It is kept with its hash.",
            "form": form,
            "submit": "Put it on record",
            "back_url": f"/tests/{row.ref}/",
            "multipart": True,
            "crumb": [{"label": "Test sheets", "url": "/tests/"}, {"label": row.ref, "url": f"/tests/{row.ref}/"}],
            "refused": refused,
        },
        status=403 if isinstance(refused, NotAllowed) else 422 if form.errors or refused else 200,
    )
