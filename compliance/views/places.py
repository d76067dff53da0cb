"""Zones, groups and parties outside: what each name means today, since when, and what is authorised by it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance.actions.reach import naming
from compliance.actions.widening import adding, narrowing
from compliance.models import Connection, Endpoint, Group, Membership, PartyPrefix, User, Zone, ZonePrefix
from compliance.models.carried import faults
from compliance.models.estate import day_of
from compliance.observed import said as known_by
from compliance.permissions import may
from compliance.views.changes import signed_in
from compliance.views.lists import as_file, file_wanted, filters, page
from compliance.views.panels import panel
from compliance.views.server import listed, visible

ALWAYS: Final = datetime.fromtimestamp(0, UTC)  # since when what was there before it was recorded holds


class Kind(NamedTuple):
    """How zones or groups are told apart on the same two pages."""

    plural: str
    singular: str
    lead: str
    what: str  # what they hold
    adds: str  # label of the button
    part: str  # last part of its address


KINDS: Final = {
    "zones": Kind("Zones", "zone", "A zone is its prefixes: each address in them belongs to it.", "Prefixes",
                  "Add prefix…", "prefix"),
    "groups": Kind("Groups", "group", "A group is its members: a connection that names it is every member's.",
                   "Members", "Add member…", "member"),
    "parties": Kind("Parties", "party", "A party lies outside the estate: a connection that names it is its prefixes'.",
                    "Prefixes", "Add prefix…", "prefix"),
}  # fmt: skip
HELD: Final = {"zones": "prefixes", "groups": "memberships", "parties": "party_prefixes"}
TEXT: Final = {"zones": "prefixes__prefix__startswith", "groups": "memberships__server__name",
               "parties": "party_prefixes__prefix__startswith"}  # fmt: skip
Subject = Zone | Group | Endpoint


def places(request: HttpRequest, kind: str) -> HttpResponse:
    """The list of zones or groups."""
    person = signed_in(request)
    rows = queryset(kind, person)
    words = request.GET.get("q", "").strip()
    total = rows.count()
    if words:
        rows = rows.filter(Q(name__icontains=words) | Q(**{TEXT[kind]: words}) & by_open(kind)).distinct()

    def show(one: Subject) -> dict[str, Any]:
        return {
            "name": one.name,
            "title": one.title if isinstance(one, Zone) else one.get_kind_display(),
            "url": f"/{kind}/{quote(one.name, safe='')}/",
            **whose(one),
            "held": getattr(one, "held", 0),
            "into": getattr(one, "into", 0),
            "out": getattr(one, "out", 0),
        }

    if file_wanted(request):
        cells = ("name", "title", "system", "owner", "held", "into", "out")
        return as_file(request, f"eastwest-{kind}", cells, ([show(row)[cell] for cell in cells] for row in rows))
    context = {
        **page(request, rows, show),
        "kind": KINDS[kind],
        "filters": filters(request, "Name, prefix or member", []),
        "total": total,
    }
    return render(request, "compliance/places.html", context)


def by_open(kind: str) -> Q:
    """Of the rows that hold today."""
    return Q(**{f"{HELD[kind]}__valid_to__isnull": True})


def whose(one: Subject) -> dict[str, str]:
    """The system and its owner; of a party the organisation, and the agreement with it."""
    if isinstance(one, Endpoint):
        organisation = one.organisation
        agreement = organisation.agreement if organisation else ""
        return {"system": str(organisation or "no organisation named"), "owner": agreement or "no agreement recorded"}
    return {"system": one.system.name, "owner": str(one.system.owner)}


def parties(person: User) -> Any:
    """The parties outside that a connection of this person names; all of them for who looks after the estate."""
    if may(person, "manage_estate", None) is None:
        return Endpoint.objects.filter(server__isnull=True, group__isnull=True, zone__isnull=True)
    return Endpoint.objects.outside_of(person)


def queryset(kind: str, person: User) -> Any:
    """The zones, groups or parties this person may see, counted."""
    bases: dict[str, Any] = {"zones": Zone.objects, "groups": Group.objects}
    base = parties(person).select_related("organisation") if kind == "parties" else bases[kind].for_user(person)
    rows = base if kind == "parties" else base.select_related("system__owner")
    ends = OuterRef("pk" if kind == "parties" else "endpoint")  # of them
    return rows.annotate(
        held=Count(HELD[kind], filter=by_open(kind), distinct=True),
        into=counted(Connection.objects.filter(destination=ends), "destination"),
        out=counted(Connection.objects.filter(source=ends), "source"),
    ).order_by("name")


def counted(rows: Any, end: str) -> Any:
    """How many of the connections that a row is an end of: asked for each row that is shown, not joined to all."""
    return Coalesce(Subquery(rows.order_by().values(end).annotate(count=Count("pk")).values("count")), 0)


def place(request: HttpRequest, kind: str, name: str) -> HttpResponse:
    """One zone or group: what it holds and held, and what is authorised by its name."""
    person = signed_in(request)
    subject = get_object_or_404(queryset(kind, person), name=name)
    now = timezone.now()
    versions = naming([subject.name], now)
    seen = visible(versions, person)
    return render(
        request,
        "compliance/place.html",
        {
            "kind": KINDS[kind],
            "place": {
                "name": subject.name,
                "title": subject.title if isinstance(subject, Zone) else subject.get_kind_display(),
                "facts": facts(subject),
            },
            "held": rows_of(subject, person),
            "connections": [listed(version, day_of(now), seen) for version in versions],
            "actions": actions(kind, subject, person),
            **panel("place", subject, person),
            **(panel("group", subject, person) if isinstance(subject, Group) else {}),
        },
    )


def facts(subject: Subject) -> list[dict[str, str]]:
    """What is said about it."""
    if isinstance(subject, Endpoint):
        said = whose(subject)
        told = [("Organisation", said["system"]), ("Agreement", said["owner"])]
        return [{"label": label, "text": text} for label, text in told]
    rows = [("System", subject.system.name), ("System owner", str(subject.system.owner))]
    if isinstance(subject, Zone):
        rows += [("Environment", subject.environment), ("Address space", subject.space.name)]
    elif subject.ceiling is not None:
        rows.append(("Members at most", str(subject.ceiling)))
        rows.append(("Members are known by", known_by(subject.observed)))
    return [{"label": label, "text": text} for label, text in rows]


def rows_of(subject: Subject, person: User) -> list[dict[str, Any]]:
    """Its prefixes or members, those that hold first; what counts for nothing says so."""
    rows: list[ZonePrefix | PartyPrefix | Membership]
    if isinstance(subject, Endpoint):
        rows, part = list(subject.party_prefixes.select_related("change", "end")), "party-prefixes"
    elif isinstance(subject, Zone):
        rows, part = list(subject.prefixes.select_related("change", "zone")), "prefixes"
    else:
        rows, part = list(subject.memberships.select_related("change", "server", "group")), "members"
    wrong = faults(rows)
    may_end = may(person, *narrowing(subject)) is None
    shown = sorted(rows, key=lambda one: (one.valid_to is not None, str(one)))
    return [
        {
            "text": one.server.name if isinstance(one, Membership) else one.prefix,
            "url": f"/servers/{one.server.name}/" if isinstance(one, Membership) else "",
            "from": one.valid_from if one.valid_from > ALWAYS else None,
            "until": one.valid_to,
            "change": one.change.ref if one.change else "",
            "wrong": wrong.get(one.pk, ""),
            "end_url": f"/estate/{part}/{one.pk}/end/" if may_end and one.valid_to is None else "",
        }
        for one in shown
    ]


def actions(kind: str, subject: Subject, person: User) -> list[dict[str, Any]]:
    """What this person may add, or ask for."""
    if may(person, "widen", subject) is not None and may(person, *adding(subject)) is not None:
        return []
    said, url = KINDS[kind], f"/{kind}/{quote(subject.name, safe='')}/"
    found = [{"label": said.adds, "url": f"{url}{said.part}/", "icon": "plus", "danger": False}]
    if isinstance(subject, Group) and subject.ceiling is not None:
        found.append({"label": "Raise the ceiling…", "url": f"{url}ceiling/", "icon": "move-up", "danger": False})
        found.append({"label": "How members are known…", "url": f"{url}observed/", "icon": "eye", "danger": False})
    return found
