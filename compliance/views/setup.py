"""Set-up: the one-time link, the task list to the first pack, and what the installation goes by."""

from __future__ import annotations

from typing import Any, Final

from allauth.account.internal.flows.login import record_authentication
from allauth.core.internal import ratelimit
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST

from compliance.actions import setting_up as verbs
from compliance.actions.people import NO_ADDRESS
from compliance.errors import Refused
from compliance.forms.setup import FirstPasswordForm
from compliance.four_eyes import FACTORS
from compliance.models import ChangeRecord, Organisation, Role, SetUpLink, SetUpMark, User
from compliance.models.people import link_digest
from compliance.permissions import VERBS, check, listed, may
from compliance.setting_up import MAIL, PARTS, Step, lacking, left_out, over, steps
from compliance.views.changes import signed_in

LIST: Final = "/setup/"


def link(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind a one-time link: a name, a password, and in."""
    row = SetUpLink.objects.filter(digest=link_digest(token)).select_related("person").first()
    if row is None or row.used_at or row.expires_at < timezone.now():
        limited: HttpResponse | None = ratelimit.consume_or_429(
            request, app="allauth.account", action="setup_link_failed", limit_get=True
        )
        if limited is not None:
            return limited
        old = Refused(
            "This link does not open any more",
            "It was used already, or it is too old.",
            "Ask an administrator for a new one, or run ./run manage setuplink.",
        )
        closed = {"form": None, "expires_at": None, "refused": old, "first": False, "email": ""}
        return render(request, "compliance/setup_link.html", closed, status=410)
    first = row.person.email.endswith(NO_ADDRESS)
    start = {"name": "" if first else row.person.name}
    form = FirstPasswordForm(request.POST or None, initial=start, first=first)
    refused: Refused | None = None
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            person = verbs.come_in(token, **{key: said[key] for key in said if key != "again"})
        except Refused as refusal:
            refused = refusal
        else:
            login(request, person, backend="allauth.account.auth_backends.AuthenticationBackend")
            # they have just shown the link and chosen the password: nobody is asked for it again on the next page
            record_authentication(request, person, method="password", email=person.email, reauthenticated=True)
            return HttpResponseRedirect(first_page(person))
    email = "" if first else row.person.email
    context: dict[str, Any] = {"form": form, "expires_at": row.expires_at, "refused": refused}
    context |= {"first": first, "email": email}
    return render(request, "compliance/setup_link.html", context, status=422 if form.errors or refused else 200)


def first_page(person: User) -> str:
    """Where somebody goes who has just set a password: who decides sets up the second step they will be asked for."""
    decides = person.holds([Role.SYSTEM_OWNER, Role.MANAGER]) and not person.holds([Role.ADMINISTRATOR])
    asked = settings.APPROVERS_NEED_MFA and Organisation.objects.filter(approvers_need_mfa=True).exists()
    if decides and asked and not Authenticator.objects.filter(user=person, type__in=FACTORS).exists():
        return "/accounts/2fa/totp/activate/"
    return landing(person, else_to=LIST)


def landing(person: User, *, else_to: str = "/evidence/") -> str:
    """Where somebody begins: an administrator with the list while set-up is not over, everybody else with the month."""
    if person.holds([Role.ADMINISTRATOR]):
        return else_to if over(timezone.now()) else LIST
    return else_to


def home(request: HttpRequest) -> HttpResponse:
    """The address without a path: what waits for somebody's decision comes first."""
    person = signed_in(request)
    waits = ChangeRecord.objects.waiting_for(person).exists()
    return HttpResponseRedirect("/inbox/" if waits else landing(person))


def tasks(request: HttpRequest) -> HttpResponse:
    """The task list: what is done, what is next, what was left out, and what will not work as things stand."""
    person, now = signed_in(request), timezone.now()
    skipped, found = left_out(), steps(now)
    upcoming = next(
        (step.key for step in found if not step.done and step.key not in skipped and is_for(person, step)), ""
    )
    rows = [shown(step, person, skipped.get(step.key), upcoming) for step in found]
    administers = may(person, "set_up", None) is None
    context = {
        "parts": [{"title": part, "tasks": [row for row in rows if row["part"] == part]} for part in PARTS],
        "done": sum(step.done for step in found),
        "skipped": sum(step.key in skipped and not step.done for step in found),
        "total": len(found),
        "lacking": lacking(now),
        "administers": administers,
        "next": next((row for row in rows if row["state"] == "next"), None),
    }
    return render(request, "compliance/setup.html", context)


def shown(step: Step, person: User, skipped: SetUpMark | None, upcoming: str) -> dict[str, Any]:
    """One step as a line of the list."""
    theirs = is_for(person, step)
    state = "done" if step.done else "skipped" if skipped else "next" if step.key == upcoming else "later"
    roles = dict.fromkeys(role for verb in step.verbs for role in VERBS[verb])
    return {
        **step._asdict(),
        "state": state,
        "url": step.url if theirs else "",
        "who": "" if theirs else listed(roles),
        "skipped_by": str(skipped.by) if skipped else "",
    }


def is_for(person: User, step: Step) -> bool:
    """Whether this person may do it."""
    return any(may(person, verb, None) is None for verb in step.verbs)


def next_for(person: User, *, after: str = "") -> dict[str, str] | None:
    """The next open step this person may do, as a link: where they go on when one is done."""
    skipped = left_out()
    for step in steps(timezone.now()):
        if step.key != after and not step.done and step.key not in skipped and is_for(person, step):
            return {"label": f"Next: {step.title}", "url": step.url}
    return None


@require_POST
def mark(request: HttpRequest, step: str) -> HttpResponse:
    """Skips a step for now, or takes it up again."""
    person = signed_in(request)
    if request.POST.get("skip") == "no":
        verbs.take_up(step, by=person)
    else:
        verbs.leave_out(step, by=person)
    return HttpResponseRedirect(f"{LIST}#{step}")


def installation(request: HttpRequest) -> HttpResponse:
    """Time zone, day of the monthly pack and mail, as the settings say them; the mail is tried from here."""
    person = signed_in(request)
    check(person, "set_up", None)
    refused = None
    if request.method == "POST":
        try:
            messages.success(request, verbs.try_mail(by=person))
            return HttpResponseRedirect("/setup/installation/")
        except Refused as refusal:
            refused = refusal
    tried = SetUpMark.objects.filter(step=MAIL, what=SetUpMark.What.TRIED).select_related("by").first()
    kind = settings.EMAIL_BACKEND.split(".")[-2]
    context = {
        "now": timezone.localtime(),
        "zone": settings.TIME_ZONE,
        "site": settings.SITE_URL,
        "https": settings.HTTPS,
        "mail": "" if kind != "smtp" else f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}",
        "mail_kind": {"filebased": f"files in {settings.EMAIL_FILE_PATH}", "smtp": "a mail server"}.get(kind, kind),
        "sender": settings.DEFAULT_FROM_EMAIL,
        "digest_hour": f"{settings.DIGEST_HOUR:02}:00",
        "ceiling": settings.CLASSIFICATIONS[settings.CEILING],
        "tried": tried,
        "email": person.email,
        "refused": refused,
        "form": None,
    }
    return render(request, "compliance/installation.html", context, status=409 if refused else 200)
