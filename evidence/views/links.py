"""One pack for somebody without an account: the page behind a link, and the pages that make and end one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from allauth.core.internal import ratelimit
from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST, require_safe

from compliance.errors import NotAllowed, Refused
from compliance.permissions import check
from compliance.views.changes import signed_in
from compliance.views.step_up import held
from evidence.actions import asks, links
from evidence.artefacts import read_back
from evidence.forms.links import AskForm, LinkForm
from evidence.models import EvidenceReply, Pack, PackLink
from evidence.views.packs import found, listed
from evidence.views.packs import sections as parts

FAILED: Final[dict[str, Any]] = {"app": "allauth.account", "action": "token_failed"}
NOTHING: Final = Refused("This link opens nothing.", "It ended, or was never made.", "Ask who gave it to you.")
TOO_MANY: Final = Refused("Nothing was opened.", "Too many links that open nothing were tried.", "Try in a minute.")
NO_STORE: Final = "private, no-store"


def add(request: HttpRequest, number: int) -> HttpResponse:
    """Make a link to one pack; its address is shown once."""
    row, person = found(request, number), signed_in(request)
    check(person, "share_pack", row)
    form = LinkForm(request.POST if request.method == "POST" else None, initial=held(request))
    refused = None
    if request.method == "POST" and form.is_valid():
        try:
            said = form.cleaned_data
            made, token = links.make_link(row, name=said["name"], until=said["until"], by=person)
            return shown_once(request, row, made, token)
        except Refused as refusal:
            refused = refusal
    context = {
        "title": f"Share {row.ref} by a link",
        "lead": "Whoever has the link reads this pack and may ask for more, until its end. It opens nothing else; each "
        "visit is on record.",
        "form": form,
        "submit": "Make the link",
        "back_url": f"/packs/{row.ref}/",
        "multipart": False,
        "crumb": [{"label": "Audit packs", "url": "/packs/"}, {"label": row.ref, "url": f"/packs/{row.ref}/"}],
        "refused": refused,
    }
    status = 403 if isinstance(refused, NotAllowed) else 422 if form.errors or refused else 200
    return render(request, "compliance/form.html", context, status=status)


def shown_once(request: HttpRequest, row: Pack, made: PackLink, token: str) -> HttpResponse:
    """The address of a new link. It is kept nowhere."""
    said = {
        "title": "The link",
        "reference": f"{settings.SITE_URL}/share/{token}/",
        "sentence": f"For {made.name}. It is not shown again, and ends by itself.",
        "steps": [
            "Send it to the one it is for, by a way of its own.",
            "Give them the signer's fingerprint by another way.",
            "End it on the page of the pack when they are done.",
        ],
        "links": [{"label": f"Back to {row.ref}", "url": f"/packs/{row.ref}/"}],
    }
    answer = render(request, "compliance/done.html", said)
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
def end(request: HttpRequest, number: int, link: int) -> HttpResponse:
    """It opens nothing from now on."""
    row = found(request, number)
    links.end_link(get_object_or_404(PackLink, pack=row, pk=link), by=signed_in(request))
    return HttpResponseRedirect(f"/packs/{row.ref}/")


def by_token(request: HttpRequest, token: str, show: Callable[[PackLink], HttpResponseBase]) -> HttpResponseBase:
    """What a link opens; nothing for one that ended, was never made, or was guessed too often. No session counts."""
    free = ratelimit.consume(request, dry_run=True, limit_get=True, **FAILED)
    row = links.link_of(token) if free else None
    answer: HttpResponseBase
    if row is not None:
        answer = show(row)
    else:
        ratelimit.consume(request, limit_get=True, **FAILED)
        said = {"refused": NOTHING if free else TOO_MANY}
        answer = render(request, "evidence/no_link.html", said, status=404 if free else 429)
    answer["Cache-Control"] = NO_STORE
    answer["Referrer-Policy"] = "same-origin"  # with none at all a browser sends the form as from nowhere
    answer["X-Robots-Tag"] = "noindex, nofollow"
    return answer


def shared(request: HttpRequest, token: str) -> HttpResponseBase:
    """The page of one pack for who has its link; by POST they ask for something."""

    def show(row: PackLink) -> HttpResponse:
        form = AskForm(request.POST if request.method == "POST" else None)
        refused = None
        if request.method == "POST" and form.is_valid():
            try:
                asks.ask_by_link(row, text=form.cleaned_data["text"])
                return HttpResponseRedirect(f"/share/{token}/")
            except Refused as refusal:
                refused = refusal
        links.opened(row)
        context = {
            "link": row,
            "pack": listed(row.pack) | {"fingerprint": row.pack.fingerprint, "cutoff": row.pack.as_of},
            "marking": row.pack.marking,
            "sections": parts(row.pack),
            "base": f"/share/{token}/",
            "form": form,
            "refused": refused,
            "asks": row.asks.prefetch_related("replies__other", "replies__answered_by"),
        }
        return render(request, "evidence/shared.html", context, status=422 if form.errors or refused else 200)

    return by_token(request, token, show)


@require_safe
def shared_file(request: HttpRequest, token: str, what: str) -> HttpResponseBase:
    """The ZIP or the PDF of the pack, for who has its link."""

    def show(row: PackLink) -> FileResponse:
        path = links.taken(row, what)
        return FileResponse(path.open("rb"), as_attachment=True, filename=f"{row.pack.ref}{path.suffix}")

    return by_token(request, token, show)


@require_safe
def shared_reply(request: HttpRequest, token: str, reply: int) -> HttpResponseBase:
    """The file of an answer to a question that came by this very link."""

    def show(row: PackLink) -> HttpResponse:
        given = get_object_or_404(EvidenceReply, pk=reply, ask__link=row, stored__isnull=False)
        links.opened(row)
        return as_file(given)

    return by_token(request, token, show)


def as_file(given: EvidenceReply) -> HttpResponse:
    """The file of an answer, as bytes that no browser opens by itself."""
    if given.stored is None:
        raise TypeError("an answer without a file was asked for its file")
    answer = HttpResponse(read_back(given.stored), content_type="application/octet-stream")
    answer["Content-Disposition"] = f'attachment; filename="answer-{given.pk}.bin"'
    return answer
