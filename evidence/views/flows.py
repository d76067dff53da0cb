"""Flow logs: are they complete, and who really talks?"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from compliance.permissions import may
from compliance.views.changes import signed_in
from evidence.flow_states import Stands, stands
from evidence.models import FlowLog


def flows(request: HttpRequest) -> HttpResponse:
    """All flow logs of this person."""
    person = signed_in(request)
    rows = list(FlowLog.objects.for_user(person).select_related("system", "last_pull"))
    found = stands(rows, timezone.now())
    return render(
        request,
        "evidence/flows.html",
        {
            "logs": [listed(row, found[row.pk]) for row in rows],
            "may_add": may(person, "add_source", None) is None,
        },
    )


def listed(row: FlowLog, found: Stands) -> dict[str, Any]:
    """One flow log."""
    return {
        "name": row.name,
        "url": f"/flows/{row.pk}/",
        "kind": row.get_kind_display(),
        "system": row.system.name,
        "stands": found,
    }
