"""Coverage: which servers have evidence of their own, evidence of a device in front of them, or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from compliance.models import Server, System
from compliance.views.changes import signed_in
from compliance.views.lists import Choice, as_file, by_address, file_wanted, filters, page_of
from evidence.coverage import COPY, HOST, LIVE, Covered, counts, covered, reasons

WHAT: Final = (("host", "Of their own"), ("front", "Of a device in front"), ("nothing", "None at all"))
COLUMNS: Final = ("server", "system", "own evidence", "last read", "sources", "devices in front", "why none")
HEADINGS = ("Own evidence", "Last read", "Sources", "Device in front")  # of the table, after its first


def coverage(request: HttpRequest) -> HttpResponse:
    """The list, per system, with filters and as CSV; the sums stand above it."""
    person = signed_in(request)
    base = Server.objects.for_user(person).filter(status=Server.Status.IN_SERVICE)
    every = covered(base.order_by("system__name", "name"), timezone.now())
    if any(row.front for row in every):
        seen = set(Server.objects.for_user(person).values_list("name", flat=True))
        every = [row._replace(front=spoken(row.front, seen)) for row in every]
    found = that_fit(every, request)
    words = request.GET.get("q", "").strip()
    if words:
        named = base.filter(name__icontains=words) | base.filter(by_address("addresses__ip", words))
        keys = set(named.values_list("pk", flat=True))
        found = [row for row in found if row.server.pk in keys]
    if file_wanted(request):
        because = reasons(found)
        return as_file(request, "eastwest-coverage", COLUMNS, (cells(row, because) for row in found))
    systems = list(System.objects.for_user(person).values_list("name", flat=True))
    of_system: dict[str, list[Covered]] = {name: [] for name in systems}
    for row in every:
        of_system.setdefault(row.server.system, []).append(row)
    return render(
        request,
        "evidence/coverage.html",
        {
            **page_of(request, found, shows),
            "filters": filters(
                request,
                "Server or address",
                [
                    Choice("host", "Own evidence", list(HOST.items())),
                    Choice("held", "Evidence", WHAT),
                    Choice("system", "System", [(name, name) for name in systems]),
                ],
                HEADINGS,
            ),
            "total": len(every),
            "sums": counts(every),
            "systems": [
                {"name": name, **counts(of_system[name]), "url": f"?system={quote(name)}"} for name in systems
            ],
        },
    )  # fmt: skip


def spoken(front: tuple[str, ...], seen: set[str]) -> tuple[str, ...]:
    """The devices in front, those of other systems without their names."""
    return tuple(dict.fromkeys(name if name in seen else "a device of another system" for name in front))


def that_fit(rows: Sequence[Covered], request: HttpRequest) -> list[Covered]:
    """Those that fit the filters host, held and system."""
    host, system, held = (request.GET.get(name, "") for name in ("host", "system", "held"))
    of_kind: dict[str, Callable[[Covered], bool]] = {
        "host": lambda row: row.host in (LIVE, COPY),
        "front": lambda row: bool(row.front),
        "nothing": lambda row: row.nothing,
    }
    found = [row for row in rows if (not system or row.server.system == system) and (not host or row.host == host)]
    return [row for row in found if of_kind[held](row)] if held in of_kind else found


def shows(rows: Sequence[Covered]) -> Callable[[Covered], dict[str, Any]]:
    """How the rows of a page are shown."""
    because = reasons(rows)
    return lambda row: listed(row, because)


def listed(row: Covered, because: Mapping[int, str]) -> dict[str, Any]:
    """One row of the page."""
    return {
        "name": row.server.name,
        "url": f"/servers/{quote(row.server.name, safe='')}/",
        "system": row.server.system,
        "host": row.host,
        "seen_at": row.seen_at,
        "late": row.host in ("old", "none"),
        "sources": [{"url": f"/sources/{key}/", "name": name, "kind": kind} for key, name, kind in row.sources],
        "front": row.front,
        "because": because.get(row.server.pk, ""),
        "nothing": row.nothing,
    }


def cells(row: Covered, because: Mapping[int, str]) -> list[Any]:
    """One row of the CSV."""
    sources = ", ".join(name for _, name, _ in row.sources)
    front = ", ".join(row.front)
    why = because.get(row.server.pk, "")
    return [row.server.name, row.server.system, HOST[row.host], row.seen_at, sources, front, why]
