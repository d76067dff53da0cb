"""Rule changes: what each reading shows that differs in effect from the one before, beside the change records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from compliance.models import ChangeRecord, Server, User
from compliance.views.changes import signed_in
from compliance.views.keeping import eyes, kept
from compliance.views.lists import Choice, as_file, by_json, file_wanted, filters, page
from evidence.models import RuleChange
from evidence.undelivered import CARRIED_OUT, without_delta
from evidence.views.shown import SPELT_OUT, box_text, is_late, latest, spoken_point

COLUMNS: Final = (
    "seen", "server", "point", "rule", "file", "line", "text", "object edited", "direction", "traffic", "outcome",
    "record", "matched", "what",
)  # fmt: skip
CELLS: Final = (
    "at", "server", "point", "rule", "file", "line", "text", "cause", "direction", "all_traffic", "outcome", "ref",
    "matched", "because",
)  # fmt: skip
NEWEST: Final = 200  # change records that are looked through for those nothing came of
HEADINGS = ("Where", "Effect", "Rule", "Change record")  # of the table, after its first


def rule_changes(request: HttpRequest) -> HttpResponse:
    """The timeline, newest first; records that no rule changed for stand above it."""
    person = signed_in(request)
    base = RuleChange.objects.for_user(person)
    rows = narrowed(base, request.GET)
    if file_wanted(request):
        return as_file(
            request, "eastwest-rule-changes", COLUMNS, ([listed(row)[cell] for cell in CELLS] for row in whole(rows))
        )
    comparison = latest()
    shown = base.order_by().values("server").distinct()
    servers = Server.objects.filter(pk__in=shown).values_list("name", flat=True)
    return render(
        request,
        "evidence/rule_changes.html",
        {
            **page(request, rows, listed, whole(base)),
            "counts": [
                {"name": row["outcome"], "count": row["count"], "url": f"?outcome={row['outcome']}"}
                for row in base.order_by().values("outcome").annotate(count=Count("pk")).order_by("-count")
            ],
            "undelivered": kept(person, ("undelivered", eyes(person)), lambda: undelivered(person)),
            "filters": filters(
                request,
                "Rule, address or record",
                [
                    Choice("outcome", "Record", RuleChange.Outcome.choices),
                    Choice("direction", "Effect", RuleChange.Direction.choices),
                    Choice("server", "Server", [(name, name) for name in servers]),
                ],
                HEADINGS,
            ),
            "total": base.exists(),
            "compared_at": comparison.at if comparison else None,
            "compared_late": is_late(comparison),
        },
    )


def undelivered(person: User) -> list[dict[str, Any]]:
    """The newest records that were said to be carried out, and for which no rule changed."""
    carried = ChangeRecord.objects.for_user(person).filter(state__in=CARRIED_OUT)
    carried = carried.exclude(Exists(RuleChange.objects.filter(change=OuterRef("pk"))))
    return [
        {"ref": change.ref, "url": f"/changes/{change.ref}/", "title": change.title, "because": because}
        for change, because in without_delta(carried.order_by("-pk").prefetch_related("versions_closed")[:NEWEST])
    ]


def whole(rows: QuerySet[RuleChange]) -> QuerySet[RuleChange]:
    """With what a row shows of others, and nothing else of a reading, which is long."""
    told = rows.select_related("server", "change", "delta__snapshot")
    return told.defer("delta__snapshot__points", "delta__snapshot__unread", "delta__snapshot__networks")


def narrowed(rows: Any, asked: Mapping[str, str]) -> Any:
    """The rows that fit what is asked in the address: q, outcome, direction, server."""
    words = asked.get("q", "").strip()
    if words:
        found = Q(because__icontains=words) | Q(rule_text__icontains=words) | Q(server__name__icontains=words)
        found |= Q(cause__icontains=words)
        rows = rows.filter(found | by_json("change__material", words))
    for name, path in (("outcome", "outcome"), ("direction", "direction"), ("server", "server__name")):
        if asked.get(name):
            rows = rows.filter(**{path: asked[name]})
    return rows


def listed(row: RuleChange) -> dict[str, Any]:
    """One rule change, as the list, the CSV and the page of its change record show it."""
    boxes = [box_text(row.family, box) for box in row.boxes]
    beyond = [box_text(row.family, box) for box in row.surplus] if row.outcome == RuleChange.Outcome.SURPLUS else []
    return {
        "at": row.at,
        "server": row.server.name,
        "server_url": f"/servers/?q={row.server.name}",
        "where": spoken_point(f"{row.server.name}/{row.point}"),
        "point": row.point,
        "rule": row.rule,
        "file": row.rule_file,
        "line": row.rule_line,
        "text": row.rule_text,
        "cause": row.cause,
        "direction": row.direction,
        "sure": row.sure,
        "traffic": boxes[:SPELT_OUT],
        "more": max(len(boxes) - SPELT_OUT, 0),
        "all_traffic": "; ".join(boxes),
        "surplus": beyond[:SPELT_OUT],
        "outcome": row.outcome,
        "ref": row.change.ref if row.change else "",
        "url": f"/changes/{row.change.ref}/" if row.change else "",
        "matched": ", ".join(row.matched),
        "because": row.because,
        "snapshot": row.delta.snapshot.digest,
    }
