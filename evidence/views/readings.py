"""Every reading of a source, newest first: what came of it, and what to do about it."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from compliance.views.changes import signed_in
from compliance.views.lists import Choice, as_file, file_wanted, filters, page
from evidence.models import ErrorCode, Pull, Source
from evidence.views.sources import pulled

COLUMNS: Final = ("when", "state", "error", "what", "what to do", "asked by", "took", "digest")
CELLS: Final = ("at", "state", "code", "what", "next_step", "by", "took", "digest")
OVER: Final = (Pull.State.OK, Pull.State.UNCHANGED, Pull.State.PARTIAL, Pull.State.FAILED)
HEADINGS = ("Outcome", "What happened", "What to do", "Asked by", "Took")  # of the table, after its first


def readings(request: HttpRequest, number: int) -> HttpResponse:
    """The list, with filters and as CSV."""
    person = signed_in(request)
    row = get_object_or_404(Source.objects.for_user(person).select_related("server"), pk=number)
    base = row.pulls.filter(state__in=OVER).select_related("by").order_by("-finished_at", "-pk")
    rows = base
    for key, path in (("state", "state"), ("error", "error_code")):
        if request.GET.get(key):
            rows = rows.filter(**{path: request.GET[key]})
    words = request.GET.get("q", "").strip()
    if words:
        rows = rows.filter(what__icontains=words)
    if file_wanted(request):
        return as_file(request, "eastwest-readings", COLUMNS, ([pulled(each)[cell] for cell in CELLS] for each in rows))
    states = [(value, label) for value, label in Pull.State.choices if value in OVER]
    return render(
        request,
        "evidence/readings.html",
        {
            **page(request, rows, pulled),
            "source": {"name": row.name, "url": f"/sources/{row.pk}/", "host": row.server.name},
            "filters": filters(
                request,
                "Words of what happened",
                [Choice("state", "State", states), Choice("error", "Error", list(ErrorCode.choices))],
                HEADINGS,
            ),
            "total": base.count(),
        },
    )
