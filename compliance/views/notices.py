"""One's notices: all of them, whichever way one is told; marking them as read; and how one wants to be told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_POST

from compliance.actions import digests as verbs
from compliance.classification import ref_of
from compliance.forms.notices import NoticesForm
from compliance.models import ChangeRecord, Connection, How, Notice, NoticePreference, Outbound, RiskAcceptance, User
from compliance.views.changes import signed_in
from compliance.views.lists import Choice, filters, page

SCOPED: Final = {"CHG": ChangeRecord, "CON": Connection, "RSK": RiskAcceptance}
ICONS: Final = {
    Notice.DECISION: "scale", Notice.SECURITY: "key-round", Notice.QUESTION: "message-circle-question-mark",
    Notice.WORK: "wand-sparkles", Notice.OUTCOME: "stamp", Notice.DUE: "calendar-clock",
    Notice.REVIEW: "calendar-check", Notice.PACK: "package",
}  # fmt: skip
READ: Final = (("new", "Not read"), ("read", "Read"))


def notices(request: HttpRequest) -> HttpResponse:
    """The list, the newest first."""
    person = signed_in(request)
    base = Outbound.objects.for_user(person)
    rows = base.order_by("-created_at", "-pk")
    words, kind, state = (request.GET.get(key, "").strip() for key in ("q", "kind", "state"))
    rows = rows.filter(subject__icontains=words) if words else rows
    rows = rows.filter(kind=kind) if kind in Notice.values else rows
    rows = rows.filter(read_at__isnull=state == "new") if state in dict(READ) else rows
    context = page(request, rows, lambda row: {"row": row})
    context.pop("csv_url")  # they are one's own: nobody takes them anywhere
    gone = not_seen((each["row"] for each in context["page"]), person)
    for each in context["page"]:
        each |= listed(each["row"], gone)
    return render(
        request,
        "compliance/notices.html",
        {
            **context,
            "filters": filters(
                request, "What it is about", [Choice("kind", "About", Notice.choices), Choice("state", "State", READ)]
            ),
            "total": base.count(),
            "unread": base.filter(read_at__isnull=True).count(),
        },
    )


def not_seen(rows: Iterable[Outbound], person: User) -> set[str]:
    """The ids in these messages of what the person may not see any more: of these the id alone is shown."""
    refs = {ref for row in rows if (ref := ref_of(row.path))}
    gone: set[str] = set()
    for prefix, model in SCOPED.items():
        numbers = {int(ref.partition("-")[2]) for ref in refs if ref.startswith(f"{prefix}-")}
        if numbers:
            seen = set(model.objects.for_user(person).filter(pk__in=numbers).values_list("pk", flat=True))  # type: ignore[attr-defined]
            gone |= {f"{prefix}-{number}" for number in numbers - seen}
    return gone


def listed(row: Outbound, gone: set[str]) -> dict[str, Any]:
    """One line."""
    ref = ref_of(row.path)
    hidden = ref in gone
    return {
        "id": row.pk,
        "subject": f"{ref}: not among your systems any more" if hidden else row.subject,
        "body": "" if hidden or row.body.rstrip(".") == row.subject else row.body,
        "url": "" if hidden else row.path,
        "kind": row.get_kind_display(),
        "icon": ICONS[Notice(row.kind)],
        "at": row.created_at,
        "how": mailed(row),
        "new": row.read_at is None,
    }


def mailed(row: Outbound) -> str:
    """What became of it beside standing here."""
    if row.sent_at is not None:
        return "mailed" if row.how == How.AT_ONCE else "in the mail of the day"
    return {How.AT_ONCE: "not mailed", How.DIGEST: "waits for the mail of the day", How.IN_APP: "here only"}[
        How(row.how)
    ]


@require_POST
def read(request: HttpRequest) -> HttpResponse:
    """Marks one, or all, as read. Nothing is decided by it."""
    person = signed_in(request)
    which = request.POST.get("notice", "")
    if which == "all":
        verbs.read(person)
    elif which.isdecimal() and len(which) < 19:
        verbs.read(person, [int(which)])
    return HttpResponseRedirect("/notices/")


def preferences(request: HttpRequest) -> HttpResponse:
    """How one wants to be told of each kind, from now on."""
    person = signed_in(request)
    ways = dict(NoticePreference.objects.filter(person=person).values_list("kind", "how"))
    form = NoticesForm(request.POST if request.method == "POST" else None, ways=ways)
    if request.method == "POST" and form.is_valid():
        verbs.prefer(person, form.ways(), by=person)
        return HttpResponseRedirect("/notices/")
    return render(
        request,
        "compliance/notice_preferences.html",
        {"form": form, "email": person.email},
        status=422 if form.errors else 200,
    )
