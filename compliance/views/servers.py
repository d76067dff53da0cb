"""Servers and zones: what the estate holds, and what is authorised to and from each server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from django.conf import settings
from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.module_loading import import_string

from compliance.models import Address, Connection, Server, User, Zone
from compliance.permissions import may
from compliance.views.changes import signed_in
from compliance.views.keeping import kept
from compliance.views.lists import Choice, as_file, by_address, file_wanted, filters, page_of

COLUMNS = ("name", "addresses", "zone", "role", "environment", "system", "owner", "inbound", "outbound", "last read")
OF_SERVER: Final = (  # what a row of the list is made of
    "name", "role", "environment", "critical", "high_value", "status", "system__name", "system__owner__name",
    "system__owner__email",
)  # fmt: skip
OF_ADDRESS: Final = ("server_id", "ip", "valid_to", "zone__name", "zone__title")
HEADINGS = ("Addresses", "Zone", "System, owner", "In", "Out", "Rules")  # of the table, after its first


def servers(request: HttpRequest) -> HttpResponse:
    """The list of servers."""
    person = signed_in(request)
    base = Server.objects.for_user(person)
    rows = narrowed(base.order_by("name"), request.GET)

    def shows(listing: Iterable[Server]) -> Callable[[Server], dict[str, Any]]:
        held = beside(person, [server.pk for server in listing])
        return lambda server: listed(server, held)

    if file_wanted(request):
        every = list(related(rows))
        show = shows(every)
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
        return as_file(request, "eastwest-servers", COLUMNS, ([show(row)[cell] for cell in cells] for row in every))
    zones = Zone.objects.for_user(person).values_list("name", "title")
    return render(
        request,
        "compliance/servers.html",
        {
            **page_of(request, rows, shows, related(Server.objects.all())),
            "filters": filters(
                request,
                "Name, role or address",
                [Choice("zone", "Zone", [(name, title or name) for name, title in zones])],
                HEADINGS,
            ),
            "total": base.exists(),
            "may_import": may(person, "import", None) is None,
        },
    )


def related(rows: QuerySet[Server]) -> QuerySet[Server]:
    """The servers with what their rows show."""
    addresses = Address.objects.select_related("zone").only(*OF_ADDRESS)
    whose = rows.select_related("system__owner").only(*OF_SERVER)
    return whose.prefetch_related(Prefetch("addresses", queryset=addresses))


class Beside(NamedTuple):
    """What is asked about all servers of a page at once, by their keys."""

    read: dict[int, Any]  # when its rules were last read, and whether that is too long ago
    inbound: dict[int, int]
    outbound: dict[int, int]


def beside(person: User, servers: list[int]) -> Beside:
    """When these servers were read, and how many connections name each as their end."""
    read: dict[int, Any] = {}
    for dotted in settings.SERVERS_READ:
        read |= import_string(dotted)(person, servers)
    inbound, outbound = kept(
        person, ("naming", *servers), lambda: [naming(servers, end) for end in ("destination", "source")]
    )
    return Beside(read, inbound, outbound)


def naming(servers: list[int], end: str) -> dict[int, int]:
    """Server → how many connections name it as that end."""
    rows = Connection.objects.filter(**{f"{end}__server__among": servers}).order_by()
    return dict(rows.values_list(f"{end}__server").annotate(count=Count("pk")))


def narrowed(rows: Any, asked: Mapping[str, str]) -> Any:
    """The rows that fit what is asked in the address: q, zone. Pages and the API ask alike."""
    words = asked.get("q", "").strip()
    if words:
        found = Q(name__icontains=words) | Q(role__icontains=words) | by_address("addresses__ip", words)
        rows = rows.filter(found).distinct()
    return rows.filter(addresses__zone__name=asked["zone"]).distinct() if asked.get("zone") else rows


def listed(server: Server, asked: Beside) -> dict[str, Any]:
    """One row; `asked`: what was asked about all of them."""
    held = [address for address in server.addresses.all() if address.valid_to is None]
    read_at, late = asked.read.get(server.pk, (None, True))
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
        "inbound": asked.inbound.get(server.pk, 0),
        "outbound": asked.outbound.get(server.pk, 0),
        "read_at": read_at,
        "read_late": late,
        "status_label": server.get_status_display(),
    }
