"""The inbox: the decisions that wait for somebody, and the chosen one beside them."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance import severity
from compliance.models import ChangeRecord, State, User
from compliance.views import questions
from compliance.views.changes import OF_CHANGE, before_approval, detail, signed_in
from compliance.views.keeping import kept
from compliance.views.paging import PAGE, Pages
from compliance.views.panels import panel
from compliance.views.resting import apart
from compliance.views.shown import ends, services
from compliance.views.together import together

ASKED: Final = (State.DRAFT, State.SUBMITTED)  # one's own requests that are not decided
# Tab → what its rows are called, one and several; what is said where there are none
CALLED: Final = {
    "for-me": ("decision waiting", "decisions waiting"),
    "to-do": ("approved change to be carried out", "approved changes to be carried out"),
    "asked": ("request of yours not decided", "requests of yours not decided"),
    "questions": ("question to answer", "questions to answer"),
}
NOTHING: Final = {
    "for-me": ("No decision waits for you", "Requests that need your decision come here, and a mail tells you."),
    "to-do": ("Nothing to be carried out", "Approved changes come here for engineers, until the rules show them."),
    "asked": ("Nothing you asked for waits", "Your drafts and requests stand here until they are decided."),
    "questions": ("No question to answer", "What is asked about requests of yours, or of systems you own, comes here."),
}
OF_LINE: Final = (*OF_CHANGE, "material", "due", "rests_on_id")  # what a line is made of


def inbox(request: HttpRequest, number: int | None = None) -> HttpResponse:
    """The decisions that wait for this person, and the chosen one beside them.

    Without a number the list is there at once, and the page fetches the first: what it would open takes rules to say.
    """
    person = signed_in(request)
    questioned = questions.waiting(person)
    tabs = inbox_tabs(person, questioned)
    tab = request.GET.get("tab", "")
    tab = tab if tab in tabs else "for-me"
    lines = list(tabs[tab][1].select_related("requested_by").only(*OF_LINE))
    if tab == "questions":
        lines.sort(key=lambda change: questioned.index(change.pk))
    counts = {key: len(lines) if key == tab else tabs[key][1].count() for key in tabs}
    singles, groups = apart(lines)
    listing = sorted(singles, key=lambda change: not change.is_urgent)
    chosen = next((change for change in listing if change.pk == number), None)
    if number is not None and chosen is None:
        chosen = get_object_or_404(ChangeRecord.objects.for_user(person), pk=number)
    pages = Pages(listing)
    place = listing.index(chosen) // PAGE + 1 if chosen in listing else 1
    here = pages.get_page(request.GET.get("page", place))
    chosen = chosen or next(iter(here.object_list), None)
    suffix = f"?tab={tab}" if tab != "for-me" else ""
    grades = severity.of_changes(here.object_list)
    oldest = min((change.submitted_at for change in listing if change.submitted_at), default=None)
    return render(
        request,
        "compliance/inbox.html",
        {
            "tabs": [
                {
                    "label": label,
                    "count": counts[key],
                    "url": f"/inbox/{f'?tab={key}' if key != 'for-me' else ''}",
                    "current": tab == key,
                }
                for key, (label, _) in tabs.items()
            ],
            "items": [inbox_item(change, chosen, suffix, grades[change.pk]) for change in here.object_list],
            "page": here if here.has_other_pages() else None,
            "query": suffix.removeprefix("?"),
            "groups": groups,
            "waiting": called(tab, len(listing) + sum(one["count"] for one in groups)),
            "nothing": NOTHING[tab],
            "oldest": oldest,
            "bulk_url": "/inbox/bulk/" if tab == "for-me" and len(listing) > 1 else "",
            "together": together(here.object_list, grades) if tab == "for-me" else [],
            "named": number is not None,
            "list_url": f"/inbox/{suffix}",
            "change": detail(chosen, person) if chosen and number is not None else None,
            "first": f"/inbox/{chosen.ref}/{suffix}" if chosen and number is None else "",
            "told": kept(person, ("told", person.pk), lambda: told(person)),
        },
    )


def called(tab: str, number: int) -> str:
    """How many a tab shows, in words: of one tab nothing is said on another."""
    one, several = CALLED[tab]
    return f"{number:,} {one if number == 1 else several}"


def told(person: User) -> list[Any]:
    """What the rooms above say in the inbox, a line each."""
    return [line for line in panel("inbox", None, person).values() if line]


def inbox_tabs(person: User, questioned: list[int]) -> dict[str, tuple[str, QuerySet[ChangeRecord]]]:
    """Tab → its label and its rows: the one that is shown is read, the others are counted."""
    mine = ChangeRecord.objects.waiting_for(person).order_by("submitted_at", "pk")
    drafts_first = F("submitted_at").asc(nulls_first=True)  # the databases differ in where they put what is not there
    asked = ChangeRecord.objects.filter(requested_by=person, state__in=ASKED).order_by(drafts_first, "pk")
    return {
        "for-me": ("For me", mine),
        "to-do": ("To be done", to_implement(person)),
        "asked": ("Asked by me", asked),
        "questions": ("To answer", ChangeRecord.objects.filter(pk__among=questioned)),
    }


def to_implement(person: User) -> QuerySet[ChangeRecord]:
    """Approved changes of the systems this person is an engineer of."""
    rows = ChangeRecord.objects.for_user(person).filter(state__in=[State.APPROVED, State.DISPUTED])
    return rows.order_by("decided_at", "pk") if person.holds(["engineer"]) else rows.none()


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
