"""Change records: the list, one record, and the confirmation page of each verb."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance import standing
from compliance.actions import changes as verbs
from compliance.business_days import last_moment
from compliance.forms.decisions import NoteForm, ReasonForm
from compliance.models import ApprovalNeeded, ChangeRecord, State, User
from compliance.permissions import check, may
from compliance.views import questions
from compliance.views.lists import Choice, as_file, asked_for, by_ref, file_wanted, filters, page
from compliance.views.needed import needed, needs_of
from compliance.views.panels import panel
from compliance.views.shown import facts, owner_link
from compliance.views.step_up import held
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
DECISIONS: Final = ("approve", "reject")  # offered by the template, with a key of their own
# verbs with a page of their own: label, icon, last part of the address
PAGES: Final = {
    "edit": ("Edit…", "pencil", "edit"),
    "ask_again": ("Ask again…", "rotate-ccw", "again"),
    "ask_question": ("Ask a question…", "message-circle-question-mark", "ask"),
}
OF_CHANGE: Final = (  # what a row of the list is made of
    "title", "kind", "state", "urgency", "created_at", "submitted_at", "decided_at", "implemented_at", "verified_at",
    "connection_id", "requested_by__name", "requested_by__email",
)  # fmt: skip
COLUMNS: Final = ("id", "title", "kind", "urgency", "state", "asked by", "asked", "decided", "verified", "connection")


def changes(request: HttpRequest) -> HttpResponse:
    """The list of change records."""
    base = ChangeRecord.objects.for_user(request.user)
    rows = narrowed(base, request.GET)
    related = ChangeRecord.objects.select_related("requested_by").only(*OF_CHANGE)
    if file_wanted(request):
        whole = rows.select_related("requested_by", "connection")
        return as_file(request, "eastwest-changes", COLUMNS, (csv_row(change) for change in whole))
    beside = panel("changes", None, request.user)  # type: ignore[arg-type]
    return render(
        request,
        "compliance/changes.html",
        {
            **page(request, rows, listed, related),
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
    connection = f"CON-{change.connection_id}" if change.connection_id else ""
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
        "connection": {"ref": connection, "url": f"/connections/{connection}/"} if connection else None,
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


def before_approval(change: ChangeRecord) -> bool:
    """Whether it was carried out before it was approved, whatever became of it since."""
    done, decided = change.implemented_at, change.decided_at
    return change.is_urgent and done is not None and (decided is None or done < decided)


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
