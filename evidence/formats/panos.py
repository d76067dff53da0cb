"""The configuration of a Palo Alto firewall or of Panorama (PAN-OS), as XML, `set` lines or with braces, or a part
of it.

Rules stand between zones. A firewall is one point for what it passes on, with the rules of each virtual system; on
Panorama each device group is a point. What applications, users and devices decide is in doubt, as a port filter cannot
decide it; see docs/sources/palo-alto.md. What says nothing about traffic is named in panos_known.py; what is named
nowhere is unread. Beside the configuration of a firewall may stand what Panorama pushed to it (panos_pushed.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from compliance.traffic import addresses
from compliance.traffic.boxes import FAMILIES, FULL, Family
from compliance.traffic.shares import Origin
from evidence.formats import device, panos_braces, panos_device, panos_network, panos_pushed, panos_set, panos_tree
from evidence.formats.cursor import digest
from evidence.formats.entries import NOWHERE, Named, Side, made
from evidence.formats.object_groups import Group
from evidence.formats.panos_device import BETWEEN, NO_PARENTS, NOT_LOCAL, NOT_PUSHED, STAGES, Maker, View
from evidence.formats.panos_nat import ZoneOf
from evidence.formats.panos_network import Network
from evidence.formats.panos_pushed import File, Pushed
from evidence.formats.panos_sections import Config, Scope, Template, sorted_out
from evidence.formats.panos_tree import Node
from evidence.rules import OBJECTS, Action, Artefact, Chain, FormatError, Point, Reading, Route, Statement

NAME = "panos"
XML_MARKS = re.compile(
    r"<config\b[^>]*\b(?:urldb=|detail-version=|version=\"\d+\.\d+\.\d+\")|<(?:pre-|post-)?rulebase\b|<device-group>"
    r"|<mgt-config>|<deviceconfig>|<vsys>\s*<entry|<negate-source>|<application-default"
    r"|<entry\s[^>]*name=[^>]*>\s*<(?:ip-netmask|ip-range|fqdn|ip-wildcard)>"
    r"|<(?:from|to)>\s*<member>[^<]*</member>"
    r"|<policy>\s*<panorama\b|<security>\s*<rules\b|<(?:rules|result\b[^>]*)>\s*<entry\s+name="
)
SET_MARKS = re.compile(
    r"(?m)^set (?:config )?(?:devices \S+ )?"
    r"(?:vsys \S+ |device-group \S+ |device-group \"[^\"]*\" |shared |panorama |template \S+ config )?"
    r"(?:(?:pre-|post-)?rulebase (?:security|nat|default-security-rules|pbf|dos) "
    r"|deviceconfig (?:system|setting) |mgt-config "
    r"|address (?:\S+|\"[^\"]*\") (?:ip-netmask|ip-range|fqdn|ip-wildcard) "
    r"|zone (?:\S+|\"[^\"]*\") network |readonly |import network |service (?:\S+|\"[^\"]*\") protocol (?:tcp|udp) "
    r"|address-group (?:\S+|\"[^\"]*\") (?:static|dynamic) |network interface (?:ethernet|aggregate-ethernet) )"
)
SET_LINE = re.compile(rb"(?m)^[ \t]*(?:set|delete|move|rename) \S")
POLICY = "lists"  # what the statements about rules are about


def sniff(head: bytes, name: str) -> float:
    """How sure it is that a file beginning so is such a configuration: 0..1."""
    text = head.decode("utf-8", errors="replace").removeprefix("\ufeff").lstrip()
    if text.startswith("<"):
        return 0.9 if XML_MARKS.search(text) else 0.0
    return 0.9 if SET_MARKS.search(text) or panos_braces.MARKS.search(text) else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """One device with what was pushed to it, or one Panorama. Raises FormatError when a configuration is cut off or no
    such one."""
    files = [_file(artefact) for artefact in artefacts]
    own = [one for one in files if len(files) == 1 or not panos_pushed.is_pushed(one.tree)]
    pushed = panos_pushed.sorted_out([one for one in files if one not in own])
    if len(own) != 1 or pushed is None:
        why = "a device has one configuration, and several were given"
        raise FormatError("The configurations were not read", why, "Give one file for each device.")
    return _File(own[0], pushed).reading()


def _file(artefact: Artefact) -> File:
    start = artefact.content[:512].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"<"):
        tree = panos_tree.xml(artefact)
    elif SET_LINE.search(artefact.content):
        tree = panos_set.read(artefact)
    else:
        tree = panos_braces.read(artefact)
    return File(artefact, tree, digest(artefact))


class _File:
    def __init__(self, own: File, pushed: Pushed) -> None:
        self._own, self._pushed = own, pushed
        self._config: Config = sorted_out(own.tree.root)
        self._maker = Maker(self._origin)
        self._chains: list[Chain] = []
        self._statements: list[Statement] = []

    def _origin(self, node: Node, uid: str = "", comment: str = "") -> Origin:
        last, file = max(node.line, node.last), self._pushed.files.get(id(node), self._own)
        return Origin(file.digest, file.artefact.name, node.line, last, file.tree.text(node), uid, comment)

    def reading(self) -> Reading:
        """All of it. Every rule is made before the account is drawn: making takes the words it understands."""
        config = self._config
        groups = [self._group(group) for group in config.groups.values()]
        told = [config.system(name) for name in self._pushed.systems()]
        systems = {name: one for name, one in config.vsys.items() if one.has_rules() or one.zones or one in told}
        if not systems and not groups and not config.templates:
            systems = {"vsys1": config.system()}
        network = panos_network.read(config.networks)
        held, routes = self._firewall(list(systems.values()), network) if systems else ({}, ())
        for scope in self._scopes():
            self._take_objects(scope)
        for template in config.templates.values():
            for scope in template.vsys.values():
                self._take_objects(scope)
                _take_rules(scope)
            panos_network.read(template.networks)
        for scope in (config.shared, config.pushed, *self._pushed.scopes()):
            _take_rules(scope)
        accounts = [one.tree.account() for one in (self._own, *self._pushed.held)]
        unread = tuple(one for account in accounts for one in account.unread())
        return Reading(
            format=NAME,
            points=(
                *(device.points(STAGES, unread) if systems else ()),
                *(Point(name, "first-match", (chain,), len(unread)) for name, chain in groups),
            ),
            chains=tuple(self._chains),
            addresses=held,
            routes=routes,
            unread=unread,
            lines={account.name: account.lines() for account in accounts},
            families=frozenset(FAMILIES),
            statements=(*self._statements, *self._objects()),
        )

    def _scopes(self) -> list[Scope]:
        """Every place in which objects are defined."""
        config = self._config
        return [config.shared, config.pushed, *self._pushed.scopes(), *config.vsys.values(), *config.groups.values()]

    def _objects(self) -> list[Statement]:
        """What each object and group holds as written, by name; where several places have one, with the place."""
        held: dict[str, list[tuple[str, Group]]] = {}
        for scope in self._scopes():
            for group in self._maker.objects([scope])[0].own():
                held.setdefault(group.name, []).append((scope.name, group))
        found: list[Statement] = []
        for name, places in held.items():
            members = [
                f"{place}: {' '.join(one.words)}" if len(places) > 1 else " ".join(one.words)
                for place, group in places
                for one in group.members
            ]
            node = Node(name, "word", places[0][1].line)
            details = (("kind", places[0][1].kind),)
            found.append(Statement(OBJECTS, name, "; ".join(members), details, self._origin(node)))
        return found

    def _take_objects(self, scope: Scope) -> None:
        """What no rule names is understood as well: schedules, tags, applications, and all kinds of objects."""
        self._maker.objects([scope])
        for entries in scope.objects.values():
            for entry in entries:
                entry.use()

    def _group(self, group: Scope) -> tuple[str, str]:
        """A device group as a point: its name and its chain."""
        scopes, missing = self._above(group)
        declared = self._declared_for(scopes)
        before = missing
        if not self._config.parents_told and len(self._config.groups) > 1:
            before = before or NO_PARENTS
        view = View(group.name, scopes, declared, before=before, between=NOT_LOCAL)
        chain = f"panos:{group.name}/policy"
        front = self._maker.translations(view, f"panos:{group.name}/translation", chain, lambda _: "")
        main, doubts = self._maker.security(view, chain), self._maker.doubts(view, chain)
        # Where a translated packet goes is told by the devices' own routes: a rule that translates leaves it in doubt
        named = Named(f"{chain}#asked", chain, 0, front.rules[0].origin if front.rules else NOWHERE)
        asked = [
            made(named, family, Action.JUMP, (FULL[family],), target=front.chain)
            for family in (FAMILIES if front.rules else ())
        ]
        self._chains.append(replace(main, rules=(*doubts, *asked, *main.rules)))
        if front.rules:
            self._chains.append(Chain(front.chain, "filter", "", 0, None, tuple(front.rules)))
        self._say(view, chain)
        return group.name, chain

    def _above(self, group: Scope) -> tuple[list[Scope], str]:
        """The device group and those above it, shared last; and why they may not be all."""
        found, missing = [group], ""
        while found[-1].above not in {"", "shared"}:
            above = self._config.groups.get(found[-1].above)
            if above is None or above in found:
                missing = f"the device group {found[-1].above} above it is not in the file, or leads back to itself"
                break
            found.append(above)
        return [*found, self._config.shared], missing

    def _declared_for(self, scopes: Sequence[Scope]) -> Mapping[str, Sequence[str]]:
        """The zones that templates give the devices of a device group; none where no template is known to be theirs."""
        devices = set(scopes[0].devices)
        wanted = [
            name for templates, serials in self._config.stacks.values() if devices & set(serials) for name in templates
        ]
        found: dict[str, list[str]] = {}
        for name in wanted:
            template = self._config.templates.get(name, Template())
            for scope in template.vsys.values():
                for zone, (_, held, _) in scope.zones.items():
                    found.setdefault(zone, []).extend(held)
        return found

    def _firewall(
        self, systems: Sequence[Scope], network: Network
    ) -> tuple[dict[str, tuple[tuple[Family, int, int], ...]], tuple[Route, ...]]:
        config = self._config
        views: list[View] = []
        for scope in systems:
            above, told = self._pushed.of(scope.name, alone=len(systems) == 1)
            told = told or config.pushed.has_rules() or any(
                not scope.books[place].is_empty() for place in ("pre", "post")
            )  # fmt: skip
            missing = NOT_PUSHED if (config.managed is not None or self._pushed.held) and not told else ""
            declared = {name: held for name, (_, held, _) in scope.zones.items()}
            views.append(View(scope.name, [scope, *above, config.pushed, config.shared], declared, before=missing))
        zoned = {one: zone for view in views for zone, held in view.declared.items() for one in held or [zone]}
        kinds = {kind for scope in systems for kind, _, _ in scope.zones.values()}
        held = network.addresses(zoned, flat=bool(kinds & {"layer2", "virtual-wire"})) if zoned else {}
        routes = network.routes(held)
        whole = all(not view.zones.undeclared for view in views)
        between = [
            *panos_device.no_ipv6(config.no_ipv6, self._origin),
            *panos_device.without_zone(views, whole=whole),
        ]
        made = []
        for view in views:
            chain = f"panos:{view.name}/policy"
            between += self._maker.doubts(view, BETWEEN)
            main = self._maker.security(view, chain)
            zone_of = _zone_of(held, routes, zoned)
            translations = self._maker.translations(view, f"panos:{view.name}/translation", chain, zone_of)
            front = Chain(translations.chain, "filter", "", 0, None, tuple(translations.rules))
            self._chains += [main, front, *translations.copies(main, view.zones)]
            made.append((view, chain, translations))
            self._say(view, chain)
        self._chains[:0] = panos_device.bases(made, between)
        return held, routes

    def _say(self, view: View, chain: str) -> None:
        """How many rules there are, and how many of them a port filter cannot decide."""
        parts = [
            f"{len(book.security)} of {scope.name} ({place})"
            for place in ("pre", "local", "post")
            for scope, book in view.books(place)
            if book.security
        ]
        rules = next(one.rules for one in self._chains if one.name == chain)
        told = {one.id for one in rules if any("told by content" in each.text for each in one.residue)}
        value = f"rules: {', '.join(parts) or 'none'}; {len(told)} name applications that only content tells"
        origin = self._origin(view.scopes[0].node or Node("", "tag", 1))
        self._statements.append(Statement(POLICY, view.name, value, (("chain", chain),), origin))


def _take_rules(scope: Scope) -> None:
    """Rules of a place that no point asks (templates hold none; a shared place without device groups)."""
    for book in scope.books.values():
        for node in (*book.security, *book.nat, *book.defaults.values(), *(node for _, node in book.others)):
            if not node.whole and any(not one.state for one in node.children):
                node.fail("no device group or virtual system asks this rule")


def _zone_of(
    held: Mapping[str, tuple[tuple[Family, int, int], ...]], routes: Sequence[Route], zoned: Mapping[str, str]
) -> ZoneOf:
    connected = [
        (family, *addresses.prefix_range(family, value, length), name)
        for name, entries in held.items()
        for family, value, length in entries
        if length
    ]
    known = [*connected, *((one.family, one.low, one.high, one.interface) for one in routes)]

    def zone_of(side: Side) -> str:
        found: set[str] = set()
        if side.doubts or not side.ranges:
            return ""
        for family, ranges in side.ranges.items():
            for low, high in ranges:
                near = [one for one in known if one[0] == family and one[1] <= high and low <= one[2]]
                holding = [one for one in near if one[1] <= low and high <= one[2]]
                size = min((one[2] - one[1] for one in holding), default=-1)
                if size < 0 or any(one[2] - one[1] < size for one in near):
                    return ""
                found |= {zoned.get(one[3], "") for one in holding if one[2] - one[1] == size}
        return found.pop() if len(found) == 1 else ""

    return zone_of
