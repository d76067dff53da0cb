"""How servers are administered: from where their packet filters let it come, who came by the flow logs, and how one
logs in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from compliance.models import Server, System
from compliance.permissions import check, may
from compliance.views.changes import signed_in
from compliance.views.lists import Choice, as_file, file_wanted, filters, page
from compliance.views.verbs import confirm
from evidence.actions import admin as verbs
from evidence.admin_path import steps
from evidence.forms.admin import AttestLoginForm
from evidence.judgement import listed as several
from evidence.models import AdminPathRow, LoginAttestation
from evidence.views.shown import is_late, latest

COLUMNS: Final = (
    "server", "bastion", "services", "from", "bastions", "other servers", "outside the estate", "rule", "example",
    "seen in flow logs", "by", "hours watched", "log-in", "says who", "what",
)  # fmt: skip
TONES: Final = {"others": "bad", "possible": "warn", "unknown": "warn", "bastions": "ok", "nobody": "off"}
SIGNS: Final = {
    "others": "triangle-alert", "possible": "circle-question-mark", "unknown": "shield-question-mark",
    "bastions": "circle-check", "nobody": "ban",
}  # fmt: skip
SEEN: Final = 3  # conversations of one server that the list shows
HEADINGS = ("Services", "Reached from", "By", "Seen in flow logs", "Log-in")  # of the table, after its first


def admin_paths(request: HttpRequest) -> HttpResponse:
    """The list, those first whom others than bastions reach."""
    person = signed_in(request)
    base = AdminPathRow.objects.for_user(person).current()
    rows = narrowed(base, request.GET).select_related("server", "system__owner")
    attested = newest(person)
    mine = {one.pk for one in System.objects.for_user(person) if may(person, "attest_login", one) is None}

    def show(row: AdminPathRow) -> dict[str, Any]:
        open_to_say = not row.login and row.system_id in mine
        said = listed(row, attested.get(row.server_id))
        return said | {"attest_url": attest_url(row.server) if open_to_say else ""}

    if file_wanted(request):
        return as_file(
            request, "eastwest-admin-paths", COLUMNS, (cells(row, attested.get(row.server_id)) for row in rows)
        )
    comparison = latest()
    systems = System.objects.for_user(person).values_list("name", flat=True)
    choices = [
        Choice("system", "System", [(name, name) for name in systems]),
        Choice("reach", "Reached from", AdminPathRow.Reach.choices),
        Choice("seen_from", "Seen in flow logs", AdminPathRow.Seen.choices),
        Choice("login", "Log-in", [("read", "Read from the server"), ("unread", "Not read")]),
    ]
    return render(
        request,
        "evidence/admin_paths.html",
        {
            **page(request, rows, show),
            "filters": filters(request, "Server, service or rule", choices, HEADINGS),
            "total": base.count(),
            "no_bastion": base.exists() and not base.filter(bastion=True).exists(),
            "compared_at": comparison.at if comparison else None,
            "compared_late": is_late(comparison),
        },
    )


def newest(person: Any) -> dict[int, LoginAttestation]:
    """Server → what was attested of its log-in last."""
    rows = LoginAttestation.objects.for_user(person).select_related("attested_by").order_by("pk")
    return {row.server_id: row for row in rows}


def narrowed(rows: Any, asked: Mapping[str, str]) -> Any:
    """The rows that fit what is asked in the address: q, system, reach, login."""
    words = asked.get("q", "").strip()
    if words:
        found = Q(server__name__icontains=words) | Q(services__icontains=words) | Q(rule__icontains=words)
        rows = rows.filter(found | Q(others__icontains=words) | Q(bastions__icontains=words))
    for name, field in (("system", "system__name"), ("reach", "reach"), ("seen_from", "seen_from")):
        if asked.get(name):
            rows = rows.filter(**{field: asked[name]})
    if asked.get("login"):
        rows = rows.exclude(login={}) if asked["login"] == "read" else rows.filter(login={})
    return rows.order_by("server__name")


def listed(row: AdminPathRow, attested: LoginAttestation | None) -> dict[str, Any]:
    """One row of the list."""
    tone, sentence = steps(row.login)
    entrance = row.bastion and row.reach == "others"  # that is what a bastion is for
    return {
        "server": row.server.name,
        "url": f"/servers/{quote(row.server.name, safe='')}/",
        "bastion": row.bastion,
        "services": ", ".join(row.services),
        "sockets_read": row.sockets_read,
        "reach": row.reach,
        **(
            {"reach_label": "People come in here", "tone": "off", "sign": "door-open"}
            if entrance
            else {
                "reach_label": row.get_reach_display(),
                "tone": TONES[row.reach],
                "sign": SIGNS[row.reach],
            }
        ),
        "bastions": several(row.bastions),
        "others_count": len(row.others),
        "others": several(row.others),
        "outside": row.outside,
        "rule": row.rule,
        "place": row.place,
        "example": row.example,
        "because": row.because,
        "seen": seen_in_flows(row),
        "login_tone": tone,
        "login": sentence,
        "login_read": bool(row.login),
        "settings": [{"name": name, "value": ", ".join(values)} for name, values in row.login.items()],
        "attested": {"says": attested.says, "by": str(attested.attested_by), "seen_on": attested.seen_on}
        if attested
        else None,
    }


def seen_in_flows(row: AdminPathRow) -> dict[str, Any] | None:
    """Who came in by the flow logs: others than bastions first; None where no flow log is read."""
    if not row.seen:
        return None
    entrance = row.bastion and row.seen_from == "others"
    label = "People came in here" if entrance else row.get_seen_from_display()
    lines = [
        {**one, "first": datetime.fromtimestamp(one["first"], UTC), "last": datetime.fromtimestamp(one["last"], UTC)}
        for one in (*row.seen["others"], *row.seen["bastions"])
    ]
    tone, sign = ("off", "door-open") if entrance else (TONES[row.seen_from], SIGNS[row.seen_from])
    return {
        "label": label, "tone": tone, "sign": sign, "lines": lines[:SEEN],
        "more": max(len(lines) - SEEN, 0) + sum(row.seen["more"].values()), "watched": row.seen["watched"],
        "hours": row.seen["hours"],
    }  # fmt: skip


def cells(row: AdminPathRow, attested: LoginAttestation | None) -> list[str]:
    """One row of the CSV."""
    said = listed(row, attested)
    came = (f"{one['from']} {one['service']}" for kind in ("others", "bastions") for one in row.seen.get(kind, ()))
    login, who = (said["login"], "the server says") if said["login_read"] else ("not known", "")
    if not said["login_read"] and attested is not None:
        login, who = attested.says, f"{attested.attested_by}, seen on {attested.seen_on:%Y-%m-%d}"
    return [
        row.server.name, "yes" if row.bastion else "no", said["services"], row.get_reach_display(),
        ", ".join(row.bastions), ", ".join(row.others), "yes" if row.outside else "no", row.rule, row.example,
        row.get_seen_from_display() or "no flow log is read",
        ", ".join(came), f"{row.seen['watched']} of {row.seen['hours']}" if row.seen else "", login, who, row.because,
    ]  # fmt: skip


def attest_url(server: Server) -> str:
    """Where a person says how one logs in to a server."""
    return f"/admin-paths/{quote(server.name, safe='')}/attest/"


def attest(request: HttpRequest, name: str) -> HttpResponse:
    """A person says how one logs in to a server of which that cannot be read."""
    person = signed_in(request)
    server = get_object_or_404(Server.objects.for_user(person), name=name)
    if request.method != "POST":
        check(person, "attest_login", server)
    return confirm(
        request,
        form=AttestLoginForm(request.POST or None),
        act=lambda form: verbs.attest_login(server, by=person, **form.cleaned_data),
        done=lambda _: "/admin-paths/",
        context={
            "title": f"Say how one logs in to {server.name}",
            "crumb": [server.name],
            "back_url": "/admin-paths/",
            "subject": server.name,
            "consequence": "It is kept with your name and the day. What the server says of itself is shown before it.",
            "facts": [],
            "warning": None,
            "submit": "Record it",
            "danger": False,
        },
    )
