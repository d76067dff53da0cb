"""Signing: the chair freezes the minutes, somebody else who was there signs them too, or sends them back."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from compliance.errors import Refused
from compliance.models import User
from compliance.permissions import check
from compliance.views.changes import signed_in
from compliance.views.verbs import confirm
from reviews import actions as verbs
from reviews import minutes
from reviews.actions.meetings import refuse_second
from reviews.forms import BecauseForm, SeenForm, SignForm
from reviews.models import Attendee, Review


def found(request: HttpRequest, number: int) -> Review:
    """The review, for who may see its system."""
    rows = Review.objects.for_user(signed_in(request)).select_related("system", "chair", "second")
    return get_object_or_404(rows, pk=number)


def page(row: Review, title: str, consequence: str, submit: str, facts: list[tuple[str, str]]) -> dict[str, Any]:
    """Context of the confirmation page."""
    return {
        "title": title,
        "crumb": [row.ref],
        "back_url": f"/reviews/{row.ref}/",
        "subject": f"Review of {row.system}",
        "consequence": consequence,
        "facts": [{"label": label, "text": text, "mono": label == "SHA-256"} for label, text in facts],
        "warning": None,
        "submit": submit,
        "danger": False,
    }


def sign(request: HttpRequest, number: int) -> HttpResponse:
    """The chair signs: the minutes are frozen with their hash, and wait for a second signature."""
    row, person = found(request, number), signed_in(request)
    if request.method != "POST":
        check(person, "run_review", row)
    told = "The minutes are frozen with their hash. Somebody else who was there signs them too; then they are closed."
    return confirm(
        request,
        form=SignForm(request.POST or None),
        act=lambda form: verbs.sign(row, by=person, notes=form.cleaned_data["notes"]),
        done=lambda _: f"/reviews/{row.ref}/",
        context=page(row, f"Sign {row.ref}", told, "Sign", [("Chair", str(row.chair))]),
    )


def countersign(request: HttpRequest, number: int) -> HttpResponse:
    """The second signature, under exactly the minutes that were read."""
    row, person = found(request, number), signed_in(request)
    if request.method != "POST":
        refuse_second(row, person)
    told = "The minutes are closed, printed in the audit pack, and cannot be changed afterwards."
    facts = [("Signed by", str(row.chair)), ("SHA-256", row.minutes_hash)]
    return confirm(
        request,
        form=SeenForm(request.POST or None, initial={"seen": row.minutes_hash}),
        act=lambda form: verbs.countersign(row, by=person, seen=form.cleaned_data["seen"]),
        done=lambda _: f"/reviews/{row.ref}/",
        context=page(row, f"Sign {row.ref} as the second", told, "Sign", facts)
        | {"document": minutes.html(row.minutes)},
    )


def send_back(request: HttpRequest, number: int) -> HttpResponse:
    """They are not what was said: open again, with the reason."""
    row, person = found(request, number), signed_in(request)
    if request.method != "POST" and person.pk != row.chair_id:
        refuse_second(row, person)
    told = "They are open again; the chair is told why, and signs anew."
    return confirm(
        request,
        form=BecauseForm(request.POST or None),
        act=lambda form: verbs.send_back(row, by=person, because=form.cleaned_data["because"]),
        done=lambda _: f"/reviews/{row.ref}/",
        context=page(row, f"Send the minutes of {row.ref} back", told, "Send them back", []),
    )


@require_POST
def present(request: HttpRequest, number: int) -> HttpResponse:
    """Somebody confirms that they were there."""
    row = found(request, number)
    verbs.confirm(row, by=signed_in(request))
    return HttpResponseRedirect(f"/reviews/{row.ref}/")


def ways(row: Review, person: User) -> dict[str, str]:
    """What the person may do about their seat and their signature: addresses, "" where nothing."""
    url, seat = f"/reviews/{row.ref}/", Attendee.objects.filter(review=row, person=person).first()
    unsure = seat is not None and seat.present and seat.confirmed_at is None and row.state == Review.State.OPEN
    waits = row.state == Review.State.SIGNING
    back = waits and (person.pk == row.chair_id or may_sign(row, person))
    return {
        "present_url": f"{url}present/" if unsure else "",
        "countersign_url": f"{url}countersign/" if waits and may_sign(row, person) else "",
        "back_url": f"{url}back/" if back else "",
    }


def may_sign(row: Review, person: User) -> bool:
    """Whether this person's would be the second signature."""
    try:
        refuse_second(row, person)
    except Refused:
        return False
    return True
