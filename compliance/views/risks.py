"""Accepted risks and exceptions: the list, one of them, and the pages on which they are decided and revoked."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance.actions import risks as verbs
from compliance.exceptions import is_decided
from compliance.forms.decisions import ReasonForm
from compliance.forms.risks import DecideRiskForm, RiskForm
from compliance.models import RiskAcceptance
from compliance.permissions import check, may
from compliance.views.changes import signed_in
from compliance.views.lists import Choice, as_file, by_ref, file_wanted, filters, page
from compliance.views.resting import rows_of
from compliance.views.verbs import confirm

COLUMNS: Final = (
    "id",
    "about",
    "kind",
    "system",
    "rating",
    "state",
    "until",
    "plan of action",
    "asked by",
    "decided by",
)
HEADINGS = ("About", "State", "Rating", "Until", "Asked by", "Decided by")  # of the table, after its first


def risks(request: HttpRequest) -> HttpResponse:
    """The list, the newest first."""
    base = RiskAcceptance.objects.for_user(request.user)
    rows = base.select_related("system", "requested_by", "decided_by")
    words = request.GET.get("q", "").strip()
    if words:
        rows = rows.filter(
            Q(about__icontains=words) | Q(reason__icontains=words) | Q(plan__icontains=words) | by_ref(words, "RSK")
        )
    if request.GET.get("state"):
        rows = rows.filter(state=request.GET["state"])
    if file_wanted(request):
        cells = ("ref", "about", "kind", "system", "rating", "state_label", "ends_on", "plan", "asked_by", "decided_by")
        return as_file(request, "eastwest-risks", COLUMNS, ([listed(row)[cell] for cell in cells] for row in rows))
    context = {
        **page(request, rows, listed),
        "filters": filters(
            request, "What, why or RSK-42", [Choice("state", "State", RiskAcceptance.State.choices)], HEADINGS
        ),
        "total": base.count(),
    }
    return render(request, "compliance/risks.html", context)


def listed(risk: RiskAcceptance) -> dict[str, Any]:
    """One row of the list."""
    return {
        "ref": risk.ref,
        "url": f"/risks/{risk.ref}/",
        "about": risk.about,
        "kind": risk.get_kind_display(),
        "system": str(risk.system),
        "rating": risk.rating,
        "state": risk.shown_state(timezone.localdate()),
        "state_label": risk.get_state_display(),
        "ends_on": risk.ends_on,
        "plan": risk.plan,
        "asked_by": str(risk.requested_by or "not recorded"),
        "decided_by": str(risk.decided_by or ""),
    }


def risk(request: HttpRequest, number: int) -> HttpResponse:
    """One of them, with what may be done."""
    person = signed_in(request)
    row = get_object_or_404(RiskAcceptance.objects.for_user(person).select_related("system", "renews"), pk=number)
    url = f"/risks/{row.ref}/"
    offered = []
    if row.state == RiskAcceptance.State.REQUESTED and may(person, "decide_risk", row) is None:
        offered.append({"label": "Decide…", "url": f"{url}decide/", "icon": "scale", "danger": False})
    if row.state == RiskAcceptance.State.ACCEPTED:
        renewed = row.kind != RiskAcceptance.Kind.BASIS
        if renewed and may(person, verbs.asking_verb(row.kind), row) is None:
            offered.append({"label": "Renew…", "url": f"{url}renew/", "icon": "rotate-ccw", "danger": False})
        if may(person, "revoke_risk", row) is None:
            offered.append({"label": "Revoke…", "url": f"{url}revoke/", "icon": "undo-2", "danger": True})
    context = {
        "risk": {**listed(row), "reason": row.reason, "control": row.alternate_control, "path": row.path},
        "facts": facts(row),
        "boxes": sum("box" in each for each in row.extent),
        "resting": rows_of(row, person),
        "forged": row.state == RiskAcceptance.State.ACCEPTED and not is_decided(row),
        "actions": offered,
        "history": history(row),
    }
    return render(request, "compliance/risk.html", context)


def facts(row: RiskAcceptance) -> list[dict[str, Any]]:
    """The risk line by line, for reading back before a click."""
    officer = row.system.authorising_officer
    said = [
        ("About", row.about),
        ("System", str(row.system)),
        ("Rating", row.get_rating_display()),
        ("Until", f"{row.ends_on.day} {row.ends_on:%B %Y}"),
        ("Why it is left open", row.reason),
        ("What holds instead", row.alternate_control),
        ("Plan of action", row.plan or "none is named"),
        ("Asked by", str(row.requested_by or "not recorded: taken over from before two people were asked for")),
        ("Authorising officer", str(officer or "none is named")),
    ]
    return [{"label": label, "text": text, "mono": False} for label, text in said]


def history(row: RiskAcceptance) -> list[dict[str, Any]]:
    """What happened to it, newest first."""
    decided = "accepted" if row.state in ("accepted", "revoked") else "not accepted"
    place = f" in place of {row.decided_for}" if row.decided_for else ""
    note = f": {row.decision_note}" if row.decision_note else ""
    events = [
        (row.revoked_at, f"revoked: {row.revoked_note}", row.revoked_by, "undo-2"),
        (row.decided_at, f"{decided}{place}{note}", row.decided_by, "scale"),
        (row.requested_at, "asked for", row.requested_by or "", "pencil"),
    ]
    return [{"at": at, "text": text, "by": str(by), "icon": icon, "url": ""} for at, text, by, icon in events if at]


def decide(request: HttpRequest, number: int) -> HttpResponse:
    """The decision of the authorising officer, or a delegate."""
    person = signed_in(request)
    row = get_object_or_404(RiskAcceptance.objects.for_user(person).select_related("system"), pk=number)
    form = DecideRiskForm(request.POST or None, initial={"seen": row.version})
    if not form.is_valid():
        check(person, "decide_risk", row)

    def act(form: DecideRiskForm) -> RiskAcceptance:
        said = form.cleaned_data
        verb = verbs.accept if said["decision"] == "accept" else verbs.refuse
        return verb(row, by=person, because=said["because"], seen_version=said.get("seen"))

    consequence = "It holds for exactly this, until that day. Anything wider is open again at the next comparison."
    return confirm(request, form=form, act=act, done=_page, context=_asked(row, "Decide on", consequence, "Decide"))


def revoke(request: HttpRequest, number: int) -> HttpResponse:
    """It is not accepted any more."""
    person = signed_in(request)
    row = get_object_or_404(RiskAcceptance.objects.for_user(person).select_related("system"), pk=number)
    form = ReasonForm(request.POST or None)
    if not form.is_valid():
        check(person, "revoke_risk", row)
    return confirm(
        request,
        form=form,
        act=lambda form: verbs.revoke(row, by=person, because=form.cleaned_data["because"]),
        done=_page,
        context=_asked(row, "Revoke", "What it covered is open again from now on.", "Revoke", danger=True),
    )


def renew(request: HttpRequest, number: int) -> HttpResponse:
    """Ask for the same once more, beyond its day: a new record with its own decision."""
    person = signed_in(request)
    row = get_object_or_404(RiskAcceptance.objects.for_user(person).select_related("system"), pk=number)
    same = {name: getattr(row, name) for name in ("rating", "reason", "alternate_control", "plan")}
    form = RiskForm(request.POST or None, initial=same)
    if not form.is_valid():
        check(person, verbs.asking_verb(row.kind), row)
    kept = {name: getattr(row, name) for name in ("system", "kind", "key", "about", "path", "extent")}
    return confirm(
        request,
        form=form,
        act=lambda form: verbs.request(**kept, renews=row, by=person, **form.cleaned_data),
        done=_page,
        context=_asked(row, "Renew", "The authorising officer decides again. Until then the old one counts.", "Ask"),
    )


def _page(row: RiskAcceptance) -> str:
    return f"/risks/{row.ref}/"


def _asked(row: RiskAcceptance, title: str, consequence: str, submit: str, *, danger: bool = False) -> dict[str, Any]:
    """Context of the confirmation page."""
    return {
        "title": f"{title} {row.ref}",
        "crumb": [row.ref, row.get_kind_display()],
        "back_url": f"/risks/{row.ref}/",
        "subject": row.about,
        "consequence": consequence,
        "facts": facts(row),
        "warning": None,
        "submit": submit,
        "danger": danger,
    }
