"""Screen 13: are the flow logs complete, who really talks, and which pairs has nobody decided on?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance.models import System, User
from compliance.permissions import check, may
from compliance.views.changes import signed_in
from compliance.views.verbs import confirm
from evidence.actions.examinations import examine
from evidence.flow_pictures import DAY_H, Picture, Strip, latest_picture
from evidence.flow_states import Stands, stands
from evidence.forms.flows import ExaminedForm
from evidence.models import FlowLog, LogExamination

TALKERS: Final = 15
PAIRS: Final = 100
GAPS: Final = 40
EXAMINED: Final = 10
SIGNS: Final = {"complete": "check", "partial": "minus", "missing": "x"}


def flows(request: HttpRequest) -> HttpResponse:
    """The flow logs with their hours, what nobody authorised, who talked most, and who examined them."""
    person = signed_in(request)
    rows = list(FlowLog.objects.for_user(person).select_related("system", "last_pull"))
    found, seen = stands(rows, timezone.now()), latest_picture(person)
    strips = {one.pk: one for one in seen.logs} if seen else {}
    systems = {row.system_id: row.system for row in rows}
    return render(
        request,
        "evidence/flows.html",
        {
            "logs": [listed(row, found[row.pk], strips.get(row.pk), seen) for row in rows],
            "may_add": may(person, "add_source", None) is None,
            "seen": seen,
            "gaps": [gap for one in seen.logs for gap in one.gaps][:GAPS] if seen else [],
            "gaps_more": more_gaps(seen),
            "pairs": [pair(one, person) for one in in_order(seen)[:PAIRS]],
            "pairs_more": max(len(seen.pairs) - PAIRS, 0) + seen.pairs_more if seen else 0,
            "talkers": seen.talkers[:TALKERS] if seen else (),
            "examined": LogExamination.objects.for_user(person).select_related("by", "system")[:EXAMINED],
            "examine": [
                {"name": each.name, "url": f"/flows/examine/{each.pk}/"}
                for each in systems.values()
                if may(person, "examine_logs", each) is None
            ],
        },
    )


def in_order(seen: Picture | None) -> list[Mapping[str, Any]]:
    """What nobody decided on first, then what is new."""
    return sorted(seen.pairs, key=lambda one: (one["decided"] != "nothing yet", not one["new"])) if seen else []


def more_gaps(seen: Picture | None) -> int:
    """How many gaps the page does not list."""
    return max(sum(len(one.gaps) + one.gaps_more for one in seen.logs) - GAPS, 0) if seen else 0


def listed(row: FlowLog, found: Stands, strip: Strip | None, seen: Picture | None) -> dict[str, Any]:
    """One flow log with its last days."""
    return {
        "name": row.name,
        "url": f"/flows/{row.pk}/",
        "kind": row.get_kind_display(),
        "system": row.system.name,
        "stands": found,
        "strip": cells(strip, seen) if strip and seen else None,
    }


def cells(strip: Strip, seen: Picture) -> dict[str, Any]:
    """parts/strip.html: a cell a day, by how many of its hours anything was written."""
    held = ["complete" if one == DAY_H else "partial" if one else "missing" for one in strip.hours]
    return {
        "cells": [
            {"held": each, "icon": SIGNS[each], "title": f"{day:%-d %B}: {hours} of {DAY_H} hours"}
            for each, day, hours in zip(held, seen.days, strip.hours, strict=True)
        ],
        "said": f"All hours of {strip.whole} of {len(seen.days)} days; something of {sum(map(bool, strip.hours))}",
    }


def pair(one: Mapping[str, Any], person: User) -> dict[str, Any]:
    """A pair nobody authorised, and where one asks for it."""
    asks = {"source": one["from"], "destination": one["to"], "services": one["service"]}
    may_ask = one["from"] and one["to"] and "/" in one["service"] and may(person, "request", None) is None
    return {**one, "ask_url": f"/requests/new/?{urlencode(asks)}" if may_ask and one["passed"] else ""}


def examined(request: HttpRequest, number: int) -> HttpResponse:
    """Record that the logs of a system were examined."""
    person = signed_in(request)
    system = get_object_or_404(System.objects.for_user(person), pk=number)
    check(person, "examine_logs", system)
    return confirm(
        request,
        form=ExaminedForm(request.POST or None),
        act=lambda form: examine(system, noted=form.cleaned_data["noted"], by=person),
        done=lambda _: "/flows/",
        context={
            "title": f"Record an examination of the flow logs of {system}",
            "crumb": ["Flow logs", system.name],
            "back_url": "/flows/",
            "subject": "",
            "consequence": "It is kept with your name and what was to be seen; the next review and pack show it.",
            "facts": [],
            "warning": None,
            "submit": "Record it",
            "danger": False,
        },
    )
