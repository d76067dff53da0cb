"""The configuration of a device with Junos (`show configuration`, with braces or `| display set`), or a part of it.

Filters judge at the units they are attached to; between zones the security policies do. What is inherited from groups
is brought in first, what is inactive is not there, and a rule that is inactive is dormant. What says nothing about
traffic is named in junos_known.py; what is named nowhere is unread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from compliance.traffic.boxes import FAMILIES, Family
from evidence.formats import junos_device, junos_filter, junos_policy
from evidence.formats.cursor import Account, lines_of
from evidence.formats.device import AccessList
from evidence.formats.entries import Named, commented
from evidence.formats.junos_filter import PrefixLists
from evidence.formats.junos_groups import Inheritance
from evidence.formats.junos_interfaces import FAMILY_OF, Interfaces, unit_of
from evidence.formats.junos_known import (
    FILTER,
    FIREWALL,
    FORWARDING,
    INSTANCE,
    LAYER2,
    LEARN_NOTHING,
    POLICY_OPTIONS,
    ROUTING,
    TOP,
)
from evidence.formats.junos_lines import Placed, held_by
from evidence.formats.junos_objects import Applications
from evidence.formats.junos_objects import said as objects_said
from evidence.formats.junos_security import Security
from evidence.formats.junos_system import System
from evidence.formats.junos_text import Node, Text
from evidence.rules import Artefact, FormatError, Reading

NAME = "junos"
WORDS = ("firewall|security|policy-options|applications|interfaces|groups|routing-options|routing-instances|system"
         "|protocols|logical-systems|forwarding-options|chassis|snmp|version|schedulers|vlans")  # fmt: skip
SET = re.compile(rf"^[ \t]*(?:set|deactivate) (?:{WORDS})[ \t]", re.M)
OF_OTHERS = re.compile(
    r"^set (?:deviceconfig|rulebase|shared|network|mgt-config|vsys|address |service |zone |interfaces ethernet eth"
    r"|firewall name )", re.M)  # fmt: skip
BRACES_OF_OTHERS = re.compile(  # PAN-OS, and VyOS
    r"^[ \t]*(?:(?:mgt-config|deviceconfig|localhost\.localdomain|(?:pre-|post-)?rulebase|vsys\d*"
    r"|default-security-rules|ethernet eth\d+|loopback lo) \{|// vyos-config-version)", re.M)  # fmt: skip
CURLY = re.compile(
    rf"^[ \t]*(?:(?:replace|inactive|protect): +)*(?:{WORDS}) \{{[ \t]*(?:$|##|/\*|[\w-])"
    r"|^## Last (?:commit|changed): |^version [^;\n]{3,40};[ \t]*$|^[ \t]*family inet6? \{\s*(?:/\*|filter |[\w-]+: )"
    r"|^[ \t]*from-zone \S+ to-zone \S+ \{",
    re.M,
)
MAKE_ROUTES = frozenset(
    {"aggregate", "generate", "rib-groups", "dynamic-tunnels", "instance-import", "interface-routes", "auto-export",
     "flow"}
)  # fmt: skip
LISTS = ("source-prefix-list", "destination-prefix-list", "prefix-list")
PARTS = ("logical-systems", "tenants")
KINDS: dict[Family | None, str] = {4: "filter", 6: "filter6", None: "filter-any"}


def sniff(head: bytes, name: str) -> float:
    """How sure it is that a file beginning so is such a configuration: 0..1."""
    text = head.decode("utf-8", "replace").replace("\r", "")
    if BRACES_OF_OTHERS.search(text):
        return 0.0
    if text.lstrip()[:1] == "{" and "{master" not in text[:4000] and "{primary" not in text[:4000]:
        return 0.0
    return 0.85 if (SET.search(text) and not OF_OTHERS.search(text)) or CURLY.search(text) else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """One device. Raises FormatError when a configuration is cut off."""
    if len(artefacts) != 1:
        why = "a device has one configuration, and several were given"
        raise FormatError("The configurations were not read", why, "Give one file for each device.")
    file = _File(artefacts[0])
    return junos_device.reading(NAME, file.systems, file.account)


class _File(Placed):
    """One configuration: every line goes somewhere, then the rules are made."""

    def __init__(self, artefact: Artefact) -> None:
        lines = lines_of(artefact)
        super().__init__(lines, Account(artefact, len(lines)))
        self.root = Text(self.lines, self.account).root
        for node in self.root.every():
            if node.inactive:
                self.ignore(node)
        Inheritance(self.root, self.account)
        self.systems = [System()]
        _Sections(self, self.systems[0]).read(self.root)
        for kind in PARTS:
            for node in held_by(self.root.at(kind)):
                self.take(node, deep=False)
                system = System(node.word)
                self.systems.append(system)
                _Sections(self, system).read(node)
        self.rest()


class _Sections:
    """Reads the sections of one system."""

    def __init__(self, file: _File, system: System) -> None:
        self._file, self._system = file, system
        self._interfaces = Interfaces(file, system)
        self._security = Security(file, system)

    def read(self, root: Node) -> None:
        """Everything below a root: the device's own, or a logical system's."""
        for node in root.live():
            if node.word in SECTIONS:
                SECTIONS[node.word](self, node)
                self._file.take(node, deep=False)
            elif node.word in TOP:
                self._file.ignore(node)
                if node.word == "protocols":
                    self._learns(node)
            elif node.word in PARTS and root is self._file.root:
                self._file.take(node, deep=False)
            else:
                self._file.fail(node, "it is not known what this statement does")
        named = root.at("policy-options", "prefix-list") or self._file.root.at("policy-options", "prefix-list")
        self._filters(root, PrefixLists(root, named))
        self._system.objects += objects_said(held_by(named), self._file)
        own = root.at("applications")
        self._security.make_policies(Applications(own if own is not None else self._file.root.at("applications")))

    def _taken(self, node: Node) -> None:
        self._file.take(node)

    def _learns(self, node: Node) -> None:
        self._system.statics.unsure |= any(child.word not in LEARN_NOTHING for child in node.live())

    def _firewall(self, node: Node) -> None:
        for child in node.live():
            if child.word == "family":
                self._file.take(child, deep=False)
                for family in child.live():
                    self._of_family(family)
            elif child.word == "filter":
                self._file.take(child)
            else:
                self._file.sort(child, FIREWALL, "it is not known what this does")

    def _of_family(self, node: Node) -> None:
        if node.word not in {*FAMILY_OF, "any"}:
            self._file.sort(node, LAYER2, "it is not known what this family is")  # attached, it is in doubt
            return
        self._file.take(node, deep=False)
        for child in node.live():
            if child.word == "filter":
                self._file.take(child)
            else:
                self._file.sort(child, FIREWALL, "it is not known what this does")

    def _filters(self, root: Node, lists: PrefixLists) -> None:
        held = root.at("firewall")
        policers = {one.word: one for kind in ("policer", "three-color-policer", "hierarchical-policer")
                    for one in held_by(held.at(kind) if held is not None else None)}  # fmt: skip
        for word, family in (("inet", 4), ("inet6", 6), ("any", None)):
            named = [held.at("family", word, "filter")] if held is not None else []
            if family == 4 and held is not None:
                named.append(held.at("filter"))
            for node in [one for each in named for one in held_by(each)]:
                self._filter(node, family, lists, policers)  # type: ignore[arg-type]

    def _filter(self, node: Node, family: Family | None, lists: PrefixLists, policers: dict[str, Node]) -> None:
        chain = self._system.part(f"{KINDS[family]}/{node.word}")
        families = FAMILIES if family is None else (family,)
        found = AccessList(node.word, chain, families, self._file.line(node))
        if (node.word, family) in self._system.filters or node.begun > 1:
            found.bad.append((self._file.line(node), f"filter {node.word} is begun twice"))
        self._system.filters[node.word, family] = found
        held = node.children.get("term")
        terms = [] if held is None or held.inactive else list(held.children.values())
        for place, term in enumerate(junos_policy.in_order(terms), start=1):
            used = [one.word for kind in LISTS for one in held_by(term.at("from", kind))]
            origin = commented(self._file.origin(term), (), used)
            named = Named(f"{chain}#{term.word}", chain, place, origin)
            if term.begun > 1:
                found.bad.append((self._file.line(term), f"term {term.word} is begun twice"))
            for each in families:
                found.rules += junos_filter.rules(term, named, each, lists, policers)
            if any(one.word == "packet-mode" for one in held_by(term.at("then"))):
                what = f"filter {node.word} takes it out of sessions: policies are not asked"
                self._system.bypassed.append((node.word, family, what, self._file.line(term)))
        for child in node.live():
            if child.word != "term" and child.word not in FILTER:
                number = self._file.line(child)
                found.bad.append((number, "it is not known what this does in a filter"))
            elif child.word != "term":
                self._file.ignore(child)

    def _policy_options(self, node: Node) -> None:
        for child in node.live():
            if child.word == "prefix-list":
                self._file.take(child)
            else:
                self._file.sort(child, POLICY_OPTIONS, "it is not known what this does")

    def _routing(self, node: Node) -> None:
        statics = self._system.statics
        for child in node.live():
            if child.word in {"static", "rib"}:
                self._file.take(child)
            else:
                self._file.sort(child, ROUTING, "it is not known what this does to routes")
            statics.unsure |= child.word in MAKE_ROUTES
        held = [node.at("static"), *(one.at("static") for one in held_by(node.at("rib")))]
        for each in held:
            for route in held_by(each.at("route") if each is not None else None):
                ways = [word for word in route.words() if word in {"discard", "reject", "receive", "next-table",
                                                                   "qualified-next-hop", "next-hop"}]  # fmt: skip
                hops = route.words("next-hop")
                if ways in (["discard"], ["reject"]):
                    statics.add([route.word], ["null0"])
                elif ways == ["next-hop"] and len(hops) == 1:
                    statics.add([route.word], [hops[0]])
                else:
                    statics.unsure = True

    def _instances(self, node: Node) -> None:
        for instance in node.live():
            self._file.take(instance, deep=False)
            for child in instance.live():
                if child.word == "interface":
                    self._file.take(child)
                    for one in child.words():
                        self._system.instances[unit_of(one)] = instance.word
                elif child.word == "routing-options":
                    self._file.ignore(child)
                elif child.word == "forwarding-options":
                    self._forwarding(child)
                else:
                    self._file.sort(child, INSTANCE, "it is not known what this does in a routing instance")

    def _forwarding(self, node: Node) -> None:
        self._file.take(node, deep=False)
        for child in node.live():
            if child.word != "family":
                self._file.sort(child, FORWARDING, "it is not known what this does to what is passed on")
                continue
            self._file.take(child)
            for held in child.live():
                family = FAMILY_OF.get(held.word)
                for one in held_by(held.at("filter")):
                    if family is None:
                        self._system.switched.append((f"a filter of {held.word}", self._file.line(one)))
                    else:
                        self._system.table.append((one.word, family, one.chosen(), self._file.line(one)))

    def _profiles(self, node: Node) -> None:
        if any(one.word == "filter" for one in node.every()):
            self._file.fail(node, "it may attach filters to interfaces that come and go")
        else:
            self._file.ignore(node)

    def _vlans(self, node: Node) -> None:
        self._file.ignore(node)
        for held in node.live():
            for one in (held.at("filter"), held.at("forwarding-options", "filter")):
                if one is not None:
                    self._file.take(one)
                    what = f"a filter judges what {held.word} switches"
                    self._system.switched.append((what, self._file.line(one)))

    def _services(self, node: Node) -> None:
        self._file.ignore(node)
        for held in held_by(node.at("service-set")):
            self._system.switched.append((f"service set {held.word} may stop or translate it", self._file.line(held)))
            self._file.take(held)


SECTIONS: dict[str, Callable[[_Sections, Node], None]] = {
    "interfaces": lambda sections, node: sections._interfaces.read(node),
    "firewall": _Sections._firewall,
    "policy-options": _Sections._policy_options,
    "routing-options": _Sections._routing,
    "routing-instances": _Sections._instances,
    "forwarding-options": _Sections._forwarding,
    "security": lambda sections, node: sections._security.read(node),
    "applications": _Sections._taken,
    "schedulers": _Sections._taken,
    "dynamic-profiles": _Sections._profiles,
    "vlans": _Sections._vlans,
    "bridge-domains": _Sections._vlans,
    "services": _Sections._services,
}
