"""The security policies of Junos: from zone to zone, then those of all zones, then the default.

Every condition of a policy must hold. Names are looked up in the address book of the zone on that side. What a policy
asks beside addresses and applications (users, App-ID, URL categories) is in doubt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from compliance.traffic import intervals
from compliance.traffic.boxes import FAMILIES, TOP, Family
from compliance.traffic.shares import Residue
from evidence.formats import entries
from evidence.formats.entries import Entry, Named, Service, Side, rules_of
from evidence.formats.junos_objects import Applications, Books
from evidence.formats.junos_text import Node, unchain
from evidence.rules import Action, Rule

ENDS = {"permit": Action.PERMIT, "deny": Action.DENY, "reject": Action.REJECT}
BESIDE = frozenset({"log", "count"})
# What a permit hands the session to; what is let through at all is decided already
HANDED_ON = frozenset({"application-services", "destination-address", "tcp-options", "services-offload", "idp", "utm"})
ASIDE = frozenset({"description", "match", "then", "scheduler-name"})
# Conditions that a box cannot say, and the value with which each asks for nothing
CONDITIONS = {
    "source-identity": "any", "source-end-user-profile": "", "dynamic-application": "any", "url-category": "any",
    "source-l3vpn-vrf-group": "", "destination-l3vpn-vrf-group": "",
}  # fmt: skip
KNOWN = frozenset({"source-address", "destination-address", "source-address-excluded", "destination-address-excluded",
                   "application", "from-zone", "to-zone"})  # fmt: skip
NO_VALUE = frozenset({"source-address-excluded", "destination-address-excluded"})
NO_LIMIT = frozenset({"any", "none"})


@dataclass(slots=True)
class Policy:
    """One policy as it is asked: its rules without interfaces, and the zones it is limited to (None = any)."""

    rules: list[Rule] = field(default_factory=list)
    sources: list[str] | None = None
    targets: list[str] | None = None


def policy(node: Node, named: Named, zones: tuple[str, str], books: Books, applications: Applications) -> Policy:
    """A policy between two zones ("" on both sides: of all zones). Its comment names the objects it was made from."""
    match = node.at("match") or Node("match")
    unchain(match, {*KNOWN, *CONDITIONS}, alone=NO_VALUE)
    residue: list[str] = []
    sides = {}
    for at, word in enumerate(("source", "destination")):
        sides[word] = _side(match, word, zones[at], books)
    used = books.take_used()
    services: dict[Family, list[Service]] = {4: [], 6: []}
    doubts: list[str] = []
    asked = match.words("application")
    for name in asked:
        found = applications.meaning(name)
        for family in FAMILIES:
            services[family].extend(found.services[family])
        doubts.extend(one for one in found.doubts if one not in doubts)
        used += applications.ways(name)
    if not asked or "junos-defaults" in asked:
        doubts.append("it does not say which applications" if not asked else "the default ports of an application")
    for one in match.live():
        if one.word in CONDITIONS:
            values = [child.word for child in one.live()]
            if not values or set(values) - NO_LIMIT:
                residue.append(one.says())
        elif one.word not in KNOWN:
            residue.append(one.says())
    action, unknown = _action(node)
    entry = Entry(action, sides["source"], sides["destination"],
                  {family: list(dict.fromkeys(found)) for family, found in services.items()})  # fmt: skip
    entry.doubts = doubts
    entry.residue = [Residue("match", text, named.origin.first) for text in residue]
    entry.residue += [Residue("action", text, named.origin.first) for text in unknown]
    entry.residue += [
        Residue("match", child.says(), named.origin.first) for child in node.live() if child.word not in ASIDE
    ]
    entry.enabled = not node.inactive and node.at("scheduler-name") is None
    made = Policy()
    if node.begun > 1:
        entry.residue.append(Residue("match", f"policy {node.word} is begun twice", named.origin.first))
    for word in ("from-zone", "to-zone"):
        limits = match.words(word)
        if limits and "any" not in limits:
            if word == "from-zone":
                made.sources = limits
            else:
                made.targets = limits
    origin = entries.commented(named.origin, match_remarks(node), used)
    made.rules = rules_of(entry, named._replace(origin=origin))
    return made


def match_remarks(node: Node) -> list[str]:
    """What a person wrote to a policy, and when it holds."""
    said = node.words("description")
    return [*said, *(f"only at the times of {name}" for name in node.words("scheduler-name"))]


def _side(match: Node, word: str, zone: str, books: Books) -> Side:
    names = match.words(f"{word}-address")
    if not names:
        return entries.unknown(f"it does not say which {word} addresses")
    found = Side()
    for name in names:
        found.add(books.side(name, zone))
    if match.at(f"{word}-address-excluded") is None:
        return found
    known = {
        family: intervals.complement(intervals.merge(found.ranges.get(family, [])), TOP[family]) for family in FAMILIES
    }
    if found.doubts:  # what is not known may be excluded as well
        return Side({}, found.doubts, known)
    spoken = {family: ranges for family, ranges in known.items() if found.ranges.get(family)}
    if len(spoken) < len(known):
        return Side(spoken, ["nothing of the other family is excluded"], known)
    return Side(known)


def _action(node: Node) -> tuple[Action, list[str]]:
    then = node.at("then")
    if then is not None:
        unchain(then, {*ENDS, *BESIDE}, alone=ENDS)
    said = then.live() if then is not None else []
    ending = [one for one in said if one.word in ENDS]
    unknown = [one.says() for one in said if one.word not in ENDS and one.word not in BESIDE]
    if not ending:
        return Action.DENY, [*unknown, "it neither permits nor denies"]
    best = min(one.rank for one in ending)
    held = [one for one in ending if one.rank == best]
    if len(held) > 1:
        unknown.append(" and ".join(one.word for one in held))
    for one in held[-1].live() if held[-1].word == "permit" else ():
        if one.word not in HANDED_ON:
            unknown.append(one.says())
        elif one.at("application-firewall") is not None:
            unknown.append("an application firewall")
    return ENDS[held[-1].word], unknown


def in_order(nodes: Sequence[Node]) -> list[Node]:
    """Policies as they are asked: what is inherited stands behind the list's own."""
    return sorted((node for node in nodes), key=lambda node: node.rank > 0)
