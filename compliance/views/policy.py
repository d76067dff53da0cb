"""The policy's pages: what is in force, its versions with what each changed, proposing one, and deciding on one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance.actions import policy as verbs
from compliance.errors import Refused
from compliance.exceptions import decided_by, is_decided
from compliance.forms.decisions import NoteForm, ReasonForm
from compliance.forms.policy import PolicyForm
from compliance.models import PolicyVersion, RiskAcceptance, User, Zone
from compliance.models.estate import day_of
from compliance.permissions import check, may
from compliance.policy.content import Decision, Policy, PolicyError, Value
from compliance.policy.differences import differences
from compliance.policy.pairs import by_matrix
from compliance.policy.shipped import described, shipped
from compliance.policy.spans import said
from compliance.traffic.services import Span
from compliance.views.changes import signed_in
from compliance.views.verbs import confirm

OUTSIDE: Final = "outside"
HISTORY: Final = 50
WIDEST: Final = 24  # zones of the table; the lines below it hold all


def policy(request: HttpRequest) -> HttpResponse:
    """What is in force, and what is proposed."""
    person = signed_in(request)
    check(person, "see", None)
    version = verbs.in_force()
    return render(
        request,
        "compliance/policy.html",
        {
            **told(version, person),
            "version": version,
            "decision": getattr(version, "decision", None) if version.pk else None,
            "open": [listed(row) for row in PolicyVersion.objects.open().select_related("proposed_by")],
            "history": [listed(row) for row in rows()[:HISTORY]],
            "may_propose": may(person, "propose_policy", None) is None,
            "left_open": left_open(person),
        },
    )


def left_open(person: User) -> list[RiskAcceptance]:
    """The exceptions that hold today, decided on as records of their own, of the systems this person sees."""
    mine = decided_by(timezone.now()).filter(kind=RiskAcceptance.Kind.RULE)
    mine = mine.filter(pk__in=RiskAcceptance.objects.for_user(person).values("pk"))
    return [row for row in mine.select_related("system").order_by("ends_on", "pk") if is_decided(row)]


def rows() -> Any:
    """Every version, the newest first, with who decided."""
    return PolicyVersion.objects.select_related("proposed_by", "decision__decided_by").order_by("-number")


def listed(version: PolicyVersion) -> dict[str, Any]:
    """A version as a line of the history."""
    decision = getattr(version, "decision", None)
    return {
        "number": version.number,
        "url": f"/policy/{version.number}/",
        "because": version.because,
        "by": str(version.proposed_by or "Eastwest"),
        "at": version.proposed_at,
        "state": "shipped" if version.shipped else decision.outcome if decision else "proposed",
        "decision": decision,
        "fault": version.fault() if decision is not None and decision.outcome == "adopted" else "",
    }


def told(version: PolicyVersion, person: User) -> dict[str, Any]:
    """What a version says, as the pages show it; a version that cannot be read says so."""
    try:
        content = verbs.read(version)
    except PolicyError as error:
        return {"unreadable": error.problems}
    zones = [*Zone.objects.for_user(person).values_list("name", flat=True)[:WIDEST], OUTSIDE]
    today = day_of(timezone.now())
    return {
        "rules": [
            {
                "id": rule.id,
                "title": rule.title,
                "why": rule.why,
                "controls": rule.controls,
                "on": content.rules[rule.id].on,
                "severity": content.rules[rule.id].severity,
                "parameters": [
                    (key.replace("_", " "), spoken(value)) for key, value in content.rules[rule.id].parameters.items()
                ],
            }
            for rule in described()
        ],
        "zones": zones,
        "matrix": matrix(content, zones),
        "otherwise": content.otherwise,
        "cells": content.cells,
        "waivers": [{"row": one, "past": one.until < today} for one in content.waivers],
    }


def spoken(value: Value) -> str:
    """A parameter as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) or "none" if isinstance(value, tuple) else str(value)


def matrix(content: Policy, zones: Sequence[str]) -> list[dict[str, Any]]:
    """The zone matrix as rows of cells: for each decision the services it is for."""
    found = []
    for source in zones:
        cells = []
        for target in zones:
            decided = by_matrix(content.cells, content.otherwise, source, target)
            cells.append(worded(decided))
        found.append({"zone": source, "cells": cells})
    return found


def worded(decided: Mapping[Decision, tuple[Span, ...]]) -> list[tuple[Decision, str]]:
    """The decisions of one cell with their services: none where there is one decision, "the rest" for what is left."""
    if len(decided) == 1:
        return [(decision, "") for decision in decided]
    rest = max(decided, key=lambda decision: sum(span[1] - span[0] for span in decided[decision]))
    return [
        (decision, "the rest" if decision == rest else said(spans))
        for decision, spans in sorted(decided.items(), key=lambda each: each[0] == rest)
    ]


def version(request: HttpRequest, number: int) -> HttpResponse:
    """One version: what it changes against the one it was made from, and who decided."""
    person = signed_in(request)
    check(person, "see", None)
    row = get_object_or_404(rows().select_related("base"), number=number)
    return render(
        request,
        "compliance/policy_version.html",
        {
            **told(row, person),
            "version": row,
            "line": listed(row),
            "base": row.base.ref if row.base else "the policy as shipped",
            "changes": changed(row),
            "refusal": may(person, "adopt_policy", row),
            "waiting": not row.shipped and getattr(row, "decision", None) is None,
        },
    )


def changed(row: PolicyVersion) -> list[str]:
    """What a version changes against the one it was made from."""
    try:
        before = verbs.read(row.base) if row.base else shipped()
        return differences(before, verbs.read(row), described())
    except PolicyError as error:
        return error.problems


def propose(request: HttpRequest) -> HttpResponse:
    """A proposal: the whole policy as a form."""
    person = signed_in(request)
    check(person, "propose_policy", None)
    now = verbs.in_force()
    form = PolicyForm(
        request.POST if request.method == "POST" else None,
        policy=verbs.read(now),
        described=described(),
        initial={"seen": now.number},
    )
    refused = None
    if request.method == "POST" and form.is_valid():
        try:
            made = verbs.propose(
                form.content(), because=form.cleaned_data["because"], by=person, seen=form.cleaned_data["seen"]
            )
            return HttpResponseRedirect(f"/policy/{made.number}/")
        except Refused as refusal:
            refused = refusal
    status = 409 if refused else 422 if form.errors else 200
    context = {"form": form, "refused": refused, "version": now}
    return render(request, "compliance/policy_edit.html", context, status=status)


def decide(request: HttpRequest, number: int, name: str) -> HttpResponse:
    """Adopting a version, or turning it down: read back, then one click."""
    person = signed_in(request)
    row = get_object_or_404(rows().select_related("base"), number=number)
    adopting = name == "adopt"
    if request.method != "POST":
        check(person, "adopt_policy", row)
    kind = NoteForm if adopting else ReasonForm
    verb = verbs.adopt if adopting else verbs.turn_down
    return confirm(
        request,
        form=kind(request.POST if request.method == "POST" else None),
        act=lambda form: verb(row, by=person, because=form.cleaned_data["because"]),
        done=lambda _: "/policy/" if adopting else f"/policy/{row.number}/",
        context={
            "title": f"{'Adopt' if adopting else 'Turn down'} version {row.number} of the policy",
            "crumb": ["Policy", f"version {row.number}"],
            "back_url": f"/policy/{row.number}/",
            "subject": row.because,
            "consequence": "It holds for every request that is sent or approved from then on, and for the nightly look "
            "at the rules. What was decided before stays as it was."
            if adopting
            else "It changes nothing. It stays in the history with your reason.",
            "facts": [{"label": f"{place}.", "text": text} for place, text in enumerate(changed(row), start=1)],
            "warning": None,
            "submit": "Adopt it" if adopting else "Turn it down",
            "danger": not adopting,
        },
    )
