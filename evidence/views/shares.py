"""What servers share in fact: who may read or write which share, from where, and who does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from compliance.models import Connection, Server, System, User
from compliance.permissions import may
from compliance.views.changes import signed_in
from compliance.views.lists import Choice, as_file, file_wanted, filters, page
from compliance.words import VERDICTS
from evidence.formats import testparm, usershare
from evidence.models import Finding, PulledArtefact, ServedShare, Source
from evidence.views.shown import is_late, latest

COLUMNS: Final = (
    "server", "share", "path", "protocol", "who", "may", "guests or root", "security", "network", "used by",
    "authorised by", "verdict", "certainty", "what",
)  # fmt: skip
# the filters of what stands open: label, and what is asked of the row
EXPOSED: Final[dict[str, tuple[str, Q]]] = {
    "nobody": ("Nobody authorised it", Q(authorised=False)),
    "everyone": ("Shared with everyone", Q(everyone=True)),
    "guest": ("Guests, or NFS root kept", Q(guest=True)),
    "weak": ("SMB 1, or no security", Q(security__in=["smb1", "none", "null"])),
    "write": ("May be written", Q(access="rw")),
    "unused": ("No mount seen", Q(users_now=0)),
}
SERVER, USERS = testparm.NAME, usershare.NAME
PROTOCOLS: Final = {"nfs": "NFS", "smb": "SMB"}
HEADINGS = (
    "Who may come",
    "May",
    "Security",
    "Network",
    "Used by",
    "Authorised by",
    "Verdict",
)  # of the table, after its first


def shares(request: HttpRequest) -> HttpResponse:
    """The list of shares that were read, and which file servers nothing is known of."""
    person = signed_in(request)
    base = ServedShare.objects.for_user(person).current()
    rows = narrowed(base, request.GET).select_related("server", "system__owner")
    if file_wanted(request):
        return as_file(request, "eastwest-served-shares", COLUMNS, (cells(row) for row in rows))
    comparison = latest()
    systems = System.objects.for_user(person).values_list("name", flat=True)
    choices = [
        Choice("system", "System", [(name, name) for name in systems]),
        Choice("protocol", "Protocol", list(PROTOCOLS.items())),
        Choice("exposed", "Open to", [(name, label) for name, (label, _) in EXPOSED.items()]),
        Choice("network", "Network", ServedShare.Through.choices),
        Choice("verdict", "Verdict", [(name, VERDICTS[name].label) for name in verdicts(base)]),
    ]
    return render(
        request,
        "evidence/served_shares.html",
        {
            **page(request, rows, listed),
            "filters": filters(request, "Server, path, client or user", choices, HEADINGS),
            "total": base.count(),
            "compared_at": comparison.at if comparison else None,
            "compared_late": is_late(comparison),
            "silent": silent(person),
            "half_read": half_read(person),
        },
    )


def verdicts(base: Any) -> list[str]:
    """The verdicts that some share has."""
    return sorted(set(base.values_list("verdict", flat=True)))


def narrowed(rows: Any, asked: Mapping[str, str]) -> Any:
    """The rows that fit what is asked in the address: q, system, protocol, exposed, network, verdict."""
    words = asked.get("q", "").strip()
    if words:
        found = Q(server__name__icontains=words) | Q(name__icontains=words) | Q(path__icontains=words)
        rows = rows.filter(found | Q(who__icontains=words) | Q(lines__icontains=words) | Q(mounts__icontains=words))
    for name, field in (("system", "system__name"), ("protocol", "protocol"), ("network", "through"),
                        ("verdict", "verdict")):  # fmt: skip
        if asked.get(name):
            rows = rows.filter(**{field: asked[name]})
    return rows.filter(EXPOSED[asked["exposed"]][1]) if asked.get("exposed") in EXPOSED else rows


def silent(person: User) -> list[str]:
    """Servers that are file servers by their role, and whose shares nobody read."""
    read = ServedShare.objects.for_user(person).current().values("server_id")
    sources = Source.objects.exclude(last_good=None).values("server_id")
    rows = Server.objects.for_user(person).filter(role__icontains="file").exclude(status=Server.Status.RETIRED)
    rows = rows.exclude(pk__in=read).exclude(pk__in=sources)
    return list(rows.order_by("name").values_list("name", flat=True))


def half_read(person: User) -> list[str]:
    """Samba servers of which no source shows what users share by themselves: neither smb.conf nor testparm does."""
    good = Source.objects.for_user(person).exclude(last_good=None).exclude(server__status=Server.Status.RETIRED)
    rows = PulledArtefact.objects.filter(pull__snapshot__in=good.values("last_good"), format__in=(SERVER, USERS))
    found = set(rows.values_list("pull__source__server__name", "format"))
    return sorted(name for name, format_ in found if format_ == SERVER and (name, USERS) not in found)


def listed(row: ServedShare) -> dict[str, Any]:
    """One row of the list."""
    return {
        "url": f"/shares/served/{row.key}/",
        "server": row.server.name,
        "name": row.name,
        "path": row.path,
        "protocol": PROTOCOLS.get(row.protocol, row.protocol),
        "who": row.who,
        "everyone": row.everyone,
        "access": row.access,
        "guest": row.guest,
        "security": row.security or "nothing insisted on",
        "through": row.through,
        "through_label": row.get_through_display(),
        "users_now": row.users_now,
        "refs": [{"ref": ref, "url": f"/connections/{ref}/"} for ref in row.refs],
        "owner": str(row.system.owner),
        "verdict": row.verdict,
        "certainty": row.certainty,
    }


def cells(row: ServedShare) -> list[str]:
    """One row of the CSV."""
    users = "; ".join(f"{one['client']} ({one['says']})" for one in row.mounts)
    return [
        row.server.name, row.name, row.path, row.protocol, row.who, "read and write" if row.access == "rw" else "read",
        "yes" if row.guest else "no", row.security, row.get_through_display(), users, ", ".join(row.refs), row.verdict,
        row.certainty, row.because,
    ]  # fmt: skip


def share(request: HttpRequest, key: str) -> HttpResponse:
    """One share: every line of it, what the network does, who uses it, and who authorised it."""
    person = signed_in(request)
    rows = ServedShare.objects.for_user(person).current()
    row = get_object_or_404(rows.select_related("server", "system__owner", "comparison"), key=key)
    keys = [int(ref.removeprefix("CON-")) for ref in row.refs]
    seen = {one.ref for one in Connection.objects.for_user(person).filter(pk__in=keys)}
    findings = Finding.objects.for_user(person).standing().filter(server=row.server, verdict="share_wider")
    asks = not row.refs and may(person, "request", None) is None
    marks = (*row.refs, f"{row.protocol} share {row.name}")
    asking = {"kind": "share", "destination": row.server.name, "path": row.name if row.protocol == "smb" else row.path,
              "protocol": row.protocol, "access": row.access}  # fmt: skip
    return render(
        request,
        "evidence/served_share.html",
        {
            "share": {
                **listed(row),
                "title": f"{row.server.name}:{row.name}",
                "because": row.because,
                "half_read": row.protocol == "smb" and row.server.name in half_read(person),
                "lines": row.lines,
                "mounts": row.mounts,
                "server_url": f"/servers/{quote(row.server.name, safe='')}/",
                "refs": [{"ref": ref, "url": f"/connections/{ref}/"} for ref in row.refs if ref in seen],
                "refs_hidden": sum(ref not in seen for ref in row.refs),
            },
            "compared_at": row.comparison.at,
            "compared_late": is_late(row.comparison),
            "findings": [
                {"ref": one.ref, "url": f"/findings/{one.ref}/", "verdict": one.verdict, "text": one.because,
                 "opened_at": one.first_seen}
                for one in findings.filter(subject__in=marks)
            ],
            "ask_url": f"/requests/new/?{urlencode(asking)}" if asks else "",
        },
    )  # fmt: skip
