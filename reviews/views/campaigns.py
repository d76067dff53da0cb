"""Recertification campaigns: how far each owner has come, deciding on several at once, and the frozen result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance import severity
from compliance.errors import NotAllowed, Refused
from compliance.forms.bulk import RecertifyForm
from compliance.models import System, User
from compliance.models.estate import day_of
from compliance.permissions import check, may
from compliance.views.bulk import GRADES, answered, numbers
from compliance.views.bulk import line as readable
from compliance.views.changes import signed_in
from compliance.views.lists import Choice, as_file, file_wanted, filters, page
from compliance.views.verbs import confirm
from compliance.words import CAMPAIGN_ITEMS
from reviews.actions import campaigns as verbs
from reviews.actions.campaigns import WITH
from reviews.campaign_forms import CampaignForm, CloseForm
from reviews.campaigns import Stand, is_overdue, line, result, sentence, shares, stands
from reviews.models import Campaign, CampaignItem

COLUMNS: Final = (
    "connection", "title", "services", "system", "owner", "state", "decided", "because", "until", "by", "at", "change",
    "note",
)  # fmt: skip


def of(request: HttpRequest, number: int) -> Campaign:
    """The campaign, where it is about a system this person may see."""
    rows = Campaign.objects.for_user(signed_in(request)).select_related("started_by", "closed_by", "zone")
    return get_object_or_404(rows, pk=number)


def seen(row: Campaign, person: User) -> list[Stand]:
    """What of it is about systems this person may see, as it stands now."""
    items = CampaignItem.objects.for_user(person).filter(campaign=row)
    return stands(items.select_related(*WITH), timezone.now())


def going_on(items: QuerySet[CampaignItem]) -> dict[int, list[Stand]]:
    """Campaign → its connections among these, as they stand; for all campaigns that go on at once."""
    found: dict[int, list[Stand]] = {}
    if not Campaign.objects.filter(state=Campaign.State.OPEN).exists():  # as on most days
        return found
    for one in stands(items.filter(campaign__state=Campaign.State.OPEN).select_related(*WITH), timezone.now()):
        found.setdefault(one.item.campaign_id, []).append(one)
    return found


def campaigns(request: HttpRequest) -> HttpResponse:
    """All of them, the newest first."""
    person, today = signed_in(request), day_of(timezone.now())
    open_ones = going_on(CampaignItem.objects.for_user(person))

    def show(row: Campaign) -> dict[str, Any]:
        found = open_ones.get(row.pk, [])
        return {
            "ref": row.ref,
            "url": verbs.path_of(row),
            "title": row.title,
            "state": "overdue" if is_overdue(row, found, today) else row.state,
            "which": about(row),
            "due": row.due,
            "by": str(row.started_by),
            "said": told(row) if row.state == Campaign.State.CLOSED else sentence(found),
            "digest": row.result_hash,
        }

    rows = Campaign.objects.for_user(person).select_related("started_by", "zone")
    new_url = "/campaigns/new/" if may(person, "start_campaign", None) is None else ""
    return render(request, "reviews/campaigns.html", {**page(request, rows, show), "new_url": new_url})


def told(row: Campaign) -> str:
    """What came of one that is closed, in a line."""
    ended = result(row)
    if not ended:
        return "Its result was altered after it was frozen: it counts for nothing"
    return f"{ended['not_decided']} of {len(ended['connections'])} were not decided when it was closed"


def about(row: Campaign) -> str:
    """Which connections it is about, in words."""
    if row.which == Campaign.Which.DUE and row.before:
        return f"Those to be reviewed by {row.before.day} {row.before:%B %Y}"
    return f"Those with an end in {row.zone}" if row.zone else row.get_which_display()


def new(request: HttpRequest) -> HttpResponse:
    """Starting one."""
    person = signed_in(request)
    check(person, "start_campaign", None)
    form = CampaignForm(request.POST or None, person=person)
    refused = None
    if request.method == "POST" and form.is_valid():
        said = {**form.cleaned_data, "systems": list(form.cleaned_data["systems"])}
        try:
            return HttpResponseRedirect(verbs.path_of(verbs.start(by=person, **said)))
        except Refused as refusal:
            refused = refusal
    context = {
        "title": "Start a campaign",
        "lead": "Owners go through what is authorised for their systems, and keep, narrow or remove each. What nobody "
        "decides on is not kept by that.",
        "form": form,
        "submit": "Start it and tell the owners",
        "back_url": "/campaigns/",
        "multipart": False,
        "crumb": [{"label": "Campaigns", "url": "/campaigns/"}],
        "refused": refused,
    }
    status = 403 if isinstance(refused, NotAllowed) else 409 if refused else 422 if form.errors else 200
    return render(request, "compliance/form.html", context, status=status)


def campaign(request: HttpRequest, number: int) -> HttpResponse:
    """One of them: owner by owner, connection by connection; closed, as it was frozen."""
    person, row = signed_in(request), of(request, number)
    if row.state == Campaign.State.CLOSED:
        return closed(request, row, person)
    found, today = seen(row, person), day_of(timezone.now())
    mine = {one.pk for one in System.objects.for_user(person) if may(person, "decide_campaign", one) is None}
    grades = severity.of_materials({one.item.pk: (one.version or one.item.version).said for one in found})
    shown = narrowed(found, grades, request.GET)
    if file_wanted(request):
        return as_file(
            request, f"eastwest-{row.ref}", COLUMNS, ([line(one)[name] for name in COLUMNS] for one in shown)
        )

    def show(one: Stand) -> dict[str, Any]:
        ticks = one.left and one.state != "draft" and one.item.system_id in mine
        return line(one) | {
            "url": f"/connections/{one.item.connection.ref}/",
            "change_url": f"/changes/{one.item.change.ref}/" if one.item.change else "",
            "grade": grades[one.item.pk],
            "may": ticks,
        }

    context = {
        **page(request, shown, show),
        "filters": filters(request, "Name, service or CON-42", choices(found)),
        "campaign": facts(row, "overdue" if is_overdue(row, found, today) else "open"),
        "said": sentence(found),
        "shares": [share(one) for one in shares(found)],
        "total": len(found),
        "may_decide": any(one.left and one.item.system_id in mine for one in found),
        "close_url": f"{verbs.path_of(row)}close/" if may(person, "close_campaign", row) is None else "",
        "frozen": None,
    }
    return render(request, "reviews/campaign.html", context)


def choices(found: Sequence[Stand]) -> list[Choice]:
    """The filters of the list."""
    systems = sorted({one.item.system.name for one in found})
    return [
        Choice(
            "state", "State", [("left", "Left to decide"), *((key, one.label) for key, one in CAMPAIGN_ITEMS.items())]
        ),
        Choice("severity", "Severity", GRADES),
        Choice("system", "System", [(name, name) for name in systems]),
    ]


def narrowed(found: Sequence[Stand], grades: Mapping[int, str], asked: Mapping[str, str]) -> list[Stand]:
    """Those that fit what is asked in the address: q, state, severity, system."""
    words, state, system = (asked.get(name, "") for name in ("q", "state", "system"))
    grade = asked.get("severity", "")
    return [
        one
        for one in found
        if (not state or one.state == state or (state == "left" and one.left))
        and (not grade or grades[one.item.pk] == grade)
        and (not system or one.item.system.name == system)
        and (not words.strip() or words.strip().lower() in " ".join(map(str, line(one).values())).lower())
    ]


def facts(row: Campaign, state: str) -> dict[str, Any]:
    """What stands at the head of its page."""
    return {
        "ref": row.ref,
        "title": row.title,
        "state": state,
        "which": about(row),
        "systems": ", ".join(row.systems.values_list("name", flat=True)),
        "due": row.due,
        "started_by": str(row.started_by),
        "started_at": row.started_at,
        "closed_by": str(row.closed_by or ""),
        "closed_at": row.closed_at,
        "because": row.closed_because,
    }


def share(one: Any) -> dict[str, Any]:
    """What one owner has to decide, as a line."""
    words = [f"{count} {CAMPAIGN_ITEMS[state].label.lower()}" for state, count in one.numbers.items()]
    return {"owner": str(one.system.owner), "system": one.system.name, "count": one.total, "left": one.left,
            "decided": one.total - one.left, "told": "; ".join(words)}  # fmt: skip


def closed(request: HttpRequest, row: Campaign, person: User) -> HttpResponse:
    """The frozen result, of the systems this person may see; where its text is not that of its hash, that is said."""
    names = set(System.objects.for_user(person).values_list("name", flat=True))
    ended = result(row)
    every = [one for one in ended.get("connections", ()) if one["system"] in names]
    words, state = request.GET.get("q", "").strip().lower(), request.GET.get("state", "")
    rows = [
        one
        for one in every
        if (not state or one["state"] == state) and (not words or words in " ".join(map(str, one.values())).lower())
    ]
    if file_wanted(request):
        return as_file(request, f"eastwest-{row.ref}", COLUMNS, ([one[name] for name in COLUMNS] for one in rows))
    context = {
        **page(request, rows, lambda one: one | {"url": f"/connections/{one['connection']}/",
                                                 "change_url": f"/changes/{one['change']}/" if one["change"] else ""}),
        "filters": filters(request, "Name, service or CON-42",
                           [Choice("state", "State", [(key, one.label) for key, one in CAMPAIGN_ITEMS.items()])]),
        "campaign": facts(row, "closed"),
        "said": told(row),
        "shares": [],
        "total": len(every),
        "may_decide": False,
        "close_url": "",
        "frozen": {"digest": row.result_hash, "sound": bool(ended)},
    }  # fmt: skip
    return render(request, "reviews/campaign.html", context)


def decide(request: HttpRequest, number: int) -> HttpResponse:
    """Keep, narrow or remove the ticked connections of one severity."""
    person, row, today = signed_in(request), of(request, number), day_of(timezone.now())
    check(person, "decide_campaign", None)
    wanted = numbers(request, "connection", "CON")
    items = CampaignItem.objects.for_user(person).filter(campaign=row, connection__in=wanted).select_related(*WITH)
    found = [one for one in stands(items, timezone.now()) if one.version is not None]
    for one in found:
        check(person, "decide_campaign", one.item)
    if not found:
        check(person, "decide_campaign", mine_first(row, person))
    grades = severity.of_materials({one.item.connection_id: one.version.said for one in found if one.version})
    lines = [
        readable(one.version, grades[one.item.connection_id], today)
        | {"wrong": "" if one.left and one.state != "draft" else one.note or "It is decided on.", "note": note(one)}
        for one in found
        if one.version
    ]
    refs = {one.item.connection.ref: one.item.connection_id for one in found}
    start = {"until": today + timedelta(days=365)}
    form = RecertifyForm(request.POST or None, initial=start, refs=refs)

    def act() -> list[Any]:
        said = [(one.item, request.POST.get(f"seen-{one.item.connection.ref}", "")) for one in found]
        what, until = form.cleaned_data["what"], form.cleaned_data["until"]
        return verbs.decide(row, said, what, because=form.reasons(), until=until, by=person)

    return answered(
        request, form, lines, act, name="connection", title=f"{row.ref}: decide on several", back=verbs.path_of(row),
        consequence="Each becomes a change record that you ask for: another owner (a deputy, or who stands in for you) "
        "and a manager agree to it, or it is not kept by that.",
    )  # fmt: skip


def mine_first(row: Campaign, person: User) -> System | None:
    """A system of the campaign that this person sees: whether they decide there is asked of it."""
    return row.systems.filter(pk__in=System.objects.for_user(person).values("pk")).order_by("pk").first()


def note(one: Stand) -> str:
    """The day it is to be reviewed by, and what happened meanwhile."""
    by = one.version.review_by if one.version else None
    due = f"to be reviewed by {by.day} {by:%B %Y}" if by else "no day of review"
    return f"{due}. {one.note}" if one.note else due


def close(request: HttpRequest, number: int) -> HttpResponse:
    """Freezing the result, read back first."""
    person, row = signed_in(request), of(request, number)
    check(person, "close_campaign", row)
    stood = shares(seen(row, person)) if row.state == Campaign.State.OPEN else []
    return confirm(
        request,
        form=CloseForm(request.POST or None),
        act=lambda form: verbs.close(row, by=person, **form.cleaned_data),
        done=lambda _: verbs.path_of(row),
        context={
            "title": f"Close {row.ref}",
            "crumb": ["Campaigns", row.ref],
            "back_url": verbs.path_of(row),
            "subject": row.title,
            "consequence": "The result is frozen with its hash, and stands in the ledger. What nobody decided on "
            "stands in it as not decided; the change records go on as they are.",
            "facts": [
                {"label": f"{one.system.owner}, {one.system}", "text": f"{one.left} of {one.total} not decided"}
                for one in stood
            ],
            "warning": None,
            "submit": "Close it",
            "danger": any(one.left for one in stood),
        },
    )


def waiting(person: User) -> list[tuple[Campaign, int]]:
    """The campaigns in which this person has something left to decide, and how much."""
    mine = [one.pk for one in System.objects.for_user(person) if may(person, "decide_campaign", one) is None]
    if not mine:
        return []
    found = going_on(CampaignItem.objects.filter(system__in=mine))
    left = {key: sum(one.left for one in rows) for key, rows in found.items()}
    rows = Campaign.objects.filter(pk__in=[key for key, count in left.items() if count]).order_by("due", "pk")
    return [(row, left[row.pk]) for row in rows]


def inbox(_: Any, person: User) -> dict[str, Any]:
    """A line of the inbox for each campaign in which this person has something left (settings.PANELS)."""
    today = day_of(timezone.now())
    return {
        row.ref: {
            "text": f"{row.ref} {row.title}: {left} to decide, "
            f"{'overdue since' if row.due < today else 'by'} {row.due.day} {row.due:%B %Y}",
            "url": f"{verbs.path_of(row)}?state=left",
        }
        for row, left in waiting(person)
    }
