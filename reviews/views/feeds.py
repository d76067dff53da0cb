"""One's own calendar: the page that makes and ends its address, and the address itself."""

from __future__ import annotations

from typing import Any, Final

from allauth.core.internal import ratelimit
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_safe

from compliance.views.changes import signed_in
from reviews.actions import feeds
from reviews.models import CalendarFeed

FAILED: Final[dict[str, Any]] = {"app": "allauth.account", "action": "token_failed"}


def mine(request: HttpRequest) -> HttpResponse:
    """Make an address (it is shown once), or end the one there is."""
    person = signed_in(request)
    if request.method == "POST" and request.POST.get("what") == "end":
        feeds.end_feed(by=person)
        return HttpResponseRedirect("/calendar/")
    if request.method == "POST" and request.POST.get("what") == "make":
        token = feeds.make_feed(by=person)
        said = {
            "title": "The address of your calendar",
            "reference": f"{settings.SITE_URL}/calendar/{token}.ics",
            "sentence": "Whoever has it reads the dates of your reviews. It is not shown again; a new one ends it.",
            "steps": ["Subscribe to it in your calendar.", "End it here when you no longer need it, or lost it."],
            "links": [{"label": "Back to reviews", "url": "/reviews/"}],
        }
        answer = render(request, "compliance/done.html", said)
        answer["Cache-Control"] = "no-store"
        return answer
    feed = CalendarFeed.objects.filter(person=person, ended_at=None).first()
    return render(request, "reviews/calendar.html", {"feed": feed})


@require_safe
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """The calendar of whom the token names, as they may see it now. No session counts here."""
    if not ratelimit.consume(request, dry_run=True, limit_get=True, **FAILED):
        answer = HttpResponse("Too many addresses that open nothing came from yours.", status=429)
        answer["Retry-After"] = "60"
        return answer
    person = feeds.person_of(token)
    if person is None:
        ratelimit.consume(request, limit_get=True, **FAILED)
        return HttpResponseNotFound("This address opens no calendar, or none any more.", content_type="text/plain")
    answer = HttpResponse(feeds.text_for(person), content_type="text/calendar; charset=utf-8")
    answer["Cache-Control"] = "private, no-store"
    answer["Content-Disposition"] = 'inline; filename="eastwest.ics"'
    return answer
