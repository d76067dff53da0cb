"""Audit packs: ask for one, see how far it is, check it, take it away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from compliance.errors import Refused
from compliance.permissions import may
from compliance.views.changes import signed_in
from compliance.views.jobs import card
from compliance.views.step_up import held
from evidence.actions import packs as verbs
from evidence.actions.links import uses
from evidence.forms.packs import BuildForm
from evidence.models import Pack
from evidence.views.verifying import checked, fingerprint

NOT_HELD = ["flow logs"]
NO_STAMP = "time-stamps (no authority is named in the settings)"
PAGE_STATE = {Pack.State.QUEUED: "building", Pack.State.BUILT: "signed", Pack.State.FAILED: "failed"}
GOOD = {"implemented"}
NOT_KNOWN = {"not_verifiable", "stale", "unreachable", "usage_unknown"}


def packs(request: HttpRequest) -> HttpResponse:
    """All packs of this person's systems, and the form for another."""
    person = signed_in(request)
    rows = list(Pack.objects.for_user(person).prefetch_related("systems", "downloads").select_related("job"))
    building = next((row for row in rows if row.state == Pack.State.QUEUED and row.job), None)
    may_build = may(person, "build_pack", None) is None
    return render(
        request,
        "packs/packs.html",
        {
            "rows": [listed(row) for row in rows],
            "build_form": BuildForm(person=person, initial=held(request)) if may_build else None,
            "build_url": "/packs/build/",
            "job": card(building.job, result_url=f"/packs/{building.ref}/") if building and building.job else None,
            "verify_url": "/packs/verify/",
            "fingerprint": fingerprint(),
        },
    )


def listed(row: Pack) -> dict[str, Any]:
    """One row."""
    exceptions = sum(count for verdict, count in row.counts.items() if verdict not in GOOD | NOT_KNOWN)
    built = row.state == Pack.State.BUILT
    names = [system.name for system in row.systems.all()]
    return {
        "ref": row.ref,
        "url": f"/packs/{row.ref}/",
        "period": period(row),
        "systems": ", ".join(names),
        "state": PAGE_STATE[Pack.State(row.state)],
        "built_at": row.built_at,
        "pages": None,
        "exceptions": exceptions if built else None,
        "not_known": sum(row.counts.get(name, 0) for name in NOT_KNOWN) if built else None,
        "gaps": sum(section["state"] != "held" for section in row.sections),
        "digest": row.manifest_sha256,
        "sample": row.sample,
        "profile": "" if row.profile == Pack.Profile.FULL else row.profile,
        "downloads": len(row.downloads.all()),
    }


def period(row: Pack) -> str:
    """The period as people say it."""
    if row.since.day == 1 and (row.since.year, row.since.month) == (row.until.year, row.until.month):
        return f"{row.since:%B %Y}"
    return f"{row.since.day} {row.since:%b %Y} – {row.until.day} {row.until:%b %Y}"


@require_POST
def build(request: HttpRequest) -> HttpResponse:
    """Ask for a pack."""
    person = signed_in(request)
    form = BuildForm(request.POST, person=person)
    if not form.is_valid():
        raise Refused(
            "No pack was asked for",
            "The period or the system was not one of those offered.",
            "Choose them again on the page of packs.",
        )
    pack = verbs.ask(by=person, **form.scope())
    return HttpResponseRedirect(f"/packs/{pack.ref}/")


@require_POST
def again(request: HttpRequest, number: int) -> HttpResponse:
    """Ask for another pack in the place of one that failed."""
    pack = verbs.ask_again(found(request, number), by=signed_in(request))
    return HttpResponseRedirect(f"/packs/{pack.ref}/")


def found(request: HttpRequest, number: int) -> Pack:
    """The pack, for who may see all its systems."""
    person = signed_in(request)
    return get_object_or_404(Pack.objects.for_user(person), pk=number)


def pack(request: HttpRequest, number: int, check: dict[str, Any] | None = None) -> HttpResponse:
    """One pack."""
    row = found(request, number)
    built, failed = row.state == Pack.State.BUILT, row.state == Pack.State.FAILED
    url = f"/packs/{row.ref}/"
    return render(
        request,
        "packs/pack.html",
        {
            "pack": {
                **listed(row),
                "title": f"{period(row)}, {', '.join(system.name for system in row.systems.all())}",
                "built_by": str(row.asked_by or "the monthly schedule"),
                "cutoff": row.as_of,
                "marking": row.marking,
                "size": row.zip_size,
                "pdf_digest": row.pdf_sha256,
                "signer": "this installation",
                "fingerprint": row.fingerprint,
                "key_label": "made here at first run",
                "zip_url": f"{url}download/zip/" if built else "",
                "pdf_url": f"{url}download/pdf/" if built else "",
                "error": row.problem,
                "next_step": "Build it again; if it fails the same way, run ./run doctor." if row.problem else "",
                "again_url": f"{url}again/" if failed and may(request.user, "build_pack", row) is None else "",
            },
            "job": card(row.job, result_url=url) if row.job and row.state == Pack.State.QUEUED else None,
            "sections": sections(row),
            **shared(row, request.user),
            "check": check,
            "verify_url": f"{url}verify/" if built else "",
            "not_held": [*([] if settings.TIMESTAMP_URL else [NO_STAMP]), *NOT_HELD],
            "downloads": [
                {"at": each.at, "by": str(each.person), "what": each.what}
                for each in row.downloads.select_related("person")
            ],
        },
    )


def sections(row: Pack) -> list[dict[str, Any]]:
    """What a pack holds, part by part."""
    return [
        {
            "number": number,
            "title": part["title"],
            "state": part["state"],
            "because": part["because"],
            "controls": ", ".join(part.get("controls", [])),
        }
        for number, part in enumerate(row.sections, 1)
    ]


def shared(row: Pack, person: Any) -> dict[str, Any]:
    """The links to a pack, for who may make them, and how often each was used; how many questions stand."""
    url, now = f"/packs/{row.ref}/", timezone.now()
    asks = {"asks_url": f"{url}asks/", "asks": row.asks.count(), "asks_open": row.asks.filter(replies=None).count()}
    if row.state != Pack.State.BUILT or may(person, "share_pack", row) is not None:
        return asks
    used = uses(row)
    return asks | {
        "share_url": f"{url}links/new/",
        "links": [
            {
                "name": link.name,
                "until": link.expires_at,
                "holds": link.holds_at(now),
                "used": used.get(link.pk, (0, 0, None)),
                "end_url": f"{url}links/{link.pk}/end/",
            }
            for link in row.links.all()
        ],
    }


@require_POST
def check_again(request: HttpRequest, number: int) -> HttpResponse:
    """Run the verifier over the stored file, with this installation's fingerprint."""
    row = found(request, number)
    return pack(request, number, check=checked(verbs.path_of(row), fingerprint() or None))


@require_GET
def download(request: HttpRequest, number: int, what: str) -> FileResponse:
    """The ZIP or the PDF. Each download is recorded with its person."""
    row = found(request, number)
    if row.state != Pack.State.BUILT:
        raise Http404
    path: Path = verbs.download(row, by=signed_in(request), what=what)
    return FileResponse(path.open("rb"), as_attachment=True, filename=f"{row.ref}{path.suffix}")
