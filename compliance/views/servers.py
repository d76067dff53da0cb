"""Servers and zones: what the estate holds, and what is authorised to and from each server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.module_loading import import_string

from compliance.models import Server, Zone
from compliance.permissions import may
from compliance.views.changes import signed_in
from compliance.views.lists import Choice, as_file, by_address, file_wanted, filters, page

COLUMNS = ("name", "addresses", "zone", "role", "environment", "system", "owner", "inbound", "outbound", "last read")
HEADINGS = ("Addresses", "Zone", "System, owner", "In", "Out", "Rules")  # of the table, after its first


def servers(request: HttpRequest) -> HttpResponse:
    """The list of servers."""
    person = signed_in(request)
    base = Server.objects.for_user(person)
    rows = (
        base.select_related("system__owner")
        .prefetch_related("addresses__zone")
        .annotate(
            inbound=Count("endpoint__connections_in", distinct=True),
            outbound=Count("endpoint__connections_out", distinct=True),
        )
        .order_by("name")
    )
    rows = narrowed(rows, request.GET)
    read: dict[int, Any] = {}
    for dotted in settings.SERVERS_READ:
        read |= import_string(dotted)(person)

    def show(server: Server) -> dict[str, Any]:
        return listed(server, read)

    if file_wanted(request):
        cells = (
            "name",
            "addresses",
            "zone",
            "role",
            "environment",
            "system",
            "owner",
            "inbound",
            "outbound",
            "read_at",
        )
        return as_file(request, "eastwest-servers", COLUMNS, ([show(row)[cell] for cell in cells] for row in rows))
    zones = Zone.objects.for_user(person).values_list("name", "title")
    return render(
        request,
        "compliance/servers.html",
        {
            **page(request, rows, show),
            "filters": filters(
                request,
                "Name, role or address",
                [Choice("zone", "Zone", [(name, title or name) for name, title in zones])],
                HEADINGS,
            ),
            "total": base.count(),
            "may_import": may(person, "import", None) is None,
        },
    )


def narrowed(rows: Any, asked: Mapping[str, str]) -> Any:
    """The rows that fit what is asked in the address: q, zone. Pages and the API ask alike."""
    words = asked.get("q", "").strip()
    if words:
        found = Q(name__icontains=words) | Q(role__icontains=words) | by_address("addresses__ip", words)
        rows = rows.filter(found).distinct()
    return rows.filter(addresses__zone__name=asked["zone"]).distinct() if asked.get("zone") else rows


def listed(server: Server, read: dict[int, Any]) -> dict[str, Any]:
    """One row; `read` gives for a server when its rules were last read and whether that is too long ago."""
    held = [address for address in server.addresses.all() if address.valid_to is None]
    read_at, late = read.get(server.pk, (None, True))
    return {
        "name": server.name,
        "url": f"/servers/{quote(server.name, safe='')}/",
        "addresses": ", ".join(address.ip for address in held),
        "zone": ", ".join(sorted({str(address.zone) for address in held if address.zone})),
        "role": server.role,
        "environment": server.environment,
        "system": server.system.name,
        "owner": str(server.system.owner),
        "critical": server.critical or server.high_value,
        "inbound": getattr(server, "inbound", 0),
        "outbound": getattr(server, "outbound", 0),
        "read_at": read_at,
        "read_late": late,
        "status_label": server.get_status_display(),
    }
