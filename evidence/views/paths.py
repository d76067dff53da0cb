"""Paths: which devices stand between two zones, by their interfaces and by what two people said."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance.errors import NotAllowed, Refused
from compliance.forms.decisions import ReasonForm
from compliance.models import User, Zone
from compliance.models.estate import day_of
from compliance.permissions import check, may
from compliance.register import RegisterError, Wanted
from compliance.views.changes import signed_in
from compliance.views.step_up import held
from compliance.views.verbs import confirm as confirmed
from evidence import readings
from evidence.actions import paths as verbs
from evidence.authorised import wanted_on
from evidence.forms.paths import PathForm
from evidence.models import DevicePath
from evidence.paths import Paths, Ways

KINDS: Final = {
    "between": "stands between them",
    "one of": "one of these is passed",
    "perhaps": "path unknown: in front of one of the two alone",
}
UNKNOWN: Final = "no device that was read stands in either"
MOST_ZONES: Final = 24  # whose pairs are listed; beyond, those with something to say


def paths(request: HttpRequest) -> HttpResponse:
    """Both lists, and the form for those who may say one."""
    person = signed_in(request)
    says = may(person, "say_path", None) is None
    form = PathForm(request.POST or None, person=person, initial=held(request)) if says else None
    refused = None
    if request.method == "POST":
        check(person, "say_path", None)
        if form is not None and form.is_valid():
            try:
                verbs.propose(**form.cleaned_data, by=person)
                return HttpResponseRedirect("/paths/")
            except Refused as refusal:
                refused = refusal
    rows = DevicePath.objects.for_user(person).filter(ended_at__isnull=True)
    rows = rows.select_related("device", "source", "target", "proposed_by", "confirmed_by", "system")
    between_zones, broken = derived(person)
    context = {
        "said": [listed(row, person) for row in rows],
        "derived": between_zones,
        "broken": broken,
        "form": form,
        "refused": refused,
    }
    status = 403 if isinstance(refused, NotAllowed) else 422 if refused or (form and form.errors) else 200
    return render(request, "evidence/paths.html", context, status=status)


def listed(row: DevicePath, person: User) -> dict[str, Any]:
    """One row that was said by hand."""
    mine = may(person, "say_path", row.system) is None
    waits = row.confirmed_at is None
    return {
        "source": str(row.source or "anywhere else"),
        "target": str(row.target or "anywhere else"),
        "device": row.device.name,
        "because": row.because,
        "proposed_by": str(row.proposed_by),
        "proposed_at": row.proposed_at,
        "confirmed_by": str(row.confirmed_by) if row.confirmed_by else "",
        "confirmed_at": row.confirmed_at,
        "confirm_url": f"/paths/{row.pk}/confirm/" if mine and waits and row.proposed_by_id != person.pk else "",
        "end_url": f"/paths/{row.pk}/end/" if mine else "",
    }


def derived(person: User) -> tuple[list[dict[str, Any]], bool]:
    """What stands between each two zones the person may see, by what counts today.

    And whether that is not known because the register does not hold together: the comparison says where.
    """
    now = timezone.now()
    zones = list(Zone.objects.for_user(person))
    try:
        register = wanted_on(day_of(now))
    except RegisterError:
        return [], True
    known = Paths(register, {}, verbs.said(now), readings.standings())
    found = []
    for here, there in combinations([zone for zone in zones if register.networks.get(zone.name)], 2):
        ways = between(known, register, here.name, there.name)
        back = between(known, register, there.name, here.name)
        if any(way.devices for way in (*ways, *back)) or len(zones) <= MOST_ZONES:
            found.append({"source": str(here), "target": str(there), "ways": spoken(ways), "both": ways == back})
            if ways != back:
                found.append({"source": str(there), "target": str(here), "ways": spoken(back), "both": False})
    return found, False


def between(known: Paths, register: Wanted, here: str, there: str) -> list[Ways]:
    """The devices between two zones, network by network."""
    found: dict[Ways, None] = {}
    for one in register.networks[here]:
        for other in register.networks[there]:
            if one.family == other.family:
                found[known.between(one.family, one.low, other.low)] = None
    return list(found)


def spoken(ways: list[Ways]) -> list[dict[str, Any]]:
    """Each way in words."""
    said = [{"devices": ", ".join(way.devices), "text": KINDS[way.kind], "sure": way.kind == "between"}
            for way in ways if way.devices]  # fmt: skip
    return said or [{"devices": "", "text": UNKNOWN, "sure": False}]


def confirm(request: HttpRequest, number: int) -> HttpResponse:
    """A second person says the same."""
    row = get_object_or_404(DevicePath.objects.for_user(signed_in(request)), pk=number)
    if row.proposed_by_id == request.user.pk:
        raise verbs.own(row)
    then = "Connections between these zones are asked at the device."
    return decided(request, number, verbs.confirm, "Confirm", then, bad=False)


def end(request: HttpRequest, number: int) -> HttpResponse:
    """It does not hold any more."""
    return decided(request, number, verbs.end, "End", "What the interfaces show counts again.", bad=True)


def decided(
    request: HttpRequest, number: int, verb: Callable[..., DevicePath], word: str, then: str, *, bad: bool
) -> HttpResponse:
    """The page before a verb, and the verb."""
    by = signed_in(request)
    row = get_object_or_404(DevicePath.objects.for_user(by).select_related("device", "source", "target"), pk=number)
    check(by, "say_path", row.system)
    ends = row.source or "anywhere else", row.target or "anywhere else"
    facts = [("Device", row.device.name), ("From", ends[0]), ("To", ends[1]), ("Said by", row.proposed_by),
             ("How it is known", row.because)]  # fmt: skip
    return confirmed(
        request,
        form=ReasonForm(request.POST or None, initial=held(request)),
        act=lambda form: verb(row, because=form.cleaned_data["because"], by=by),
        done=lambda _: "/paths/",
        context={
            "title": f"{word} a path",
            "crumb": ["Paths"],
            "back_url": "/paths/",
            "subject": str(row),
            "consequence": then,
            "facts": [{"label": label, "text": str(text), "mono": False} for label, text in facts],
            "warning": None,
            "submit": f"{word} it",
            "danger": bad,
        },
    )
