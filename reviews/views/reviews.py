"""Reviews: did we review, who was there, what was decided?"""

from __future__ import annotations

from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from compliance.models import User
from compliance.permissions import check, may
from compliance.views.changes import signed_in
from compliance.views.lists import page
from compliance.views.verbs import confirm
from reviews import actions as verbs
from reviews import minutes as words
from reviews.actions.decisions import rest
from reviews.forms import ActionForm, AttendeesForm, NothingForm
from reviews.models import Review, ReviewAction
from reviews.views import lines, signing
from reviews.views.panels import next_review
from reviews.views.schedules import duties

FROZEN: Final = (Review.State.SIGNING, Review.State.CLOSED)


def state(review: Review) -> str:
    """The word of compliance.words.REVIEWS."""
    if review.state == Review.State.CLOSED:
        return "signed"
    if review.state == Review.State.MISSED:
        return "missed"
    if review.state in (Review.State.OPEN, Review.State.SIGNING):
        return "held" if review.state == Review.State.OPEN else "signing"
    return "due" if review.due_at <= timezone.now() else "planned"


def reviews(request: HttpRequest) -> HttpResponse:
    """All reviews, page by page, the next one, and the actions that are open."""
    person = signed_in(request)
    rows = Review.objects.for_user(person)
    told = rows.select_related("chair", "system").prefetch_related("attendees", "agenda__decision", "actions")
    undone = ReviewAction.objects.filter(review__in=rows, state=ReviewAction.State.OPEN).select_related(
        "owner", "review__system"
    )
    return render(
        request,
        "reviews/reviews.html",
        {
            **page(request, rows, listed, told),
            "next": next_review(person),
            "actions_open": [action_row(row, person) for row in undone],
            "duties": duties(person),
            "holidays_url": "" if may(person, "set_holidays", None) else "/reviews/holidays/",
            "plan_url": "" if may(person, "plan_review", None) else "/reviews/schedules/new/",
        },
    )


def listed(row: Review) -> dict[str, Any]:
    """One row of the list."""
    return {
        "ref": row.ref,
        "url": f"/reviews/{row.ref}/",
        "title": f"{timezone.localtime(row.due_at):%B %Y}, {row.system}",
        "on": row.opened_at or row.due_at,
        "state": state(row),
        "chair": str(row.chair),
        "attendees": sum(seat.present for seat in row.attendees.all()),
        "decisions": sum(hasattr(item, "decision") and item.decision.what != "" for item in row.agenda.all()),
        "open_actions": sum(action.state == ReviewAction.State.OPEN for action in row.actions.all()),
        "digest": row.minutes_hash,
    }


def action_row(row: ReviewAction, person: User) -> dict[str, Any]:
    """One action."""
    late = row.state == ReviewAction.State.OPEN and row.due < timezone.localdate()
    review = row.review
    done = (
        ""
        if row.state == ReviewAction.State.DONE or may(person, "close_action", row)
        else f"/reviews/actions/{row.pk}/done/"
    )
    return {
        "text": row.text,
        "owner": str(row.owner),
        "due": row.due,
        "state": "overdue" if late else row.state,
        "review": {"ref": review.ref, "url": f"/reviews/{review.ref}/"},
        "url": f"/reviews/{review.ref}/",
        "done_url": done,
    }


def found(request: HttpRequest, number: int) -> Review:
    """The review, for who may see its system."""
    rows = Review.objects.for_user(signed_in(request)).select_related("system", "chair", "second")
    return get_object_or_404(rows, pk=number)


def review(request: HttpRequest, number: int, wrong: dict[str, Any] | None = None) -> HttpResponse:
    """One review: agenda, live minutes, sign-off. `wrong`: a form that did not pass, by its name."""
    row, person = found(request, number), signed_in(request)
    wrong = wrong or {}
    frozen = row.state in (*FROZEN, Review.State.MISSED)
    altered = bool(words.altered([row]))
    may_run = may(person, "run_review", row) is None
    live = row.state == Review.State.OPEN and may_run
    blockers = verbs.blockers(row) if live else []
    url = f"/reviews/{row.ref}/"
    items = list(
        row.agenda.select_related(
            "decision__by", "decision__change", "decision__risk", "finding__system", "connection__system", "change"
        )
    )
    return render(
        request,
        "reviews/review.html",
        {
            "review": {
                **listed(row),
                "title": f"{timezone.localtime(row.due_at):%B %Y} review of {row.system}",
                "place": "",
                "signed_by": f"{row.chair} and {row.second}" if row.second else "",
                "signed_at": row.closed_at,
                "frozen": row.state == Review.State.CLOSED and not altered,
                "altered": altered,
                "missed_because": "Nobody opened it within three days of its date."
                if row.state == Review.State.MISSED
                else "",
            },
            "agenda": [lines.shown(item, url, person, live=live, form=wrong.get(f"item-{item.pk}")) for item in items],
            "attendees": [
                {"name": str(seat.person), "role": seated(seat), "present": seat.present}
                for seat in row.attendees.select_related("person", "recorded_by")
            ],
            "attendee_form": wrong.get("attendees") or AttendeesForm(review=row) if live else None,
            "attendee_url": f"{url}attendees/",
            "decisions": [
                {
                    "text": ": ".join(filter(None, (item.decision.get_what_display(), item.decision.note))),
                    "item": item.title,
                    "at": item.decision.at,
                }
                for item in items
                if hasattr(item, "decision") and item.decision.what
            ],
            "actions": [action_row(each, person) for each in row.actions.select_related("owner", "review")],
            "action_form": wrong.get("action") or ActionForm() if live else None,
            "action_url": f"{url}actions/",
            "sign_url": f"{url}sign/"
            if live and not blockers
            else f"{url}open/"
            if may_run and row.state == Review.State.PLANNED
            else "",
            "rest_url": f"{url}rest/" if live and rest(row) else "",
            **signing.ways(row, person),
            "sign_blockers": blockers,
            "opening": row.state == Review.State.PLANNED,
            "minutes_url": f"{url}minutes.md" if row.state in FROZEN else "",
            "job": None,
            "frozen": frozen,
        },
        status=422 if wrong else 200,
    )


def seated(seat: Any) -> str:
    """How we know that somebody was there."""
    position = f"{seat.person.title}, " if seat.person.title else ""
    return f"{position}confirmed by themselves" if seat.confirmed_at else f"{position}recorded by {seat.recorded_by}"


def open_review(request: HttpRequest, number: int) -> HttpResponse:
    """Open the review: the agenda is written now, from what is known now."""
    row, person = found(request, number), signed_in(request)
    if request.method != "POST":
        check(person, "run_review", row)
    return confirm(
        request,
        form=NothingForm(request.POST or None),
        act=lambda _: verbs.open_review(row, by=person),
        done=lambda _: f"/reviews/{row.ref}/",
        context={
            "title": f"Open {row.ref}",
            "crumb": [row.ref],
            "back_url": f"/reviews/{row.ref}/",
            "subject": f"Review of {row.system}",
            "consequence": "The agenda is written from today's findings, changes and open actions.",
            "facts": [],
            "warning": None,
            "submit": "Open the review",
            "danger": False,
        },
    )


def decide(request: HttpRequest, number: int, item: int) -> HttpResponse:
    """Keep the minutes of one item; what does not pass is shown again with what was typed."""
    return lines.decide(request, number, item, again=review)


@require_POST
def attendees(request: HttpRequest, number: int) -> HttpResponse:
    """Who is here."""
    row = found(request, number)
    form = AttendeesForm(request.POST, review=row)
    if not form.is_valid():
        return review(request, number, wrong={"attendees": form})
    verbs.attend(row, people=list(form.cleaned_data["people"]), by=signed_in(request))
    return HttpResponseRedirect(f"/reviews/{row.ref}/")


@require_POST
def add_action(request: HttpRequest, number: int) -> HttpResponse:
    """Something somebody undertakes to do."""
    row = found(request, number)
    form = ActionForm(request.POST)
    if not form.is_valid():
        return review(request, number, wrong={"action": form})
    verbs.add_action(row, by=signed_in(request), **form.cleaned_data)
    return HttpResponseRedirect(f"/reviews/{row.ref}/")


@require_POST
def close_action(request: HttpRequest, number: int) -> HttpResponse:
    """An action is done."""
    person = signed_in(request)
    mine = Review.objects.for_user(person)
    row = get_object_or_404(ReviewAction.objects.filter(review__in=mine), pk=number)
    verbs.close_action(row, by=person)
    return HttpResponseRedirect(f"/reviews/{row.review.ref}/")


def minutes(request: HttpRequest, number: int) -> HttpResponse:
    """The frozen minutes as Markdown."""
    row = found(request, number)
    if row.state not in FROZEN:
        raise Http404
    answer = HttpResponse(row.minutes, content_type="text/markdown; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{row.ref}.md"'
    return answer
