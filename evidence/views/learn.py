"""Learn: what runs and nobody authorised, in groups that are decided on at once; what no register can hold; how fast
the provisional baseline shrinks, owner by owner."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST

from compliance.baseline import as_kept, burn_down, mark
from compliance.models import RiskAcceptance, System
from compliance.models.estate import day_of
from compliance.permissions import check, may
from compliance.views.changes import signed_in
from compliance.views.lists import Choice, as_file, file_wanted, filters, page
from compliance.views.verbs import confirm
from evidence.actions import learning as verbs
from evidence.forms.learn import LearnForm
from evidence.judgement import counted
from evidence.models import BaselineGroup, Comparison, Finding, Unlearned
from evidence.rules import Verdict

GRADES: Final = [("high", "High"), ("medium", "Medium"), ("low", "Low")]
STATES: Final = [("open", "To be decided"), ("asked", "Asked for")]
MONTHS_AHEAD: Final = timedelta(days=180)
COLUMNS: Final = (
    "from", "to", "services", "connections", "rules", "seen in flow logs", "severity", "system", "owner", "state",
)  # fmt: skip
LEFT_COLUMNS: Final = ("system", "server", "point", "rule", "learned in part", "why not")


def learn(request: HttpRequest) -> HttpResponse:
    """The groups, those with the most rules first."""
    person = signed_in(request)
    base = BaselineGroup.objects.for_user(person).current()
    asked = verbs.marks_asked()
    rows = narrowed(base, request.GET, person.pk)
    told = base.select_related("system__owner")
    state, by = request.GET.get("state", ""), request.GET.get("by", "")
    if not (state or by or file_wanted(request)):
        here = page(request, rows, lambda row: listed(row, asked), told)
    else:  # these look into each group
        shown = [listed(row, asked) for row in rows.select_related("system__owner")]
        shown = [row for row in shown if not state or (row["waiting"] > 0) == (state == "open")]
        shown = [row for row in shown if not by or bool(row["seen"] if by == "flows" else row["rules"])]
        here = page(request, shown, lambda row: row)
    if file_wanted(request):
        cells = (
            "source", "destination", "services", "connections", "rules", "seen", "severity", "system", "owner", "state",
        )  # fmt: skip
        return as_file(request, "eastwest-learn", COLUMNS, ([row[cell] for cell in cells] for row in shown))
    names = System.objects.for_user(person).values_list("name", flat=True)
    choices = [
        Choice("state", "State", STATES),
        Choice("by", "Known from", [("rules", "Rules"), ("flows", "Flow logs")]),
        Choice("severity", "Severity", GRADES),
        Choice("system", "System", [(name, name) for name in names]),
        Choice("owner", "Owner", [("me", "Mine")]),
    ]
    unlearned = Unlearned.objects.for_user(person).current()
    last = Comparison.objects.filter(published=True).first()
    over = Finding.objects.for_user(person).standing().filter(verdict=Verdict.permits_more)
    context = {
        **here,
        "filters": filters(request, "End or service", choices),
        "total": base.count(),
        "open_rules": over.count(),
        "left": unlearned.count(),
        "left_wholly": unlearned.filter(wholly=True).count(),
        "owners": as_kept(last.burned, person) if last and last.burned else burn_down(person, day_of(timezone.now())),
        "compared_at": last.at if last else None,
        "may_tell": may(person, "request", None) is None,
    }
    return render(request, "evidence/learn.html", context)


def narrowed(rows: Any, asked: Mapping[str, str], person: int) -> Any:
    """The rows that fit what is asked in the address: q, severity, system, owner."""
    words = asked.get("q", "").strip()
    if words:
        found = Q(source__icontains=words) | Q(destination__icontains=words)
        rows = rows.filter(found | Q(services__icontains=words) | Q(rows__icontains=words))
    if asked.get("owner") == "me":
        rows = rows.filter(system__owner=person)
    for name, field in (("severity", "severity"), ("system", "system__name")):
        if asked.get(name):
            rows = rows.filter(**{field: asked[name]})
    return rows


def listed(row: BaselineGroup, asked: Mapping[str, str]) -> dict[str, Any]:
    """One group as a line."""
    refs = [asked.get(mark(verbs.wanted_of(row, one)), "") for one in row.rows]
    waiting = refs.count("")
    saw = [each for one in row.rows for each in one.get("seen", {}).values()]
    return {
        "url": group_url(row),
        "source": row.source,
        "destination": row.destination,
        "services": ", ".join(row.services),
        "part": row.part,
        "connections": len(row.rows),
        "waiting": waiting,
        "rules": row.rules,
        "seen": sum(bool(one.get("seen")) for one in row.rows),
        "last_seen": moment(max((one["last"] for one in saw), default=0)),
        "severity": row.severity,
        "system": row.system.name,
        "owner": str(row.system.owner),
        "risks": sorted(set(refs) - {""}),
        "state": "to be decided" if waiting == len(refs) else f"{len(refs) - waiting} of {len(refs)} asked for",
    }


def group_url(row: BaselineGroup) -> str:
    """The page of a group."""
    return f"/learn/{row.key}/{row.part}/"


def group(request: HttpRequest, key: str, part: int) -> HttpResponse:
    """One group: every connection with its rules and the flows that were seen, and the form that asks for all of it."""
    person = signed_in(request)
    rows = BaselineGroup.objects.for_user(person).current().filter(key=key, part=part)
    row = rows.select_related("system__owner", "system__authorising_officer").first()
    if row is None:
        return gone(request, key, part)
    if request.method == "POST":
        check(person, "request", row.system)
    asked = verbs.marks_asked()
    start = {"rating": row.severity, "ends_on": timezone.localdate() + MONTHS_AHEAD}
    said = listed(row, asked)
    why = may(person, "request", row.system)
    return confirm(
        request,
        form=LearnForm(request.POST or None, initial=start),
        act=lambda form: verbs.ask(row, by=person, **form.cleaned_data),
        done=lambda risk: f"/risks/{risk.ref}/",
        template="evidence/learn_group.html",
        context={
            "group": said,
            "lines": [line(row, one, asked) for one in row.rows],
            "may_ask": why is None and said["waiting"] > 0,
            "refusal": why.what if why else "",
            "officer": str(row.system.authorising_officer or ""),
            "back_url": "/learn/",
        },
    )


def gone(request: HttpRequest, key: str, part: int) -> HttpResponse:
    """The group is not there any more: the last comparison found nothing of it, or it never was."""
    known = RiskAcceptance.objects.for_user(request.user).filter(kind=verbs.BASIS, key__startswith=f"{key}:{part}:")
    risk = known.order_by("-pk").first()
    if risk is None:
        raise Http404
    return HttpResponseRedirect(f"/risks/{risk.ref}/")


def line(group: BaselineGroup, one: Mapping[str, Any], asked: Mapping[str, str]) -> dict[str, Any]:
    """One connection of a group."""
    return {
        "source": one["source"],
        "destination": one["destination"],
        "rules": [{"point": point, "rule": rule} for point, rule in one["rules"][:3]],
        "more": max(len(one["rules"]) - 3, 0),
        "seen": [
            {**each, "service": service, "first": moment(each["first"]), "last": moment(each["last"])}
            for service, each in sorted(one.get("seen", {}).items())
        ],
        "risk": asked.get(mark(verbs.wanted_of(group, one)), ""),
    }


def moment(second: int) -> datetime | None:
    """Seconds since 1970 as a moment; 0 is none."""
    return datetime.fromtimestamp(second, UTC) if second else None


def left(request: HttpRequest) -> HttpResponse:
    """The rules and flows that are not learned, or not whole, each with why."""
    person = signed_in(request)
    base = Unlearned.objects.for_user(person).current()
    rows = base.select_related("server", "system")
    words = request.GET.get("q", "").strip()
    if words:
        rows = rows.filter(Q(point__icontains=words) | Q(rule__icontains=words) | Q(because__icontains=words))
    if request.GET.get("system"):
        rows = rows.filter(system__name=request.GET["system"])
    if request.GET.get("learned"):
        rows = rows.filter(wholly=request.GET["learned"] == "no")
    if file_wanted(request):
        said = ((one.system, one.server, one.point, one.rule, "no" if one.wholly else "yes", one.because)
                for one in rows)  # fmt: skip
        return as_file(request, "eastwest-not-learned", LEFT_COLUMNS, said)
    kinds = [Verdict.permits_more, Verdict.used_outside]
    standing = Finding.objects.for_user(person).standing().filter(verdict__in=kinds)
    found = {(one.point, one.rule) if one.verdict == Verdict.permits_more else one.subject: one.ref for one in standing}
    names = System.objects.for_user(person).values_list("name", flat=True)
    choices = [
        Choice("learned", "Learned", [("no", "Nothing of it"), ("part", "In part")]),
        Choice("system", "System", [(name, name) for name in names]),
    ]

    def show(one: Unlearned) -> dict[str, Any]:
        return {
            "server": one.server.name, "point": one.point, "rule": one.rule, "wholly": one.wholly,
            "because": one.because, "finding": found.get((one.point, one.rule), "") or found.get(one.rule, ""),
        }  # fmt: skip

    context = {
        **page(request, rows, show),
        "filters": filters(request, "Server, rule or reason", choices),
        "total": base.count(),
    }
    return render(request, "evidence/learn_left.html", context)


@require_POST
def tell(request: HttpRequest) -> HttpResponse:
    """Tells the owners how many groups wait for them, each once a comparison."""
    person = signed_in(request)
    told = verbs.tell_owners(by=person)
    messages.success(request, f"{counted(told, 'owner')} told." if told else "Everybody was told already.")
    return HttpResponseRedirect("/learn/")
