"""The pages of the standing duty: when a system is reviewed, and the days on which nothing is held."""

from __future__ import annotations

from calendar import day_name
from typing import Any, Final

from django.db.models import Min
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from compliance.models import User
from compliance.permissions import may
from compliance.views.changes import signed_in
from compliance.views.estate import asked
from reviews import actions as verbs
from reviews.forms import HolidaysForm, ScheduleForm, start
from reviews.models import Holiday, Review, ReviewSchedule

WEEKS: Final = ("", "first", "second", "third", "fourth", "last")


def duties(person: User) -> list[dict[str, Any]]:
    """The schedules of the systems a person may see, in words."""
    planned = Review.objects.for_user(person).filter(state=Review.State.PLANNED, due_at__gt=timezone.now())
    ahead = dict(planned.order_by().values_list("system").annotate(Min("due_at")))
    rows = ReviewSchedule.objects.for_user(person)
    return [
        {
            "system": str(row.system),
            "words": in_words(row),
            "chair": str(row.chair),
            "next": ahead.get(row.system_id),
            "enabled": row.enabled,
            "edit_url": ""
            if may(person, "plan_review", row.system)
            else f"/reviews/schedules/new/?system={row.system_id}",
        }
        for row in rows.select_related("system", "chair").order_by("system__name")
    ]


def in_words(duty: ReviewSchedule) -> str:
    """ "monthly, the third Wednesday, 10:00 Australia/Sydney"."""
    often = f"by the rule {duty.rule}" if duty.rule else f"monthly, the {WEEKS[duty.week]} {day_name[duty.weekday]}"
    return f"{often}, {duty.hour:02}:{duty.minute:02} {duty.time_zone}"


def schedule(request: HttpRequest) -> HttpResponse:
    """The standing duty of a system: set, or put better."""
    by, key = signed_in(request), request.GET.get("system", "")
    mine = ReviewSchedule.objects.for_user(by)
    stands = mine.filter(system_id=int(key)).first() if key.isascii() and key.isdigit() and len(key) < 10 else None

    def act(form: Any) -> HttpResponse:
        said = dict(form.cleaned_data)
        row = verbs.set_schedule(said.pop("system"), chair=said.pop("chair"), by=by, **said)
        verbs.plan(row)
        return HttpResponseRedirect("/reviews/")

    return asked(
        request,
        ScheduleForm(request.POST or None, person=by, initial=start(stands) if stands else None),
        act,
        verb="plan_review",
        title=f"The reviews of {stands.system}" if stands else "Plan the reviews of a system",
        lead="A review that nobody holds is itself a finding, and shown on the page of evidence and in the pack.",
        submit="Plan it",
    )


def holidays(request: HttpRequest) -> HttpResponse:
    """The days on which nothing is held, for the whole installation."""
    by = signed_in(request)

    def act(form: Any) -> HttpResponse:
        verbs.set_holidays(form.cleaned_data["lines"], by=by)
        return HttpResponseRedirect("/reviews/")

    lines = "\n".join(str(row) for row in Holiday.objects.filter(day__gte=timezone.localdate()))
    return asked(
        request,
        HolidaysForm(request.POST or None, initial={"lines": lines}),
        act,
        verb="set_holidays",
        title="Holidays",
        lead="On these days nothing is held. What is planned moves as its schedule says, and people are told anew.",
        submit="Keep the list",
    )
