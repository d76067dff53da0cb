"""Service tokens: which programs come in, since when, until when; a new one, shown once; and revoking one."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance.actions import tokens as verbs
from compliance.forms.decisions import NoteForm
from compliance.forms.tokens import TokenForm
from compliance.models import ServiceToken
from compliance.permissions import check
from compliance.views.changes import signed_in
from compliance.views.estate import asked
from compliance.views.step_up import held
from compliance.views.verbs import confirm


def tokens(request: HttpRequest) -> HttpResponse:
    """The list of all tokens, the newest first."""
    check(signed_in(request), "manage_tokens", None)
    rows = ServiceToken.objects.select_related("person", "made_by").prefetch_related("person__role_grants__system")
    now = timezone.now()
    return render(request, "compliance/tokens.html", {"rows": [listed(row, now) for row in rows]})


def listed(row: ServiceToken, now: datetime) -> dict[str, Any]:
    """One row: what it may, where, until when, and when it was last used."""
    grants = list(row.person.role_grants.all())
    systems = sorted({grant.system.name for grant in grants if grant.system})
    state = "revoked" if row.revoked_at else "ended" if row.expires_at <= now else "valid"
    return {
        "name": row.name,
        "state": state,
        "roles": ", ".join(sorted({grant.get_role_display() for grant in grants})),
        "systems": ", ".join(systems) or "all systems",
        "made_by": str(row.made_by),
        "made_at": row.made_at,
        "expires_at": row.expires_at,
        "last_used_at": row.last_used_at,
        "revoked_at": row.revoked_at,
        "revoke_url": f"/setup/tokens/{row.pk}/revoke/" if state == "valid" else "",
    }


def add(request: HttpRequest) -> HttpResponse:
    """A new token; the page that follows shows it, once."""
    by = signed_in(request)

    def act(form: forms.Form) -> HttpResponse:
        said = form.cleaned_data
        end = timezone.make_aware(datetime.combine(said["until"] + timedelta(days=1), time()))
        row, token = verbs.make_token(said["name"], roles=said["roles"], systems=said["systems"], until=end, by=by)
        answer = render(
            request,
            "compliance/done.html",
            {
                "title": f"The token of {row.name}",
                "reference": token,
                "sentence": "Copy it now into the program's own keeping. It is not shown again, and not kept here.",
                "steps": ["The program sends it with every request: Authorization: Bearer and the token."],
                "links": [{"label": "All service tokens", "url": "/setup/tokens/"}],
            },
        )
        answer["Cache-Control"] = "no-store"
        return answer

    return asked(
        request,
        TokenForm(request.POST or None, initial=held(request)),
        act,
        verb="manage_tokens",
        title="Make a service token",
        lead="For a program that asks, carries out or reads. It holds these roles, there, until that day.",
        submit="Make the token",
    )


def revoke(request: HttpRequest, number: int) -> HttpResponse:
    """Ends a token at once."""
    by = signed_in(request)
    check(by, "manage_tokens", None)
    row = get_object_or_404(ServiceToken, pk=number)
    return confirm(
        request,
        form=NoteForm(request.POST or None, initial=held(request)),
        act=lambda form: verbs.revoke_token(row, because=form.cleaned_data["because"], by=by),
        done=lambda _: "/setup/tokens/",
        context={
            "title": f"Revoke {row.name}",
            "crumb": [row.name],
            "back_url": "/setup/tokens/",
            "subject": f"The service token {row.name}",
            "consequence": "It opens nothing from this moment on. What was done with it stays in the records.",
            "facts": [],
            "warning": None,
            "submit": "Revoke the token",
            "danger": True,
        },
    )
