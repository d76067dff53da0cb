"""Duties that no rule shows: how they stand, stating them for one server or several, and what was stated before."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance.errors import NotAllowed, Refused
from compliance.models import Server, System, User
from compliance.permissions import check, may
from compliance.views.changes import signed_in
from compliance.views.lists import Choice, as_file, file_wanted, filters, page
from compliance.words import DUTIES as STATES
from compliance.words import HOST_SAYS
from evidence.actions import attestations as verbs
from evidence.artefacts import Damaged, read_back
from evidence.attested import Standing, numbers, sentence, standings, tally
from evidence.duties import DUTIES, OPEN, tier
from evidence.forms.attestations import AttestForm
from evidence.models import Attestation

COLUMNS: Final = (
    "server", "system", "owner", "duty", "state", "due", "stated_as_of", "in_order", "offline_copy", "statement", "by",
    "stated_at", "evidence", "sha256", "host", "the_host_says",
)  # fmt: skip
SHOWN: Final = {key: status.label for key, status in STATES.items()}


def of_person(person: User, at: datetime) -> list[Standing]:
    """The duties of every server that somebody sees."""
    return standings(Server.objects.for_user(person).select_related("system__owner"), at)


def attestations(request: HttpRequest) -> HttpResponse:
    """The list, what is open first."""
    person = signed_in(request)
    every = of_person(person, timezone.now())
    rows = narrowed(every, request)
    if file_wanted(request):
        return as_file(request, "eastwest-attestations", COLUMNS, (cells(row) for row in rows))
    mine = {one.pk for one in System.objects.for_user(person) if may(person, "attest", one) is None}

    def show(row: Standing) -> dict[str, Any]:
        return listed(row) | {"may": row.server.system_id in mine}

    names = System.objects.for_user(person).values_list("name", flat=True)
    choices = [
        Choice("kind", "Duty", [(key, duty.label) for key, duty in DUTIES.items()]),
        Choice("state", "State", [("open", "Open: failed, never stated, overdue"), *SHOWN.items()]),
        Choice("host", "The host", [(key, status.label) for key, status in HOST_SAYS.items()]),
        Choice("system", "System", [(name, name) for name in names]),
    ]
    return render(
        request,
        "evidence/attestations.html",
        {
            **page(request, rows, show),
            "filters": filters(request, "Server or owner", choices),
            "total": len(every),
            "may_attest": bool(mine),
            "said": sentence(numbers(every)),
            "kinds": [{"label": duty.label, "every": duty.every, "asks": duty.asks} for duty in DUTIES.values()],
        },
    )


def narrowed(rows: Iterable[Standing], request: HttpRequest) -> list[Standing]:
    """Those that fit what is asked in the address: q, kind, state, host, system."""
    asked = {name: request.GET.get(name, "") for name in ("kind", "state", "host", "system")}
    words = request.GET.get("q", "").strip().lower()
    return [
        row
        for row in rows
        if (not asked["kind"] or row.kind == asked["kind"])
        and (not asked["state"] or row.state == asked["state"] or (asked["state"] == "open" and row.state in OPEN))
        and (not asked["host"] or row.host.sign == asked["host"])
        and (not asked["system"] or row.server.system.name == asked["system"])
        and (not words or words in f"{row.server.name} {row.server.system.owner}".lower())
    ]


def listed(row: Standing) -> dict[str, Any]:
    """One duty as a line."""
    return {
        "key": row.key,
        "server": row.server.name,
        "url": page_of(row.server),
        "system": row.server.system.name,
        "kind": row.kind,
        "label": DUTIES[row.kind].label,
        "state": row.state,
        "due": row.due,
        "last": statement(row.last) if row.last else None,
        "host_sign": row.host.sign,
        "host_text": row.host.text,
        "state_url": f"/attestations/new/?duty={row.key}",
    }


def statement(row: Attestation) -> dict[str, Any]:
    """One statement, as it was made."""
    grade, what = tier(row.sha256)
    return {
        "says": row.says,
        "by": str(row.attested_by),
        "held_on": row.held_on,
        "at": row.attested_at,
        "in_order": row.in_order,
        "offline": row.offline,
        "label": row.get_kind_display(),
        "file": row.file,
        "sha256": row.sha256,
        "file_url": f"/attestations/{row.pk}/file/" if row.stored_id else "",
        "tier": f"{grade}: {what}",
        "host_sign": row.host_sign,
        "host_said": row.host_said,
    }


def cells(row: Standing) -> list[Any]:
    """One duty as a row of a file."""
    last = row.last
    said = [last.held_on, "yes" if last.in_order else "no", offline(last), last.says, str(last.attested_by),
            f"{timezone.localtime(last.attested_at):%Y-%m-%d %H:%M}", ": ".join(tier(last.sha256)), last.sha256,
            ] if last else [""] * 8  # fmt: skip
    return [
        row.server.name, row.server.system.name, str(row.server.system.owner), DUTIES[row.kind].label,
        SHOWN[row.state], row.due, *said, HOST_SAYS[row.host.sign].label, row.host.text,
    ]  # fmt: skip


def offline(row: Attestation) -> str:
    """Whether a copy is kept offline, where that was asked."""
    return "" if row.offline is None else "yes" if row.offline else "no"


def page_of(server: Server) -> str:
    """Where all statements about a server stand."""
    return f"/servers/{quote(server.name, safe='')}/attestations/"


def history(request: HttpRequest, name: str) -> HttpResponse:
    """One server: how its duties stand, and everything that was ever stated of it."""
    person = signed_in(request)
    server = get_object_or_404(Server.objects.for_user(person).select_related("system__owner"), name=name)
    rows = Attestation.objects.for_user(person).filter(server=server).select_related("attested_by")
    may_attest = may(person, "attest", server) is None
    return render(
        request,
        "evidence/attested_server.html",
        {
            "server": server.name,
            "server_url": f"/servers/{quote(server.name, safe='')}/",
            "duties": [listed(row) | {"may": may_attest} for row in standings([server], timezone.now())],
            "stated": [statement(row) for row in rows],
            "may_download": may(person, "download_attestation", server) is None,
        },
    )


def ticked(request: HttpRequest) -> list[tuple[str, int]]:
    """The duties that were ticked (patched-12 …): kind and server, each once."""
    found = []
    for text in (*request.GET.getlist("duty"), *request.POST.getlist("duty")):
        kind, _, number = text.partition("-")
        if kind in DUTIES and number.isdecimal() and len(number) <= 18:
            found.append((kind, int(number)))
    return list(dict.fromkeys(found))


def state(request: HttpRequest) -> HttpResponse:
    """Stating one kind of duty for the ticked servers: read back, then one click. Two kinds are never one statement."""
    person = signed_in(request)
    wanted = ticked(request)
    seen = Server.objects.for_user(person).filter(pk__in=[number for _, number in wanted])
    rows = standings(seen.select_related("system__owner"), timezone.now())
    if wanted and not rows:
        raise Http404
    check(person, "attest", None)
    chosen = [one for one in rows if (one.kind, one.server.pk) in set(wanted)]
    kinds = list(dict.fromkeys(one.kind for one in chosen))
    if request.method != "POST":
        for one in chosen:
            check(person, "attest", one.server)
    form = AttestForm(request.POST or None, request.FILES or None, kind=kinds[0]) if len(kinds) == 1 else None
    refused = None
    if request.method == "POST" and form is not None and form.is_valid():
        read = [(one.server, last_seen(request, one)) for one in chosen]
        try:
            outcomes = verbs.attest(read, form.statement(), by=person)
        except Refused as refusal:
            refused = refusal
        else:
            done = sum(one.done for one in outcomes)
            context = {"title": f"{DUTIES[kinds[0]].label}: recorded", "outcomes": outcomes, "done": done}
            context |= {"back": "/attestations/", "lead": "Each is kept with your name, beside what was stated before."}
            return render(request, "compliance/bulk_done.html", context, status=200 if done else 409)
    status = (
        403 if isinstance(refused, NotAllowed) else 409 if refused or (request.method == "POST" and not form) else 0
    )
    return render(
        request,
        "evidence/attest.html",
        {
            "parts": [part(kind, [one for one in chosen if one.kind == kind]) for kind in kinds],
            "mixed": len(kinds) > 1,
            "form": form,
            "refused": refused,
            "back_url": "/attestations/",
        },
        status=status or (422 if form is not None and form.errors else 200),
    )


def part(kind: str, rows: list[Standing]) -> dict[str, Any]:
    """The ticked servers of one kind, and where they are alone."""
    query = "&".join(f"duty={one.key}" for one in rows)
    lines = [listed(one) | {"seen": one.last.pk if one.last else 0} for one in rows]
    duty = DUTIES[kind]
    return {"label": duty.label, "asks": duty.asks, "every": duty.every, "lines": lines,
            "url": f"/attestations/new/?{query}"}  # fmt: skip


def last_seen(request: HttpRequest, row: Standing) -> int:
    """The statement that was read as the last one; what nobody read is none that there can be."""
    text = request.POST.get(f"seen-{row.key}", "")
    return int(text) if text.isdecimal() and len(text) <= 18 else -1


def file(request: HttpRequest, number: int) -> HttpResponse:
    """The file of a statement as it was brought, byte by byte; never shown, whatever it calls itself."""
    person = signed_in(request)
    row = get_object_or_404(Attestation.objects.for_user(person).select_related("stored"), pk=number)
    check(person, "download_attestation", row)
    if row.stored is None:
        raise Http404
    try:
        content = read_back(row.stored)
    except FileNotFoundError as error:
        raise Http404 from error
    except Damaged as damaged:
        what = f"The file of this statement ({row.sha256[:12]}) is not given out."
        raise Refused(what, str(damaged).capitalize() + ".", "Ask who runs this installation.") from damaged
    answer = HttpResponse(content, content_type="application/octet-stream")
    answer["Content-Disposition"] = f'attachment; filename="{row.sha256[:12]}.raw"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def server_panel(subject: Server, person: User) -> dict[str, Any]:
    """For the page of a server (settings.PANELS)."""
    may_attest = may(person, "attest", subject) is None
    rows = [listed(row) | {"may": may_attest} for row in standings([subject], timezone.now())]
    return {"duties": rows, "duties_url": page_of(subject)}


def inbox(_: Any, person: User) -> dict[str, Any]:
    """One line for the inbox of who states duties: what is open in their systems."""
    mine = [one for one in System.objects.for_user(person) if may(person, "attest", one) is None]
    if not mine:
        return {}
    said = sentence(tally(Server.objects.filter(system__in=mine), timezone.now()))
    return {"duties": {"text": f"Duties of your servers: {said}", "url": "/attestations/?state=open"} if said else None}
