"""Tokens with which a host pushes to its source: a new one, shown once with the command that uses it; and its end."""

from __future__ import annotations

import shlex
from datetime import datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance.errors import NotAllowed, Refused
from compliance.forms.decisions import ReasonForm
from compliance.permissions import check
from compliance.views.changes import signed_in
from compliance.views.step_up import held
from compliance.views.verbs import confirm
from evidence.actions import push as verbs
from evidence.forms.sources import PushTokenForm
from evidence.models import PushToken, Source


def section(source: Source, *, may_edit: bool) -> dict[str, Any] | None:
    """What the page of a source that is pushed to says of its tokens; None for the other kinds."""
    if source.kind != Source.Kind.PUSH:
        return None
    now = timezone.now()
    rows = [listed(row, now, may_edit=may_edit) for row in source.push_tokens.select_related("made_by")]
    return {"rows": rows, "add_url": f"/sources/{source.pk}/push-token/" if may_edit else ""}


def listed(row: PushToken, now: datetime, *, may_edit: bool) -> dict[str, Any]:
    """One token: since when, until when, and when it was last used."""
    state = "revoked" if row.revoked_at else "ended" if row.expires_at <= now else "valid"
    revoke = f"/sources/{row.source_id}/push-token/{row.pk}/revoke/" if may_edit and state == "valid" else ""
    return {
        "number": row.pk,
        "state": state,
        "made_by": str(row.made_by),
        "made_at": row.made_at,
        "expires_at": row.expires_at,
        "last_used_at": row.last_used_at,
        "revoke_url": revoke,
    }


def add(request: HttpRequest, number: int) -> HttpResponse:
    """A new token; the page that follows shows it, once, with what the host has to run."""
    by = signed_in(request)
    row = get_object_or_404(Source.objects.for_user(by).select_related("server"), pk=number)
    check(by, "edit_source", row)
    form = PushTokenForm(request.POST or None, initial=held(request))
    refused = None
    if request.method == "POST" and form.is_valid():
        end = timezone.make_aware(datetime.combine(form.cleaned_data["until"] + timedelta(days=1), time()))
        try:
            return made(request, row, verbs.make_push_token(row, until=end, by=by)[1])
        except Refused as refusal:
            refused = refusal
    page = {
        "title": f"Make a push token for {row.server.name}",
        "lead": "Whoever holds it can bring dumps in this host's name, and nothing else.",
        "form": form,
        "submit": "Make the token",
        "back_url": f"/sources/{row.pk}/",
        "multipart": False,
        "crumb": [{"label": row.name, "url": f"/sources/{row.pk}/"}],
        "refused": refused,
    }
    status = 403 if isinstance(refused, NotAllowed) else 409 if refused else 422 if form.errors else 200
    return render(request, "compliance/form.html", page, status=status)


def made(request: HttpRequest, row: Source, token: str) -> HttpResponse:
    """The token, and the lines for the host's own timer."""
    answer = render(
        request,
        "compliance/done.html",
        {
            "title": f"The push token of {row.server.name}",
            "reference": token,
            "sentence": "Put it on the host now, where only root reads it. It is not shown again, and not kept here.",
            "steps": [
                "On the host: install -m 600 /dev/null /etc/eastwest-push, and write into it"
                " Authorization: Bearer and the token.",
                "Let a timer of root run, after each change and within the freshness limit: " + command(row),
            ],
            "links": [{"label": row.name, "url": f"/sources/{row.pk}/"}],
        },
    )
    answer["Cache-Control"] = "no-store"
    return answer


def command(row: Source) -> str:
    """One line that takes the dumps and sends them."""
    where = shlex.quote(f"{settings.SITE_URL.rstrip('/')}/push/")
    taken = "d=$(mktemp -d) && cd $d && iptables-save -c >iptables-save.txt && ip6tables-save -c >ip6tables-save.txt"
    more = "nft -j list ruleset >nft.json && ip -j addr >ip-addr.json && ss -tulpnH >ss.txt"
    files = " ".join(f"-F dumps=@{name}" for name in ("iptables-save.txt", "ip6tables-save.txt", "nft.json",
                                                      "ip-addr.json", "ss.txt"))  # fmt: skip
    return f"{taken} && {more} && curl --fail-with-body -sS -H @/etc/eastwest-push {files} {where}; rm -r $d"


def revoke(request: HttpRequest, number: int, token: int) -> HttpResponse:
    """Ends a token at once."""
    by = signed_in(request)
    row = get_object_or_404(Source.objects.for_user(by), pk=number)
    check(by, "edit_source", row)
    held_by = get_object_or_404(row.push_tokens, pk=token)
    return confirm(
        request,
        form=ReasonForm(request.POST or None, initial=held(request)),
        act=lambda form: verbs.revoke_push_token(held_by, because=form.cleaned_data["because"], by=by),
        done=lambda _: f"/sources/{row.pk}/",
        context={
            "title": f"Revoke push token {held_by.pk}",
            "crumb": [row.name],
            "back_url": f"/sources/{row.pk}/",
            "subject": f"Push token {held_by.pk} of {row.name}",
            "consequence": "It opens nothing from this moment on. What came with it stays in the records.",
            "facts": [],
            "warning": None,
            "submit": "Revoke the token",
            "danger": True,
        },
    )
