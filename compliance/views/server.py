"""One server: what may talk to it, what it may talk to, its shares, how far one step from it reaches, its addresses."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance.actions.reach import names_of_server
from compliance.models import Connection, ConnectionVersion, Endpoint, Membership, Server, User
from compliance.models.estate import day_of
from compliance.nearby import naming_by_ends
from compliance.permissions import may
from compliance.standing import Standing
from compliance.views.changes import signed_in
from compliance.views.connections import not_seen
from compliance.views.panels import panel
from compliance.views.shown import connection_state, ends, services

STEP = 24  # servers that are named one by one


def server(request: HttpRequest, name: str) -> HttpResponse:
    """The page of a server."""
    person = signed_in(request)
    subject = get_object_or_404(Server.objects.for_user(person).select_related("system__owner"), name=name)
    now = timezone.now()
    held = Standing(now, within=Q(server=subject)).addresses.get(subject.pk, [])
    names = names_of_server(name, now) | {one.zone.name for one in held if one.zone}
    into, out, shares = sorted_out(naming_by_ends(names, day_of(now)), names, day_of(now), person)
    said = panel("server", subject, person)
    return render(
        request,
        "compliance/server.html",
        {
            "server": {
                "name": subject.name,
                "status_label": subject.get_status_display(),
                "retired_at": subject.retired_at,
                "critical": subject.critical or subject.high_value,
                "facts": facts(subject),
            },
            "into": into,
            "out": out,
            "shares": shares,
            "step": one_step(out, shares, name, now, person),
            "addresses": addresses(subject, person),
            "groups": groups(subject, person),
            "findings": said.get("findings", []),
            "listening": said.get("listening"),
            "flows": said.get("flows"),
            "duties": said.get("duties", []),
            "duties_url": said.get("duties_url", ""),
            "read_at": said.get("read_at"),
            "read_late": said.get("read_late", True),
            "actions": actions(subject, person),
        },
    )


def facts(subject: Server) -> list[dict[str, str]]:
    """What is said about it."""
    rows = (
        ("System", subject.system.name), ("System owner", str(subject.system.owner)), ("Role", subject.role),
        ("Environment", subject.environment), ("Status", subject.get_status_display()),
    )  # fmt: skip
    return [{"label": label, "text": text} for label, text in rows]


def sorted_out(
    versions: list[ConnectionVersion], names: set[str], today: date, person: User
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """The connections into it, those out of it, and the shares it holds or uses. What goes by way of it is both."""
    into, out, shares = [], [], []
    seen = visible(versions, person)
    for version in versions:
        material, line = version.material, listed(version, today, seen)
        if material["kind"] == "share":
            shares.append({**line, "holds": material["server"] in names})
            continue
        by_way = bool(names & set(material.get("via", [])))
        if material["destination"] in names or by_way:
            into.append(line)
        if material["source"] in names or by_way:
            out.append(line)
    return into, out, shares


def visible(versions: list[ConnectionVersion], person: User) -> set[int]:
    """The connections among these whose own pages this person may open."""
    rows = Connection.objects.for_user(person).filter(pk__among=[version.connection_id for version in versions])
    return set(rows.values_list("pk", flat=True))


def listed(version: ConnectionVersion, today: date, seen: set[int]) -> dict[str, Any]:
    """A connection as a line of this page; `seen`: those whose own pages the reader may open."""
    source, destination = ends(version.material)
    return {
        "ref": version.connection.ref,
        "url": f"/connections/{version.connection.ref}/" if version.connection_id in seen else "",
        "source": source,
        "destination": destination,
        "services": services(version.material),
        "state": connection_state(version.connection, version, today),
        "verdict": version.connection.drift,
        "review_by": version.review_by,
        "late": bool(version.review_by and version.review_by < today),
        "share": version.connection.kind == Connection.Kind.SHARE,
        "last_seen_at": version.connection.last_seen_at,
        "last_use": version.connection.last_seen_at or not_seen(version.connection),
    }


def one_step(
    out: list[dict[str, Any]], shares: list[dict[str, Any]], name: str, now: datetime, person: User
) -> dict[str, Any]:
    """How far whoever holds this server reaches in one step: the servers behind every end it may talk to."""
    ends_named = {str(row["destination"]) for row in out} | {row["server"] for row in held_elsewhere(shares)}
    found: set[str] = set()
    outside: list[str] = []
    rows = list(Endpoint.objects.filter(name__in=ends_named).select_related("server", "group", "zone"))
    members = Membership.objects.in_force(now).filter(group__in=[end.group_id for end in rows if end.group_id])
    zones = [end.zone_id for end in rows if end.zone_id]
    estate = Standing(now, within=Q(server__in=members.values("server")) | Q(zone__in=zones))
    for end in rows:
        if end.server:
            found.add(end.server.name)
        elif end.group:
            found |= set(estate.members_of(end.group))
        elif end.zone:
            zone = end.zone_id
            found |= {one.server.name for held in estate.addresses.values() for one in held if one.zone_id == zone}
        else:
            outside.append(end.name)
    reached = sorted(found - {name})
    seen = set(Server.objects.for_user(person).filter(name__in=reached).values_list("name", flat=True))
    shown = [{"name": one, "url": f"/servers/{quote(one, safe='')}/" if one in seen else ""} for one in reached[:STEP]]
    return {"count": len(reached), "servers": shown, "more": max(0, len(reached) - STEP), "outside": outside}


def held_elsewhere(shares: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The shares it uses, with the server that holds each."""
    return [{"server": row["destination"]} for row in shares if not row["holds"]]


def addresses(subject: Server, person: User) -> list[dict[str, Any]]:
    """Every address it holds or held, with its dates and what carries it."""
    may_end = may(person, "narrow", subject) is None
    rows = subject.addresses.select_related("zone", "space", "change").order_by("valid_to", "ip")
    return [
        {
            "text": one.ip,
            "zone": str(one.zone) if one.zone else "",
            "interface": one.interface,
            "from": one.valid_from,
            "until": one.valid_to,
            "change": one.change.ref if one.change else "",
            "end_url": f"/estate/addresses/{one.pk}/end/" if may_end and one.valid_to is None else "",
        }
        for one in sorted(rows, key=lambda one: (one.valid_to is not None, ended(one.valid_to), one.ip))
    ]


def ended(when: datetime | None) -> float:
    """For sorting: what ended last first."""
    return -when.timestamp() if when else 0.0


def groups(subject: Server, person: User) -> list[dict[str, str]]:
    """The groups it is in."""
    rows = subject.memberships.filter(valid_to__isnull=True).select_related("group").order_by("group__name")
    return [{"name": one.group.name, "url": f"/groups/{one.group.name}/"} for one in rows]


def actions(subject: Server, person: User) -> list[dict[str, Any]]:
    """What this person may ask for."""
    if subject.status == Server.Status.RETIRED:
        return []
    url, found = f"/servers/{subject.name}/", []
    if may(person, "widen", subject) is None or may(person, "add_server", subject) is None:
        found.append({"label": "Add address…", "url": f"{url}address/", "icon": "plus", "danger": False})
    if may(person, "decommission", subject) is None:
        found.append({"label": "Decommission…", "url": f"{url}decommission/", "icon": "archive", "danger": True})
    return found
