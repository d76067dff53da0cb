"""Roles: who holds what, from and until when, who gave it, and what waits for a second administrator."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance.actions import people as verbs
from compliance.forms.decisions import NoteForm
from compliance.models import RoleGrant, User
from compliance.permissions import check
from compliance.views.changes import signed_in
from compliance.views.step_up import held
from compliance.views.verbs import confirm


def roles(request: HttpRequest) -> HttpResponse:
    """Every role that was given, those that wait first."""
    person = signed_in(request)
    check(person, "manage_people", None)
    rows = RoleGrant.objects.filter(person__is_service=False)
    rows = rows.select_related("person", "system", "granted_by", "confirmed_by")
    shown = [listed(row, person) for row in rows.order_by("person__name", "-valid_from", "-pk")]
    return render(
        request,
        "compliance/roles.html",
        {
            "waiting": [row for row in shown if row["state"] == "waits"],
            "rows": [row for row in shown if row["state"] != "waits"],
            "alone": administrators() < 2,
        },
    )


def administrators() -> int:
    """How many people administer today."""
    held_now = RoleGrant.objects.in_force(timezone.now())
    return int(held_now.filter(role="administrator", person__is_active=True).values("person").distinct().count())


def listed(row: RoleGrant, person: User) -> dict[str, Any]:
    """One grant: whose, what, where, since and until when, and what this administrator may do with it."""
    now = timezone.now()
    over = row.valid_to is not None and row.valid_to <= now
    state = "ended" if over else "waits" if row.awaits_second else "to come" if row.valid_from > now else "held"
    mine = person.pk in (row.person_id, row.granted_by_id)
    return {
        "person": str(row.person),
        "active": row.person.is_active,
        "role": row.get_role_display(),
        "system": str(row.system) if row.system else "all systems",
        "state": state,
        "since": row.valid_from,
        "until": row.valid_to,
        "decides_from": row.decides_from if row.decides_from and row.decides_from > now else None,
        "granted_by": str(row.granted_by or "Eastwest"),
        "confirmed_by": str(row.confirmed_by or ""),
        "confirm_url": f"/setup/roles/{row.pk}/confirm/" if state == "waits" and not mine else "",
        "end_url": f"/setup/roles/{row.pk}/end/" if not over else "",
    }


def confirm_grant(request: HttpRequest, number: int) -> HttpResponse:
    """A second administrator lets a role count."""
    return asked(
        request,
        number,
        title="Confirm the role",
        consequence="The role counts from this moment on. You did not give it, and you do not get it.",
        act=verbs.confirm_grant,
    )


def end_grant(request: HttpRequest, number: int) -> HttpResponse:
    """A role ends now."""
    return asked(
        request,
        number,
        title="End the role",
        consequence="The role ends at this moment. What was decided in it stays.",
        act=verbs.take_away,
    )


def asked(request: HttpRequest, number: int, *, title: str, consequence: str, act: Any) -> HttpResponse:
    """The confirmation page of a verb about one grant; it leads back to the list."""
    by = signed_in(request)
    check(by, "manage_people", None)
    row = get_object_or_404(RoleGrant.objects.select_related("person", "system", "granted_by"), pk=number)
    where = f"for {row.system}" if row.system else "for all systems"
    return confirm(
        request,
        form=NoteForm(request.POST or None, initial=held(request)),
        act=lambda form: act(row, by=by, because=form.cleaned_data["because"]),
        done=lambda _: "/setup/roles/",
        context={
            "title": f"{title} of {row.person}",
            "crumb": ["Roles"],
            "back_url": "/setup/roles/",
            "subject": f"{row.get_role_display()} {where}, given by {row.granted_by or 'Eastwest'}",
            "consequence": consequence,
            "facts": [],
            "warning": None,
            "submit": title,
            "danger": act is verbs.take_away,
        },
    )
