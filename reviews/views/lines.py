"""The lines of an agenda while they are minuted: words that are kept as they are typed, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST

from compliance.errors import NotAllowed, Refused
from compliance.forms.risks import RiskForm
from compliance.models import User
from compliance.permissions import check, may
from compliance.views.changes import signed_in
from compliance.views.verbs import confirm
from reviews import actions as verbs
from reviews.actions.decisions import rest
from reviews.forms import BecauseForm, DecisionForm, KeepForm, NothingForm
from reviews.models import AgendaItem, Decision, Review
from reviews.steps import step_of

ICONS: Final = {
    "finding": ("triangle-alert", "bad"),
    "due": ("clock-alert", "warn"),
    "change": ("git-pull-request-arrow", "off"),
    "action": ("list-checks", "warn"),
    "coverage": ("shield-question-mark", "warn"),
    "log": ("logs", "warn"),
    "attest": ("signature", "warn"),
    "register": ("network", "off"),
    "note": ("message-square", "off"),
}
CARRY: Final = {
    "keep": "Ask to keep it",
    "narrow": "Begin the draft",
    "revoke": "Ask for its removal",
    "accept": "Ask to accept the risk",
    "fix": "Acknowledge the finding",
}


def shown(item: AgendaItem, url: str, person: User, *, live: bool, form: DecisionForm | None) -> dict[str, Any]:
    """One item with its minutes form while the review is in session."""
    icon, tone = ICONS[item.kind]
    decision: Decision | None = getattr(item, "decision", None)
    links = ((item.finding, "findings"), (item.connection, "connections"), (item.change, "changes"))
    target = next((f"/{room}/{thing.ref}/" for thing, room in links if thing), "")
    step = step_of(item, decision.what) if decision and not decision.outcome else ""
    about = item.finding if step in ("request_risk", "acknowledge") else item.connection
    return {
        "number": item.position,
        "title": item.title,
        "detail": item.detail,
        "url": target,
        "tone": tone,
        "icon": icon,
        "minutes": in_words(decision),
        "outcome": decision.outcome if decision else "",
        "outcome_url": outcome_url(decision),
        "form": (form or DecisionForm(item=item, prefix=f"i{item.pk}")) if live else None,
        "carry_url": f"{url}items/{item.pk}/carry/" if live and step and not may(person, step, about) else "",
        "carry": CARRY.get(decision.what, "") if decision else "",
        "waits": bool(live and step and step != "acknowledge" and may(person, step, about)),
        "save_url": f"{url}items/{item.pk}/",
        **saved(item, decision),
    }


def in_words(decision: Decision | None) -> str:
    """What was decided and said, on one line."""
    if decision is None:
        return ""
    return ". ".join(filter(None, (decision.get_what_display() if decision.what else "", decision.note)))


def outcome_url(decision: Decision | None) -> str:
    """Where the record stands that came of it."""
    if decision is None:
        return ""
    if decision.change is not None:
        return f"/changes/{decision.change.ref}/"
    return f"/risks/{decision.risk.ref}/" if decision.risk else ""


def saved(item: AgendaItem, decision: Decision | None, problem: str = "") -> dict[str, Any]:
    """What templates/reviews/saved.html takes."""
    return {
        "number": item.position,
        "prefix": f"i{item.pk}",
        "version": decision.version if decision else 0,
        "saved_at": decision.at if decision else None,
        "saved_by": str(decision.by) if decision else "",
        "problem": problem,
    }


def line(request: HttpRequest, number: int, item: int) -> AgendaItem:
    """One line of a review that the person may see."""
    mine = AgendaItem.objects.filter(review__in=Review.objects.for_user(signed_in(request)))
    rows = mine.select_related("review__system", "finding", "connection", "decision__by")
    return get_object_or_404(rows, review_id=number, pk=item)


@require_POST
def decide(request: HttpRequest, number: int, item: int, again: Callable[..., HttpResponse]) -> HttpResponse:
    """Keep the minutes of one item. `again`: shows the page with a form that did not pass."""
    about = line(request, number, item)
    form = DecisionForm(request.POST, item=about, prefix=f"i{about.pk}")
    seen = request.POST.get(f"i{about.pk}-seen", "")
    problem = ""
    if form.is_valid():
        said = form.cleaned_data
        try:
            verbs.decide(
                about, what=said["what"], note=said["note"], until=said["until"], by=signed_in(request),
                seen=int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else None,
            )  # fmt: skip
        except Refused as refused:
            over = about.review.state != Review.State.OPEN
            if isinstance(refused, NotAllowed) or ("HX-Request" not in request.headers and over):
                raise
            problem = str(refused)
            form.add_error("note", problem)
    else:
        problem = " ".join(str(error) for errors in form.errors.values() for error in errors)
    if "HX-Request" in request.headers:
        now = Decision.objects.filter(item=about).select_related("by").first()
        return render(request, "reviews/saved.html", {"item": saved(about, now, problem)})
    if problem:
        return again(request, number, wrong={f"item-{about.pk}": form})
    return HttpResponseRedirect(f"/reviews/{about.review.ref}/#item-{about.position}")


def carry(request: HttpRequest, number: int, item: int) -> HttpResponse:
    """From what was decided to the record that asks for it: read back, completed, one click."""
    about, person = line(request, number, item), signed_in(request)
    decision: Decision | None = getattr(about, "decision", None)
    step = step_of(about, decision.what) if decision else ""
    if decision is None or not step:
        raise Http404
    thing = about.finding if step in ("request_risk", "acknowledge") else about.connection
    check(person, step, thing)
    told = "One change record is made of it, on which the same people decide as on any other."
    if step == "acknowledge":
        told = "The finding stands until evidence cures it."
    elif step == "request_risk":
        told = "The authorising officer decides. It holds only for exactly this, and only until that day."
    return confirm(
        request,
        form=carrying(about, decision, request),
        act=lambda form: verbs.carry_out(
            about, by=person, **{k: v for k, v in form.cleaned_data.items() if k != "sure"}
        ),
        done=lambda _: f"/reviews/{about.review.ref}/#item-{about.position}",
        context={
            "title": CARRY[decision.what],
            "crumb": [about.review.ref],
            "back_url": f"/reviews/{about.review.ref}/#item-{about.position}",
            "subject": about.title,
            "consequence": told,
            "facts": [{"label": "Decided in the review", "text": in_words(decision), "mono": False}],
            "warning": None,
            "submit": CARRY[decision.what],
            "danger": False,
        },
    )


def carrying(item: AgendaItem, decision: Decision, request: HttpRequest) -> forms.Form:
    """What has to be completed before a decision can be asked for; the minutes are its first words."""
    posted = request.POST or None
    if decision.what == Decision.What.ACCEPT:
        rating = item.finding.severity if item.finding else ""
        said = {"ends_on": decision.until, "reason": decision.note, "rating": rating}
        return RiskForm(posted, initial=said)
    if decision.what == Decision.What.KEEP:
        return KeepForm(posted, initial={"because": decision.note, "until": decision.until})
    if decision.what == Decision.What.FIX:
        return NothingForm(posted)
    return BecauseForm(posted, initial={"because": decision.note})


def note_rest(request: HttpRequest, number: int) -> HttpResponse:
    """What nobody has anything to say about, line by line, and one click for all of it."""
    person = signed_in(request)
    row = get_object_or_404(Review.objects.for_user(person).select_related("system"), pk=number)
    check(person, "run_review", row)
    items = rest(row)
    kept = sum(item.kind == AgendaItem.Kind.REGISTER for item in items)
    return confirm(
        request,
        form=NothingForm(request.POST or None),
        act=lambda _: verbs.note_rest(row, by=person),
        done=lambda _: f"/reviews/{row.ref}/",
        context={
            "title": f"Note the rest of {row.ref}",
            "crumb": [row.ref],
            "back_url": f"/reviews/{row.ref}/",
            "subject": f"{len(items)} lines undecided: {kept} of the register, {len(items) - kept} that inform.",
            "consequence": "Those of the register are kept as they are, the others noted, in your name. "
            "Findings, what is due, logs and attestations are not among them.",
            "facts": [
                {"label": f"{item.position}. {item.get_kind_display()}", "text": item.title, "mono": False}
                for item in items
            ],
            "warning": None,
            "submit": "Keep and note them all",
            "danger": False,
        },
    )
