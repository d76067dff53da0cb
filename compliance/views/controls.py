"""Frameworks: which controls our evidence serves and what an assessor still has to do, how each stands as its owner
says, and what a newer release of the official text changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.text import slugify

from compliance.actions import catalogues as verbs
from compliance.catalogue import Control, Framework, controls
from compliance.catalogue.oscal import LARGEST
from compliance.errors import Refused
from compliance.forms.controls import ReleaseForm, StatementForm
from compliance.models import CatalogueRelease, ControlStatement, OfficialControl, Reattestation, System, User
from compliance.models.estate import day_of
from compliance.permissions import check, may
from compliance.views.changes import signed_in
from compliance.views.lists import Choice, as_file, file_wanted, filters, page
from compliance.views.verbs import confirm

SERVED: Final = {"direct": "Directly evidenced", "supporting": "Supporting evidence", "none": "Not evidenced"}
PARTS: Final = {
    "result": "Result", "diagram": "Diagram", "logs": "Communication logs", "changes": "Change records",
    "rules": "Firewall rules", "review": "Review", "exceptions": "Exceptions",
}  # fmt: skip
HEADINGS: Final = ("Served", "What this shows", "What the assessor still has to do", "As its owners state")
COLUMNS: Final = (
    "control", "framework", "title", "served", "pack sections", "what this shows", "what the assessor still has to do",
    "official revision", "updated", "release", "as stated",
)  # fmt: skip


def slug(control: Control) -> str:
    """Its key in an address: ism-1479, nist-sp-800-53-r5-sc-7-5."""
    return slugify(control.key.replace("(", "-").replace(".", "-"))


def known(name: str) -> Control:
    """The control of an address, or no such page."""
    found = next((one for one in controls() if slug(one) == name), None)
    if found is None:
        raise Http404
    return found


def frameworks() -> list[Framework]:
    """Each framework once, in the order of our catalogue."""
    return list(dict.fromkeys(one.framework for one in controls()))


def matrix(request: HttpRequest) -> HttpResponse:
    """The mapping matrix: one evidence, many controls."""
    person = signed_in(request)
    check(person, "see", None)
    rows = narrowed(controls(), request)
    official = newest_texts({one.framework.short for one in rows})
    stated = standing(person)
    asked = Reattestation.objects.for_user(person).filter(answer__isnull=True)
    if file_wanted(request):
        return as_file(request, "eastwest-controls", COLUMNS, (cells(one, official, stated) for one in rows))

    def show(one: Control) -> dict[str, Any]:
        text = official.get((one.framework.short, one.id))
        return {
            "control": one,
            "url": f"/controls/{slug(one)}/",
            "served": SERVED[one.served],
            "parts": [PARTS.get(part, part) for part in one.parts],
            "official": text,
            "stated": counted(stated.get((one.framework.short, one.id), [])),
        }

    choices = [
        Choice("framework", "Framework", [(one.short, one.name) for one in frameworks()]),
        Choice("served", "Served", list(SERVED.items())),
    ]
    context = {
        **page(request, rows, show),
        "filters": filters(request, "Id or words", choices, HEADINGS),
        "total": len(controls()),
        "asked": asked.count(),
        "late": asked.filter(due__lt=day_of(timezone.now())).count(),
    }
    return render(request, "compliance/controls.html", context)


def narrowed(rows: Iterable[Control], request: HttpRequest) -> list[Control]:
    """Those that fit what is asked in the address."""
    words = request.GET.get("q", "").strip().lower()
    framework, served = request.GET.get("framework", ""), request.GET.get("served", "")
    return [
        one
        for one in rows
        if (not framework or one.framework.short == framework)
        and (not served or one.served == served)
        and (not words or words in f"{one.key} {one.title} {one.shows} {one.remains}".lower())
    ]


def newest_texts(names: Iterable[str]) -> dict[tuple[str, str], OfficialControl]:
    """(framework, control) → the official text of the newest release that is here, of our controls."""
    releases = [one for one in map(verbs.newest, sorted(names)) if one is not None]
    rows = OfficialControl.objects.filter(release__in=releases, control__in={one.id for one in controls()})
    return {(row.release.framework, row.control): row for row in rows.select_related("release")}


def standing(person: User) -> dict[tuple[str, str], list[ControlStatement]]:
    """(framework, control) → what was stated last at each system this person sees."""
    found: dict[tuple[int, str, str], ControlStatement] = {}
    rows = ControlStatement.objects.for_user(person).select_related("system", "said_by", "release")
    for row in rows.order_by("pk"):
        found[row.system_id, row.framework, row.control] = row
    by_control: dict[tuple[str, str], list[ControlStatement]] = {}
    for row in sorted(found.values(), key=lambda one: one.system.name):
        by_control.setdefault((row.framework, row.control), []).append(row)
    return by_control


def counted(rows: Iterable[ControlStatement]) -> list[str]:
    """What is stated, and of how many systems."""
    labels = [row.get_status_display() for row in rows]
    return [f"{label}: {labels.count(label)}" for label in dict.fromkeys(labels)]


def cells(
    one: Control,
    official: dict[tuple[str, str], OfficialControl],
    stated: dict[tuple[str, str], list[ControlStatement]],
) -> list[str]:
    """One row of the file."""
    key = one.framework.short, one.id
    text, parts = official.get(key), ", ".join(PARTS.get(part, part) for part in one.parts)
    said = "; ".join(f"{row.system}: {row.get_status_display()}" for row in stated.get(key, []))
    return [
        one.id, one.framework.short, one.title, SERVED[one.served], parts, one.shows, one.remains,
        text.revision if text else "", text.updated if text else "", str(text.release) if text else "", said,
    ]  # fmt: skip


def control(request: HttpRequest, name: str) -> HttpResponse:
    """One control: its official text where it is here, what our evidence shows of it, and how it stands as stated."""
    person = signed_in(request)
    check(person, "see", None)
    one = known(name)
    key = one.framework.short, one.id
    systems = System.objects.for_user(person).order_by("name")
    said = {row.system_id: row for row in standing(person).get(key, [])}
    asked = Reattestation.objects.for_user(person).filter(framework=key[0], control=key[1], answer__isnull=True)
    open_ones = {row.system_id: row for row in asked.select_related("after")}
    today = day_of(timezone.now())
    lines = [
        {
            "system": system,
            "said": said.get(system.pk),
            "asked": open_ones.get(system.pk),
            "late": system.pk in open_ones and open_ones[system.pk].is_late(today),
            "url": f"/controls/{name}/state/{system.pk}/" if may(person, "state_control", system) is None else "",
        }
        for system in systems
    ]
    history = ControlStatement.objects.for_user(person).filter(framework=key[0], control=key[1])
    return render(
        request,
        "compliance/control.html",
        {
            "control": one,
            "served": SERVED[one.served],
            "parts": [PARTS.get(part, part) for part in one.parts],
            "official": newest_texts({key[0]}).get(key),
            "lines": lines,
            "history": history.select_related("system", "said_by")[:50],
        },
    )


def state(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Say how a control stands at a system."""
    person, one = signed_in(request), known(name)
    system = get_object_or_404(System.objects.for_user(person), pk=number)
    check(person, "state_control", system)
    text = newest_texts({one.framework.short}).get((one.framework.short, one.id))
    said = text.statement if text else one.statement
    facts = [
        ("System", str(system)), ("Control", f"{one.key} {one.title}"), ("Official text", said or "not loaded"),
        ("What our evidence shows", one.shows), ("What an assessor still has to do", one.remains),
    ]  # fmt: skip
    return confirm(
        request,
        form=StatementForm(request.POST or None),
        act=lambda form: verbs.state_control(system, one.key, by=person, **form.cleaned_data),
        done=lambda _: f"/controls/{name}/",
        context={
            "title": f"How {one.key} stands at {system}",
            "crumb": [one.framework.name],
            "back_url": f"/controls/{name}/",
            "subject": "You state it in your own name. Eastwest rates no control, and packs print it as stated.",
            "consequence": "It is kept beside what was stated before, and answers what a new release asked.",
            "facts": [{"label": label, "text": text, "mono": False} for label, text in facts],
            "warning": None,
            "submit": "State it",
            "danger": False,
        },
    )


def releases(request: HttpRequest) -> HttpResponse:
    """The official texts that are here; an administrator brings another."""
    person = signed_in(request)
    check(person, "see", None)
    refused = may(person, "load_catalogue", None)
    form = None if refused else ReleaseForm(request.POST or None, request.FILES or None)
    said, status = None, 200
    if request.method == "POST":
        check(person, "load_catalogue", None)
        if form is not None and form.is_valid():
            try:
                data = form.cleaned_data["file"].read(LARGEST + 1)
                return HttpResponseRedirect(f"/controls/releases/{verbs.load_release(data, by=person).pk}/")
            except Refused as refusal:
                said, status = refusal, 409
        else:
            status = 422
    rows = CatalogueRelease.objects.select_related("loaded_by").annotate(count=Count("controls"))
    context = {"rows": rows, "form": form, "refused": said}
    return render(request, "compliance/catalogue_releases.html", context, status=status)


def release(request: HttpRequest, number: int) -> HttpResponse:
    """What a release changed of the controls our evidence serves, against the one published before it."""
    person = signed_in(request)
    check(person, "see", None)
    row = get_object_or_404(CatalogueRelease.objects.select_related("loaded_by"), pk=number)
    earlier = CatalogueRelease.objects.filter(framework=row.framework, published__lte=row.published).exclude(pk=row.pk)
    before = earlier.order_by("-published", "-pk").first()
    ours = {one.id: one for one in verbs.mapped(row.framework)}
    found = verbs.impact(before, row) if before else []
    asked = Reattestation.objects.for_user(person).filter(after=row).select_related("system", "answer__said_by")
    return render(
        request,
        "compliance/catalogue_release.html",
        {
            "release": row,
            "before": before,
            "count": row.controls.count(),
            "changes": [{"change": one, "url": f"/controls/{slug(ours[one.control])}/"} for one in found],
            "missing": sorted(ours.keys() - set(row.controls.values_list("control", flat=True))),
            "asked": [{"row": one, "late": one.is_late(day_of(timezone.now()))} for one in asked],
        },
    )
