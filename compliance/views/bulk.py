"""Deciding on several: ticked in a list, read back on a check page, then each by its own verb, and told one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from compliance import severity
from compliance.actions import bulk as verbs
from compliance.errors import Refused
from compliance.forms.bulk import DecideForm, EachForm, RecertifyForm
from compliance.models import ChangeRecord, Connection, ConnectionVersion, System, User
from compliance.models.connections import VersionQuerySet
from compliance.models.estate import day_of
from compliance.permissions import check, may
from compliance.views.changes import signed_in
from compliance.views.connections import search
from compliance.views.lists import Choice, as_file, file_wanted, filters, page_of
from compliance.views.shown import ends, said_day, services
from compliance.views.step_up import held

AHEAD: Final = {"overdue": 0, "30": 30, "60": 60, "90": 90}  # days that "due" looks ahead
GRADES: Final = [("high", "High"), ("medium", "Medium"), ("low", "Low")]


def numbers(request: HttpRequest, name: str, prefix: str) -> list[int]:
    """The ids that were ticked (CHG-1 …), each once, in their order."""
    said = [*request.GET.getlist(name), *request.POST.getlist(name)]
    found = [text.removeprefix(f"{prefix}-") for text in said if text.startswith(f"{prefix}-")]
    return list(dict.fromkeys(int(text) for text in found if text.isdecimal() and len(text) <= 18))


def decide(request: HttpRequest) -> HttpResponse:
    """Approve or reject the ticked changes of one severity."""
    person = signed_in(request)
    check(person, "see", None)
    wanted = numbers(request, "change", "CHG")
    rows = {row.pk: row for row in ChangeRecord.objects.waiting_for(person).filter(pk__in=wanted)}
    given = {row.pk: row for row in ChangeRecord.objects.for_user(person).filter(pk__in=wanted)}
    listed = [given[key] for key in wanted if key in given]
    grades = severity.of_changes(listed)
    form = DecideForm(request.POST or None, initial=held(request), refs={row.ref: row.pk for row in listed})

    def act() -> list[verbs.Outcome]:
        said = [(row, seen(request, row.ref)) for row in listed]
        return verbs.decide(said, form.cleaned_data["verb"], because=form.reasons(), by=person)

    lines = [
        {
            "ref": row.ref,
            "url": f"/changes/{row.ref}/",
            "title": row.title,
            "text": " → ".join(part for part in ends(row.material) if part),
            "detail": services(row.material),
            "note": f"asked by {row.requested_by}",
            "seen": row.version,
            "wrong": "" if row.pk in rows else refusal(person, row),
            "grade": grades[row.pk],
        }
        for row in listed
    ]
    return answered(
        request, form, lines, act, name="change", title="Decide on several changes", back="/inbox/",
        consequence="Each is decided by its own verb, with the version you see here; each has its line afterwards.",
    )  # fmt: skip


def refusal(person: User, change: ChangeRecord) -> str:
    """Why this person cannot decide on this one."""
    why = may(person, "approve", change)
    return (why.why or why.what) if why else "it does not wait for you"


def seen(request: HttpRequest, ref: str) -> int | None:
    """The version that was read of a change."""
    text = request.POST.get(f"seen-{ref}", "")
    return int(text) if text.isdecimal() and len(text) <= 9 else None


def answered(
    request: HttpRequest,
    form: EachForm,
    lines: Sequence[Mapping[str, Any]],
    act: Any,
    *,
    name: str,
    title: str,
    back: str,
    consequence: str,
    heads: tuple[str, str] = ("From, to", "What"),
) -> HttpResponse:
    """The check page (GET, or what was refused as a whole), or what became of each (POST)."""
    refused = None
    if request.method == "POST" and lines and form.is_valid():
        try:
            outcomes = act()
        except Refused as refusal:
            refused = refusal
        else:
            done = sum(one.done for one in outcomes)
            context = {"title": title, "outcomes": outcomes, "done": done, "back": back}
            return render(request, "compliance/bulk_done.html", context, status=200 if done else 409)
    grades = [grade for grade, _ in GRADES if any(line["grade"] == grade for line in lines)]
    parts = []
    for grade in grades:
        mine = [line for line in lines if line["grade"] == grade]
        query = "&".join(f"{name}={line['ref']}" for line in mine)
        parts.append({"grade": grade, "lines": mine, "url": f"{request.path}?{query}"})
    context = {
        "title": title, "form": form, "parts": parts, "mixed": len(grades) > 1, "refused": refused, "name": name,
        "back_url": back, "consequence": consequence, "heads": heads,
    }  # fmt: skip
    status = 409 if refused else 422 if lines and form.errors else 200
    return render(request, "compliance/bulk_check.html", context, status=status)


def recertify(request: HttpRequest) -> HttpResponse:
    """What is to be looked at again: overdue, or due within a while."""
    person, today = signed_in(request), day_of(timezone.now())
    ahead = AHEAD.get(request.GET.get("due", ""), 60)
    due = verbs.due(person, by_day=today + timedelta(days=ahead - (ahead == 0)), today=today)
    rows = narrowed(due, request.GET)
    if file_wanted(request):
        cells = ("ref", "title", "detail", "system", "owner", "grade", "review_by")
        good = rows.authorised_at(today)
        show = shows(good.values_list("pk", flat=True), today)
        lines = (show(key) for key in of_severity(good, request.GET.get("severity", "")))
        return as_file(request, "eastwest-recertification", cells, ([each[cell] for cell in cells] for each in lines))
    names = System.objects.for_user(person).values_list("name", flat=True)
    choices = [
        Choice(
            "due",
            "Due",
            [("overdue", "Overdue"), ("30", "Within 30 days"), ("60", "Within 60 days"), ("90", "Within 90 days")],
        ),
        Choice("severity", "Severity", GRADES),
        Choice("system", "System", [(name, name) for name in names]),
    ]
    context = {
        **page_of(request, of_severity(rows, request.GET.get("severity", "")), lambda keys: shows(keys, today)),
        "filters": filters(request, "Name, service or CON-42", choices),
        "total": due.exists(),
        "may_ask": may(person, "amend", None) is None,
    }
    return render(request, "compliance/recertify.html", context)


def narrowed(rows: VersionQuerySet, asked: Mapping[str, str]) -> VersionQuerySet:
    """What is due and fits the words and the system in the address."""
    words = asked.get("q", "").strip()
    if words:
        rows = rows.filter(connection__in=Connection.objects.filter(search(words)).values("pk"))
    return rows.filter(connection__system__name=asked["system"]) if asked.get("system") else rows


def of_severity(rows: VersionQuerySet, wanted: str) -> Any:
    """The keys of those of a severity ("": of any), in their order. It follows from what each says, so all are read."""
    if not wanted:
        return rows.values_list("pk", flat=True)
    grades = severity.of_materials(dict(rows.order_by().values_list("pk", "material")))
    return [key for key in rows.values_list("pk", flat=True) if grades.get(key) == wanted]


def shows(keys: Any, today: date) -> Callable[[int], dict[str, Any]]:
    """How versions of these keys are shown; the seals of their approvals are looked at."""
    rows = ConnectionVersion.objects.filter(pk__in=list(keys))
    related = rows.select_related("connection__system__owner", "connection__source", "connection__destination")
    found = {one.pk: one for one in related}
    grades = severity.of_materials({key: one.said for key, one in found.items()})
    counting = rows.keys_authorised_at(today)
    return lambda key: {**line(found[key], grades[key], today), "counts": key in counting}


def line(version: ConnectionVersion, grade: str, today: Any) -> dict[str, Any]:
    """A connection that is due, as a line."""
    connection = version.connection
    return {
        "ref": connection.ref,
        "url": f"/connections/{connection.ref}/",
        "title": " → ".join(ends(version.material)),
        "text": " → ".join(ends(version.material)),
        "detail": services(version.material),
        "system": connection.system.name,
        "owner": str(connection.system.owner),
        "grade": grade,
        "review_by": version.review_by,
        "late": bool(version.review_by and version.review_by < today),
        "verdict": connection.drift,
        "seen_at": connection.last_seen_at,
        "note": f"to be reviewed by {said_day(version.material.get('review_by'))}",
        "seen": version.material_hash,
        "wrong": "",
    }


def recertify_check(request: HttpRequest) -> HttpResponse:
    """Keep, narrow or revoke the ticked connections of one severity."""
    person, today = signed_in(request), day_of(timezone.now())
    check(person, "amend", None)
    wanted = numbers(request, "connection", "CON")
    found = {row.pk: row for row in Connection.objects.for_user(person).filter(pk__in=wanted)}
    stands = {key: version for key in wanted if key in found and (version := found[key].version_on(today))}
    grades = severity.of_materials({key: version.said for key, version in stands.items()})
    lines = [line(version, grades[key], today) for key, version in stands.items()]
    start = {"until": today + timedelta(days=365), "what": "keep"}
    form = RecertifyForm(request.POST or None, initial=start, refs={found[key].ref: key for key in stands})

    def act() -> list[verbs.Outcome]:
        said = [(found[key], request.POST.get(f"seen-{found[key].ref}", "")) for key in stands]
        what, until = form.cleaned_data["what"], form.cleaned_data["until"]
        return verbs.recertify(said, what, because=form.reasons(), until=until, by=person)

    return answered(
        request, form, lines, act, name="connection", title="Recertify several connections",
        back="/connections/recertify/",
        consequence="Nothing is decided by it: each becomes a change record on which its owner and a manager decide.",
    )  # fmt: skip
