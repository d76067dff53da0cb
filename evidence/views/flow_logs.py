"""One flow log: how new it is, every file that came and what became of it, and what it does not show."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance.errors import Refused
from compliance.permissions import may
from compliance.views.changes import signed_in
from compliance.views.jobs import card
from compliance.views.lists import Choice, as_file, file_wanted, filters, page
from compliance.words import span
from evidence.actions.flow_evidence import SAYING
from evidence.actions.flow_files import moment
from evidence.actions.flow_logs import WAITING
from evidence.artefacts import read_back
from evidence.collectors.flow_table import FLOW_COLLECTORS
from evidence.flow_states import LOST, stands
from evidence.forms.flows import FlowFilesForm
from evidence.models import FlowFile, FlowGap, FlowLog

SHOWN: Final = 20
SETTINGS: Final = (
    ("path", "Folder"), ("url", "Repository"), ("branch", "Branch"), ("bucket", "Bucket"),
    ("prefix", "Folder in the bucket"), ("group", "Log group"), ("streams", "Streams that begin with"),
    ("columns", "Format of the records"), ("region", "Region"), ("pattern", "Files named"),
)  # fmt: skip
AGAIN: Final = (*LOST, FlowFile.State.ASIDE)
LINES: Final = 50
GAPS: Final = 30
COLUMNS: Final = (
    "object", "state", "format", "records", "lines", "left out", "not understood", "first hour", "last hour",
    "received", "SHA-256", "what",
)  # fmt: skip
HEADINGS: Final = ("State", "Records", "Left out", "Not understood", "Span")


def of(request: HttpRequest, number: int) -> FlowLog:
    """The flow log, among those this person may see."""
    rows = FlowLog.objects.for_user(signed_in(request))
    return get_object_or_404(rows.select_related("system__owner", "last_pull", "through"), pk=number)


def one(
    request: HttpRequest, number: int, refused: Refused | None = None, form: FlowFilesForm | None = None
) -> HttpResponse:
    """How it stands, what came last, and every line that nobody understood."""
    person, row = signed_in(request), of(request, number)
    found = stands([row], timezone.now())[row.pk]
    may_read, may_edit = (may(person, verb, row) is None for verb in ("pull", "edit_source"))
    fetched = row.kind in FLOW_COLLECTORS
    running = row.pulls.filter(state__in=WAITING).select_related("job").first()
    reading = row.files.filter(state=FlowFile.State.WAITING).select_related("job").order_by("pk").first()
    job = running.job if running else reading.job if reading else None
    brings = may_read and row.kind == FlowLog.Kind.UPLOAD
    gaps = FlowGap.objects.filter(file__log=row, file__state__in=SAYING).exclude(kind="nodata")
    total = row.files.filter(state=FlowFile.State.READ).aggregate(Sum("records"), Sum("lines_unread"))
    return render(
        request,
        "evidence/flow_log.html",
        {
            "log": row,
            "stands": found,
            "late": found.state in ("stale", "never"),
            "job": card(job, result_url=f"/flows/{row.pk}/") if job else None,
            "files": [listed(each, may_read=may_read, may_edit=may_edit) for each in of_log(row)[:SHOWN]],
            "files_url": f"/flows/{row.pk}/files/",
            "records": total["records__sum"] or 0,
            "unread": lines_of(row),
            "unread_more": max((total["lines_unread__sum"] or 0) - LINES, 0),
            "gaps": [gap_said(each) for each in gaps.order_by("-last_hour", "sensor")[:GAPS]],
            "pulls": row.pulls.exclude(state__in=WAITING).select_related("by")[:10],
            "form": (form or FlowFilesForm()) if brings else None,
            "read_url": f"/flows/{row.pk}/read/" if may_read and fetched and not row.paused_code else "",
            "watches_url": f"/flows/{row.pk}/watches/" if may_edit else "",
            "pause_url": f"/flows/{row.pk}/{'pause' if row.enabled else 'resume'}/" if may_edit else "",
            "facts": facts(row),
            "refused": refused,
        },
        status=422 if refused or (form is not None and form.errors) else 200,
    )


def of_log(row: FlowLog) -> Any:
    """Its files, those that are not used first, then the newest."""
    return row.files.select_related("stored", "same_as").order_by("-kept_at", "-pk")


def listed(file: FlowFile, *, may_read: bool = False, may_edit: bool = False) -> dict[str, Any]:
    """One file."""
    return {
        "name": file.name,
        "state": file.state,
        "what": file.what or (f"See {file.same_as.name}." if file.same_as else ""),
        "next_step": file.next_step,
        "format": file.format,
        "records": file.records,
        "total": file.lines_total,
        "ignored": file.lines_ignored,
        "unread": file.lines_unread,
        "unknown": ", ".join(file.unknown),
        "first_at": file.first_at,
        "last_at": file.last_at,
        "received_at": file.received_at,
        "digest": file.stored.sha256,
        "raw_url": f"/flows/{file.log_id}/raw/{file.pk}/",
        "again_url": f"/flows/{file.log_id}/again/{file.pk}/" if may_read and file.state in AGAIN else "",
        "aside_url": f"/flows/{file.log_id}/aside/{file.pk}/" if may_edit and file.state in LOST else "",
    }


def gap_said(gap: FlowGap) -> dict[str, Any]:
    """A gap with the beginnings of its first and its last hour."""
    ends = {"first_at": moment(gap.first_hour), "last_at": moment(gap.last_hour)}
    return {**ends, "sensor": gap.sensor, "because": gap.because}


def lines_of(row: FlowLog) -> list[dict[str, Any]]:
    """The lines nobody understood, those of the newest files first."""
    found: list[dict[str, Any]] = []
    bad = row.files.filter(lines_unread__gt=0, state=FlowFile.State.READ).order_by("-kept_at", "-pk")
    for file in bad.only("name", "unread", "log")[:LINES]:
        found += [{**line, "file": file.name} for line in file.unread[: LINES - len(found)]]
        if len(found) >= LINES:
            break
    return found


def facts(row: FlowLog) -> list[dict[str, Any]]:
    """Its settings, in words."""
    said = [("Freshness limit", span(row.fresh_hours), False)]
    said += [(label, str(row.config[key]), True) for key, label in SETTINGS if row.config.get(key)]
    if row.through is not None:
        said.append(("Fetched as", row.through.name, False))
    sees = ", ".join(row.watches) or "what its own places prove; nothing was stated"
    return [
        {"label": label, "text": text, "mono": mono}
        for label, text, mono in [*said, ("Sees all of", sees, bool(row.watches))]
    ]


def files(request: HttpRequest, number: int) -> HttpResponse:
    """Every file that came, and what became of it."""
    row, person = of(request, number), signed_in(request)
    may_read, may_edit = (may(person, verb, row) is None for verb in ("pull", "edit_source"))
    base = of_log(row)
    rows = base
    if request.GET.get("state"):
        rows = rows.filter(state=request.GET["state"])
    words = request.GET.get("q", "").strip()
    if words:
        rows = rows.filter(name__icontains=words)
    if file_wanted(request):
        cells = (
            "name", "state", "format", "records", "total", "ignored", "unread", "first_at", "last_at", "received_at",
            "digest", "what",
        )  # fmt: skip
        lines = ([listed(each)[cell] for cell in cells] for each in rows.iterator())
        return as_file(request, "eastwest-flow-files", COLUMNS, lines)
    states = Choice("state", "State", list(FlowFile.State.choices))
    context = {
        **page(request, rows, lambda each: listed(each, may_read=may_read, may_edit=may_edit)),
        "log": row,
        "filters": filters(request, "Name of the object", [states], HEADINGS),
        "total": base.exists(),
    }
    return render(request, "evidence/flow_files.html", context)


def raw(request: HttpRequest, number: int, file: int) -> HttpResponse:
    """The file as it came, for who may see the flow log."""
    kept = get_object_or_404(FlowFile.objects.select_related("stored"), pk=file, log=of(request, number))
    try:
        content = read_back(kept.stored)
    except FileNotFoundError as error:
        raise Http404 from error
    answer = HttpResponse(content, content_type="application/octet-stream")
    answer["Content-Disposition"] = f'attachment; filename="{kept.stored.sha256[:12]}.raw"'
    return answer
