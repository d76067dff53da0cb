"""What the policy says of a widening: of what it newly authorises, for every connection that reads through it.

A new member of a group is held against each rule as if the connection had been asked for with that server alone; what
was authorised before is not asked about again. A higher ceiling names no server: the policy has nothing to say of it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from compliance.actions.reach import ends_through, joining, naming
from compliance.models import ConnectionVersion, Endpoint, Server, Zone
from compliance.policy import shipped
from compliance.policy.check import MOST_BOXES, ORDER, Hit
from compliance.policy.content import Policy
from compliance.policy.facts import Asked, Reasons, Side, spans_of
from compliance.policy.shipped import Described
from compliance.policy_facts import (
    Ends,
    names_in,
    offered,
    outside,
    ranges_of,
    share_asked,
    shortest_of,
    side_of,
    sides_of_servers,
)
from compliance.traffic.addresses import Range, parse

Material = Mapping[str, Any]
Check = Callable[[Asked, Sequence[Described]], tuple[Hit, ...]]
WIDENED: Final = ("group_member", "zone_prefix", "party_prefix", "server_address")
REASONS: Final = ("justification-short", "justification-empty", "justification-repeated")
SAID: Final = 4  # connections that one hit repeats before it counts the rest


def widening_hits(material: Material, reasons: Reasons, policy: Policy, at: datetime, check: Check) -> tuple[Hit, ...]:
    """Every rule that a widening meets, the gravest first: each rule and level once, with the connections named.

    `check`: asks the policy in force about one request with these rules.
    """
    about = [rule for rule in shipped.described() if rule.id in REASONS]
    others = [rule for rule in shipped.described() if rule.id not in REASONS]
    found: dict[tuple[str, str, str], list[tuple[str, Hit]]] = {}
    new = newcomers(material, policy, at)
    for version in naming(ends_through(material, at), at):
        for hit in check(asked_of_widened(version, material, new, policy, at), others):
            found.setdefault((hit.rule, hit.level, hit.excepted), []).append((version.connection.ref, hit))
    own = check(Asked((), (), reasons=reasons), about)
    places = {rule.id: place for place, rule in enumerate(shipped.described())}
    hits = [*(together(each) for each in found.values()), *own]
    return tuple(sorted(hits, key=lambda hit: (ORDER.index(hit.level), places[hit.rule])))


def together(found: Sequence[tuple[str, Hit]]) -> Hit:
    """One hit for what a rule says of several connections."""
    first = found[0][1]
    more = len(found) - SAID
    what = " ".join(f"{ref}: {hit.what}" for ref, hit in found[:SAID])
    extent = tuple(dict.fromkeys(box for _, hit in found for box in hit.extent))
    return replace(
        first,
        what=what + (f" And {more} more connections." if more > 0 else ""),
        extent=extent if len(extent) <= MOST_BOXES else (),
        countable=len(extent) <= MOST_BOXES and all(hit.countable for _, hit in found),
    )


def newcomers(material: Material, policy: Policy, at: datetime) -> tuple[Side, ...]:
    """Who joins by a widening, as sides that stand alone: with no more addresses than it brings."""
    if material["kind"] == "zone_prefix":
        return of_prefix(Zone.objects.get(name=material["zone"]), material["prefix"], joining(material), at)
    if material["kind"] == "party_prefix":
        end = Endpoint.objects.select_related("organisation").get(name=material["party"])
        return (outside(end, shortest_of(policy), [material["prefix"]]),)
    server = Server.objects.select_related("system").get(name=material["server"])
    if material["kind"] == "server_address":
        return (side_of(server, material["zone"], [material["address"]]),)
    return sides_of_servers([server.pk], (), at).get(server.pk, ())


def of_prefix(zone: Zone, prefix: str, names: Iterable[str], at: datetime) -> tuple[Side, ...]:
    """The servers with an address in the prefix, whatever zone they name, and the rest of it."""
    net, whole = ipaddress.ip_network(prefix), parse(prefix)
    keys = Server.objects.filter(name__in=list(names)).values_list("pk", flat=True)
    inside = []
    for sides in sides_of_servers(keys, (), at).values():
        for side in sides:
            ranges = tuple(one for one in side.ranges if lies_in(one, whole))
            inside += [replace(side, ranges=ranges)] if ranges else []
    rest = Side((f"the rest of {net} in {zone.name}",), ranges_of([prefix]), zone.name, zone.environment)
    return (*inside, rest)


def lies_in(one: Range, whole: Range) -> bool:
    """Whether a range lies in another."""
    return one.family == whole.family and whole.low <= one.low and one.high <= whole.high


def asked_of_widened(
    version: ConnectionVersion, material: Material, new: Sequence[Side], policy: Policy, at: datetime
) -> Asked:
    """The connection as if it were asked for with who joins alone, for the reasons it stands on."""
    said, widened = version.said, ends_through(material, at)
    sides = Ends(names_in(said), policy, at)
    legs = tuple(leg for a, b in stations(said) for leg in with_new(sides, a, b, new, widened))
    why = getattr(version.change, "justification", None)
    reasons = Reasons(why.business_need, why.security_implications, why.data_carried) if why else Reasons()
    return Asked(legs, spans_of(offered(said)), share_asked(said), reasons)


def stations(said: Material) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """The names at both ends of each leg."""
    if said["kind"] == "share":
        yield said["clients"], [said["server"]]
        return
    for a, b in pairwise([said["source"], *said.get("via", []), said["destination"]]):
        yield [a], [b]


def with_new(
    sides: Ends, a: Iterable[str], b: Iterable[str], new: Sequence[Side], widened: set[str]
) -> Iterator[tuple[tuple[Side, ...], tuple[Side, ...]]]:
    """The pairs of one leg that are new: from who joins to all, and from the others to who joins."""
    sources, targets = list(a), list(b)
    before = tuple(side for name in sources for side in sides.of(name))
    after = tuple(side for name in targets for side in sides.of(name))
    joins_here = tuple(new) if widened & set(sources) else ()
    joins_there = tuple(new) if widened & set(targets) else ()
    if joins_here:
        yield joins_here, (*after, *joins_there)
    if joins_there:
        yield before, joins_there
