"""The register: connections, file shares, and the page of one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from django.db.models import Prefetch, Q, QuerySet, prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance.actions import connections as verbs
from compliance.forms.decisions import ReasonForm
from compliance.models import ChangeRecord, Connection, ConnectionVersion, Endpoint, System
from compliance.models.estate import day_of
from compliance.permissions import check, may
from compliance.views.changes import changed, signed_in
from compliance.views.lists import Choice, as_file, asked_for, by_address, by_ref, file_wanted, filters, page_of
from compliance.views.needed import needs_of_all
from compliance.views.panels import panel
from compliance.views.register_graph import drawn
from compliance.views.shown import connection_state, ends, facts, services
from compliance.views.verbs import confirm
from compliance.words import VERDICTS

COLUMNS = ("id", "from", "to", "service", "system", "owner", "state", "last verdict", "review by", "ends on")
CELLS = ("ref", "source", "destination", "services", "system", "owner", "state", "verdict", "review_by", "ends_on")
PAGES_OF: Final[dict[str, str]] = {
    Endpoint.Kind.SERVER: "servers",
    Endpoint.Kind.STATIC_GROUP: "groups",
    Endpoint.Kind.DYNAMIC_GROUP: "groups",
    Endpoint.Kind.ZONE: "zones",
    Endpoint.Kind.MANAGED_SERVICE: "parties",
    Endpoint.Kind.EXTERNAL_PARTY: "parties",
    Endpoint.Kind.USER_NETWORK: "parties",
}
SOON: Final = timedelta(days=60)
UNUSED: Final = "unused"  # the verdict: it was watched for, and not seen
BESIDE: Final = ("usage_unknown", "review_overdue")  # said beside the verdict of a connection, never as one
# the filters of what stands by its days: label, and what is asked of the version on the day
TERMS: Final[dict[str, tuple[str, Callable[[date], Q]]]] = {
    "overdue": ("Review overdue", lambda day: Q(review_by__lt=day)),
    "soon": ("Review within 60 days", lambda day: Q(review_by__gte=day, review_by__lte=day + SOON)),
    "ending": ("Ends within 60 days", lambda day: Q(ends_on__lte=day + SOON)),
}
# the filters of use: by the last proven one. Hours that no flow log watched prove nothing: whatever was not seen since
# then was last seen then, and no more is said of it.
USES: Final[dict[str, tuple[str, Callable[[datetime], Q]]]] = {
    "30": ("Seen in the last 30 days", lambda now: Q(last_seen_at__gte=now - timedelta(days=30))),
    "not-30": ("Not seen for 30 days", lambda now: Q(last_seen_at__lt=now - timedelta(days=30))),
    "not-90": ("Not seen for 90 days", lambda now: Q(last_seen_at__lt=now - timedelta(days=90))),
    "not-365": ("Not seen for a year", lambda now: Q(last_seen_at__lt=now - timedelta(days=365))),
    "unknown": ("Usage not known", lambda now: Q(last_seen_at=None) & ~Q(drift=UNUSED)),
}
# what a row of the list is made of: reading all else of fifty rows took as long as showing them
OF_VERSION: Final = ("connection_id", "material", "valid_from", "review_by", "ends_on")
OF_CONNECTION: Final = (
    "kind", "standard_service", "last_seen_at", "drift", "source_id", "destination_id", "system__name",
    "system__owner__name", "system__owner__email",
)  # fmt: skip
HEADINGS = {  # of the tables, after their first
    "network": ("From → to", "Service", "System, owner", "Against what runs", "Review by", "Last seen"),
    "share": ("Share", "Who", "May", "Security", "Owner", "Against what runs", "Review by"),
}


def register(request: HttpRequest, kind: str) -> HttpResponse:
    """The list of connections (kind network) or of file shares (kind share)."""
    today = day_of(timezone.now())
    base = Connection.objects.for_user(request.user).filter(kind=kind)
    rows = narrowed(base, request.GET)
    whole = related(rows)
    systems = System.objects.for_user(request.user)
    choices = [
        Choice("system", "System", [(name, name) for name in systems.values_list("name", flat=True)]),
        Choice("verdict", "Verdict", [(name, VERDICTS[name].label) for name in VERDICTS if name not in BESIDE]),
        Choice("term", "Term", [(name, label) for name, (label, _) in TERMS.items()]),
        *([Choice("use", "Use", [(name, label) for name, (label, _) in USES.items()])] if kind == "network" else []),
    ]
    asked_for = filters(request, "Name, address, port or CON-42", choices, HEADINGS[kind])
    if request.GET.get("view") == "graph":  # drawn with all that fits: filters make it smaller
        level, opened = request.GET.get("group", ""), request.GET.get("open", "")
        authorised = authorised_among(rows, today)
        said = drawn(with_requests(whole, authorised), authorised, today, level, opened)
        return graph(request, kind, said, asked_for)

    def shows(listing: Iterable[Connection]) -> Callable[[Connection], dict[str, Any]]:
        authorised = authorised_among([row.pk for row in listing], today)
        with_requests(listing, authorised)
        return lambda row: listed(row, authorised, today)

    if file_wanted(request):
        authorised = authorised_among(rows, today)
        shown = (listed(row, authorised, today) for row in with_requests(whole, authorised))
        last = kind == "network"
        columns, cells = ((*COLUMNS, "last seen"), (*CELLS, "last_use")) if last else (COLUMNS, CELLS)
        return as_file(request, f"eastwest-{kind}", columns, ([row[cell] for cell in cells] for row in shown))
    return render(
        request,
        "compliance/shares.html" if kind == "share" else "compliance/connections.html",
        {
            **page_of(request, rows, shows, related(Connection.objects.all())),
            "filters": asked_for,
            "graph_url": address(request, view="graph"),
            "total": base.exists(),
            "may_request": may(request.user, "request", None) is None,
            "may_plan": may(request.user, "import", None) is None,
            **panel("register", None, signed_in(request)),
        },
    )


def related(rows: QuerySet[Connection]) -> QuerySet[Connection]:
    """The connections with what their rows show."""
    versions = ConnectionVersion.objects.order_by("connection_id", "-valid_from", "-pk").only(*OF_VERSION)
    whose = rows.select_related("system__owner").only(*OF_CONNECTION)
    return whose.prefetch_related(Prefetch("versions", queryset=versions))


def with_requests(rows: Iterable[Connection], authorised: set[int]) -> list[Connection]:
    """The connections; those of which nothing is authorised with what was asked for and between which ends: the
    material of a version says it of all others."""
    found = list(rows)
    asked = [row for row in found if not any(version.pk in authorised for version in row.versions.all())]
    prefetch_related_objects(asked, "changes", "source", "destination")
    return found


def authorised_among(connections: Any, today: date) -> set[int]:
    """The versions of these connections (keys, or a query) that are authorised today: each seal is looked at."""
    among = "in" if isinstance(connections, QuerySet) else "among"
    return ConnectionVersion.objects.filter(**{f"connection__{among}": connections}).keys_authorised_at(today)


def graph(request: HttpRequest, kind: str, said: dict[str, Any], asked_for: dict[str, Any]) -> HttpResponse:
    """The same rows, drawn; the filters stay as they are."""
    kept = [(name, request.GET[name]) for name in ("view", "group", "open") if request.GET.get(name)]
    levels = [each | {"url": address(request, group=each["name"], open="")} for each in said["levels"]]
    zones = [each | {"url": address(request, group="zones", open=each["opens"])} for each in said["zones"]]
    context = {
        **said,
        "levels": levels,
        "zones": zones,
        "kind": kind,
        "filters": {**asked_for, "columns": [], "kept": kept, "clear_url": f"{request.path}?view=graph"},
        "table_url": address(request, view="", group="", open=""),
        **panel("register", None, signed_in(request)),
    }
    return render(request, "compliance/register_graph.html", context)


def address(request: HttpRequest, **changed: str) -> str:
    """This page with its filters, and some of what is in the address otherwise ("": left out)."""
    query = request.GET.copy()
    for name in ("page", "format"):
        query.pop(name, None)
    for name, value in changed.items():
        query.pop(name, None)
        if value:
            query[name] = value
    return f"?{query.urlencode()}" if query else request.path


def narrowed(rows: Any, asked: Mapping[str, str]) -> Any:
    """The rows that fit what is asked in the address: q, system, verdict, term, use. Pages and the API ask alike."""
    words = asked.get("q", "").strip()
    if words:
        rows = rows.filter(search(words))
    if asked.get("system"):
        rows = rows.filter(system__name=asked["system"])
    if asked.get("verdict"):
        rows = rows.filter(drift=asked["verdict"])
    if asked.get("term") in TERMS:
        today = day_of(timezone.now())
        fits = TERMS[asked["term"]][1](today)
        # by what is written: whether it counts, seal by seal, stands in each row that is shown
        standing = ConnectionVersion.objects.standing_on(today).filter(fits)
        rows = rows.filter(pk__in=standing.values("connection_id"))
    if asked.get("use") in USES:
        rows = rows.filter(USES[asked["use"]][1](timezone.now()), kind=Connection.Kind.NETWORK)
    return rows


def search(words: str) -> Q:
    """What a search of the register looks in."""
    ends = Endpoint.objects.filter(Q(name__icontains=words) | by_address("server__addresses__ip", words)).values("pk")
    return Q(source__in=ends) | Q(destination__in=ends) | asked_for(words, "connection") | by_ref(words, "CON")


def listed(connection: Connection, authorised: set[int], today: Any) -> dict[str, Any]:
    """One row of the register."""
    versions = list(connection.versions.all())
    version = next((row for row in versions if row.pk in authorised), None)
    material = version.material if version else (versions[0].material if versions else newest_material(connection))
    source, destination = ends(material)
    review_by = version.review_by if version else None
    return {
        "ref": connection.ref,
        "url": f"/connections/{connection.ref}/",
        "source": source or connection.source.name,
        "destination": destination or connection.destination.name,
        "services": services(material),
        "system": connection.system.name,
        "owner": str(connection.system.owner),
        "state": connection_state(connection, version, today),
        "verdict": connection.drift,
        "certainty": "",
        "review_by": review_by,
        "review_late": bool(review_by and review_by < today),
        "ends_on": version.ends_on if version else None,
        "last_seen_at": connection.last_seen_at,
        "last_use": connection.last_seen_at or not_seen(connection),
        "group_note": "standard service" if connection.standard_service else "",
        "server": destination,
        "path": material.get("path", ""),
        "protocol": str(material.get("protocol", "")).upper(),
        "access": material.get("access", ""),
        "clients": source,
        "security": material.get("security") or "not stated",
        "squash": material.get("squash") or "not stated",
        "users": ", ".join(material.get("users", [])) or "not stated",
    }


def not_seen(connection: Connection) -> str:
    """What is said of the use of a connection that no flow log saw."""
    return "no use seen" if connection.drift == UNUSED else "usage unknown"


def newest_material(connection: Connection) -> dict[str, Any]:
    """What was last asked for, where nothing was ever authorised."""
    change = next(iter(connection.changes.all()), None)
    return dict(change.material) if change else {}


def connection(request: HttpRequest, number: int) -> HttpResponse:
    """One connection: why it is there, who owns it, until when, what carries it, and its history."""
    subject = get_object_or_404(Connection.objects.for_user(request.user), pk=number)
    today = day_of(timezone.now())
    version = subject.version_on(today)
    change = version.change if version else subject.changes.order_by("-pk").first()
    material = version.material if version else newest_material(subject)
    why = getattr(change, "justification", None) if change else None
    given = approvals(version) if version else []
    said = panel("connection", subject, request.user)  # type: ignore[arg-type]
    return render(
        request,
        "compliance/connection.html",
        {
            "connection": {
                "ref": subject.ref,
                "title": f"{subject.source} → {subject.destination}",
                "kind_label": subject.get_kind_display(),
                "state": connection_state(subject, version, today),
                "verdict": subject.drift,
                "certainty": said.get("certainty", ""),
                "facts": [
                    *linked(facts(material)),
                    {"label": "Last seen", "text": seen(subject), "mono": False, "url": ""},
                    {"label": "System", "text": subject.system.name, "mono": False, "url": ""},
                    {"label": "System owner", "text": str(subject.system.owner), "mono": False, "url": ""},
                ],
                "need": why.business_need if why else "",
                "security": why.security_implications if why else "",
                "data": why.data_carried if why else "",
                "justified_by": str(why.written_by) if why else "",
                "justified_at": why.written_at if why else None,
                "judged_at": said.get("judged_at"),
                "judged_late": said.get("judged_late", False),
            },
            "banner": said.get("banner"),
            "points": said.get("points", []),
            "path": said.get("path", []),
            "ways": said.get("ways", []),
            "approvals": given,
            "findings": said.get("findings", []),
            "use": said.get("use"),
            "history": history(subject),
            "actions": actions(request, subject, version, today),
        },
    )


def approvals(version: ConnectionVersion) -> list[dict[str, Any]]:
    """Who agreed to what authorises it today."""
    change = version.change
    return [
        {
            "capacity": f"{need.get_capacity_display()} of {need.system}",
            "person": str(need.approval.approver),
            "at": need.approval.at,
            "change": {"ref": change.ref, "url": f"/changes/{change.ref}/"},
        }
        for need in change.needs.select_related("system", "approval__approver").filter(approval__isnull=False)
    ]


def seen(subject: Connection) -> str:
    """When traffic of it was last seen; where no flow logs say so, that nothing is known."""
    if subject.last_seen_at is None:
        return "not known: no flow log tells"
    return f"{timezone.localtime(subject.last_seen_at):%-d %B %Y, %H:%M}"


def linked(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The facts, with each end that has a page leading there."""
    names = {row["text"] for row in rows if row["label"] in ("From", "To")}
    pages = {
        end.name: f"/{part}/{quote(end.name, safe='')}/"
        for end in Endpoint.objects.filter(name__in=names)
        if (part := PAGES_OF.get(end.kind))
    }
    return [row | {"url": pages.get(row["text"], "")} if row["label"] in ("From", "To") else row for row in rows]


def history(subject: Connection) -> list[dict[str, Any]]:
    """What happened to it, newest first: its own changes, and those that widened or retired it with others."""
    beside = ChangeRecord.objects.filter(connection__isnull=True, material__icontains=f'"{subject.ref}"')
    beside = beside.select_related("requested_by", "implemented_by")
    through = [change for change in beside if subject.ref in change.refs]
    every = [*subject.changes.select_related("requested_by", "implemented_by"), *through]
    needs = needs_of_all(every)
    events = [event for change in every for event in changed(change, needs[change.pk])]
    return sorted(events, key=lambda event: event["at"], reverse=True)


def actions(
    request: HttpRequest, subject: Connection, version: ConnectionVersion | None, today: date
) -> list[dict[str, Any]]:
    """What this person may do to it."""
    if version is None or may(request.user, "request", subject.system) is not None:
        return []
    url = f"/connections/{subject.ref}/"
    late = version.review_by is not None and version.review_by < today
    again = {"label": "Recertify…", "url": recertify_url(subject), "icon": "calendar-check", "danger": False}
    return [
        *([again] if late else []),
        {"label": "Ask to change…", "url": f"/requests/new/?amend={subject.ref}", "icon": "pencil", "danger": False},
        {"label": "Ask to remove…", "url": f"{url}retire/", "icon": "archive", "danger": True},
    ]


def recertify_url(subject: Connection) -> str:
    """The page on which it is kept, narrowed or revoked."""
    return f"/connections/recertify/check/?connection={subject.ref}"


def retire(request: HttpRequest, number: int) -> HttpResponse:
    """Ask for the removal of a connection: a change record of its own, which two people approve."""
    subject = get_object_or_404(Connection.objects.for_user(request.user), pk=number)
    if request.method != "POST":
        check(request.user, "retire_connection", subject)
    return confirm(
        request,
        form=ReasonForm(request.POST or None),
        act=lambda form: verbs.retire(subject, because=form.cleaned_data["because"], by=signed_in(request)),
        done=lambda change: f"/changes/{change.ref}/",
        context={
            "title": f"Ask to remove {subject.ref}",
            "crumb": [subject.ref],
            "back_url": f"/connections/{subject.ref}/",
            "subject": str(subject),
            "consequence": "The system owner and a manager decide. Until both agree it stays authorised.",
            "facts": facts(newest_material(subject)),
            "warning": None,
            "submit": "Send for approval",
            "danger": True,
        },
    )
