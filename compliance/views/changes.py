"""Change records: the list, one record, the inbox, and the confirmation page of each verb."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from django.db.models import F, prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance import severity, standing
from compliance.actions import changes as verbs
from compliance.business_days import last_moment
from compliance.forms.decisions import NoteForm, ReasonForm
from compliance.models import ApprovalNeeded, ChangeRecord, State, User
from compliance.permissions import check, may
from compliance.views import questions
from compliance.views.lists import Choice, as_file, asked_for, by_ref, file_wanted, filters, page
from compliance.views.needed import needed, needs_of
from compliance.views.paging import PAGE, Pages
from compliance.views.panels import panel
from compliance.views.resting import apart
from compliance.views.shown import ends, facts, owner_link, services
from compliance.views.step_up import held
from compliance.views.together import together
from compliance.views.verbs import confirm

HEADINGS = ("Change", "State", "Asked by", "Decided", "Seen in the rules")  # of the table, after its first


class Verb(NamedTuple):
    """How one verb is offered and confirmed."""

    label: str
    icon: str
    consequence: str
    danger: bool
    form: type[NoteForm | ReasonForm]


VERBS: Final[dict[str, Verb]] = {
    "approve": Verb(
        "Approve", "check", "Your approval is recorded with the hash of exactly this request.", False, NoteForm
    ),
    "reject": Verb("Reject", "x", "The request ends here. The person who asked reads your reason.", True, ReasonForm),
    "submit": Verb("Send for approval", "send", "The system owner and a manager are asked to decide.", False, NoteForm),
    "withdraw": Verb("Withdraw", "undo-2", "The request ends here. It stays in the records.", True, ReasonForm),
    "implement": Verb(
        "Mark as done",
        "wand-sparkles",
        "The rules of both ends are read again and compared with what was approved.",
        False,
        NoteForm,
    ),
    "act_first": Verb(
        "Carry out first",
        "zap",
        "The record says that it was done before it was approved. Nothing is authorised by that: the approvals are due "
        "within two business days.",
        True,
        ReasonForm,
    ),
    "dispute": Verb(
        "Dispute", "octagon-alert", "The record says that what was done is not what was approved.", True, ReasonForm
    ),
}
ASKED: Final = (State.DRAFT, State.SUBMITTED)  # one's own requests that are not decided
DECISIONS: Final = ("approve", "reject")  # offered by the template, with a key of their own
# verbs with a page of their own: label, icon, last part of the address
PAGES: Final = {
    "edit": ("Edit…", "pencil", "edit"),
    "ask_again": ("Ask again…", "rotate-ccw", "again"),
    "ask_question": ("Ask a question…", "message-circle-question-mark", "ask"),
}
COUNTED: Final = 2_000  # records in the list; beyond it says "more than"
COLUMNS: Final = ("id", "title", "kind", "urgency", "state", "asked by", "asked", "decided", "verified", "connection")


def changes(request: HttpRequest) -> HttpResponse:
    """The list of change records."""
    base = ChangeRecord.objects.for_user(request.user)
    rows = narrowed(base, request.GET)
    related = ChangeRecord.objects.select_related("requested_by", "connection")
    if file_wanted(request):
        whole = rows.select_related("requested_by", "connection")
        return as_file(request, "eastwest-changes", COLUMNS, (csv_row(change) for change in whole))
    beside = panel("changes", None, request.user)  # type: ignore[arg-type]
    return render(
        request,
        "compliance/changes.html",
        {
            **page(request, rows, listed, related, COUNTED),
            "filters": filters(request, "Title, ticket or CHG-42", [Choice("state", "State", State.choices)], HEADINGS),
            "total": base.exists(),
            "unrecorded": beside.get("unrecorded", []),
            "unrecorded_count": beside.get("unrecorded_count", "0"),
            "may_request": may(request.user, "request", None) is None,
        },
    )


def narrowed(rows: Any, asked: Mapping[str, str]) -> Any:
    """The rows that fit what is asked in the address: q, state. Pages and the API ask alike."""
    words = asked.get("q", "").strip()
    if words:
        rows = rows.filter(asked_for(words) | by_ref(words, "CHG"))
    return rows.filter(state=asked["state"]) if asked.get("state") else rows


def listed(change: ChangeRecord) -> dict[str, Any]:
    """One row of the list."""
    connection = change.connection
    return {
        "ref": change.ref,
        "url": f"/changes/{change.ref}/",
        "title": change.title,
        "kind_label": change.get_kind_display(),
        "state": change.state,
        "urgent": change.is_urgent,
        "acted_first": before_approval(change),
        "requested_by": str(change.requested_by),
        "requested_at": change.submitted_at or change.created_at,
        "decided_at": change.decided_at,
        "seen_at": change.verified_at,
        "connection": {"ref": connection.ref, "url": f"/connections/{connection.ref}/"} if connection else None,
    }


def csv_row(change: ChangeRecord) -> list[Any]:
    """One row of the CSV."""
    return [
        change.ref,
        change.title,
        change.get_kind_display(),
        change.get_urgency_display(),
        change.get_state_display(),
        change.requested_by,
        change.submitted_at,
        change.decided_at,
        change.verified_at,
        "; ".join(change.refs),
    ]


def inbox(request: HttpRequest, number: int | None = None) -> HttpResponse:
    """The decisions that wait for this person, and the chosen one beside them.

    Without a number the list is there at once, and the page fetches the first: what it would open takes rules to say.
    """
    person = signed_in(request)
    waiting = ChangeRecord.objects.waiting_for(person).select_related("requested_by").order_by("submitted_at", "pk")
    mine = list(waiting)
    drafts_first = F("submitted_at").asc(nulls_first=True)  # the databases differ in where they put what is not there
    asked = list(ChangeRecord.objects.filter(requested_by=person, state__in=ASKED).order_by(drafts_first, "pk"))
    todo = list(to_implement(person))
    questioned = questions.waiting(person)
    tab = request.GET.get("tab", "for-me")
    of_tab = {"asked": asked, "to-do": todo, "questions": questioned}
    singles, groups = apart(of_tab.get(tab, mine))
    listing = sorted(singles, key=lambda change: not change.is_urgent)
    chosen = next((change for change in listing if change.pk == number), None)
    if number is not None and chosen is None:
        chosen = get_object_or_404(ChangeRecord.objects.for_user(person), pk=number)
    pages = Pages(listing)
    place = listing.index(chosen) // PAGE + 1 if chosen in listing else 1
    here = pages.get_page(request.GET.get("page", place))
    chosen = chosen or next(iter(here.object_list), None)
    suffix = f"?tab={tab}" if tab != "for-me" else ""
    grades = severity.of_changes(listing)
    oldest = min((change.submitted_at for change in listing if change.submitted_at), default=None)
    return render(
        request,
        "compliance/inbox.html",
        {
            "tabs": [
                {
                    "label": label,
                    "count": len(rows),
                    "url": f"/inbox/{f'?tab={key}' if key != 'for-me' else ''}",
                    "current": tab == key,
                }
                for key, label, rows in (
                    ("for-me", "For me", mine),
                    ("to-do", "To be done", todo),
                    ("asked", "Asked by me", asked),
                    ("questions", "To answer", questioned),
                )
            ],
            "items": [inbox_item(change, chosen, suffix, grades[change.pk]) for change in here.object_list],
            "page": here if here.has_other_pages() else None,
            "query": suffix.removeprefix("?"),
            "groups": groups,
            "waiting": len(listing) + sum(one["count"] for one in groups),
            "oldest": oldest,
            "bulk_url": "/inbox/bulk/" if tab == "for-me" and len(listing) > 1 else "",
            "together": together(here.object_list, grades) if tab == "for-me" else [],
            "named": number is not None,
            "list_url": f"/inbox/{suffix}",
            "change": detail(chosen, person) if chosen and number is not None else None,
            "first": f"/inbox/{chosen.ref}/{suffix}" if chosen and number is None else "",
            "told": [line for line in panel("inbox", None, person).values() if line],
        },
    )


def to_implement(person: User) -> Any:
    """Approved changes of the systems this person is an engineer of."""
    rows = ChangeRecord.objects.for_user(person).filter(state__in=[State.APPROVED, State.DISPUTED])
    return (
        rows.select_related("requested_by").order_by("decided_at", "pk") if person.holds(["engineer"]) else rows.none()
    )


def before_approval(change: ChangeRecord) -> bool:
    """Whether it was carried out before it was approved, whatever became of it since."""
    done, decided = change.implemented_at, change.decided_at
    return change.is_urgent and done is not None and (decided is None or done < decided)


def inbox_item(change: ChangeRecord, chosen: ChangeRecord | None, suffix: str, grade: str) -> dict[str, Any]:
    """One line of the inbox; `grade`: its severity."""
    source, destination = ends(change.material)
    return {
        "ref": change.ref,
        "url": f"/inbox/{change.ref}/{suffix}",
        "tag": "draft"
        if change.state == State.DRAFT
        else "carried out, not approved"
        if before_approval(change)
        else change.get_kind_display().lower(),
        "rating": grade,
        "urgent": change.is_urgent,
        "title": f"{source} → {destination}",
        "detail": f"{services(change.material)} · {change.requested_by}",
        "due": f"due {change.due.day} {change.due:%b}" if change.due else "",
        "late": bool(change.due and change.due < timezone.localdate()),
        "chosen": chosen is not None and chosen.pk == change.pk,
    }


def record(request: HttpRequest, number: int) -> HttpResponse:
    """One change record on its own page."""
    person = signed_in(request)
    change = get_object_or_404(ChangeRecord.objects.for_user(person), pk=number)
    said = detail(change, person)
    return render(request, "compliance/change.html", {"change": said, "job": said.get("job")})


def detail(change: ChangeRecord, person: User) -> dict[str, Any]:
    """Context of parts/change_detail.html and parts/decide.html."""
    prefetch_related_objects([change], "needs")  # each verb asks of which systems it is
    why = getattr(change, "justification", None)
    with standing.read_once():
        said = panel("change", change, person)
    approve, reject = may(person, "approve", change), may(person, "reject", change)
    url = f"/changes/{change.ref}/"
    offered = [name for name in (*PAGES, *VERBS) if name not in DECISIONS and may(person, name, change) is None]
    return {
        "ref": change.ref,
        "title": change.title,
        "kind_label": change.get_kind_display(),
        "state": change.state,
        "version": change.version,
        "ticket": {"label": change.ticket, "url": ""} if change.ticket else None,
        "requested_by": str(change.requested_by),
        "requested_role": change.requested_by.title,
        "requested_at": change.submitted_at or change.created_at,
        "urgent": change.is_urgent,
        "because_urgent": "it is decided ahead of the routine ones, by the same people; when it cannot wait, it is "
        "carried out first and approved within two business days.",
        "acted_first": change.implemented_at if before_approval(change) else None,
        "acted_due": last_moment(change.implemented_at) if change.implemented_at else None,
        "planned": change.window,
        "rollback": change.rollback,
        "need": why.business_need if why else "",
        "security": why.security_implications if why else "",
        "data": why.data_carried if why else "",
        "rating": "",
        "needed": [needed(need, change, person) for need in needs_of(change)],
        "connection": about(change),
        "questions": questions.shown(change, person),
        "history": list(reversed(changed(change))),
        "approve_url": "" if approve else f"{url}approve/",
        "reject_url": "" if reject else f"{url}reject/",
        "refusal": (approve.why or approve.what) if approve and change.state == State.SUBMITTED else "",
        "remedy": approve.link if approve and change.state == State.SUBMITTED else None,
        "consequence": consequence(change),
        "actions": [action(name, url) for name in offered],
        "checks": [],
        "columns": ["Asked for"],
        "rows": [
            {"label": row["label"], "cells": [{"text": row["text"], "differs": False, "note": ""}]}
            for row in facts(change.material)
        ],
    } | said


def about(change: ChangeRecord) -> dict[str, Any] | None:
    """The link to the connection, or to the server, group or zone, that a change is about."""
    if change.connection is not None:
        return {"ref": change.connection.ref, "url": f"/connections/{change.connection.ref}/"}
    return owner_link(change.material)


def action(name: str, url: str) -> dict[str, Any]:
    """A button to the page of a verb."""
    if name in PAGES:
        label, icon, address = PAGES[name]
        return {"label": label, "url": f"{url}{address}/", "icon": icon, "danger": False}
    said = VERBS[name]
    return {"label": f"{said.label}…", "url": f"{url}{name}/", "icon": said.icon, "danger": said.danger}


def consequence(change: ChangeRecord) -> str:
    """What a click would do, in a sentence."""
    if change.state == State.SUBMITTED:
        return "Approves exactly what is asked for above, nothing wider. A confirmation page follows."
    if change.state == State.APPROVED:
        return "Approved. The engineer changes the rules; the next reading proves it."
    return ""


def changed(change: ChangeRecord, needs: Iterable[ApprovalNeeded] | None = None) -> list[dict[str, Any]]:
    """What happened to a change, oldest first; `needs`: those of needs_of_all, where somebody has them already."""
    url = f"/changes/{change.ref}/"
    rows: list[tuple[Any, str, Any, str]] = [(change.created_at, "asked for", change.requested_by, "pencil")]
    for need in needs_of(change) if needs is None else needs:
        approval = getattr(need, "approval", None)
        if approval:
            rows.append(
                (approval.at, f"approved as {approval.get_capacity_display().lower()}", approval.approver, "stamp")
            )
    if change.state in (State.REJECTED, State.WITHDRAWN):
        rows.append((change.decided_at, f"{change.get_state_display().lower()}: {change.closing_note}", "", "circle-x"))
    done = "carried out before its approval" if before_approval(change) else "marked as done"
    rows.append((change.implemented_at, done, change.implemented_by or "", "wand-sparkles"))
    rows.append((change.verified_at, "verified by the rules as read", "Eastwest", "badge-check"))
    if change.state == State.DISPUTED:
        rows.append((timezone.now(), f"disputed: {change.closing_note}", "", "octagon-alert"))
    return [
        {"at": at, "text": f"{change.ref} {text}", "by": str(by), "icon": icon, "url": url}
        for at, text, by, icon in rows
        if at
    ]


def verb(request: HttpRequest, number: int, name: str) -> HttpResponse:
    """The confirmation page of a verb, and the verb itself on POST."""
    person = signed_in(request)
    change = get_object_or_404(ChangeRecord.objects.for_user(person), pk=number)
    offered = VERBS[name]
    if request.method != "POST":
        check(person, name, change)  # nobody is shown a button whose click would be refused
    said = panel("change", change, person)
    warning = said.get("opens") if name == "approve" and (said.get("opens") or {}).get("tone") == "bad" else None

    def act(form: NoteForm | ReasonForm) -> ChangeRecord:
        because, seen = form.cleaned_data["because"], form.cleaned_data.get("seen")
        if name == "approve":
            return verbs.approve(change, by=person, because=because, seen_version=seen)
        if name == "implement":
            return verbs.implement(change, by=person, note=because)
        if name == "submit":
            return verbs.submit(change, by=person, seen_version=seen)
        if name == "act_first":
            return verbs.act_first(change, by=person, because=because)
        if name == "dispute":
            return verbs.dispute(change, why=because, by=person)
        return {"reject": verbs.reject, "withdraw": verbs.withdraw}[name](change, by=person, because=because)

    return confirm(
        request,
        form=offered.form(request.POST or None, initial={"seen": change.version} | held(request)),
        act=act,
        done=lambda _: f"/changes/{change.ref}/",
        context={
            "title": f"{offered.label}: {change.ref}",
            "crumb": [change.ref, change.get_kind_display()],
            "back_url": f"/changes/{change.ref}/",
            "subject": change.title,
            "consequence": offered.consequence,
            "facts": [
                *facts(change.material),
                {"label": "Urgency", "text": change.get_urgency_display(), "mono": False},
            ],
            "warning": warning,
            "submit": offered.label,
            "danger": offered.danger,
        },
    )


def signed_in(request: HttpRequest) -> User:
    """The person; the middleware lets nobody else this far."""
    if not isinstance(request.user, User):
        raise TypeError("a page for people was reached without one")
    return request.user
