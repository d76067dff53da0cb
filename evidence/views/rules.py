"""The rules that a source shows, as they were read: each with where it is attached and the objects it was made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from ipaddress import ip_network
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance.models import User, Zone, ZonePrefix
from compliance.views.changes import signed_in
from compliance.views.lists import Choice, as_file, file_wanted, filters, page
from evidence.commands.rule_edits import for_people
from evidence.interfaces import COMING, GOING, Network, attached_to, interfaces
from evidence.models import RuleUse, Snapshot, Source
from evidence.object_edits import used_by
from evidence.readings import load
from evidence.rules import Action, Reading, Rule
from evidence.views.shown import box_text

COLUMNS: Final = (
    "chain", "attached", "rule", "action", "text", "traffic", "objects", "file", "line", "not certain", "hits",
    "no use since",
)  # fmt: skip
CELLS: Final = (
    "chain", "attached", "rule", "action", "text", "all_traffic", "objects", "file", "line", "unsure", "hits",
    "quiet_since",
)  # fmt: skip
QUIET: Final = (30, 90, 365)  # days without a use by which one filters
HEADINGS = ("Rule", "Does", "Traffic", "Line")  # of the table, after its first
UNUSED: Final = [("0", "Counted"), *((str(days), f"No use for {days} days") for days in QUIET)]
SPELT_OUT: Final = 6  # pieces of traffic of a rule that a row shows
ENDS: Final = "#implicit"
END: Final = "the end of the list: everything else"
LEADS: Final = frozenset({Action.JUMP, Action.GOTO})
DOES: Final[Mapping[Action, str]] = {
    Action.PERMIT: "permits", Action.DENY: "denies", Action.REJECT: "rejects", Action.RETURN: "returns",
    Action.CONTINUE: "goes on", Action.PASS: "passes on",
}  # fmt: skip


def rules(request: HttpRequest, number: int) -> HttpResponse:
    """The list, with filters and as files."""
    person = signed_in(request)
    rows = Source.objects.for_user(person).select_related("server", "last_good__reading")
    source = get_object_or_404(rows, pk=number)
    uses = {row.rule: row for row in RuleUse.objects.filter(source=source)}
    every = list(listed(load(source.last_good), uses, source.last_seen_at)) if source.last_good else []
    found = narrowed(every, request.GET)
    if file_wanted(request):
        cells = ([row[cell] for cell in CELLS] for row in found)
        return as_file(request, f"eastwest-rules-{source.server.name}", COLUMNS, cells)
    chains = dict.fromkeys(row["chain"] for row in every)
    actions = dict.fromkeys(row["action"] for row in every)
    return render(
        request,
        "evidence/rules.html",
        {
            **page(request, found, lambda row: row),
            "source": {"name": source.name, "url": f"/sources/{source.pk}/", "host": source.server.name},
            "filters": filters(
                request,
                "Words, address or object",
                [
                    Choice("chain", "List", [(name, name) for name in chains]),
                    Choice("action", "Does", [(name, name) for name in actions]),
                    *([Choice("quiet", "Counter", UNUSED)] if uses else []),
                ],
                HEADINGS,
            ),
            "total": len(every),
        },
    )


def narrowed(rows: list[dict[str, Any]], asked: Mapping[str, str]) -> list[dict[str, Any]]:
    """The rows that fit what is asked in the address: q, chain, action, quiet (days without a use)."""
    words = asked.get("q", "").strip().lower()
    least = int(asked["quiet"]) if asked.get("quiet") in dict(UNUSED) else 0
    return [
        row
        for row in rows
        if all(not asked.get(name) or row[name] == asked[name] for name in ("chain", "action"))
        and (not asked.get("quiet") or (row["quiet_days"] is not None and row["quiet_days"] >= least))
        and (not words or any(words in str(row[cell]).lower() for cell in CELLS))
    ]


def listed(
    reading: Reading, uses: Mapping[str, RuleUse] | None = None, seen: datetime | None = None
) -> Iterator[dict[str, Any]]:
    """Every rule once, in the order of its chain; one of both families, or with a part in doubt, is one rule.

    `uses`: their counters by rule, as they were at `seen`.
    """
    places = attached_to(reading)
    for chain in reading.chains:
        by_id: dict[str, list[Rule]] = {}
        for rule in chain.rules:
            by_id.setdefault(rule.id, []).append(rule)
        where = ", ".join(places.get(chain.name, ())) or ("" if chain.hook else "nowhere: it stops nothing")
        yield from ({**of(held, where), **counted(uses, name, seen)} for name, held in by_id.items())


def counted(uses: Mapping[str, RuleUse] | None, rule: str, seen: datetime | None) -> dict[str, Any]:
    """What a rule's counter says: how often it was met, and since when it shows no use."""
    use = (uses or {}).get(rule)
    if use is None or seen is None:
        return {"hits": "", "quiet_since": None, "quiet_days": None, "met": ""}
    since = f"{timezone.localtime(use.quiet_since):%-d %B %Y, %H:%M}"
    times = "once" if use.hits == 1 else f"{use.hits} times"
    if use.told:
        said = f"met {times}, last on {since}"
    elif use.quiet_since >= seen:
        said = f"met {times} until it was read last" if use.hits else "counter shows no use yet"
    else:
        said = f"met {times}, not since {since}" if use.hits else f"counter shows no use since {since}"
    days = max((seen - use.quiet_since).days, 0)
    return {"hits": use.hits, "quiet_since": use.quiet_since, "quiet_days": days, "met": said}


def of(held: list[Rule], where: str) -> dict[str, Any]:
    """One rule as a row."""
    first = held[0]
    traffic = [box_text(rule.family, box) for rule in held for box in rule.boxes]
    unsure = dict.fromkeys(one.text for rule in held for one in rule.residue)
    ways = ((COMING, first.iif), (GOING, first.oif))
    limits = [f"{way} at {', '.join(sorted(names))}" for way, names in ways if names]
    leads = f"goes to {first.target}" if first.action in LEADS else DOES.get(first.action, first.action.value)
    return {
        "chain": first.chain,
        "attached": where or "; ".join(limits),
        "rule": first.id,
        "action": "goes on in another list" if first.action in LEADS else leads,
        "does": leads,
        "text": END if first.id.endswith(ENDS) else for_people(first.origin.text),
        "answers": first.states is not None and "NEW" not in first.states,
        "objects": used_by(first.origin),
        "comment": first.origin.comment,
        "traffic": traffic[:SPELT_OUT],
        "more": max(len(traffic) - SPELT_OUT, 0),
        "all_traffic": "; ".join(traffic),
        "file": first.origin.name,
        "line": first.origin.first,
        "unsure": "; ".join(unsure),
        "dormant": not first.enabled,
    }


def stands(snapshot: Snapshot, person: User) -> list[dict[str, Any]]:
    """The interfaces of a device, each with the zones of its networks and what judges it."""
    zones = list(Zone.objects.for_user(person).values_list("pk", "name", "title"))
    titles = {key: title or name for key, name, title in zones}
    held = ZonePrefix.objects.filter(zone__in=titles).in_force(timezone.now()).values_list("zone_id", "prefix")
    prefixes = [(ip_network(prefix), titles[key]) for key, prefix in held]
    return [
        {
            "name": one.name,
            "networks": [str(net) for net in one.networks],
            "zones": zones_of(one.networks, prefixes),
            "coming": one.coming,
            "going": one.going,
        }
        for one in interfaces(load(snapshot))
    ]


def zones_of(networks: tuple[Network, ...], prefixes: list[tuple[Network, str]]) -> list[str]:
    """The zones that share addresses with one of the networks."""
    return list(
        dict.fromkeys(
            title
            for net in networks
            for prefix, title in prefixes
            if prefix.version == net.version and prefix.overlaps(net)
        )
    )
