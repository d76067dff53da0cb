"""From a rule of the policy that stands against a request to the exception that is asked for, filled in with it."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from compliance.actions import policy_exceptions as verbs
from compliance.forms.risks import RiskForm
from compliance.models import ChangeRecord
from compliance.permissions import check
from compliance.policy.check import Hit
from compliance.traffic.witness import describe
from compliance.views.changes import signed_in
from compliance.views.verbs import confirm

RATINGS: Final = {"block": "high", "serious": "medium", "warn": "low", "note": "low"}  # where the form starts
SHOWN: Final = 8


def ask(request: HttpRequest, number: int, rule: str) -> HttpResponse:
    """The request of a dated exception for what one rule says against a change record."""
    person = signed_in(request)
    change = get_object_or_404(ChangeRecord.objects.for_user(person).select_related("system"), pk=number)
    if request.method != "POST":
        check(person, "request_exception", change)
    found = verbs.standing_hits(change, rule, timezone.now())
    return confirm(
        request,
        form=RiskForm(request.POST or None, initial={"rating": RATINGS[found[0].level]}),
        act=lambda form: verbs.ask(change, rule, by=person, **form.cleaned_data),
        done=lambda risk: f"/risks/{risk.ref}/",
        context={
            "title": f"Ask for an exception: {found[0].title}",
            "crumb": [change.ref, "Policy"],
            "back_url": f"/changes/{change.ref}/",
            "subject": change.title,
            "consequence": f"The authorising officer of {change.system} decides. Until then the rule stands; after the "
            "day it stands again, and what the rules still let through is a finding.",
            "facts": facts(change, found),
            "warning": None,
            "submit": "Ask for the exception",
            "danger": False,
        },
    )


def facts(change: ChangeRecord, found: tuple[Hit, ...]) -> list[dict[str, Any]]:
    """The rule and what it speaks of, read back before the click."""
    first = found[0]
    boxes = list(dict.fromkeys(box for hit in found for box in hit.extent))
    traffic = ["{src} → {dst} {service}".format(**describe(family, box)) for family, box in boxes[:SHOWN]]
    more = [f"and {len(boxes) - SHOWN} more"] if len(boxes) > SHOWN else []
    officer = change.system.authorising_officer
    rows = [
        ("Rule", first.title, False),
        ("What it says", verbs.said(found), False),
        ("Why the rule is there", first.why, False),
        ("Traffic it would leave open", "; ".join([*traffic, *more]), True),
        ("Example", first.packet if len(boxes) != 1 else "", True),
        ("Decides", str(officer or f"nobody yet: {change.system} names no authorising officer"), False),
    ]
    return [{"label": label, "text": text, "mono": mono} for label, text, mono in rows if text]
