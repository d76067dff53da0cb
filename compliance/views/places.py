"""Zones and groups: what each name means today, since when, and what is authorised by it."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance.actions.reach import naming
from compliance.models import Group, Membership, User, Zone, ZonePrefix
from compliance.models.carried import faults
from compliance.models.estate import day_of
from compliance.permissions import may
from compliance.views.changes import signed_in
from compliance.views.lists import as_csv, filters, page
from compliance.views.server import listed, visible

OPEN: Final = Q(valid_to__isnull=True)


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
}  # fmt: skip


def places(request: HttpRequest, kind: str) -> HttpResponse:
    """The list of zones or groups."""
    person = signed_in(request)
    rows = queryset(kind, person)
    words = request.GET.get("q", "").strip()
    total = rows.count()
    if words:
        held = Q(prefixes__prefix__startswith=words) if kind == "zones" else Q(memberships__server__name=words)
        rows = rows.filter(Q(name__icontains=words) | held & by_open(kind)).distinct()

    def show(one: Zone | Group) -> dict[str, Any]:
        return {
            "name": one.name,
            "title": one.title if isinstance(one, Zone) else one.get_kind_display(),
            "url": f"/{kind}/{one.name}/",
            "system": one.system.name,
            "owner": str(one.system.owner),
            "held": getattr(one, "held", 0),
            "into": getattr(one, "into", 0),
            "out": getattr(one, "out", 0),
        }

    if request.GET.get("format") == "csv":
        cells = ("name", "title", "system", "owner", "held", "into", "out")
        return as_csv(f"eastwest-{kind}", cells, ([show(row)[cell] for cell in cells] for row in rows))
    context = {
        **page(request, rows, show),
        "kind": KINDS[kind],
        "filters": filters(request, "Name, prefix or member", []),
        "total": total,
    }
    return render(request, "compliance/places.html", context)


def by_open(kind: str) -> Q:
    """Of the rows that hold today."""
    return Q(**{f"{'prefixes' if kind == 'zones' else 'memberships'}__valid_to__isnull": True})


def queryset(kind: str, person: User) -> Any:
    """The zones or groups this person may see, counted."""
    held = "prefixes" if kind == "zones" else "memberships"
    base: Any = Zone.objects.for_user(person) if kind == "zones" else Group.objects.for_user(person)
    return (
        base.select_related("system__owner")
        .annotate(
            held=Count(held, filter=Q(**{f"{held}__valid_to__isnull": True}), distinct=True),
            into=Count("endpoint__connections_in", distinct=True),
            out=Count("endpoint__connections_out", distinct=True),
        )
        .order_by("name")
    )


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
        },
    )


def facts(subject: Zone | Group) -> list[dict[str, str]]:
    """What is said about it."""
    rows = [("System", subject.system.name), ("System owner", str(subject.system.owner))]
    if isinstance(subject, Zone):
        rows += [("Environment", subject.environment), ("Address space", subject.space.name)]
    elif subject.ceiling is not None:
        rows.append(("Members at most", str(subject.ceiling)))
    return [{"label": label, "text": text} for label, text in rows]


def rows_of(subject: Zone | Group, person: User) -> list[dict[str, Any]]:
    """Its prefixes or members, those that hold first; what counts for nothing says so."""
    rows: list[ZonePrefix | Membership]
    if isinstance(subject, Zone):
        rows, part = list(subject.prefixes.select_related("change", "zone")), "prefixes"
    else:
        rows, part = list(subject.memberships.select_related("change", "server", "group")), "members"
    wrong = faults(rows)
    may_end = may(person, "narrow", subject) is None
    shown = sorted(rows, key=lambda one: (one.valid_to is not None, str(one)))
    return [
        {
            "text": one.prefix if isinstance(one, ZonePrefix) else one.server.name,
            "url": "" if isinstance(one, ZonePrefix) else f"/servers/{one.server.name}/",
            "from": one.valid_from,
            "until": one.valid_to,
            "change": one.change.ref if one.change else "",
            "wrong": wrong.get(one.pk, ""),
            "end_url": f"/estate/{part}/{one.pk}/end/" if may_end and one.valid_to is None else "",
        }
        for one in shown
    ]


def actions(kind: str, subject: Zone | Group, person: User) -> list[dict[str, Any]]:
    """What this person may add, or ask for."""
    if may(person, "widen", subject) is not None and may(person, "add_server", subject) is not None:
        return []
    said, url = KINDS[kind], f"/{kind}/{subject.name}/"
    found = [{"label": said.adds, "url": f"{url}{said.part}/", "icon": "plus", "danger": False}]
    if isinstance(subject, Group) and subject.ceiling is not None:
        found.append({"label": "Raise the ceiling…", "url": f"{url}ceiling/", "icon": "move-up", "danger": False})
    return found
