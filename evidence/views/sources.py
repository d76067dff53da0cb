"""Sources: do we see everything, and since when not?"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from compliance.errors import Refused
from compliance.forms.decisions import ReasonForm
from compliance.models import Server, User
from compliance.permissions import check, may
from compliance.views.changes import signed_in
from compliance.views.jobs import card
from compliance.views.verbs import confirm
from evidence.actions import smaller
from evidence.actions import sources as verbs
from evidence.artefacts import read_back
from evidence.collectors.table import COLLECTORS
from evidence.forms.sources import UploadForm
from evidence.models import ErrorCode, Pull, PulledArtefact, Snapshot, Source
from evidence.readings import load
from evidence.rules import Lines
from evidence.views import access
from evidence.views.push_tokens import section

SHOWN = 50
NO_ANSWER = {ErrorCode.UNREACHABLE, ErrorCode.TIMEOUT}


def state(source: Source) -> str:
    """The word of compliance.words.SOURCES."""
    if not source.enabled:
        return "paused"
    pull = source.last_pull
    if source.last_good is None:
        return "unreachable" if pull and pull.error_code in NO_ANSWER else "never"
    if is_late(source):
        return "unreachable" if pull and pull.error_code in NO_ANSWER else "stale"
    if pull and pull.state == Pull.State.FAILED and pull.error_code in NO_ANSWER:
        return "unreachable"
    return "partial" if source.last_good.lines_unread or (pull and pull.state in ("failed", "partial")) else "fresh"


def is_late(source: Source) -> bool:
    """Whether what we hold is older than this source allows."""
    seen = source.last_seen_at
    return seen is None or timezone.now() - seen > timedelta(hours=source.fresh_hours)


def sources(request: HttpRequest) -> HttpResponse:
    """All sources, and the servers none of them covers."""
    person = signed_in(request)
    rows = Source.objects.for_user(person).select_related("server", "last_pull", "last_good")
    servers = Server.objects.for_user(person).filter(status="in_service", sources__isnull=True)
    return render(
        request,
        "evidence/sources.html",
        {
            "rows": [listed(source) for source in rows],
            "missing": list(servers.values_list("name", flat=True)),
            "may_add": may(person, "add_source", None) is None,
            "add_url": "/sources/new/",
        },
    )


def listed(source: Source) -> dict[str, Any]:
    """One row."""
    good, pull = source.last_good, source.last_pull
    failed = pull is not None and pull.state in (Pull.State.FAILED, Pull.State.PARTIAL)
    read = good.lines_total - good.lines_unread if good else 0
    return {
        "name": source.name,
        "url": f"/sources/{source.pk}/",
        "kind_label": source.get_kind_display(),
        "host": source.server.name,
        "state": state(source),
        "read_at": source.last_seen_at,
        "late": is_late(source),
        "limit": f"{source.fresh_hours} h",
        "unread": good.lines_unread if good else 0,
        "coverage": f"{read} of {good.lines_total} lines" if good else "",
        "last_error": pull.what if failed and pull else "",
        "next_step": pull.next_step if failed and pull else "",
    }


def source(
    request: HttpRequest, number: int, refused: Refused | None = None, form: UploadForm | None = None
) -> HttpResponse:
    """One source: how fresh, what came last, what could not be read."""
    person = signed_in(request)
    row = get_object_or_404(
        Source.objects.for_user(person).select_related("server", "last_pull__job", "last_good"),
        pk=number,
    )
    may_pull = may(person, "pull", row) is None
    good, pull = row.last_good, row.last_pull
    running = row.pulls.filter(state__in=["queued", "running"]).select_related("job").first()
    upload = form or UploadForm() if may_pull and row.kind == Source.Kind.UPLOAD else None
    said = listed(row)
    unread = list(good.unread) if good else []
    failed = pull is not None and pull.state in (Pull.State.FAILED, Pull.State.PARTIAL)
    return render(
        request,
        "evidence/source.html",
        {
            "source": {**said, "facts": facts(row), "enabled": row.enabled},
            "job": card(running.job, result_url=f"/sources/{row.pk}/") if running and running.job else None,
            "banner": {
                "tone": "warn",
                "title": "The last reading was refused; the one before it stands"
                if good
                else "Nothing could be read yet",
                "text": pull.what,
                "next_step": pull.next_step,
            }
            if failed and pull
            else None,
            "pulls": [pulled(each) for each in row.pulls.exclude(state__in=["queued", "running"])[:10]],
            "artefacts": artefacts(good) if good else [],
            "points": [point(each) for each in good.points] if good else [],
            "unread": [{**each, "file": each.get("name", "")} for each in unread[:SHOWN]],
            "unread_more": max(len(unread) - SHOWN, 0),
            "upload": upload,
            "upload_url": f"/sources/{row.pk}/upload/" if may_pull else "",
            "pull_url": f"/sources/{row.pk}/pull/" if may_pull and row.kind in COLLECTORS else "",
            "actions": acceptance(row, person),
            "refused": refused,
            "changed": [],
            "push": section(row, may_edit=may(person, "edit_source", row) is None),
            "access": access.panel(row, person),
        },
        status=422 if refused else 200,
    )


def facts(row: Source) -> list[dict[str, Any]]:
    """How it is set up."""
    said = [
        ("Server", row.server.name, True),
        (
            "Read every" if row.kind in COLLECTORS else "Expected every",
            f"{row.every_minutes // 60} h" if row.every_minutes >= 60 else f"{row.every_minutes} min",
            False,
        ),
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
    """One past pull."""
    snapshot = Snapshot.objects.filter(pull=row).first()
    took = (row.finished_at - row.queued_at).total_seconds() if row.finished_at else None
    return {
        "at": row.finished_at or row.queued_at,
        "state": row.state,
        "what": row.what or row.get_state_display(),
        "next_step": row.next_step,
        "digest": snapshot.digest if snapshot else "",
        "snapshot_url": "",
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
    """One enforcement point as read."""
    return {
        "name": said.get("name", ""),
        "rules": said.get("rules", 0),
        "default": said.get("default") or "not read",
        "unread": said.get("unread", 0),
    }


@require_POST
def upload(request: HttpRequest, number: int) -> HttpResponse:
    """Files brought by a person: kept and hashed first, read in a job."""
    person = signed_in(request)
    row = get_object_or_404(Source.objects.for_user(person), pk=number)
    check(person, "pull", row)
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return source(request, number, form=form)
    try:
        verbs.upload(row, [(each.name, each.read()) for each in form.cleaned_data["dumps"]], by=person)
    except Refused as refusal:
        return source(request, number, refused=refusal, form=form)
    return HttpResponseRedirect(f"/sources/{row.pk}/")


@require_POST
def pull(request: HttpRequest, number: int) -> HttpResponse:
    """Read it now."""
    person = signed_in(request)
    row = get_object_or_404(Source.objects.for_user(person), pk=number)
    verbs.read_now(row, by=person)
    return HttpResponseRedirect(f"/sources/{row.pk}/")


def acceptance(row: Source, person: User) -> list[dict[str, Any]]:
    """The button to accept a reading that was refused for being much smaller."""
    if smaller.refused(row) is None or may(person, "accept_shrink", row) is not None:
        return []
    return [
        {"label": "Accept the smaller reading…", "url": f"/sources/{row.pk}/accept/", "icon": "scale", "danger": True}
    ]


def accept(request: HttpRequest, number: int) -> HttpResponse:
    """Accept a reading that holds much less: what was, what is, and why that is right."""
    person = signed_in(request)
    rows = Source.objects.for_user(person).select_related("server", "last_pull", "last_good__pull")
    row = get_object_or_404(rows, pk=number)
    check(person, "accept_shrink", row)
    fresh, before = smaller.refused(row), smaller.held(row)
    if request.method != "POST" and fresh is None:
        raise smaller.overtaken(row)

    def act(form: ReasonForm) -> Pull:
        looked_at = row.pulls.filter(pk=form.cleaned_data["seen"]).first()
        if looked_at is None:
            raise smaller.overtaken(row)
        return smaller.accept(row, looked_at, because=form.cleaned_data["because"], by=person)

    return confirm(
        request,
        form=ReasonForm(request.POST or None, initial={"seen": fresh.pk if fresh else None}),
        act=act,
        done=lambda _: f"/sources/{row.pk}/",
        context={
            "title": f"Accept the smaller reading of {row.name}",
            "crumb": [row.server.name, row.get_kind_display()],
            "back_url": f"/sources/{row.pk}/",
            "subject": fresh.what if fresh else "",
            "consequence": "It takes the place of the last good reading, as of when it was read, and is compared.",
            "facts": compared(before, fresh) if before and fresh else [],
            "warning": None,
            "submit": "Accept it",
            "danger": True,
        },
    )


def compared(before: smaller.Size, fresh: Pull) -> list[dict[str, Any]]:
    """Old and new, side by side in words."""
    rows = [
        ("Rules, shares and listeners until now", before.rules),
        ("In the refused reading", fresh.rules),
        ("Bytes until now", before.size),
        ("Bytes in the refused reading", smaller.bytes_of(fresh)),
    ]
    return [{"label": label, "text": str(count), "mono": True} for label, count in rows]


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
