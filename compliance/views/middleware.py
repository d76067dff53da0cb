"""Two house rules on every request: who is not signed in sees the sign-in page; a refusal is a page, not a fault."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from compliance.errors import Refused

OPEN_PATHS = ("/accounts/", "/static/", "/setup/link/", "/healthz")
Answer = Callable[[HttpRequest], HttpResponse]


class SignedInOnly:
    """Deny by default: only the sign-in pages, the one-time link and the health check are open."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The page, or the way to the sign-in page and back."""
        if not request.user.is_authenticated and not request.path.startswith(OPEN_PATHS):
            return redirect_to_login(request.get_full_path())
        return self.answer(request)


class RefusalPage:
    """Turns a Refused that no form caught into a page with what happened, why, and what to do next."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The page as it is."""
        return self.answer(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """The refusal in the person's words; anything else goes on to the error page and the log."""
        if not isinstance(error, Refused):
            return None
        said = {"what": error.what, "why": error.why, "next_step": error.next_step}
        if request.headers.get("Accept", "").startswith("application/json"):
            return JsonResponse(said, status=403)
        return render(request, "refused.html", {"code": 403, **said, "links": []}, status=403)
