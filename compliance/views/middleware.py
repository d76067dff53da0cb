"""House rules on every request: who is not signed in sees the sign-in page; a refusal is a page, not a fault."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import render

from compliance.errors import Refused
from compliance.models import User

API = "/api/"  # asks for a token itself, by compliance.api.authentication
PUSH = "/push/"  # so does this one, for a token of one source
FEED = "/calendar/ewc_"  # and this one, for the token of somebody's calendar
SHARE = "/share/ewl_"  # and this one, for who has the link to one pack
OPEN_PATHS = ("/accounts/", "/static/", "/setup/link/", "/healthz", "/readyz", "/metrics", API, PUSH, FEED, SHARE)
BAD = 400
METHODS = ("GET", "HEAD", "POST")  # a page has no others; only the API does
NO_TEXT = Refused("This address cannot be opened.", "It holds a character that no text has.", "Type it again.")
Answer = Callable[[HttpRequest], HttpResponse]


class SignedInOnly:
    """Deny by default: only the sign-in pages, the one-time link and the health check are open."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The page, or the way to the sign-in page and back."""
        if request.method not in METHODS and not request.path.startswith(API):
            return HttpResponseNotAllowed(METHODS)
        if not request.user.is_authenticated and not request.path.startswith(OPEN_PATHS):
            return redirect_to_login(request.get_full_path())
        if isinstance(request.user, User) and request.method in ("GET", "HEAD"):
            request.user.keep_grants()  # a page asks some thirty times what its reader may
        return self.answer(request)


class RefusalPage:
    """Turns a Refused that no form caught into a page with what happened, why, and what to do next."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The page as it is. An address with a NUL in it is no text: PostgreSQL cannot even look for it."""
        if "\0" in request.path or any("\0" in text for _, texts in request.GET.lists() for text in texts):
            return refusal(request, NO_TEXT, BAD)
        return self.answer(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """The refusal in the person's words; anything else goes on to the error page and the log."""
        return refusal(request, error, 403) if isinstance(error, Refused) else None


def refusal(request: HttpRequest, error: Refused, status: int) -> HttpResponse:
    """What happened, why, and what to do next: as a page, or as JSON for programs."""
    said = {"what": error.what, "why": error.why, "next_step": error.next_step}
    if request.path.startswith(API):  # in the one shape of the API's errors
        one = {"code": "parse_error" if status == BAD else "refused", "detail": str(error), "attr": None}
        return JsonResponse({"type": "client_error", "errors": [one]}, status=status)
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse(said, status=status)
    links = [dict(zip(("label", "url"), error.link, strict=True))] if error.link else []
    return render(request, "refused.html", {"code": status, **said, "links": links}, status=status)
