"""The tables of a FortiOS device, however they were written, as its chains and points: every line goes somewhere.

Shared by the formats that read the text of a configuration and the answers of the REST API. What says nothing about
traffic is named in fortios_known.py; a table that is named nowhere is unread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from compliance.traffic.boxes import FAMILIES, Family
from compliance.traffic.shares import Origin
from evidence.formats import fortios_device, fortios_known, fortios_points, fortios_policy, fortios_vips
from evidence.formats.cursor import Account, Line
from evidence.formats.device import LISTS
from evidence.formats.fortios_device import Device
from evidence.formats.fortios_objects import Addresses
from evidence.formats.fortios_points import AdminPorts, Lists
from evidence.formats.fortios_policy import Domain, Draft, Place
from evidence.formats.fortios_services import Catalogue
from evidence.formats.fortios_text import ROOT, ZERO, Entry, Field, Table, Tree
from evidence.rules import Reading, Statement

# Tables whose entries are policies: the list they are of, and how their ids begin
POLICY_TABLES: Mapping[str, tuple[str, str]] = {
    "firewall policy": ("policies", "fortios:policy"),
    "firewall policy6": ("policies", "fortios:policy6"),
    "firewall consolidated policy": ("policies", "fortios:policy"),
    "firewall security-policy": ("policies", "fortios:security-policy"),
    "firewall multicast-policy": ("multicast", "fortios:multicast"),
    "firewall multicast-policy6": ("multicast", "fortios:multicast6"),
    "firewall local-in-policy": ("local", "fortios:local-in"),
    "firewall local-in-policy6": ("local", "fortios:local-in6"),
    "firewall acl": ("acl", "fortios:acl"),
    "firewall acl6": ("acl", "fortios:acl6"),
}
FORWARDING = frozenset(path for path, (kind, _) in POLICY_TABLES.items() if kind == "policies")
OBJECTS: Mapping[Family, tuple[tuple[str, ...], tuple[str, ...]]] = {
    4: (("firewall address",), ("firewall addrgrp",)),
    6: (("firewall address6",), ("firewall addrgrp6",)),
}
MULTICAST: Mapping[Family, str] = {4: "firewall multicast-address", 6: "firewall multicast-address6"}
VIPS: Mapping[str, tuple[Family, bool]] = {
    "firewall vip": (4, False), "firewall vip6": (6, False), "firewall vip46": (4, True), "firewall vip64": (6, True),
}  # fmt: skip
GROUPS = ("firewall vipgrp", "firewall vipgrp6", "firewall vipgrp46", "firewall vipgrp64")
# Tables that are understood elsewhere
READ = frozenset(
    {*POLICY_TABLES, *VIPS, *GROUPS, *fortios_device.LEARNING, *fortios_device.SDWAN, "firewall address",
     "firewall address6", "firewall addrgrp", "firewall addrgrp6", "firewall service custom", "firewall service group",
     "firewall policy46", "firewall policy64", "firewall ttl-policy", "firewall ipmacbinding setting",
     "firewall ipmacbinding table", "firewall multicast-address", "firewall multicast-address6",
     "firewall schedule group", "firewall schedule onetime",
        "firewall schedule recurring", "system interface", "system zone", "system settings", "router static",
     "router static6", "router policy", "router policy6", "vpn ipsec phase1-interface", "vpn ipsec phase1",
     "vpn ipsec manualkey", "vpn ssl settings"}
)  # fmt: skip
# Tables with rules that are not judged: it is said how many there are
BESIDE: Mapping[str, str] = {
    "firewall proxy-policy": "what its own proxy lets through is not judged",
    "firewall explicit-proxy-policy": "what its own proxy lets through is not judged",
    "firewall DoS-policy": "stops what comes too often; a single connection is not judged by it",
    "firewall DoS-policy6": "stops what comes too often; a single connection is not judged by it",
    "firewall interface-policy": "looks at contents; a first packet is not judged by it",
    "firewall shaping-policy": "slows down, and stops nothing",
}


class Configuration:
    """A tree of tables, however it was written: every line of it goes somewhere, then the lists are made."""

    def __init__(self, tree: Tree, account: Account, *, whole: bool) -> None:
        self.tree, self.account, self.whole = tree, account, whole
        self.device = Device()
        self.statements: list[Statement] = []
        self._domains = {vdom: vdom or (tree.vdoms[0] if len(tree.vdoms) == 1 else ROOT) for vdom, _ in tree.tables}
        self._tables()
        self._shape()
        self.lists = [self._lists(name) for name in self._names()]

    def reading(self, name: str) -> Reading:
        """The points, chains, addresses and routes of the device."""
        has_policies = self.whole or any(path in FORWARDING for _, path in self.tree.tables)
        chains = fortios_points.chains(
            self.device, self.lists, self._ports(), self._origin, has_policies=has_policies
        )  # fmt: skip
        unread = self.account.unread()
        return Reading(
            format=name,
            points=fortios_points.points(chains, unread),
            chains=tuple(chains),
            addresses=self.device.possible(),
            routes=fortios_device.routes_said(self.device),
            unread=unread,
            lines={self.account.name: self.account.lines()},
            families=frozenset(FAMILIES) if chains else frozenset(),
            statements=tuple(self.statements),
        )

    def _names(self) -> list[str]:
        """The virtual domains with anything to judge."""
        found = [*self.tree.vdoms, *self.device.vdoms()]
        found += [self._domains[vdom] for vdom, path in self.tree.tables if path in POLICY_TABLES or not found]
        used = {self._domains[vdom] for vdom, path in self.tree.tables if path in POLICY_TABLES}
        used.update(one.vdom for one in self.device.interfaces.values())
        return [name for name in dict.fromkeys(found) if name in used]

    def _tables(self) -> None:
        for (_, path), table in self.tree.tables.items():
            if path in READ:
                for number in table.lines:
                    self.account.consume(number)
            elif is_named(path):
                for number in table.lines:
                    self.account.ignore(number)
            else:
                text = f"config {path}"
                for number in table.lines:
                    self.account.fail(number, text, "it is not known what this table does")
            if path in BESIDE and table.entries:
                said = f"{len(table.entries)}, {BESIDE[path]}"
                origin = self._origin(table.own, "")
                self.statements.append(Statement(LISTS, f"config {path}", said, (), origin))

    def _shape(self) -> None:
        """Interfaces, zones and routes."""
        for (_, path), table in self.tree.tables.items():
            if path == "system interface":
                fortios_device.read_interfaces(self.device, table, self._fail)
        fortios_device.read_zones(self.device, self.tree, self._domains)
        fortios_device.read_routes(self.device, self.tree, self._domains)
        for (_, path), table in self.tree.tables.items():
            if path in READ and path not in POLICY_TABLES and path != "system interface":
                self._odd(table.own, [*table.entries.values()] if path in {"system zone", "system settings"} else [])

    def _odd(self, own: Entry, inner: Sequence[Entry]) -> None:
        for line in [line for entry in (own, *inner) for line in entry.odd]:
            self.account.fail(line.number, line.text.strip(), "it is no command that is known")

    def _fail(self, number: int, text: str, why: str) -> None:
        self.account.fail(number, text, why)

    def _lists(self, name: str) -> Lists:
        """The policies of a virtual domain with its objects."""
        mine = {path: table for (vdom, path), table in self.tree.tables.items() if self._domains[vdom] == name}
        shared = {path: table for (vdom, path), table in self.tree.tables.items() if not vdom}
        entries = {path: table.entries for path, table in {**shared, **mine}.items()}
        groups = {one: entry for path in GROUPS for one, entry in entries.get(path, {}).items()}
        settings = mine.get("system settings") or shared.get("system settings")
        own = settings.own if settings is not None else Entry("", 0, 0)
        networks, fetched = self.device.networks(), frozenset(entries.get("system external-resource", {}))
        addresses = {
            family: Addresses(
                family, [entries.get(path, {}) for path in one], [entries.get(path, {}) for path in many], networks,
                fetched,
            )
            for family, (one, many) in OBJECTS.items()
        }  # fmt: skip
        multicast = {
            family: Addresses(family, [entries.get(OBJECTS[family][0][0], {}), _ranges(entries.get(path, {}))],
                              [entries.get(OBJECTS[family][1][0], {})], networks)
            for family, path in MULTICAST.items()
        }  # fmt: skip
        schedules = {
            one: (kind, entry)
            for kind in ("recurring", "onetime", "group")
            for one, entry in entries.get(f"firewall schedule {kind}", {}).items()
        }
        services = Catalogue(
            [entries.get("firewall service custom", {})], [entries.get("firewall service group", {})]
        )  # fmt: skip
        vips = {one for path in VIPS for one in entries.get(path, {})}
        domain = Domain(name, self.device, addresses, services, schedules, frozenset({*vips, *groups}))
        multi = Domain(name, self.device, addresses, services, schedules, frozenset(), multicast)
        made = Lists(domain, groups=groups, central=own.word("central-nat") == "enable")
        for path, (family, mixed) in VIPS.items():
            made.vips += fortios_vips.read(self.device, name, entries.get(path, {}), family, mixed=mixed)
        for path, table in mine.items():
            if path in POLICY_TABLES:
                kind, prefix = POLICY_TABLES[path]
                self._policies(multi if kind == "multicast" else domain, table, getattr(made, kind), prefix)
        self._uncertain(made, mine, own)
        return made

    def _policies(self, domain: Domain, table: Table, into: list[Draft], prefix: str) -> None:
        place = Place(prefix, table.path)
        for seq, entry in enumerate(table.entries.values(), start=1):
            into.append(fortios_policy.read(domain, entry, place, seq, self._origin(entry, "")))
        for line in table.own.odd:
            self.account.fail(line.number, line.text.strip(), "it is no command that is known, among policies")

    def _uncertain(self, made: Lists, mine: Mapping[str, Table], own: Entry) -> None:
        """What of a domain may stop or change anything, and is not followed."""
        for path, text in (("firewall policy46", "policy46 translates to the other family"),
                           ("firewall policy64", "policy64 translates to the other family"),
                           ("firewall ttl-policy", "ttl-policy stops packets by their time to live")):  # fmt: skip
            held = mine.get(path)
            active = [one for one in held.entries.values() if one.word("status") != "disable"] if held else []
            made.doubts += [(text, one) for one in active]
        binding = mine.get("firewall ipmacbinding setting")
        if binding is not None and binding.own.word("bindthroughfw") == "enable":
            made.doubts.append(("ipmacbinding stops what comes from other hardware", binding.own))
        if own.word("ngfw-mode") == "policy-based":
            made.doubts.append(("ngfw-mode policy-based: two lists are asked, and applications decide", own))
        if own.word("multicast-skip-policy") == "enable":
            made.doubts.append(("multicast-skip-policy lets multicast through without a policy", own))

    def _ports(self) -> AdminPorts:
        """At which ports administrators are answered."""
        tables = [table for (_, path), table in self.tree.tables.items() if path == "system global"]
        own = tables[0].own if tables else Entry("", 0, 0)
        found = AdminPorts()
        for name, key in (("ssh", "admin-ssh-port"), ("telnet", "admin-telnet-port"), ("http", "admin-port"),
                          ("https", "admin-sport")):  # fmt: skip
            word = own.word(key)
            if word.isascii() and word.isdigit() and len(word) < 6 and int(word) < 65536:
                setattr(found, name, int(word))
        found.trusted = any(
            key.startswith(("trusthost", "ip6-trusthost")) and held.values[:1] not in ([ZERO], ["::/0"])
            for (_, path), table in self.tree.tables.items() if path == "system admin"
            for entry in table.entries.values() for key, held in entry.fields.items()
        )  # fmt: skip
        return found

    def _origin(self, entry: Entry, comment: str) -> Origin:
        """Where an entry stands, with its text."""
        if not entry.first:
            return self.account.origin(Line(0, ""), comment=comment)
        text = entry.text or f"edit {entry.name}"
        return Origin(self.account.digest, self.account.name, entry.first, entry.last, text, "", comment)


def is_named(path: str) -> bool:
    """Whether a table says nothing about traffic, by a named list."""
    first, _, _ = path.partition(" ")
    return first in fortios_known.GROUPS or path in fortios_known.TABLES or path.startswith(fortios_known.BEGINNINGS)


def _ranges(table: Mapping[str, Entry]) -> dict[str, Entry]:
    """Addresses of multicast: ranges, where they do not say otherwise."""
    plain = {"type", "subnet", "ip6"}
    return {
        name: entry if plain & set(entry.fields)
        else replace(entry, fields={**entry.fields, "type": Field(["multicastrange"], entry.first)})
        for name, entry in table.items()
    }  # fmt: skip
