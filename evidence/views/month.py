"""Evidence of a month: can I hand over the five things today, what is missing, what next?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django.db.models import Count, Exists, OuterRef
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST

from compliance.catalogue import controls
from compliance.models import ChangeRecord, Connection, Server, System, User, Zone
from compliance.permissions import may
from compliance.views.changes import signed_in
from compliance.views.jobs import card
from compliance.views.keeping import eyes, kept, scope
from compliance.views.navigation import at_most, shown
from compliance.views.panels import panel
from compliance.words import VERDICTS
from evidence.actions import packs
from evidence.attested import sentence, tally
from evidence.models import Comparison, Finding, Pack, Pull, Source
from evidence.verdicts import BESIDE
from evidence.views import flow_month
from evidence.views.shown import headlines, is_late, latest, listed
from evidence.views.trend import ends, trend

CONTROLS = ["ISM-1479", "ISO/IEC 27001:2022 Annex A 8.21", "ISO/IEC 27001:2022 Annex A 8.22"]
NOT_KNOWN = {"not_verifiable", "stale", "unreachable", "usage_unknown"}
EARLIEST = date(2000, 1, 1)
DECISIONS = 6  # findings that the page names; the list has the others
WORST = [name for name in VERDICTS if name != "implemented"]
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Year:
    """Twelve months that somebody looks at: the first day of each, and the last comparison of those that had one."""

    person: User
    months: list[date]
    last: Mapping[date, Comparison]

    @property
    def spans(self) -> list[Span]:
        """Each month as two moments."""
        return [span(first) for first in self.months]


Held = Callable[[Year], list[str]]  # what is held of each month: complete, partial, missing, none


def month(request: HttpRequest) -> HttpResponse:
    """The page of one month (?month=2026-10; default: this month)."""
    person = signed_in(request)
    first = asked_month(request)
    since, until = span(first)
    this_month = timezone.localdate().replace(day=1)
    comparison = latest(until)
    register, others = headlines(person, comparison)
    asks, grid_rows = five(person, (since, until), register, others)
    said = panel("month", first, person)
    asks.append(said["ask"])
    held = Counter(ask["held"] for ask in asks)
    months = [shift(first, -back) for back in range(11, -1, -1)]
    year = Year(person, months, ends(months))
    findings = Finding.objects.for_user(person).standing()
    undecided = Finding.objects.for_user(person).filter(state=Finding.State.OPEN).worst_first()
    few = list(undecided.values_list("pk", flat=True)[:DECISIONS])  # by an index alone
    waiting = Finding.objects.filter(pk__among=few).select_related("system__owner", "connection").worst_first()
    newest = Pack.objects.for_user(person).filter(since=first).first()
    running = newest.job if newest and newest.state == Pack.State.QUEUED and newest.job else None
    return render(
        request,
        "evidence/month.html",
        {
            "month": first,
            "system": None,
            "controls": CONTROLS,
            "quoted": next(control for control in controls() if control.key == CONTROLS[0]),
            "previous_url": f"?month={shift(first, -1):%Y-%m}",
            "next_url": f"?month={shift(first, 1):%Y-%m}" if first < this_month else "",
            "build_url": "/evidence/build/",
            "may_build": may(person, "build_pack", None) is None,
            "pack": {"ref": newest.ref, "url": f"/packs/{newest.ref}/", "at": newest.built_at}
            if newest and newest.built_at
            else None,
            "asks": asks,
            "held": {"complete": held["complete"], "partial": held["partial"], "missing": held["missing"]},
            "job": card(running, result_url=f"/packs/{newest.ref}/") if running and newest else None,
            "compared_at": comparison.at if comparison else None,
            "compared_late": is_late(comparison) if first == this_month else False,
            "register_count": register.total(),
            "verdicts": counted(register, "/connections/?verdict="),
            "others": counted(others, "/findings/?verdict="),
            "months": months,
            "grid": kept(person, ("grid", eyes(person), first), lambda: grid(year, [*grid_rows, said["grid"]])),
            "trend": trend(person, months, year.last),
            "duties": kept(person, ("duties", scope(person), first), lambda: duties(person, until)),
            "next_review": said.get("next_review"),
            "reviews_url": "/reviews/",
            "decisions": [listed(finding) for finding in waiting],
            "findings_url": "/findings/",
            "findings_count": shown(at_most(findings)),
        },
    )


def duties(person: User, until: datetime) -> dict[str, Any] | None:
    """What people stated by the end of the month (or by now) of duties that no rule shows; the hosts are asked now."""
    now = timezone.now()
    found = tally(Server.objects.for_user(person), min(until, now), now=until > now)
    if not found["all"]:
        return None
    return {"all": found["all"], "stated": found["all"] - found["open"], "said": sentence(found)}


def asked_month(request: HttpRequest) -> date:
    """The first day of the month in the address, or of this month; never one to come, nor one of another age."""
    this_month = timezone.localdate().replace(day=1)
    text = request.GET.get("month", "")
    try:
        first = datetime.strptime(text, "%Y-%m").date()
    except ValueError:
        return this_month
    return min(max(first, EARLIEST), this_month)


def shift(first: date, months: int) -> date:
    """The first day, some months on."""
    number = first.year * 12 + first.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def span(first: date) -> Span:
    """A month as two moments in the installation's time zone."""
    zone = timezone.get_current_timezone()
    return datetime.combine(first, time(), zone), datetime.combine(shift(first, 1), time(), zone)


def counted(counts: Counter[str], url: str) -> list[dict[str, Any]]:
    """Verdicts with their counts, worst first and `implemented` before all."""
    order = ["implemented", *WORST]
    return [
        {"name": name, "count": counts[name], "detail": "", "url": f"{url}{name}"}
        for name in sorted(counts, key=lambda name: order.index(name) if name in order else len(order))
    ]


def five(
    person: User, when: Span, register: Counter[str], others: Counter[str]
) -> tuple[list[dict[str, Any]], list[Any]]:
    """The first four of the five things (reviews give the fifth), and what fills their rows of the grid."""
    since, until = when
    numbers = kept(person, ("month", scope(person)), lambda: register_numbers(person))
    unknown = sum(register[verdict] for verdict in NOT_KNOWN)
    wrong = register.total() - unknown - register["implemented"]
    changes = ChangeRecord.objects.for_user(person).filter(created_at__gte=since, created_at__lt=until)
    undecided = sum((register + others)[verdict] for verdict in ("changed_without_record", "review_overdue"))
    servers = numbers["servers"]
    [read] = read_servers(person, [when])
    rules_wrong = sum(count for verdict, count in others.items() if verdict not in NOT_KNOWN | BESIDE)
    rules_unknown = servers - read
    diagram = "missing" if not register else "partial" if unknown else "complete"
    rules = "missing" if not read else "partial" if read < servers else "complete"
    asks = [
        ask(
            "network",
            "Network diagram of server connections",
            f"{numbers['network']} connections, {numbers['share']} shares, {numbers['zones']} zones",
            "Drawn from the register and the rules as read" if register else "Nothing was compared in this month",
            diagram,
            wrong,
            unknown,
            "/connections/",
        ),
        ask("activity", "Server communication logs", *flow_month.said(person, when, register, others), "/flows/"),
        ask(
            "git-pull-request-arrow",
            "Change records with justification",
            f"{changes.count()} in this month",
            "Each with its approvals by two people",
            "complete",
            undecided,
            0,
            "/changes/",
        ),
        ask(
            "brick-wall",
            "Firewall rule configuration",
            f"{read} of {servers} servers read",
            "Raw files hashed and kept",
            rules,
            rules_wrong,
            max(rules_unknown, 0),
            "/sources/",
        ),
    ]
    return asks, [
        ("Diagram", diagram_held),
        ("Flow logs", flow_month.held),
        ("Changes", changes_held(person)),
        ("Rules", rules_held(servers)),
    ]


def register_numbers(person: User) -> dict[str, int]:
    """How many connections and shares, zones, and servers in service somebody sees."""
    connections = Connection.objects.for_user(person)
    # by itself each, an index counts them: to group them is to sort a hundred thousand
    kinds = {str(kind): connections.filter(kind=kind).order_by().count() for kind in Connection.Kind.values}
    zones = Zone.objects.for_user(person).count()
    return kinds | {"zones": zones, "servers": Server.objects.for_user(person).filter(status="in_service").count()}


def ask(
    icon: str, title: str, detail: str, because: str, held: str, exceptions: int | None, not_known: int, url: str
) -> dict[str, Any]:
    """One of the five things."""
    return {
        "icon": icon,
        "title": title,
        "detail": detail,
        "because": because,
        "held": held,
        "exceptions": None if held == "missing" else exceptions,
        "not_known": not_known,
        "url": url,
        "action": "Open",
    }


def read_servers(person: User, spans: Sequence[Span]) -> list[int]:
    """What `counted_servers` says: readings come all day, and a page may be a minute behind them."""
    return kept(person, ("read", scope(person), *spans), lambda: counted_servers(person, spans))


def counted_servers(person: User, spans: Sequence[Span]) -> list[int]:
    """Of how many servers in service the rules were read, changed or not, in each span.

    One that was read and has left since does not stand for one that nobody read.
    """
    good = Pull.objects.filter(source=OuterRef("pk"), state__in=["ok", "unchanged"])
    seen = good.annotate(seen=Coalesce("seen_at", "finished_at"))
    sources = Source.objects.for_user(person).filter(server__status="in_service").order_by()
    found = sources.aggregate(
        **{
            f"span_{number}": Count(
                "server", distinct=True, filter=Exists(seen.filter(seen__gte=since, seen__lt=until))
            )
            for number, (since, until) in enumerate(spans)
        }
    )
    return [found[f"span_{number}"] for number in range(len(spans))]


def diagram_held(year: Year) -> list[str]:
    """Whether a month had a comparison from which a diagram could be drawn."""
    return ["complete" if first in year.last else "missing" for first in year.months]


def changes_held(person: User) -> Held:
    """Records are kept from the first one on, which is looked for once."""
    oldest = ChangeRecord.objects.for_user(person).order_by("created_at").values_list("created_at", flat=True).first()
    return lambda year: ["complete" if oldest and oldest < until else "none" for _, until in year.spans]


def rules_held(servers: int) -> Held:
    """Whether each of so many servers in service was read in the month."""

    def held(year: Year) -> list[str]:
        numbers = read_servers(year.person, year.spans)
        return ["missing" if not read else "complete" if read >= servers else "partial" for read in numbers]

    return held


def grid(year: Year, rows: list[tuple[str, Held]]) -> list[dict[str, Any]]:
    """Twelve months × five things."""
    words = {"complete": "complete", "partial": "partial", "missing": "missing", "none": "before Eastwest was used"}
    started = ChangeRecord.objects.order_by("created_at").values_list("created_at", flat=True).first()
    shown = []
    for label, held in rows:
        cells = []
        for first, (_, until), state in zip(year.months, year.spans, held(year), strict=True):
            said = state if started and started < until else "none"
            cells.append(
                {"held": said, "url": f"?month={first:%Y-%m}", "title": f"{label}, {first:%B %Y}: {words[said]}"}
            )
        shown.append({"label": label, "cells": cells})
    return shown


@require_POST
def build(request: HttpRequest) -> HttpResponse:
    """Ask for the signed pack of a month; the page of the pack shows how far it is."""
    person = signed_in(request)
    text = request.POST.get("month", "")
    try:
        first = datetime.strptime(text, "%Y-%m").date()
    except ValueError:
        first = timezone.localdate().replace(day=1)
    systems = list(System.objects.for_user(person))
    last = min(date.fromordinal(shift(first, 1).toordinal() - 1), timezone.localdate())
    pack = packs.ask(systems=systems, since=first, until=last, by=person)
    return HttpResponseRedirect(f"/packs/{pack.ref}/")
