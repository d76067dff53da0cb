"""Sources: do we see everything, and since when not?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance.errors import Refused
from compliance.models import Server, System, User
from compliance.permissions import may
from compliance.views.changes import signed_in
from compliance.views.jobs import card
from compliance.views.keeping import kept
from compliance.views.lists import Choice, as_file, file_wanted, filters, page
from compliance.words import SOURCES, span
from evidence.actions import smaller
from evidence.actions.attempts import PAUSED
from evidence.artefacts import read_back
from evidence.collectors.table import COLLECTORS, NO_SESSION, PROBES
from evidence.forms.sources import UploadForm
from evidence.models import Delta, ErrorCode, Pull, PulledArtefact, Snapshot, Source, SourceTest
from evidence.readings import load
from evidence.rules import Lines
from evidence.views import access
from evidence.views.push_tokens import section
from evidence.views.rules import stands
from evidence.views.states import is_late, next_try, state, strangers, strips

SHOWN: Final = 50
# What the parts of a host beside its packet filter hold, one and many; "says" is what it says of itself
PARTS: Final = {
    "listeners": ("service listens", "services listen"),
    "shares": ("share", "shares"),
    "says": ("statement", "statements"),
}
LABELS: Final = {"listeners": "Listening services", "shares/nfs": "NFS shares", "shares/smb": "Samba shares"}
COLUMNS: Final = (
    "source", "kind", "server", "system", "state", "last read", "lines", "unread", "error", "what", "what to do",
    "next",
)  # fmt: skip
CELLS: Final = (
    "name", "kind_label", "host", "system", "state", "read_at", "coverage", "unread", "error_code", "last_error",
    "next_step", "next_try",
)  # fmt: skip
HEADINGS = (
    "Kind",
    "State",
    "Last good reading",
    "Last 30 days",
    "Lines read",
    "Unread",
)  # of the table, after its first


def sources(request: HttpRequest) -> HttpResponse:
    """All sources with their last days, and the servers none of them covers."""
    person = signed_in(request)
    base = Source.objects.for_user(person).select_related("server", "system", "last_pull", "last_good")
    rows = narrowed(base, request.GET)
    if file_wanted(request):
        strange = strangers(rows)
        lines = (listed(row, strange) for row in rows)
        return as_file(request, "eastwest-sources", COLUMNS, ([line[cell] for cell in CELLS] for line in lines))
    shown = page(request, rows, lambda row: row)
    of_page = shown["page"].object_list
    read = tuple((row.pk, row.last_pull_id, row.last_seen_at) for row in of_page)  # another reading, another strip
    days = kept(person, ("strips", timezone.localdate(), read), lambda: strips(of_page))
    strange = strangers(of_page)
    shown["page"].object_list = [{**listed(row, strange), "strip": days[row.pk]} for row in of_page]
    servers = Server.objects.for_user(person).filter(status="in_service", sources__isnull=True)
    systems = System.objects.for_user(person).values_list("name", "name")
    return render(
        request,
        "evidence/sources.html",
        {
            **shown,
            "filters": filters(
                request,
                "Source or server",
                [
                    Choice("state", "State", [(name, status.label) for name, status in SOURCES.items()]),
                    Choice("kind", "Kind", list(Source.Kind.choices)),
                    Choice("system", "System", list(systems)),
                ],
                HEADINGS,
            ),
            "total": base.exists(),
            "missing": list(servers.values_list("name", flat=True)),
            "may_add": may(person, "add_source", None) is None,
            "add_url": "/sources/new/",
        },
    )


def narrowed(rows: QuerySet[Source], asked: Mapping[str, str]) -> QuerySet[Source]:
    """The rows that fit what is asked in the address: q, kind, system, state."""
    words = asked.get("q", "").strip()
    if words:
        rows = rows.filter(Q(name__icontains=words) | Q(server__name__icontains=words))
    for key, path in (("kind", "kind"), ("system", "system__name")):
        if asked.get(key):
            rows = rows.filter(**{path: asked[key]})
    if not asked.get("state"):
        return rows
    light = rows.defer("last_good__points", "last_good__unread", "last_good__networks")
    return rows.filter(pk__in=[row.pk for row in light if state(row) == asked["state"]])


def listed(source: Source, strange: Mapping[int, str]) -> dict[str, Any]:
    """One row. `strange`: what `strangers` says."""
    good, pull = source.last_good, source.last_pull
    failed = pull is not None and pull.state in (Pull.State.FAILED, Pull.State.PARTIAL)
    read = good.lines_total - good.lines_unread if good else 0
    return {
        "name": source.name,
        "url": f"/sources/{source.pk}/",
        "kind": source.kind,
        "kind_label": source.get_kind_display(),
        "host": source.server.name,
        "system": source.system.name,
        "state": state(source),
        "read_at": source.last_seen_at,
        "late": is_late(source),
        "limit": span(source.fresh_hours),
        "unread": good.lines_unread if good else 0,
        "coverage": f"{read} of {good.lines_total} lines" if good else "",
        "last_error": pull.what if failed and pull else "",
        "next_step": pull.next_step if failed and pull else "",
        "error_code": pull.error_code if failed and pull else "",
        "next_try": strange.get(source.pk) or next_try(source),
    }


def source(
    request: HttpRequest, number: int, refused: Refused | None = None, form: UploadForm | None = None
) -> HttpResponse:
    """One source: how fresh, what came last, what could not be read, and when it is read next."""
    person = signed_in(request)
    rows = Source.objects.for_user(person).select_related("server", "system", "last_pull__job", "last_good")
    row = get_object_or_404(rows, pk=number)
    may_pull = may(person, "pull", row) is None
    good = row.last_good
    running = row.pulls.filter(state__in=["queued", "running"]).select_related("job").first()
    tested = row.tests.select_related("by", "job").first()
    upload = form or UploadForm() if may_pull and row.kind == Source.Kind.UPLOAD else None
    unread = list(good.unread) if good else []
    strange = strangers([row])
    asks = may_pull and row.kind in COLLECTORS and not row.paused_code and not strange
    return render(
        request,
        "evidence/source.html",
        {
            "source": {**listed(row, strange), "facts": facts(row), "enabled": row.enabled, "tier": tier(row)},
            "strip": strips([row])[row.pk],
            "job": under_way(row, running, tested),
            "banner": banner(row),
            "pulls": [pulled(each) for each in row.pulls.exclude(state__in=["queued", "running"])[:10]],
            "pulls_url": f"/sources/{row.pk}/readings/",
            "artefacts": artefacts(good) if good else [],
            "points": [point(each) for each in good.points] if good else [],
            "interfaces": stands(good, person) if good else [],
            "rules_url": f"/sources/{row.pk}/rules/" if good else "",
            "unread": [{**each, "file": each.get("name", "")} for each in unread[:SHOWN]],
            "unread_more": max(len(unread) - SHOWN, 0),
            "upload": upload,
            "upload_url": f"/sources/{row.pk}/upload/" if may_pull else "",
            "pull_url": f"/sources/{row.pk}/pull/" if asks else "",
            "test_url": f"/sources/{row.pk}/test/" if may_pull and row.kind in PROBES else "",
            "tested": said_of(tested),
            "actions": actions(row, person),
            "refused": refused,
            "difference": difference(row),
            "push": section(row, may_edit=may(person, "edit_source", row) is None),
            "access": access.panel(row, person),
        },
        status=422 if refused else 200,
    )


def under_way(row: Source, running: Pull | None, tested: SourceTest | None) -> dict[str, Any] | None:
    """The job that runs for it now."""
    job = running.job if running else None
    if job is None and tested is not None and tested.outcome == SourceTest.Outcome.WAITING:
        job = tested.job
    return card(job, result_url=f"/sources/{row.pk}/") if job else None


def banner(row: Source) -> dict[str, Any] | None:
    """The last failure in words, or why nobody asks it any more."""
    pull = row.last_pull
    if row.paused_code:
        return {
            "tone": "bad",
            "title": f"Paused by itself: {ErrorCode(row.paused_code).label.lower()}",
            "text": f"{PAUSED.get(row.paused_code, '')} {pull.what if pull else ''}",
            "next_step": pull.next_step if pull else "",
        }
    if pull is None or pull.state not in (Pull.State.FAILED, Pull.State.PARTIAL):
        return None
    title = "The last reading was refused; the one before it stands" if row.last_good else "Nothing could be read yet"
    return {"tone": "warn", "title": title, "text": pull.what, "next_step": pull.next_step}


def tier(row: Source) -> str:
    """Whose word it is, and how strong."""
    if row.kind in NO_SESSION:
        return "A copy: it shows what somebody wrote down or brought, a weaker word than a live reading."
    return "The server says this of itself: read from the system, and confirmed by nobody else."


def difference(row: Source) -> dict[str, Any] | None:
    """What the last reading that changed anything opened and closed."""
    delta = (
        Delta.objects.filter(snapshot__source=row, changes__isnull=False)
        .select_related("snapshot", "before").order_by("-snapshot__observed_at", "-pk").first()
    )  # fmt: skip
    if delta is None or delta.before is None:
        return None
    changes = list(delta.changes.order_by("point", "rule_line", "pk")[: SHOWN + 1])
    return {
        "at": delta.snapshot.observed_at,
        "before": delta.since or delta.before.observed_at,
        "lines": [
            {
                "number": f"{'+' if one.direction == 'opened' else '−'}",
                "text": f"{one.point}: {one.rule_text or one.rule}",
                "mark": "added" if one.direction == "opened" else "removed",
            }
            for one in changes[:SHOWN]
        ],
        "more": len(changes) > SHOWN,
        "url": f"/rule-changes/?q={quote(row.server.name)}",
    }


def said_of(test: SourceTest | None) -> dict[str, Any] | None:
    """The last test of the connection, step by step."""
    if test is None or test.outcome == SourceTest.Outcome.WAITING:
        return None
    return {"at": test.finished_at, "by": str(test.by), "outcome": test.outcome, "steps": test.steps}


def actions(row: Source, person: User) -> list[dict[str, Any]]:
    """What a person may do about it, beside reading it."""
    found = acceptance(row, person)
    if may(person, "edit_source", row) is None:
        verb, icon = ("pause", "circle-pause") if row.enabled else ("resume", "circle-play")
        found.append(
            {"label": f"{verb.capitalize()}…", "url": f"/sources/{row.pk}/{verb}/", "icon": icon, "danger": False}
        )
    return found


def acceptance(row: Source, person: User) -> list[dict[str, Any]]:
    """The button to accept a reading that was refused for being much smaller."""
    if smaller.refused(row) is None or may(person, "accept_shrink", row) is not None:
        return []
    return [
        {"label": "Accept the smaller reading…", "url": f"/sources/{row.pk}/accept/", "icon": "scale", "danger": True}
    ]


def facts(row: Source) -> list[dict[str, Any]]:
    """How it is set up."""
    every = span(row.every_minutes // 60) if row.every_minutes >= 60 else f"{row.every_minutes} min"
    said = [
        ("Server", row.server.name, True),
        *([("Read every", every, False)] if row.kind in COLLECTORS else []),
        ("Too old after", span(row.fresh_hours), False),
    ]
    if row.config.get("path"):
        said.append(("Place in it" if "url" in row.config else "Folder", str(row.config["path"]), True))
    for label, key in (("Repository", "url"), ("Branch", "branch")):
        if row.config.get(key):
            said.append((label, str(row.config[key]), True))
    if row.config.get("pattern"):
        said.append(("Files named", str(row.config["pattern"]), True))
    return [{"label": label, "text": text, "mono": mono} for label, text, mono in said]


def pulled(row: Pull) -> dict[str, Any]:
    """One past reading: what came of it, what to do about it, how long it waited and took."""
    took = (row.finished_at - row.started_at).total_seconds() if row.finished_at and row.started_at else None
    return {
        "at": row.finished_at or row.queued_at,
        "state": row.state,
        "code": row.error_code,
        "code_label": row.get_error_code_display() if row.error_code else "",
        "what": row.what or row.get_state_display(),
        "next_step": row.next_step,
        "digest": row.digest,
        "by": str(row.by) if row.by_id else "schedule",
        "took": f"{took:.1f} s" if took is not None else "",
    }


def artefacts(snapshot: Snapshot) -> list[dict[str, Any]]:
    """The files of a snapshot, each with its account of lines."""
    lines = load(snapshot).lines
    rows = snapshot.pull.artefacts.select_related("stored")
    return [artefact(each, lines.get(each.name), snapshot) for each in rows]


def artefact(each: PulledArtefact, lines: Lines | None, snapshot: Snapshot) -> dict[str, Any]:
    """One file: its lines add up, or it says that they are not known."""
    return {
        "name": each.name,
        "format": each.format or ("kept, not read" if each.beside else ""),
        "redacted": each.redacted,
        "total": lines.total if lines else "",
        "consumed": lines.consumed if lines else "",
        "ignored": lines.ignored if lines else "",
        "unread": lines.unread if lines else 0,
        "digest": each.stored.sha256,
        "raw_url": f"/sources/{snapshot.source_id}/raw/{each.pk}/",
    }


def point(said: dict[str, Any]) -> dict[str, Any]:
    """One enforcement point as read, or another part of the host: how much of it there is."""
    name, count = str(said.get("name", "")), int(said.get("rules", 0))
    kind = name.partition("/")[0] if "/" in name else name
    one, many = PARTS.get(name) or PARTS.get(kind) or ("rule", "rules")
    default = "" if kind in PARTS else f", default {said.get('default') or 'not read'}"
    text = f"{count} {one if count == 1 else many}{default}"
    return {"name": LABELS.get(name, name), "text": text, "unread": said.get("unread", 0)}


def raw(request: HttpRequest, number: int, artefact: int) -> HttpResponse:
    """The raw bytes as they came, for who may see the source."""
    person = signed_in(request)
    row = get_object_or_404(Source.objects.for_user(person), pk=number)
    kept = get_object_or_404(PulledArtefact.objects.select_related("stored"), pk=artefact, pull__source=row)
    try:
        content = read_back(kept.stored)
    except FileNotFoundError as error:
        raise Http404 from error
    answer = HttpResponse(content, content_type="application/octet-stream")
    answer["Content-Disposition"] = f'attachment; filename="{kept.stored.sha256[:12]}.raw"'
    return answer
