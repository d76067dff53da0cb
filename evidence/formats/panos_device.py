"""What a PAN-OS firewall does to traffic: the rules of each virtual system in their order, between its zones.

The order is Panorama's rules before, the device's own, Panorama's rules after, and last the two defaults: within a
zone everything passes, between zones nothing does, where nobody changed that. On Panorama itself each device group is a
point of its own; what the devices have themselves stands between before and after, and is not in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from compliance.traffic.boxes import FAMILIES, FULL, Family
from compliance.traffic.shares import Residue
from evidence.formats import device, entries, panos_nat
from evidence.formats.device import FORWARD, INPUT
from evidence.formats.entries import Entry, Named, Service, made, rules_of
from evidence.formats.panos_apps import Applications
from evidence.formats.panos_known import DOUBTFUL
from evidence.formats.panos_nat import Translations, ZoneOf
from evidence.formats.panos_objects import Book
from evidence.formats.panos_rules import ACTIONS, LISTS, Origins, Reader, written
from evidence.formats.panos_sections import Rulebase, Scope
from evidence.formats.panos_tree import Node
from evidence.formats.panos_zones import Names, Zones
from evidence.rules import Action, Chain, Rule

BETWEEN, POLICY, OWN = "panos:device/between", "panos:device/policy", "panos:device/input"
STAGES = {FORWARD: (BETWEEN, POLICY), INPUT: (OWN,)}
PLACES = {"pre": "pre", "local": "security", "post": "post"}
DEFAULTS = {"intrazone-default": ("intrazone", Action.PERMIT), "interzone-default": ("interzone", Action.DENY)}
ITSELF = "what it accepts itself is set by management profiles and the management interface, which are not read"
NOT_PUSHED = "Panorama manages this device, and what it has pushed is not in the file"
NOT_LOCAL = "rules of the devices themselves stand here, and are not in a file of Panorama"
NO_PARENTS = "which device groups stand above this one is not in the file"


@dataclass(slots=True)
class View:
    """Whose rules are asked. `scopes`: nearest first, shared last; `gap`: why rules of others may be missing."""

    name: str
    scopes: list[Scope]
    declared: Mapping[str, Sequence[str]]
    before: str = ""  # what may be missing before the first rule
    between: str = ""  # … between Panorama's rules before and after
    zones: Zones = field(init=False)

    def __post_init__(self) -> None:
        mentioned = [
            name
            for scope in self.scopes
            for book in scope.books.values()
            for node in (*book.security, *book.nat)
            for child in node.children
            if child.word in {"from", "to"}
            for name in (one.word for one in child.children)
        ]
        self.zones = Zones(self.declared, mentioned)

    def books(self, place: str) -> list[tuple[Scope, Rulebase]]:
        """The rulebases of one place in the order they are asked: before from the top down, after from below up."""
        ordered = self.scopes if place == "post" else list(reversed(self.scopes))
        return [(scope, scope.books[place]) for scope in ordered if not scope.books[place].is_empty()]


class Maker:
    """Makes the chains of views. Objects are expanded once for each place that names them."""

    def __init__(self, origins: Origins) -> None:
        self._origins = origins
        self._books: dict[tuple[int, ...], tuple[Book, Applications]] = {}

    def objects(self, scopes: Sequence[Scope]) -> tuple[Book, Applications]:
        """The objects that can be named in the first of these places."""
        key = tuple(map(id, scopes))
        if key not in self._books:
            above = self.objects(scopes[1:])[0] if len(scopes) > 1 else None
            self._books[key] = Book(scopes[0], above), Applications(scopes)
        return self._books[key]

    def readers(self, view: View, place: str) -> list[tuple[Reader, Rulebase]]:
        """A reader for each rulebase of one place."""
        below = self.objects(view.scopes)[0]
        found = []
        for scope, book in view.books(place):
            objects, applications = self.objects(view.scopes[view.scopes.index(scope) :])
            named = f"panos:{scope.name}/{PLACES[place]}"
            found.append((Reader(named, objects, applications, below, self._origins), book))
        return found

    def security(self, view: View, chain: str) -> Chain:
        """The security rules of a view with its defaults."""
        rules: list[Rule] = []
        if view.before:
            rules += self._gap(view, chain, "before", view.before)
        for place in PLACES:
            if place == "local" and view.between:
                rules += self._gap(view, chain, "local", view.between)
            for reader, book in self.readers(view, place):
                seen: dict[str, int] = {}
                for node in book.security:
                    seen[node.word] = seen.get(node.word, 0) + 1
                    rules += self._rule(view, reader, node, chain, len(rules) + 1, seen[node.word])
            if place == "local" and view.before == NOT_PUSHED:
                rules += self._gap(view, chain, "after", view.before)
        rules += self._defaults(view, chain, len(rules))
        return Chain(chain, "filter", "", 0, None, tuple(rules))

    def _rule(self, view: View, reader: Reader, node: Node, chain: str, seq: int, which: int) -> list[Rule]:
        """One rule between its zones. `which`: how often its name came; a name that comes twice is in doubt."""
        rule, matched = reader.security(node, chain, seq)
        if which > 1:
            again = Residue("match", f"a rule named {node.word} for the {which}. time", node.line)
            matched = [replace(one, id=f"{one.id} ({which})", residue=(*one.residue, again)) for one in matched]
        found: list[Rule] = []
        for pair in view.zones.pairs(rule.words.get("rule-type", ""), rule.lists["from"], rule.lists["to"]):
            more = (Residue("match", pair.doubt, node.line),) if pair.doubt else ()
            found += [
                replace(one, iif=pair.iif, oif=pair.oif, residue=(*one.residue, *more))
                for one in matched
                if one.boxes or one.residue
            ]
        return found or [replace(one, boxes=(), residue=()) for one in matched[:1]]

    def _gap(self, view: View, chain: str, where: str, why: str) -> list[Rule]:
        """What may be missing: nobody knows what it lets through or stops."""
        node = view.scopes[0].node or Node("", "tag", 1)
        named = Named(f"{chain}#{where}", chain, 0, self._origins(node, "", why))
        residue = (Residue("action", why, node.line),)
        return [made(named, family, Action.PERMIT, (FULL[family],), residue=residue) for family in FAMILIES]

    def _defaults(self, view: View, chain: str, before: int) -> list[Rule]:
        """The two defaults. The nearest place that changes one decides."""
        found: list[Rule] = []
        for name, (kind, action) in DEFAULTS.items():
            node: Node | None = None
            for scope in view.scopes:
                for book in (scope.books["local"], scope.books["post"], scope.books["pre"]):
                    node = node or book.defaults.get(name)
            residue: tuple[Residue, ...] = ()
            if node is not None:
                rule = written(node, lists=(), words=("action",))
                said = rule.words.get("action", "")
                known = ACTIONS.get(said)
                residue = tuple(rule.residue)
                if said and known is None:
                    residue = (*residue, Residue("action", said, node.line))
                action = known or action
            origin = self._origins(node or view.scopes[0].node or Node("", "tag", 1), "", "" if node else "the default")
            named = Named(f"{chain}#{name}", chain, before + len(found) + 1, origin)
            for pair in view.zones.pairs(kind, ["any"], ["any"]) if kind == "intrazone" else ():
                doubt = (Residue("match", pair.doubt, origin.first),) if pair.doubt else ()
                found += [
                    made(named, family, action, (FULL[family],), iif=pair.iif, oif=pair.oif, residue=(*residue, *doubt))
                    for family in FAMILIES
                ]
            if kind == "interzone":
                found += [made(named, family, action, (FULL[family],), residue=residue) for family in FAMILIES]
        for scope in view.scopes:
            for book in scope.books.values():
                for node in book.defaults.values():
                    node.use()
        return found

    def translations(self, view: View, chain: str, main: str, zone_of: ZoneOf) -> Translations:
        """The translation rules of a view."""
        found = Translations(chain, main)
        seq = 0
        for place in PLACES:
            for reader, book in self.readers(view, place):
                reader.place = reader.place.replace("/security", "/nat") if place == "local" else f"{reader.place}-nat"
                for node in book.nat:
                    seq += 1
                    panos_nat.add(found, reader, node, view.zones, zone_of, seq)
        return found

    def doubts(self, view: View, chain: str) -> list[Rule]:
        """Rules of other rulebases that may stop something, or send it elsewhere."""
        found: list[Rule] = []
        for place in PLACES:
            for reader, book in self.readers(view, place):
                for kind, node in book.others:
                    reader_place = f"{reader.place.rpartition('/')[0]}/{kind}"
                    found += self._doubt(view, reader, node, f"{reader_place}#{node.word}", chain, DOUBTFUL[kind])
        return found

    def _doubt(self, view: View, reader: Reader, node: Node, name: str, chain: str, why: str) -> list[Rule]:
        words = ("negate-source", "negate-destination", "disabled")
        rule = written(node, lists=LISTS, words=words, inner=[one.word for one in node.tags()])
        sources = _zone_names(rule.lists["from"], node)
        if rule.says("disabled") or _does_nothing(node):
            return []
        rule.lists["source"] = rule.lists["source"] or ["any"]
        rule.lists["destination"] = rule.lists["destination"] or ["any"]
        src, dst = reader.sides(rule)
        services = {family: [Service()] for family in FAMILIES}
        entry = Entry(
            Action.DENY, src, dst, services, residue=[Residue("match", f"{why} ({node.word})", node.line)]
        )  # fmt: skip
        named = Named(name, chain, 0, reader.origin(rule))
        limit = frozenset(one for zone in sources for one in view.zones.names(zone)) if sources else None
        return [replace(one, iif=limit) for one in rules_of(entry, named) if one.boxes or one.residue]


def _zone_names(said: Sequence[str], node: Node) -> list[str]:
    """From which zones or interfaces such a rule is; none for any."""
    held = next((one for one in node.children if one.word == "from"), None)
    inner = [one for one in (held.children if held is not None else ()) if one.word in {"zone", "interface"}]
    names = [one.word for each in inner for one in each.children] if inner else list(said)
    return [] if "any" in names else names


def _does_nothing(node: Node) -> bool:
    """`no-pbf`, and `allow` of a rule against denial of service: the packet goes its ordinary way."""
    held = next((one for one in node.children if one.word == "action"), None)
    return held is not None and [one.word for one in held.children] in (["no-pbf"], ["allow"], ["protect"])


def bases(views: Sequence[tuple[View, str, Translations]], between: Iterable[Rule]) -> list[Chain]:
    """The base chains of a firewall. `views`: each with the chain of its rules and of its translations."""
    policy: list[Rule] = across([view for view, _, _ in views])
    for view, chain, translations in views:
        limit = view.zones.everywhere() if len(views) > 1 else None
        origin = translations.rules[0].origin if translations.rules else entries.NOWHERE
        named = Named(f"{chain}#asked", POLICY, len(policy) + 1, origin)
        if translations.rules:
            policy += [
                made(named, family, Action.JUMP, (FULL[family],), target=translations.chain, iif=limit)
                for family in FAMILIES
            ]
        policy += [made(named, family, Action.GOTO, (FULL[family],), target=chain, iif=limit) for family in FAMILIES]
    if len(views) != 1:
        named = Named("panos:default/no-system", POLICY, len(policy) + 1, entries.NOWHERE)
        policy += [device.doubt(named, "it belongs to no virtual system", family) for family in FAMILIES]
    own = Named("panos:default/own", OWN, 1, entries.NOWHERE)
    return [
        device.base(BETWEEN, "forward", 0, between),
        device.base(POLICY, "forward", 1, policy),
        device.base(OWN, "input", 0, [device.doubt(own, ITSELF, family) for family in FAMILIES]),
    ]


def without_zone(views: Sequence[View], *, whole: bool) -> list[Rule]:
    """An interface in no zone passes nothing on; `whole`: every zone that a rule names is in the file."""
    known: Names = frozenset(name for view in views for name in view.zones.everywhere())
    if not any(view.zones.declared for view in views):
        return []
    limit = [f"!{name}" for name in known]
    named = Named("panos:default/no-zone", BETWEEN, 0, entries.NOWHERE)
    found: list[Rule] = []
    for family in FAMILIES:
        if whole:
            found.append(made(named, family, Action.DENY, (FULL[family],), iif=limit))
            found.append(made(named, family, Action.DENY, (FULL[family],), oif=limit))
        else:
            found.append(device.doubt(named, "its zone is not in this file", family, iif=limit))
            found.append(device.doubt(named, "its zone is not in this file", family, oif=limit))
    return found


def across(views: Sequence[View]) -> list[Rule]:
    """From one virtual system to another: by external zones, in two parts, of which nothing is concluded."""
    found: list[Rule] = []
    for view in views if len(views) > 1 else ():
        mine = view.zones.everywhere()
        others = frozenset(name for other in views if other is not view for name in other.zones.everywhere()) - mine
        named = Named(f"panos:{view.name}#leaves", POLICY, 0, entries.NOWHERE)
        residue = (Residue("action", f"the way from virtual system {view.name} to another one", 0),)
        found += [
            made(named, family, Action.PERMIT, (FULL[family],), iif=mine, oif=others, residue=residue)
            for family in FAMILIES
            if others
        ]
    return found


def no_ipv6(node: Node | None, origins: Origins) -> list[Rule]:
    """Where IPv6 is not looked at, nobody can say what becomes of it."""
    if node is None:
        return []
    named = Named("panos:device#ipv6-firewalling", BETWEEN, 0, origins(node, "", ""))
    family: Family = 6
    return [device.doubt(named, "ipv6-firewalling is off", family)]
