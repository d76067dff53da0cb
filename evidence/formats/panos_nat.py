"""Translation in PAN-OS, as far as it decides which security rules are asked.

Rules name addresses as they are before translation, and the zone in which the translated destination lies. So for each
zone into which something is translated there is a copy of the rules of which only those towards that zone are left; a
chain in front sends there what a translation rule is about. Where the zone is not known, nothing is concluded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from compliance.traffic.boxes import FAMILIES, FULL
from compliance.traffic.shares import Residue
from evidence.formats import entries
from evidence.formats.entries import Entry, Named, Service, Side, rules_of
from evidence.formats.panos_apps import Services
from evidence.formats.panos_rules import Reader, Written, written
from evidence.formats.panos_tree import Node
from evidence.formats.panos_zones import Zones
from evidence.formats.slices import matches
from evidence.rules import Action, Chain, Rule

WORDS = ("service", "nat-type", "disabled", "to-interface", "active-active-device-binding")
INNER = ("source-translation", "destination-translation", "dynamic-destination-translation")
ZoneOf = Callable[[Side], str]  # the zone in which all addresses of a side lie; "" where that is not known


@dataclass(slots=True)
class Translations:
    """The rules in front of the security rules, and the zones into which something is translated."""

    chain: str
    main: str
    rules: list[Rule] = field(default_factory=list)
    towards: set[str] = field(default_factory=set)
    _waiting: list[Rule] = field(default_factory=list)

    def copy_of(self, zone: str) -> str:
        """What the copy for a zone is called."""
        return f"{self.main}@{zone}"

    def passes(self, rules: Iterable[Rule]) -> None:
        """Rules that translate no destination: they matter where a later one does."""
        self._waiting += rules

    def adds(self, rules: Iterable[Rule]) -> None:
        """Rules that translate a destination."""
        self.rules += [*self._waiting, *rules]
        self._waiting = []

    def copies(self, main: Chain, zones: Zones) -> list[Chain]:
        """For each zone the rules that are about traffic towards it."""
        found = []
        for zone in sorted(self.towards):
            name, stands = self.copy_of(zone), min(zones.names(zone))
            kept = [replace(one, chain=name, oif=None) for one in main.rules if matches(one.oif, stands)]
            found.append(Chain(name, main.table, "", 0, None, tuple(kept)))
        return found


def add(found: Translations, reader: Reader, node: Node, zones: Zones, zone_of: ZoneOf, seq: int) -> None:
    """One translation rule."""
    rule = written(node, lists=("from", "to", "source", "destination"), words=WORDS, inner=INNER)
    if not rule.lists["source"] or not rule.lists["destination"]:
        rule.doubt("an empty list")
    named = Named(f"{reader.place}#{node.word}", found.chain, seq, reader.origin(rule))
    if rule.says("disabled"):
        found.passes([entries.made(named, 4, Action.RETURN, (), enabled=False)])
        return
    src, dst = reader.sides(rule)
    named = named._replace(origin=reader.origin(rule))
    matched = _matched(rule, reader, src, dst, named)
    limited = _limited(rule, zones, matched)
    kind = rule.words.get("nat-type", "") or "ipv4"
    if kind != "ipv4" or "dynamic-destination-translation" in rule.inner:
        found.adds(_unknown(one, node) for one in limited)
    elif "destination-translation" in rule.inner:
        target = _target(reader, rule.inner["destination-translation"])
        _send(found, limited, zone_of(target) if target is not None else "", node)
    else:
        found.passes(replace(one, action=Action.RETURN) for one in limited)
    _both_ways(found, reader, rule, zone_of, named)


def _matched(rule: Written, reader: Reader, src: Side, dst: Side, named: Named) -> list[Rule]:
    name = rule.words.get("service", "") or "any"
    services: Services = {family: [Service()] for family in FAMILIES}
    doubts: list[str] = []
    if name != "any":
        services, doubts = reader.book.services([name])
    entry = Entry(Action.GOTO, src, dst, services, FAMILIES, doubts, residue=list(rule.residue))
    return [one for one in rules_of(entry, named) if one.boxes or one.residue]


def _limited(rule: Written, zones: Zones, matched: Sequence[Rule]) -> list[Rule]:
    interface = rule.words.get("to-interface", "")
    found: list[Rule] = []
    for pair in zones.pairs("universal", rule.lists["from"] or ["any"], rule.lists["to"] or ["any"]):
        oif = frozenset((interface,)) if interface not in {"", "any"} else pair.oif
        more = (Residue("match", pair.doubt, rule.node.line),) if pair.doubt else ()
        found += [replace(one, iif=pair.iif, oif=oif, residue=(*one.residue, *more)) for one in matched]
    return found


def _send(found: Translations, rules: Sequence[Rule], zone: str, node: Node) -> None:
    if not zone:
        found.adds(_unknown(one, node) for one in rules)
        return
    found.towards.add(zone)
    found.adds(replace(one, target=found.copy_of(zone)) for one in rules)


def _unknown(rule: Rule, node: Node) -> Rule:
    """A translation of which it is not known where it leads."""
    boxes = rule.boxes or (FULL[rule.family],)
    text = f"translation rule {node.word}: the zone of the new destination is not known"
    return replace(
        rule, action=Action.PERMIT, target="", boxes=boxes, residue=(*rule.residue, Residue("nat", text, node.line))
    )


def _target(reader: Reader, node: Node) -> Side | None:
    address = next((one for one in node.children if one.word == "translated-address"), None)
    names = address.values() if address is not None else []
    return reader.book.addresses(names) if names else None


def _both_ways(found: Translations, reader: Reader, rule: Written, zone_of: ZoneOf, named: Named) -> None:
    """A static translation of sources that is of both directions: what comes to the new address goes to the old one."""
    inner = rule.inner.get("source-translation")
    static = next((one for one in inner.children if one.word == "static-ip"), None) if inner is not None else None
    if static is None or not any(one.word == "bi-directional" and one.text() == "yes" for one in static.children):
        return
    address = _target(reader, static)
    old = reader.book.addresses(rule.lists["source"])
    entry = Entry(
        Action.GOTO, entries.everybody(), address or entries.unknown("an address"),
        {family: [Service()] for family in FAMILIES}, residue=list(rule.residue),
    )  # fmt: skip
    back = named._replace(id=f"{named.id}#back")
    made = [one for one in rules_of(entry, back) if one.boxes or one.residue]
    _send(found, made, zone_of(old), rule.node)
