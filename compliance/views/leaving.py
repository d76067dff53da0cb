"""Somebody leaves: the page on which everything they are responsible for is handed over."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance.actions.handover import hand_over
from compliance.charges import charges
from compliance.errors import NotAllowed, Refused
from compliance.forms.leaving import LeaveForm
from compliance.models import User
from compliance.permissions import check
from compliance.views.changes import signed_in
from compliance.views.step_up import held


def leave(request: HttpRequest, number: int) -> HttpResponse:
    """Everything somebody is responsible for, a successor for each line or for all, and one click."""
    by = signed_in(request)
    check(by, "manage_people", None)
    person = get_object_or_404(User, pk=number, is_active=True)
    listed = charges(person, timezone.now())
    form = LeaveForm(request.POST or None, initial=held(request), leaving=person, charges=listed)
    refused = None
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            given = hand_over(
                person, successors=form.successors(), for_all=said["for_all"], because=said["because"], by=by
            )
        except NotAllowed:
            raise
        except Refused as refusal:
            refused = refusal
        else:
            ends = {"stays": "stays theirs"}
            lines = [(charge, str(heir or ends.get(charge.choice, "ends"))) for charge, heir in given]
            return render(request, "compliance/left.html", {"person": str(person), "lines": lines})
    context = {"person": person, "form": form, "refused": refused, "lines": paired(form, listed)}
    return render(request, "compliance/leave.html", context, status=409 if refused else 422 if form.errors else 200)


def paired(form: LeaveForm, listed: list[Any]) -> list[tuple[Any, forms.BoundField | None]]:
    """Each line with its field; lines that stay have none."""
    return [(charge, form[charge.key] if charge.choice != "stays" else None) for charge in listed]
