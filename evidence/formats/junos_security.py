"""The security of a Junos configuration: zones, address books, policies, modes of forwarding, and translations."""

from __future__ import annotations

from collections.abc import Callable

from compliance.traffic.boxes import FAMILIES, Box, Family, box_of
from evidence.formats import junos_filter, junos_policy
from evidence.formats.cursor import Line
from evidence.formats.entries import Named, unknown
from evidence.formats.junos_groups import matches
from evidence.formats.junos_interfaces import unit_of
from evidence.formats.junos_known import NAT, POLICIES, SECURITY, ZONE
from evidence.formats.junos_lines import Placed, held_by
from evidence.formats.junos_objects import Applications, Books
from evidence.formats.junos_objects import said as objects_said
from evidence.formats.junos_system import System, Zone
from evidence.formats.junos_text import Node, unchain
from evidence.rules import Action

UNKNOWN = "it is not known what this does"
ZONED = frozenset({"interfaces", "host-inbound-traffic", "address-book"})
BESIDE = "it is not known what this does beside policies"


class Security:
    """Reads `security` into a system; the policies are made when everything is read."""

    def __init__(self, placed: Placed, system: System) -> None:
        self._placed, self._system = placed, system
        self._books = Books()
        self._policies: list[tuple[str, str, Node]] = []

    def read(self, node: Node) -> None:
        """Everything below `security`."""
        for child in node.live():
            if child.word in SECURE:
                self._placed.take(child, deep=False)
                SECURE[child.word](self, child)
            elif child.word == "advance-policy-based-routing":
                self._system.statics.unsure = True
                self._placed.ignore(child)
            else:
                self._placed.sort(child, SECURITY, UNKNOWN)

    def _zones(self, node: Node) -> None:
        for kind in node.live():
            if kind.word not in {"security-zone", "functional-zone"}:
                self._placed.fail(kind, "it is not known what kind of zone this is")
                continue
            self._placed.take(kind, deep=False)
            for held in kind.live():
                self._zone(held, management=kind.word == "functional-zone")

    def _zone(self, node: Node, *, management: bool) -> None:
        zone = self._system.zones[node.word] = Zone(node.word, self._placed.line(node), management=management)
        self._placed.take(node, deep=False)
        unchain(node, ZONED, keep=ZONED)
        for child in node.live():
            if child.word == "interfaces":
                self._placed.take(child, deep=False)
                for one in child.live():
                    self._member(zone, one)
            elif child.word == "host-inbound-traffic":
                zone.inbound[""] = self._let_in(child)
            elif child.word == "address-book":
                self._placed.take(child)
                self._books.add(node.word, child)
            else:
                self._placed.sort(child, ZONE, "it is not known what this does in a zone")

    def _member(self, zone: Zone, node: Node) -> None:
        names = [unit_of(node.word)]
        if any(sign in node.word for sign in "*?["):
            names = [name for name in self._system.units if matches(name, node.word)]
        zone.units += names
        self._placed.take(node, deep=False)
        for child in node.live():
            if child.word == "host-inbound-traffic":
                said = self._let_in(child)
                zone.inbound.update(dict.fromkeys(names, said))
            else:
                self._placed.fail(child, "it is not known what this does at an interface of a zone")

    def _let_in(self, node: Node) -> tuple[list[str], list[str], Line]:
        self._placed.take(node)
        said: dict[str, list[str]] = {"system-services": [], "protocols": []}
        for kind in node.live():
            for one in kind.live():
                text = f"{one.word} except" if one.at("except") is not None else one.word
                said.setdefault(kind.word, []).append(text)
        odd = [word for kind, words in said.items() if kind not in {"system-services", "protocols"} for word in words]
        return said["system-services"] + odd, said["protocols"], self._placed.line(node)

    def _policies_of(self, node: Node) -> None:
        self._system.has_policies = True
        for child in node.live():
            if child.word == "from-zone":
                self._placed.take(child)
                for source in child.live():
                    for target in held_by(source.at("to-zone")):
                        self._policies.append((source.word, target.word, target))
                        self._placed.others(target, {"policy"}, BESIDE)
                    self._placed.others(source, {"to-zone"}, BESIDE)
            elif child.word == "global":
                self._placed.take(child)
                self._policies.append(("", "", child))
                self._placed.others(child, {"policy"}, BESIDE)
            elif child.word == "default-policy":
                self._placed.take(child)
                action = {"permit-all": Action.PERMIT, "deny-all": Action.DENY}.get(child.chosen())
                if action is None:
                    self._placed.fail(child, "it is not known what becomes of what no policy decides")
                else:
                    self._system.default = (action, self._placed.line(child))
            else:
                self._placed.sort(child, POLICIES, "it is not known what this does to policies")

    def make_policies(self, applications: Applications) -> None:
        """The rules of all policies that were read."""
        self._system.objects += objects_said([*self._books.nodes(), *applications.nodes()], self._placed)
        for source, target, node in self._policies:
            held = node.children.get("policy")
            nodes = [] if held is None or held.inactive else list(held.children.values())
            where = f"{source}>{target}" if source else "global"
            chain = self._system.part(f"policy/{where}")
            rules = self._system.pairs.setdefault((source, target), []) if source else []
            for place, one in enumerate(junos_policy.in_order(nodes), start=len(rules) + 1):
                named = Named(f"{chain}#{one.word}", chain, place, self._placed.origin(one))
                made = junos_policy.policy(one, named, (source, target), self._books, applications)
                if source:
                    rules += made.rules
                else:
                    self._system.globals.append(made)

    def _address_book(self, node: Node) -> None:
        self._placed.take(node)
        for book in node.live():
            zones = book.words("attach", "zone")
            for zone in zones if zones else [""] if book.word == "global" else []:
                self._books.add(zone, book)

    def _modes(self, node: Node) -> None:
        self._placed.take(node)
        for family in held_by(node.at("family")):
            self._system.modes[family.word] = (family.chosen("mode"), self._placed.line(family))
        self._placed.others(node, {"family", "mirror-filter", "resource-manager"}, UNKNOWN)

    def _nat(self, node: Node) -> None:
        for kind in node.live():
            if kind.word not in {"source", "destination", "static"}:
                self._placed.sort(kind, NAT, "it is not known what this translates")
                continue
            self._placed.take(kind)
            self._placed.others(kind, {"rule-set", *NAT}, "it is not known what this translates")
            for rules in held_by(kind.at("rule-set")):
                self._rule_set(kind.word, rules)

    def _rule_set(self, kind: str, node: Node) -> None:
        met = node.at("from")
        places = [(one.word, name) for one in held_by(met) for name in one.words()] or [("", "")]
        for rule in held_by(node.at("rule")):
            line, text = self._placed.line(rule), f"{kind} translation {rule.word}"
            if kind == "source":
                self._system.hidden.append((text, line))
                continue
            if "off" in rule.words("then", "destination-nat"):
                continue
            for family, box in self._translated(rule):
                for place in places:
                    self._system.translations.append((family, box, place, text, line))

    def _translated(self, rule: Node) -> list[tuple[Family, Box]]:
        """The destinations that become others; all of them where they are not known."""
        side = unknown("it names no destination")
        names = [*rule.words("match", "destination-address"), *rule.words("match", "destination-address-name")]
        for name in names[:1]:
            side = self._books.side(name, "")
            if "/" in name or name[:1].isdigit():
                side = junos_filter.Prefixes([(name, False)]).side(6 if ":" in name else 4)
        if len(names) > 1:
            side = unknown("several destinations")
        return [(family, box_of(family, dst=span)) for family in FAMILIES for span in side.widest(family)]


SECURE: dict[str, Callable[[Security, Node], None]] = {
    "zones": Security._zones,
    "policies": Security._policies_of,
    "address-book": Security._address_book,
    "forwarding-options": Security._modes,
    "nat": Security._nat,
}
