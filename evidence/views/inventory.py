"""The register against everything that was seen: three lists, from each source and all, and what to do about a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Final
from urllib.parse import quote, urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from compliance.errors import Refused
from compliance.forms.risks import RiskForm
from compliance.models import System, User
from compliance.models.estate import day_of
from compliance.permissions import check, may
from compliance.views.changes import signed_in
from compliance.views.lists import Choice, as_file, file_wanted, filters, page_of
from compliance.views.verbs import confirm
from evidence.actions import outside as verbs
from evidence.actions import registering
from evidence.forms.inventory import RegisterServerForm, SetAsideForm
from evidence.inventory_lists import HOST_KINDS, Held, Lists, Seen, Seer, Stranger, key_of, said, seen_in
from evidence.models import Sighting
from evidence.sightings import Kind
from evidence.views.shown import latest

Show = Callable[[Any], dict[str, Any]]  # a row → as the template takes it
Shows = Callable[[Sequence[Any]], Show]  # the rows of a page or file → the same
TABS: Final[dict[str, str]] = {
    "unregistered": "Seen, not registered",
    "never": "Registered, never seen",
    "registered": "Registered and seen",
    "outside": "Decided to be none of ours",
}
PARTLY: Final = " (not read in full)"
SHOWN: Final = 3  # places that a row repeats
STRANGERS: Final = ("address or name", "network in scope", "called", "seen by", "where", "first seen", "decided")
SERVERS: Final = ("server", "addresses", "system", "registered since", "seen by", "never seen by", "not any more by")


def inventory(request: HttpRequest) -> HttpResponse:
    """One of the lists, filtered; above it what each source can say at all."""
    person = signed_in(request)
    lists = Lists(person)
    tab = request.GET.get("list", "") if request.GET.get("list") in TABS else "unregistered"
    seer = lists.seer(request.GET.get("source", ""))
    strangers = tab in ("unregistered", "outside")
    rows, shows = wanted(lists, tab, seer, request.GET)
    if file_wanted(request):
        cells, columns = (stranger_cells, STRANGERS) if strangers else (server_cells, SERVERS)
        show = shows(rows) if strangers else partial(server_row, lists=lists, seer=None)
        return as_file(request, f"eastwest-inventory-{tab}", columns, (cells(show(row)) for row in rows))
    comparison = latest()
    return render(
        request,
        "evidence/inventory.html",
        {
            **page_of(request, rows, shows),
            "tab": tab,
            "tabs": [tab_of(request, name, label, lists, seer, tab) for name, label in TABS.items()],
            "strangers": strangers,
            "seers": [seer_row(one, lists) for one in lists.seers],
            "gaps": [{"label": one.label, "said": one.said} for one in lists.seers if one.said],
            "in_scope": sum(bool(one.place) for one in lists.strangers),
            "elsewhere": sum(not one.place for one in lists.strangers),
            "unseen": len(lists.never()),
            "filters": filters(request, "Address, name or zone", choices(lists, strangers=strangers)),
            "kept": [(key, request.GET[key]) for key in ("list",) if request.GET.get(key)],
            "chosen": seer,
            "compared_at": comparison.at if comparison else None,
            "add_url": "/inventory/new/" if may(person, "add_source", None) is None else "",
        },
    )


def wanted(lists: Lists, tab: str, seer: Seer | None, asked: Any) -> tuple[list[Any], Shows]:
    """The rows of a list that fit what is asked in the address, and how some of them are shown."""
    words, zone = asked.get("q", "").strip().lower(), asked.get("zone", "")
    if tab in ("unregistered", "outside"):
        found = lists.strangers if tab == "unregistered" else lists.outside
        kept = [one for one in found if seer is None or one.by(seer.key)]
        kept = [one for one in kept if one.place == ("" if zone == "elsewhere" else zone)] if zone else kept
        return with_words(kept, words, lists) if words else kept, lambda rows: stranger_rows(rows, lists)
    servers = (lists.registered if tab == "registered" else lists.never)(seer.key if seer else "")
    named = [one for one in servers if not words or words in f"{one.name} {' '.join(one.addresses)}".lower()]
    return named, lambda _: lambda row: server_row(row, lists, seer)


def with_words(strangers: Sequence[Stranger], words: str, lists: Lists) -> list[Stranger]:
    """Those of which these words are said: an address or name, its network, what it is called, where it was seen."""
    seen = lists.seen(strangers)

    def said(one: Stranger) -> str:
        return " ".join((one.key, one.place, *(f"{row.name} {row.where}" for row in seen[one.key])))

    return [one for one in strangers if words in said(one).lower()]


def choices(lists: Lists, *, strangers: bool) -> list[Choice]:
    """The filters of a list."""
    found = [Choice("source", "Seen by" if strangers else "Source", [(one.key, one.label) for one in lists.seers])]
    if strangers:
        places = sorted({one.place for one in (*lists.strangers, *lists.outside) if one.place})
        found.append(Choice("zone", "Where", [*((one, one) for one in places), ("elsewhere", "Outside the scope")]))
    return found


def tab_of(request: HttpRequest, name: str, label: str, lists: Lists, seer: Seer | None, tab: str) -> dict[str, Any]:
    """One of the lists as a tab, with its count."""
    counted, _ = wanted(lists, name, seer, {})
    kept = {"list": name} | ({"source": seer.key} if seer else {})
    return {"label": label, "count": len(counted), "url": f"?{urlencode(kept)}", "current": name == tab}


def seer_row(one: Seer, lists: Lists) -> dict[str, Any]:
    """One source: what it can say, and its three numbers."""
    counts = {
        "registered": len(lists.registered(one.key)),
        "unregistered": lists.seen_by[one.key],
        "never": len(lists.never(one.key)),
    }
    return {
        "label": one.label,
        "url": one.url,
        "state": one.state,
        "said": one.said,
        "read_at": one.read_at,
        "late": one.state in ("stale", "never"),
        "counts": [{"count": n, "url": f"?list={name}&source={one.key}"} for name, n in counts.items()],
    }


def stranger_rows(rows: Iterable[Stranger], lists: Lists) -> Show:
    """How these are shown."""
    rows = list(rows)
    seen, allowed = lists.seen(rows), lru_cache(partial(may_do, lists.person))
    return lambda one: stranger_row(one, seen[one.key], lists, allowed)


def may_do(person: User, verb: str, system: System) -> bool:
    """Whether the person may do that for a system: asked once for all rows of it."""
    return may(person, verb, system) is None


def stranger_row(
    one: Stranger, seen: Sequence[Seen], lists: Lists, allowed: Callable[[str, System], bool]
) -> dict[str, Any]:
    """One address or name that nobody registered."""
    called = dict.fromkeys(row.name for row in seen if row.name and row.kind != Kind.NEIGHBOURS)
    known = {short.lower(): short for short in called}
    system = lists.systems[one.rows[0].system]
    return {
        "key": one.key,
        "place": one.place,
        "names": ", ".join(name for short, name in known.items() if short != one.key),
        "by": seen_by(seen, lists),
        "where": [where(row, lists.person) for row in seen[:SHOWN]],
        "places": [where(row, lists.person) for row in seen],
        "more": max(len(seen) - SHOWN, 0),
        "since": seen[0].first_seen if seen else None,
        "system": str(system),
        "decided": one.decided,
        "register_url": f"/inventory/register/?{urlencode({'key': one.key})}",
        "outside_url": f"/inventory/outside/?{urlencode({'key': one.key})}",
        "may_register": allowed("add_server", system),
        "may_leave": allowed("request_risk" if one.place else "set_aside", system),
    }


def seen_by(rows: Iterable[Seen], lists: Lists) -> str:
    """The sources that show it, in words."""
    labels = {one.key: one.label for one in lists.seers}
    keys = dict.fromkeys(key_of(row.kind, row.inventory) for row in rows)
    return ", ".join(labels.get(key, HOST_KINDS.get(key, ("another inventory", ""))[0]) for key in keys)


def where(row: Seen, person: User) -> str:
    """Where it was seen. The hosts of systems of others stay unnamed."""
    mine = person.system_ids()
    if row.host_system is not None and mine is not None and row.host_system not in mine:
        return "at a host of another system"
    return f"{row.inventory_name}, {row.where}" if row.inventory else row.where


def server_row(one: Held, lists: Lists, seer: Seer | None) -> dict[str, Any]:
    """One registered server: what shows it, since when, and what never did."""
    labels = {each.key: each for each in lists.seers}
    asked = [seer] if seer else lists.seers
    return {
        "name": one.name,
        "url": f"/servers/{quote(one.name, safe='')}/",
        "addresses": ", ".join(one.addresses) or "no address",
        "system": str(one.system),
        "owner": str(one.system.owner),
        "since": one.since,
        "seen": [{"label": labels[key].label, "at": at} for key, at in sorted(one.seen.items()) if key in labels],
        "first": min(one.seen.values(), default=None),
        "never": [f"{each.label}{PARTLY if each.said else ''}" for each in asked if each.key not in one.seen],
        "gone": [{"label": labels[key].label, "at": at} for key, at in sorted(one.gone.items()) if key in labels],
    }


def stranger_cells(row: Mapping[str, Any]) -> list[Any]:
    """A row of the CSV, as it is shown."""
    places, since = "; ".join(row["places"]), f"{day_of(row['since']):%Y-%m-%d}" if row["since"] else ""
    return [row["key"], row["place"], row["names"], row["by"], places, since, row["decided"]]


def server_cells(row: Mapping[str, Any]) -> list[Any]:
    """A row of the CSV, as it is shown."""
    seen, gone = (
        "; ".join(f"{each['label']} ({said(day_of(each['at']))})" for each in row[key]) for key in ("seen", "gone")
    )
    since = f"{day_of(row['since']):%Y-%m-%d}" if row["since"] else ""
    return [row["name"], row["addresses"], row["system"], since, seen, "; ".join(row["never"]), gone]


def stranger_of(request: HttpRequest) -> Sighting:
    """The row that a step is about, among those this person may see."""
    try:
        row = verbs.seen(request.POST.get("key", "") or request.GET.get("key", ""))
    except Refused as refused:
        raise Http404(str(refused)) from refused
    return get_object_or_404(Sighting.objects.for_user(signed_in(request)).select_related("system"), pk=row.pk)


def register(request: HttpRequest) -> HttpResponse:
    """Register a server that was seen."""
    person, row = signed_in(request), stranger_of(request)
    check(person, "add_server", row.system)
    key = verbs.key_of(row)
    start = {"key": key, "name": row.name, "system": row.system_id, "zone": row.zone_id, "environment": "production"}
    form = RegisterServerForm(request.POST or None, person=person, initial=start)

    def act(form: RegisterServerForm) -> Any:
        given = {name: value for name, value in form.cleaned_data.items() if name != "key"}
        return registering.register_seen(key, by=person, **given)

    told = "Nothing is authorised by it. The next comparison knows it."
    return confirm(
        request,
        form=form,
        act=act,
        done=lambda server: f"/servers/{quote(server.name, safe='')}/",
        context=asked(row, person, f"Register {key}", told, "Register"),
    )


def leave_out(request: HttpRequest) -> HttpResponse:
    """Say that something need not be registered: in scope two people decide, elsewhere a note does."""
    person, row = signed_in(request), stranger_of(request)
    return (ask_outside if row.place else set_aside)(request, person, row)


def ask_outside(request: HttpRequest, person: User, row: Sighting) -> HttpResponse:
    """An address in a network of the estate: leaving it out narrows the scope, so a second person decides."""
    check(person, "request_risk", row.system)
    key, officer = verbs.key_of(row), row.system.authorising_officer
    told = f"It narrows the scope: {officer or 'the authorising officer, whom nobody has named yet,'} decides. "
    told += "Its traffic is judged all the same, and after that day it counts again."
    return confirm(
        request,
        form=RiskForm(request.POST or None),
        act=lambda form: verbs.ask_outside(key, by=person, **form.cleaned_data),
        done=lambda risk: f"/risks/{risk.ref}/",
        context=asked(row, person, f"{key} need not be registered", told, "Ask"),
    )


def set_aside(request: HttpRequest, person: User, row: Sighting) -> HttpResponse:
    """Something in no network of the estate: a note with a reason and an end."""
    check(person, "set_aside", row.system)
    key = verbs.key_of(row)
    told = "It stands in no network of the estate, so nothing is narrowed. After that day it is listed again."
    return confirm(
        request,
        form=SetAsideForm(request.POST or None, initial={"key": key}),
        act=lambda form: verbs.set_aside(
            key, because=form.cleaned_data["because"], until=form.cleaned_data["until"], by=person
        ),
        done=lambda _: "/inventory/?list=outside",
        context=asked(row, person, f"{key} is none of ours", told, "Set it aside"),
    )


def asked(row: Sighting, person: User, title: str, consequence: str, submit: str) -> dict[str, Any]:
    """Context of the confirmation page."""
    (seen,) = seen_in(Sighting.objects.filter(pk=row.pk))
    facts = [
        ("Seen", where(seen, person)),
        ("Where it stands", row.place or "outside every network of the estate"),
        ("Called", row.name),
        ("First seen", said(day_of(row.first_seen))),
        ("System", str(row.system)),
    ]
    return {
        "title": title,
        "crumb": ["Inventory", verbs.key_of(row)],
        "back_url": "/inventory/",
        "subject": "",
        "consequence": consequence,
        "facts": [{"label": label, "text": text, "mono": False} for label, text in facts if text],
        "warning": None,
        "submit": submit,
        "danger": False,
    }
