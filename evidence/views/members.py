"""The servers that a finding of one cause stands for, and the decision to switch something off."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from compliance.models.estate import day_of
from compliance.permissions import check
from compliance.views.changes import signed_in
from compliance.views.verbs import confirm
from compliance.words import VERDICTS
from evidence.actions import removals as verbs
from evidence.forms.findings import RemovalForm
from evidence.models import Finding, FindingMember
from evidence.rules import Verdict
from evidence.views.shown import packet


def members_of(row: Finding) -> list[dict[str, Any]]:
    """Every server it stands for: those that show it, those nobody could look at, and those where it is gone."""
    return [member(one) for one in row.members.select_related("server").order_by("gone_at", "subject")]


def member(one: FindingMember) -> dict[str, Any]:
    """One of them, with where to ask for what it shows."""
    state = "gone" if one.gone_at else "unseen" if one.unseen_since else "shown"
    return {
        "label": one.server.name,
        "url": f"/servers/{quote(one.server.name, safe='')}/",
        "text": one.because,
        "packet": packet(one.witness),
        "state": state,
        "since": one.gone_at or one.unseen_since,
        "why": one.gone_because or one.unseen_because,
        "ask_url": "" if one.gone_at else ask_url(one),
    }


def ask_url(one: FindingMember) -> str:
    """The request form with this server and service in it; "" where it is no listening service."""
    service = one.subject.removeprefix(f"{one.server.name} ").partition(" ")[0]
    if one.verdict != Verdict.listener_unauthorised or "-" in service:
        return ""
    return f"/requests/new/?{urlencode({'destination': one.server.name, 'services': service})}"


def removals_of(row: Finding) -> list[dict[str, Any]]:
    """Who decided that it is to be switched off, the newest first."""
    today = day_of(timezone.now())
    standing = row.state != Finding.State.CURED
    return [
        {
            "by": str(one.decided_by), "at": one.decided_at, "due": one.due, "because": one.because,
            "late": standing and one.due < today, "commands": one.commands,
        }
        for one in row.removals.select_related("decided_by")
    ]  # fmt: skip


def plan_removal(request: HttpRequest, number: int) -> HttpResponse:
    """Record that it is to be switched off by a day, with the commands. Nothing is run."""
    person = signed_in(request)
    row = get_object_or_404(Finding.objects.for_user(person), pk=number)
    if request.method != "POST":
        check(person, "plan_removal", row)
    facts = [("What", row.because, False), ("What will be typed", verbs.typed(row), True)]
    return confirm(
        request,
        form=RemovalForm(request.POST or None),
        act=lambda form: verbs.plan_removal(row, by=person, **form.cleaned_data),
        done=lambda _: f"/findings/{row.ref}/",
        context={
            "title": f"Record the removal of {row.ref}",
            "crumb": [row.ref, VERDICTS[row.verdict].label],
            "back_url": f"/findings/{row.ref}/",
            "subject": row.subject,
            "consequence": "Nothing is switched off from here: somebody types it on the server. "
            "It stays a finding until a reading no longer shows it.",
            "facts": [{"label": label, "text": text, "mono": mono} for label, text, mono in facts if text],
            "warning": None,
            "submit": "Record it",
            "danger": False,
        },
    )
