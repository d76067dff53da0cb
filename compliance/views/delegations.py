"""Delegates: who decides in whose place, naming one, and ending it early; and the further stages of a system."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance.actions import delegations as verbs
from compliance.actions.stages import MOST, set_stages
from compliance.forms.decisions import NoteForm
from compliance.forms.delegations import DelegationForm, StagesForm
from compliance.models import ApprovalStage, Delegation, System, User
from compliance.permissions import check, may
from compliance.views.changes import signed_in
from compliance.views.verbs import confirm


def delegations(request: HttpRequest) -> HttpResponse:
    """Those of the person's systems, the newest first, and the stages each system asks for."""
    person, now = signed_in(request), timezone.now()
    rows = Delegation.objects.for_user(person).select_related("delegator", "delegate", "system")
    stages = ApprovalStage.objects.filter(system__in=System.objects.for_user(person)).in_force(now)
    context = {
        "rows": [shown(row, person, now) for row in rows[:200]],
        "stages": stages.select_related("system__authorising_officer", "person").order_by("system__name", "position"),
        "may_name": may_name(person),
        "systems": System.objects.for_user(person) if may(person, "set_stages", None) is None else [],
    }
    return render(request, "compliance/delegations.html", context)


def shown(row: Delegation, person: User, now: datetime) -> dict[str, Any]:
    """One line."""
    over = row.ended_at is not None or row.valid_to <= now
    state = "ended" if over else "planned" if row.valid_from > now else "holds"
    ends = not over and verbs.why_not_end(row, person, now) is None
    return {"row": row, "state": state, "end_url": f"/delegations/{row.pk}/end/" if ends else ""}


def may_name(person: User) -> bool:
    """Whether the person holds anything that can be delegated."""
    return may(person, "delegate", None) is None or person.systems_authorised.exists()


def add(request: HttpRequest) -> HttpResponse:
    """Name who decides in one's place."""
    person = signed_in(request)
    form = DelegationForm(request.POST or None, person=person)
    if not may_name(person):
        check(person, "delegate", None)

    def act(form: DelegationForm) -> Delegation:
        said = dict(form.cleaned_data)
        until = timezone.make_aware(datetime.combine(said.pop("until"), time.max))
        return verbs.delegate(said.pop("to"), until=until, by=person, **said)

    context = {
        "title": "Name a delegate",
        "crumb": ["Delegates"],
        "back_url": "/delegations/",
        "subject": "Who decides in your place while you are away.",
        "consequence": "They decide from now on, and every decision says in whose place. You can go on deciding too.",
        "facts": [],
        "warning": None,
        "submit": "Name them",
        "danger": False,
    }
    return confirm(request, form=form, act=act, done=lambda _: "/delegations/", context=context)


def end(request: HttpRequest, number: int) -> HttpResponse:
    """End it before its time."""
    person = signed_in(request)
    row = get_object_or_404(Delegation.objects.for_user(person).select_related("delegator", "delegate"), pk=number)
    refused = verbs.why_not_end(row, person, timezone.now())
    if refused is not None:
        raise refused
    context = {
        "title": "End a delegation",
        "crumb": ["Delegates"],
        "back_url": "/delegations/",
        "subject": str(row),
        "consequence": "From now on they decide nothing in that place. What they decided stays.",
        "facts": [],
        "warning": None,
        "submit": "End it",
        "danger": True,
    }
    form = NoteForm(request.POST or None)
    return confirm(
        request, form=form, act=lambda _: verbs.end(row, by=person), done=lambda _: "/delegations/", context=context
    )


def stages(request: HttpRequest, number: int) -> HttpResponse:
    """The further stages of a system; what another administrator set meanwhile is not overwritten unread."""
    person = signed_in(request)
    system = get_object_or_404(System.objects.for_user(person), pk=number)
    check(person, "set_stages", system)
    standing = list(ApprovalStage.objects.filter(system=system).in_force(timezone.now()).select_related("person"))
    initial: dict[str, Any] = {"seen": ",".join(str(row.pk) for row in standing) or "none"}
    for place, row in enumerate(standing[:MOST], 1):
        initial |= {f"title{place}": row.title, f"person{place}": row.person}
    now = ", then ".join(f"{row.title} ({row.person or 'authorising officer'})" for row in standing)
    context = {
        "title": f"Further stages of {system}",
        "crumb": ["Set-up", str(system)],
        "back_url": "/delegations/",
        "subject": "What is asked beyond an owner and a manager, one stage after the other.",
        "consequence": "Changes that are sent from now on ask for these. What was sent keeps what it was sent with.",
        "facts": [{"label": "Asked for now", "text": now or "no further stage", "mono": False}],
        "warning": None,
        "submit": "Set the stages",
        "danger": False,
    }
    return confirm(
        request,
        form=StagesForm(request.POST or None, initial=initial),
        act=lambda form: set_stages(
            system, form.stages(), because=form.cleaned_data["because"], by=person, seen=form.seen_ids()
        ),
        done=lambda _: "/delegations/",
        context=context,
    )
