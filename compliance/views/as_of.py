"""The register and one connection at a past moment: what was authorised, implemented and seen then."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance.as_of import Stood, stood_at, versions_at
from compliance.errors import Refused
from compliance.models import Approval, Connection, ConnectionVersion, User
from compliance.views.changes import signed_in
from compliance.views.lists import as_file, file_wanted, page
from compliance.views.panels import panel
from compliance.views.shown import ends, facts, services

COLUMNS: Final = (
    "id", "kind", "from", "to", "service", "authorised by", "approved", "done", "verified", "verdict then",
)  # fmt: skip


def moment(request: HttpRequest) -> datetime | None:
    """The moment asked for by `at`: a day (its end) or a day with a time, in the installation's time zone.

    Raises Refused for what is no moment, or is yet to come.
    """
    text = request.GET.get("at", "").strip()
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        if len(text) <= len("2026-10-14"):
            found = datetime.combine(date.fromisoformat(text), time.max)
    except ValueError as error:
        raise Refused(
            f"“{text[:40]}” is no moment.", "A day and a time are needed.", "Write it like 2026-10-14T10:00."
        ) from error
    aware = found if found.tzinfo else timezone.make_aware(found)
    if aware > timezone.now() and found.time() != time.max:
        raise Refused("That moment is still to come.", "Only what was can be looked at.", "Choose an earlier one.")
    return min(aware, timezone.now())


def register(request: HttpRequest) -> HttpResponse:
    """Every connection and share that was authorised at the moment, how far it was carried out, and what was seen."""
    person = signed_in(request)
    at = moment(request)
    rows: list[dict[str, Any]] = []
    said: dict[str, Any] = {}
    if at is not None:
        said = panel("as_of", at, person)
        rows = rows_at(person, at, said.get("verdicts", {}))
    if file_wanted(request):
        cells = (
            "ref", "kind", "source", "destination", "services", "change", "approved", "done", "verified", "verdict",
        )  # fmt: skip
        return as_file(request, "eastwest-as-of", COLUMNS, ([row[cell] for cell in cells] for row in rows))
    return render(
        request,
        "compliance/as_of.html",
        {**page(request, rows, lambda row: row), "at": at, "typed": typed(at), "total": len(rows), **said},
    )


def rows_at(person: User, at: datetime, verdicts: Mapping[int, str]) -> list[dict[str, Any]]:
    """One row for each version that authorised something, of the systems this person sees."""
    mine = Connection.objects.for_user(person).filter(created_at__lte=at)
    versions = versions_at(at, mine)
    stood = stood_at({version.change_id for version in versions.values()}, at)
    return [
        row(version, stood.get(version.change_id, Stood()), verdicts.get(key, ""), at)
        for key, version in sorted(versions.items())
    ]


def row(version: ConnectionVersion, stood: Stood, verdict: str, at: datetime) -> dict[str, Any]:
    """One line of the register at that moment."""
    source, destination = ends(version.material)
    connection = version.connection
    return {
        "ref": connection.ref,
        "kind": connection.get_kind_display(),
        "url": f"/connections/{connection.ref}/as-of/?at={typed(at)}",
        "source": source,
        "destination": destination,
        "services": services(version.material),
        "change": version.change.ref,
        "change_url": f"/changes/{version.change.ref}/",
        "approved": version.change.decided_at,
        "done": stood.implemented_at,
        "verified": stood.verified_at,
        "verdict": verdict,
    }


def connection(request: HttpRequest, number: int) -> HttpResponse:
    """One connection at the moment: its words then, who had agreed, what was done, and what the rules showed."""
    person = signed_in(request)
    subject = get_object_or_404(Connection.objects.for_user(person), pk=number)
    at = moment(request)
    if at is None:
        at = timezone.now()
    version = versions_at(at, [subject]).get(subject.pk)
    changes = list(subject.changes.filter(created_at__lte=at).order_by("-pk"))
    stood = stood_at([change.pk for change in changes], at)
    return render(
        request,
        "compliance/connection_as_of.html",
        {
            "at": at,
            "typed": typed(at),
            "ref": subject.ref,
            "title": f"{subject.source} → {subject.destination}",
            "url": f"/connections/{subject.ref}/",
            "existed": subject.created_at <= at,
            "authorised": facts(version.material) if version else [],
            "approvals": approvals(version, at) if version else [],
            "changes": [
                {
                    "ref": change.ref,
                    "url": f"/changes/{change.ref}/",
                    "title": change.title,
                    "state": stood.get(change.pk, Stood(state="unknown")).state,
                    "done": stood.get(change.pk, Stood()).implemented_at,
                    "verified": stood.get(change.pk, Stood()).verified_at,
                    "carries": version is not None and version.change_id == change.pk,
                }
                for change in changes
            ],
            **panel("connection_as_of", (subject, at), person),
        },
    )


def approvals(version: ConnectionVersion, at: datetime) -> list[dict[str, Any]]:
    """Who had agreed to it by then."""
    rows = Approval.objects.filter(needed__change=version.change_id, at__lte=at).order_by("at", "pk")
    return [
        {
            "capacity": f"{approval.get_capacity_display()} of {approval.needed.system}",
            "person": str(approval.approver),
            "at": approval.at,
            "because": approval.because,
        }
        for approval in rows.select_related("approver", "needed__system")
    ]


def typed(at: datetime | None) -> str:
    """A moment as a datetime field of a form takes it."""
    return f"{timezone.localtime(at):%Y-%m-%dT%H:%M}" if at else ""
