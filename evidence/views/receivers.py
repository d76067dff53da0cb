"""Integrations: who is told what happens, whether it arrives, and every message with what became of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from django.db.models import Count, Max, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST

from compliance.actions import shipping
from compliance.announcing import EVENTS
from compliance.errors import Refused
from compliance.forms.decisions import NoteForm
from compliance.models import Delivery, Receiver, User
from compliance.permissions import check
from compliance.views.changes import signed_in
from compliance.views.estate import asked
from compliance.views.lists import page
from compliance.views.step_up import held
from compliance.views.verbs import confirm
from evidence.actions import receivers as verbs
from evidence.forms.receivers import ReceiverForm

HOME: Final = "/setup/integrations/"
VERBS: Final[dict[str, tuple[Callable[..., Receiver], str, str, bool]]] = {
    "pause": (verbs.pause, "Pause", "Nothing is sent from this moment on. What happens meanwhile waits.", False),
    "resume": (verbs.resume, "Resume", "What waited is sent, and what happens from now on.", False),
    "end": (verbs.end, "End", "Nothing is sent any more and its secret is destroyed. The log stays.", True),
}


def administrator(request: HttpRequest) -> User:
    """Who is asking, if integrations are theirs."""
    person = signed_in(request)
    check(person, "manage_integrations", None)
    return person


def receivers(request: HttpRequest) -> HttpResponse:
    """All of them, with whether their messages arrive."""
    administrator(request)
    of_state = {
        name: Count("deliveries", filter=Q(deliveries__state=state))
        for name, state in (("waiting", Delivery.State.WAITING), ("dead", Delivery.State.DEAD))
    }
    tried = Count("deliveries", filter=Q(deliveries__state=Delivery.State.WAITING, deliveries__tries__gt=0))
    taken = Max("deliveries__tried_at", filter=Q(deliveries__state=Delivery.State.SENT))
    rows = Receiver.objects.annotate(**of_state, failing=tried, taken_at=taken).prefetch_related("systems")
    return render(request, "evidence/receivers.html", {"rows": [listed(row) for row in rows], "logs": logs()})


def logs() -> list[dict[str, Any]]:
    """Where the audit log goes line by line, and how far it is."""
    return [
        {
            "place": {"file": "File", "syslog": "Log server"}[place],
            "where": where,
            "seq": seq,
            "size": size,
            "state": "failing" if row and row.problem else "works" if row and row.seq >= size else "unused",
            "at": row.at if row else None,
            "problem": row.problem if row else "",
            "since": row.problem_since if row else None,
        }
        for place, where, seq, size, row in shipping.standing()
    ]


def listed(row: Any) -> dict[str, Any]:
    """One row."""
    return {
        "name": row.name,
        "url": f"{HOME}{row.pk}/",
        "kind": row.get_kind_display(),
        "address": row.address,
        "state": state_of(row, failing=row.failing, dead=row.dead, taken=row.taken_at is not None),
        "events": len(row.events),
        "systems": ", ".join(sorted(system.name for system in row.systems.all())) or "all systems",
        "waiting": row.waiting,
        "dead": row.dead,
        "taken_at": row.taken_at,
    }


def state_of(row: Receiver, *, failing: int, dead: int, taken: bool) -> str:
    """A state of compliance.words: what is given up outweighs what was taken."""
    if row.ended_at is not None:
        return "ended"
    if row.paused_at is not None:
        return "paused"
    return "dead" if dead else "failing" if failing else "works" if taken else "unused"


def add(request: HttpRequest) -> HttpResponse:
    """A new one; where Eastwest made its secret the page that follows shows it, once."""
    by = signed_in(request)

    def act(form: Any) -> HttpResponse:
        row, secret = verbs.add_receiver(form.wanted(), by=by)
        if not secret:
            return HttpResponseRedirect(f"{HOME}{row.pk}/")
        answer = render(
            request,
            "compliance/done.html",
            {
                "title": f"The signing secret of {row.name}",
                "reference": secret,
                "sentence": "Copy it now to the program that receives. It is not shown again.",
                "steps": ["The program checks Eastwest-Signature with it, as docs/integrations.md shows."],
                "links": [{"label": row.name, "url": f"{HOME}{row.pk}/"}],
            },
        )
        answer["Cache-Control"] = "no-store"
        return answer

    return asked(
        request,
        ReceiverForm(request.POST or None, initial=held(request)),
        act,
        verb="manage_integrations",
        title="Tell a program what happens",
        lead="Messages go out when something happened, signed, to this one address, and are tried again for 18 hours.",
        submit="Set it up",
    )


def receiver(request: HttpRequest, number: int, refused: Refused | None = None) -> HttpResponse:
    """One of them: what it is told, and the log."""
    administrator(request)
    row = get_object_or_404(Receiver.objects.select_related("made_by").prefetch_related("systems"), pk=number)
    counts: dict[str, int] = dict.fromkeys(Delivery.State.values, 0)
    counts |= dict(row.deliveries.order_by().values_list("state").annotate(count=Count("pk")))
    failing = row.deliveries.filter(state=Delivery.State.WAITING, tries__gt=0).count()
    state = state_of(row, failing=failing, dead=counts[Delivery.State.DEAD], taken=bool(counts[Delivery.State.SENT]))
    live = row.ended_at is None
    return render(
        request,
        "evidence/receiver.html",
        {
            "receiver": row,
            "state": state,
            "counts": counts,
            "events": [{"name": name, "says": EVENTS.get(name, "")} for name in row.events],
            "systems": ", ".join(sorted(system.name for system in row.systems.all())) or "all systems",
            "secret": row.reference or ("sealed in Eastwest" if row.sealed else "destroyed"),
            "verbs": [("resume", "Resume…") if row.paused_at else ("pause", "Pause…"), ("end", "End…")] if live else [],
            "test_url": f"{HOME}{row.pk}/test/" if live and row.paused_at is None else "",
            "refused": refused,
            **page(request, row.deliveries.select_related("asked_by"), lambda one: message(one, live=live)),
        },
        status=409 if refused else 200,
    )


def header_of(body: str) -> dict[str, Any]:
    """What the body says of itself; nothing where it was altered past Eastwest."""
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def message(row: Delivery, *, live: bool) -> dict[str, Any]:
    """One message of the log."""
    said = header_of(row.body)
    over = row.state != Delivery.State.WAITING
    return {
        "uid": str(row.uid),
        "event": row.event,
        "ref": said.get("ref", ""),
        "reserved": said.get("reserved", False),
        "made_at": row.made_at,
        "state": row.state,
        "tries": row.tries,
        "tried_at": row.tried_at,
        "next_at": row.next_at,
        "status": row.status,
        "answer": row.answer,
        "problem": row.problem,
        "asked_by": str(row.asked_by) if row.asked_by else "",
        "body": row.body,
        "again_url": f"{HOME}{row.receiver_id}/messages/{row.pk}/again/" if live and over else "",
    }


@require_POST
def test(request: HttpRequest, number: int) -> HttpResponse:
    """Sends a message of the event `test`."""
    by = administrator(request)
    row = get_object_or_404(Receiver, pk=number)
    try:
        verbs.try_out(row, by=by)
    except Refused as refusal:
        return receiver(request, number, refusal)
    return HttpResponseRedirect(f"{HOME}{row.pk}/")


@require_POST
def again(request: HttpRequest, number: int, message: int) -> HttpResponse:
    """Sends one message once more, under its id."""
    by = administrator(request)
    row = get_object_or_404(Delivery.objects.select_related("receiver"), pk=message, receiver=number)
    try:
        verbs.send_again(row, by=by)
    except Refused as refusal:
        return receiver(request, number, refusal)
    return HttpResponseRedirect(f"{HOME}{number}/")


def verb(request: HttpRequest, number: int, name: str) -> HttpResponse:
    """Pauses, resumes or ends it, after a word of confirmation."""
    by = administrator(request)
    row = get_object_or_404(Receiver, pk=number)
    act, label, consequence, danger = VERBS[name]
    return confirm(
        request,
        form=NoteForm(request.POST or None, initial=held(request)),
        act=lambda form: act(row, because=form.cleaned_data["because"], by=by),
        done=lambda _: f"{HOME}{row.pk}/",
        context={
            "title": f"{label} {row.name}",
            "crumb": [row.name],
            "back_url": f"{HOME}{row.pk}/",
            "subject": f"{row.get_kind_display()} {row.name}",
            "consequence": consequence,
            "facts": [],
            "warning": None,
            "submit": label,
            "danger": danger,
        },
    )
