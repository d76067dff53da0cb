"""Nothing typed is lost: a form that is sent after its session had ended comes back, to its own person alone.

Whose it was is told by the session that is over, or by a signed cookie that says who last was signed in in this browser
and opens nothing. Kept is only what passes the check against forged forms, as any POST must; nothing is carried out:
the person looks it over and sends it again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import Resolver404, resolve
from django.views.decorators.http import require_POST

from compliance.actions import typed as verbs
from compliance.models import User
from compliance.views.changes import signed_in

COOKIE: Final = "whose"
SALT: Final = "compliance.typed"
COOKIE_LASTS_S: Final = 7 * 24 * 3600
WAITS: Final = "kept_forms"  # session key: that something is kept for this person, so that pages need not look
# Pages whose forms are never kept: a secret is all they hold
NEVER: Final = frozenset({"source_secret", "setup_link"})


class NothingTypedIsLost:
    """Stands outside of the door: keeps what a POST brought that the door turns away, and says whose browser it is."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponse]) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The answer; before it, the form of somebody who is not signed in any more."""
        before = request.user if isinstance(request.user, User) else None  # SessionLimits may end it further in
        response = self.answer(request)
        now = request.user if isinstance(request.user, User) else None
        if request.method == "POST" and now is None and is_ours(request):
            return turned_away(request, before or whose(request), response)
        if now is not None:
            note(request, response, now)
            if request.method == "POST" and was_taken(response) and request.session.get(WAITS):
                verbs.sent(now, request.get_full_path())
        return response


def is_ours(request: HttpRequest) -> bool:
    """Whether the door leads to a page of ours that takes a form."""
    from compliance.views.middleware import OPEN_PATHS

    if request.path.startswith(OPEN_PATHS):
        return False
    try:
        return resolve(request.path).url_name not in NEVER
    except Resolver404:
        return False


def turned_away(request: HttpRequest, person: User | None, response: HttpResponse) -> HttpResponse:
    """Keeps the form for its person and leads to the sign-in page, from there back to where the form stood."""
    page = stood_on(request)
    row = None
    if person is not None and not forged(request):
        typed = {name: [str(one) for one in values] for name, values in request.POST.lists()}
        row = verbs.keep(person, page=page, action=request.get_full_path(), typed=typed)
    said = (
        "What you typed is kept for you: sign in, and it is on its page again."
        if row is not None
        else "What you typed could not be kept. Your browser may still have it: go back one page before you sign in."
    )
    messages.info(request, f"Nothing was sent: your session was over. {said}")
    way = login_from(page)
    if request.headers.get("HX-Request"):
        answer = HttpResponse(status=204)
        answer["HX-Redirect"] = way
        return answer
    return HttpResponseRedirect(way)


def login_from(page: str) -> str:
    """The sign-in page, and from there on to a page."""
    from django.contrib.auth.views import redirect_to_login

    return redirect_to_login(page).url


def stood_on(request: HttpRequest) -> str:
    """The page the form stood on, as far as the browser says it, else where it was sent."""
    said = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    parts = urlsplit(said)
    if parts.netloc != request.get_host() or not parts.path.startswith("/") or parts.path.startswith("//"):
        return request.get_full_path()
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def forged(request: HttpRequest) -> bool:
    """Whether the form does not carry the token of this browser: then it may come from anywhere."""
    check = CsrfViewMiddleware(lambda _: HttpResponse())
    check.process_request(request)
    return check.process_view(request, lambda _: HttpResponse(), (), {}) is not None


def whose(request: HttpRequest) -> User | None:
    """Who last was signed in in this browser, by the signed cookie."""
    try:
        key = str(request.get_signed_cookie(COOKIE, salt=SALT, max_age=COOKIE_LASTS_S))
    except (KeyError, signing.BadSignature):
        return None
    return User.objects.here().filter(pk=int(key)).first() if key.isdecimal() and len(key) < 19 else None


def note(request: HttpRequest, response: HttpResponse, person: User) -> None:
    """Says in the cookie whose browser it is now, where it says something else."""
    try:
        said = request.get_signed_cookie(COOKIE, salt=SALT, max_age=COOKIE_LASTS_S // 2)
    except (KeyError, signing.BadSignature):
        said = ""
    if said != str(person.pk):
        response.set_signed_cookie(
            COOKIE, str(person.pk), salt=SALT, max_age=COOKIE_LASTS_S, httponly=True, samesite="Lax",
            secure=settings.HTTPS,
        )  # fmt: skip


def was_taken(response: HttpResponse) -> bool:
    """Whether a form was carried out, and not refused or led aside to a confirmation."""
    return response.status_code < 400 and not response.headers.get("Location", "").startswith("/accounts/")


def signed_in_again(request: HttpRequest, user: Any, **_: Any) -> None:
    """Notes in a fresh session whether something is kept for its person (django's signal user_logged_in)."""
    if isinstance(user, User) and verbs.anything_kept(user):
        request.session[WAITS] = True


def given_back(request: HttpRequest) -> dict[str, Any]:
    """Context for base.html: `kept_forms`, what the person had typed on this page."""
    person = getattr(request, "user", None)
    if request.method != "GET" or not isinstance(person, User) or not request.session.get(WAITS):
        return {"kept_forms": []}
    return {"kept_forms": [shown(row) for row in verbs.kept_for(person, request.get_full_path())]}


def shown(row: Any) -> dict[str, Any]:
    """One kept form: for the script that fills it in, and in words for who has none."""
    words = [
        {"name": name.replace("_", " "), "text": text}
        for name, values in row.typed.items()
        for text in values
        if len(text) > 1 and name not in ("step", "seen")
    ]
    return {"id": str(row.pk), "at": row.kept_at, "data": {"action": row.action, "typed": row.typed}, "words": words}


@require_POST
def forget(request: HttpRequest, number: int) -> HttpResponse:
    """Throws away what was kept of one form of one's own."""
    page = verbs.forget(signed_in(request), number)
    if not page:
        raise Http404
    messages.success(request, "It is thrown away.")
    return HttpResponseRedirect(page)
