"""Findings: what is wrong, the proof, and what may be done about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from compliance.forms.risks import RiskForm
from compliance.models import User
from compliance.models.written import says
from compliance.permissions import check, may
from compliance.policy.shipped import Described, described
from compliance.views.changes import signed_in
from compliance.views.connections import recertify_url
from compliance.views.keeping import kept, scope
from compliance.views.lists import Choice, as_file, file_wanted, filters, page
from compliance.views.verbs import confirm
from compliance.words import VERDICTS
from evidence.actions import accepted as accepting
from evidence.actions import findings as verbs
from evidence.actions.removals import REMOVABLE
from evidence.forms.findings import AcknowledgeForm
from evidence.models import Finding, FindingMember, Snapshot
from evidence.rules import Verdict
from evidence.unknown_verdicts import SUBJECT as UNREGISTERED
from evidence.views.members import members_of, removals_of
from evidence.views.shown import SPELT_OUT, box_text, is_late, latest, listed, packet, spoken_point

COLUMNS = (
    "id",
    "verdict",
    "certainty",
    "severity",
    "state",
    "subject",
    "point",
    "example",
    "what",
    "owner",
    "first seen",
)
OF_FINDING: Final = (  # what a row of the list is made of
    "verdict", "certainty", "state", "severity", "because", "witness", "subject", "point", "first_seen",
    "accepted_until", "system__owner__name", "system__owner__email", "connection__source__name",
    "connection__destination__name",
)  # fmt: skip
HEADINGS = ("Finding", "Proof", "Concerns", "Owner", "State", "Open for")  # of the table, after its first


def findings(request: HttpRequest) -> HttpResponse:
    """The list, worst first; cured ones only when asked for."""
    person = signed_in(request)
    base = Finding.objects.for_user(person)
    rows = narrowed(base, request.GET)
    rows = rows.worst_first()
    if file_wanted(request):
        cells = (
            "ref",
            "verdict",
            "certainty",
            "severity",
            "state",
            "subject",
            "point",
            "packet",
            "summary",
            "owner",
            "opened_at",
        )
        shown = map(listed, related(rows))
        return as_file(request, "eastwest-findings", COLUMNS, ([row[cell] for cell in cells] for row in shown))
    counts = kept(person, ("findings", scope(person)), lambda: list(by_verdict(base)))
    comparison = latest()
    verdicts = Choice("verdict", "Verdict", [(row["verdict"], VERDICTS[row["verdict"]].label) for row in counts])
    return render(
        request,
        "evidence/findings.html",
        {
            **page(request, rows, listed, related(Finding.objects.all())),
            "counts": [
                {"name": row["verdict"], "count": row["count"], "url": f"?verdict={row['verdict']}"} for row in counts
            ],
            "filters": filters(
                request,
                "Server, connection or rule",
                [verdicts, Choice("state", "State", Finding.State.choices)],
                HEADINGS,
            ),
            "total": base.standing().exists(),
            "may_acknowledge": may(person, "acknowledge", None) is None,
            "compared_at": comparison.at if comparison else None,
            "compared_late": is_late(comparison),
        },
    )


def by_verdict(rows: Any) -> Any:
    """{verdict, count} of the standing ones, the most first."""
    return rows.standing().values("verdict").annotate(count=Count("pk")).order_by("-count")


def related(rows: QuerySet[Finding]) -> QuerySet[Finding]:
    """The findings with what their rows show."""
    whole = rows.select_related("system__owner", "connection__source", "connection__destination").only(*OF_FINDING)
    return whole.annotate(members_count=Count("members", filter=Q(members__gone_at=None)))


def narrowed(rows: Any, asked: Mapping[str, str]) -> Any:
    """The rows that fit what is asked in the address: q, verdict, state (none: all but the cured)."""
    rows = rows.filter(state=asked["state"]) if asked.get("state") else rows.standing()
    words = asked.get("q", "").strip()
    if words:
        members = FindingMember.objects.standing().filter(subject__icontains=words)
        rows = rows.filter(says("words", words) | Q(pk__in=members.values("finding_id")))
    return rows.filter(verdict=asked["verdict"]) if asked.get("verdict") else rows


def finding(request: HttpRequest, number: int) -> HttpResponse:
    """One finding with its proof."""
    person = signed_in(request)
    row = get_object_or_404(Finding.objects.for_user(person), pk=number)
    excess = [box_text(each["family"], each["box"]) for each in row.extent]
    url = f"/findings/{row.ref}/"
    removal = row.verdict in REMOVABLE
    off = {"label": "Record its removal…", "url": f"{url}removal/", "icon": "power-off", "danger": False}
    offered = [
        *([("plan_removal", off)] if removal else []),
        ("acknowledge", {"label": "Acknowledge…", "url": f"{url}acknowledge/", "icon": "eye", "danger": False}),
        ("request_risk", {"label": ask_label(row), "url": f"{url}accept/", "icon": "scale", "danger": False}),
    ]
    if row.verdict == Verdict.unknown_server:
        place = urlencode({"zone": row.subject.removeprefix(UNREGISTERED)})
        listing = {"label": "Register or leave out", "url": f"/inventory/?{place}", "icon": "radar", "danger": False}
        offered.insert(0, ("see", listing))
    return render(
        request,
        "evidence/finding.html",
        {
            "finding": {
                **listed(row),
                "title": VERDICTS[row.verdict].label,
                "because": row.because,
                "last_seen_at": row.last_seen,
                "cured_at": row.cured_at,
                "cured_because": row.cured_because,
                "unseen_since": row.unseen_since,
                "unseen_because": row.unseen_because,
                "packet_says": "",
                "packet_label": "Example of traffic to it" if removal else "Example of traffic it lets through",
                "rule": row.rule,
                "rule_file": row.rule_file,
                "rule_lines": [{"number": row.rule_line, "text": row.rule_text, "mark": "mark"}]
                if row.rule_text
                else [],
                "subject_url": f"/connections/{row.connection.ref}/" if row.connection else "",
                **side_by_side(row),
                "excess": excess[:SPELT_OUT],
                "excess_more": max(len(excess) - SPELT_OUT, 0),
                **proposal(row),
                "proposal_title": "To switch it off" if removal else "A narrower rule",
                "members": members_of(row),
                "removals": removals_of(row),
                "contained_by": "",
                "accepted": accepted(row),
                "risks": accepting.risks_of(row),
            },
            "evidence": held(row),
            "actions": [*look_again(row, person), *(each for verb, each in offered if may(person, verb, row) is None)]
            if row.state != Finding.State.CURED
            else [],
            "history": history(row),
        },
    )


def ask_label(row: Finding) -> str:
    """What asking to leave it open is called: of the policy it is an exception."""
    return "Ask for a dated exception…" if row.verdict == Verdict.against_policy else "Ask to accept…"


def look_again(row: Finding, person: User) -> list[dict[str, Any]]:
    """The button that leads from an overdue review to the page on which it is kept, narrowed or revoked."""
    if row.verdict != Verdict.review_overdue or row.connection is None:
        return []
    if may(person, "amend", row.connection) is not None:
        return []
    url = recertify_url(row.connection)
    return [{"label": "Recertify…", "url": url, "icon": "calendar-check", "danger": False}]


NARROW: Final = "narrow the rule to "  # how evidence.proposals begins


def proposal(row: Finding) -> dict[str, str]:
    """What to do: the sentence, and the commands to type where the format has them."""
    says, _, typed = row.proposal.partition("\n")
    if not typed:
        return {"proposal": says[:1].upper() + says[1:], "proposal_says": ""}
    if row.verdict in REMOVABLE:
        return {"proposal": typed, "proposal_says": f"{says[:1].upper()}{says[1:]}. Nothing is typed from here."}
    kept = "It lets through what is authorised of this rule and nothing else; type these in the order shown."
    return {"proposal": typed, "proposal_says": kept}


def side_by_side(row: Finding) -> dict[str, str]:
    """What of a wider rule is authorised, beside all that it permits."""
    if row.verdict != Verdict.permits_more:
        return {"authorised": "", "permitted": ""}
    says = row.proposal.partition("\n")[0]
    kept = says.removeprefix(NARROW).replace("; ", "\n") if says.startswith(NARROW) else "nothing"
    return {"authorised": kept, "permitted": row.subject.replace("; ", "\n")}


def accepted(row: Finding) -> dict[str, Any] | None:
    """Who accepted the risk, until when, and for exactly which traffic."""
    if row.state != Finding.State.ACCEPTED:
        return None
    boxes = [box_text(each["family"], each["box"]) for each in row.accepted_extent]
    return {
        "by": str(row.accepted_by),
        "until": row.accepted_until,
        "rating": row.accepted_rating,
        "control": row.alternate_control,
        "plan": next((risk.plan for risk in accepting.risks_of(row) if risk.state == "accepted"), ""),
        "scope_text": "; ".join(boxes) or "exactly what it says above",
    }


def held(row: Finding) -> list[dict[str, Any]]:
    """The evidence it rests on: the host's last good snapshot."""
    if row.server is None:
        return []
    snapshots = Snapshot.objects.filter(server=row.server, published=True, observed_at__lte=row.last_seen)
    snapshot = snapshots.select_related("source").first()
    if snapshot is None:
        return []
    return [
        {"label": "Source", "text": snapshot.source.name, "url": f"/sources/{snapshot.source_id}/", "digest": ""},
        {"label": "Read", "text": f"{snapshot.observed_at:%d %b %Y, %H:%M}", "url": "", "digest": snapshot.digest},
    ]


def history(row: Finding) -> list[dict[str, Any]]:
    """From the comparison that found it to the one that no longer did."""
    events = [
        (row.cured_at, f"Cured. {row.cured_because}", "circle-check"),
        (row.unseen_since, f"Not seen since, and not cured: {row.unseen_because}", "eye-off"),
        (row.last_seen, "Last seen", "eye"),
        (row.first_seen, "First seen", "triangle-alert"),
    ]
    return [{"at": at, "text": text, "by": "Eastwest", "icon": icon, "url": ""} for at, text, icon in events if at]


def acknowledge(request: HttpRequest, number: int) -> HttpResponse:
    """Say that somebody looks after it. It stays a finding."""
    person = signed_in(request)
    row = get_object_or_404(Finding.objects.for_user(person), pk=number)
    if request.method != "POST":
        check(person, "acknowledge", row)
    return confirm(
        request,
        form=AcknowledgeForm(request.POST or None),
        act=lambda form: verbs.acknowledge(row, note=form.cleaned_data["because"], by=person),
        done=lambda _: f"/findings/{row.ref}/",
        context=asked(
            row, f"Acknowledge {row.ref}", "It stays a finding until a comparison no longer finds it.", "Acknowledge"
        ),
    )


def accept(request: HttpRequest, number: int) -> HttpResponse:
    """Ask that exactly this risk be accepted until a day; the authorising officer decides."""
    person = signed_in(request)
    row = get_object_or_404(Finding.objects.for_user(person), pk=number)
    form = RiskForm(request.POST or None, initial={"rating": row.severity})
    if not form.is_valid():
        check(person, "request_risk", row)
    return confirm(
        request,
        form=form,
        act=lambda form: accepting.ask(row, by=person, **form.cleaned_data),
        done=lambda risk: f"/risks/{risk.ref}/",
        context=asked(
            row,
            f"Ask for a dated exception: {row.ref}" if rule_of(row) else f"Ask to accept the risk of {row.ref}",
            "The authorising officer decides. It holds only for the traffic shown, and only until that day.",
            "Ask",
        ),
    )


def rule_of(row: Finding) -> Described | None:
    """The rule of the policy that a finding is against."""
    mine = row.verdict == Verdict.against_policy
    return next((rule for rule in described() if mine and row.subject.startswith(f"{rule.id}: ")), None)


def asked(row: Finding, title: str, consequence: str, submit: str) -> dict[str, Any]:
    """Context of the confirmation page."""
    rule = rule_of(row)
    boxes = [box_text(each["family"], each["box"]) for each in row.extent]
    more = f"; and {len(boxes) - SPELT_OUT} more" if len(boxes) > SPELT_OUT else ""
    facts = [
        ("Rule", rule.title if rule else "", False),
        ("Why the rule is there", rule.why if rule else "", False),
        ("What", row.because, False),
        ("Traffic it would leave open", "; ".join(boxes[:SPELT_OUT]) + more, True),
        ("Where", spoken_point(row.point), True),
        ("Example", packet(row.witness), True),
    ]
    return {
        "title": title,
        "crumb": [row.ref, VERDICTS[row.verdict].label],
        "back_url": f"/findings/{row.ref}/",
        "subject": row.subject,
        "consequence": consequence,
        "facts": [{"label": a, "text": b, "mono": c} for a, b, c in facts if b],
        "warning": None,
        "submit": submit,
        "danger": False,
    }
