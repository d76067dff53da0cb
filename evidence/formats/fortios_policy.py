"""One policy of a FortiOS device: what it matches, from which interfaces to which, and what of it is not known.

A policy denies unless it says `accept`. What is said of IPv4 (`srcaddr`) and of IPv6 (`srcaddr6`) in one policy is
judged for each family by itself. A key that nobody knows may limit the policy: it is a doubt of that policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from compliance.traffic.boxes import FAMILIES, FULL, Family
from compliance.traffic.shares import Origin, Residue
from evidence.formats import entries, fortios_services, known_addresses
from evidence.formats.entries import Entry as ListEntry
from evidence.formats.entries import Service
from evidence.formats.fortios_device import Device, Named
from evidence.formats.fortios_known import POLICY
from evidence.formats.fortios_objects import Addresses
from evidence.formats.fortios_services import Catalogue, Services
from evidence.formats.fortios_text import ZERO, Entry
from evidence.formats.known_addresses import Known
from evidence.rules import Action, Rule

Keys = Mapping[Family, tuple[str, str]]
COMBINED: Keys = {4: ("srcaddr", "dstaddr"), 6: ("srcaddr6", "dstaddr6")}
KEYS: Mapping[str, Keys] = {
    "firewall policy": COMBINED,
    "firewall security-policy": {4: ("srcaddr", "dstaddr"), 6: ("srcaddr6", "dstaddr6")},
    "firewall consolidated policy": {4: ("srcaddr4", "dstaddr4"), 6: ("srcaddr6", "dstaddr6")},
    "firewall policy6": {6: ("srcaddr", "dstaddr")},
    "firewall local-in-policy": {4: ("srcaddr", "dstaddr")},
    "firewall local-in-policy6": {6: ("srcaddr", "dstaddr")},
    "firewall acl": {4: ("srcaddr", "dstaddr")},
    "firewall acl6": {6: ("srcaddr", "dstaddr")},
    "firewall multicast-policy": {4: ("srcaddr", "dstaddr")},
    "firewall multicast-policy6": {6: ("srcaddr", "dstaddr")},
}
USED = frozenset(
    {"policyid", "id", "name", "uuid", "comments", "comment", "srcintf", "dstintf", "intf", "interface", "srcaddr",
     "dstaddr", "srcaddr4", "dstaddr4", "srcaddr6", "dstaddr6", "action", "status", "service", "schedule",
     "send-deny-packet", "policy-expiry", "match-vip", "match-vip-only", "srcaddr-negate", "dstaddr-negate",
     "srcaddr6-negate", "dstaddr6-negate", "service-negate", "vpntunnel"}
)  # fmt: skip
ISDB = ("internet-service", "network-service", "ztna")
# Keys that narrow a policy, or change what it does, unless they say what they say by default
NARROWS: Mapping[str, frozenset[str]] = {
    key: frozenset(harmless.split())
    for key, harmless in {
        "users": "", "groups": "", "fsso-groups": "", "devices": "", "src-vendor-mac": "", "vlan-filter": "",
        "sgt": "", "sgt-check": "disable", "reputation-minimum": "0", "reputation-minimum6": "0",
        "tos": "0x00 0", "tos-mask": "0x00 0", "tos-negate": "disable", "ztna-status": "disable",
        "ztna-device-ownership": "disable", "ztna-ems-tag": "", "ztna-ems-tag-secondary": "", "ztna-geo-tag": "",
        "disclaimer": "disable", "email-collect": "disable", "radius-mac-auth-bypass": "disable",
        "radius-ip-auth-bypass": "disable", "auth-path": "disable", "ntlm": "disable", "fsso": "disable enable",
        "rsso": "disable", "identity-based": "disable", "identity-based-route": "", "endpoint-check": "disable",
        "ha-mgmt-intf-only": "disable", "application": "", "app-category": "", "app-group": "", "url-category": "",
        "auth-method": "", "identity-from": "auth", "ttl": "", "fragment": "disable",
    }.items()
}  # fmt: skip
ACTS: Mapping[str, frozenset[str]] = {
    key: frozenset({"disable", "none"})
    for key in ("http-policy-redirect", "ssh-policy-redirect", "ztna-policy-redirect", "wccp", "pcp-inbound",
                "webcache-redirect")
}  # fmt: skip
TRANSLATES = {key: frozenset({"disable", ZERO, "::"}) for key in ("nat46", "nat64", "dnat")}
ACTIONS = {"accept": Action.PERMIT, "deny": Action.DENY, "learn": Action.PERMIT}
DAYS = frozenset({"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"})
ALWAYS = "always"


class Place(NamedTuple):
    """Where the rules of a policy stand: how they begin their id, their chain, and the table they come from."""

    prefix: str
    path: str


@dataclass(slots=True)
class Draft:
    """A policy as read. `dst` without a family: it names only translated addresses there (`vips`)."""

    entry: Entry
    id: str
    seq: int
    action: Action
    enabled: bool
    families: tuple[Family, ...]
    src: dict[Family, Known]
    dst: dict[Family, Known]
    services: Services
    negate_service: bool
    iif: Named
    oif: Named
    residue: list[Residue]
    origin: Origin
    vips: list[str] = field(default_factory=list)

    def services_of(self, family: Family) -> tuple[list[Service], list[str]]:
        """The services it names in a family, and what of them is not known."""
        if not self.negate_service:
            return self.services.sure[family], self.services.doubts
        found = fortios_services.negated(family, self.services)
        if found is None:
            return [], self.services.doubts or ["what is left without its services is too much to be spelt out"]
        return found, []


@dataclass(slots=True)
class Domain:
    """The objects of one virtual domain, as its policies name them."""

    name: str
    device: Device
    addresses: Mapping[Family, Addresses]
    services: Catalogue
    schedules: Mapping[str, tuple[str, Entry]]
    translated: frozenset[str] = frozenset()  # names of VIPs and of groups of them
    multicast: Mapping[Family, Addresses] = field(default_factory=dict)


def read(domain: Domain, entry: Entry, place: Place, seq: int, origin: Origin) -> Draft:
    """What a policy says. Whatever of it is not known is residue or a doubt."""
    line = entry.first
    residue = [Residue("match", text, line) for text in _strange(entry)]
    residue += [Residue("action", text, line) for text in _others(entry, ACTS)]
    residue += [Residue("nat", text, line) for text in _others(entry, TRANSLATES)]
    action, unclear = _action(entry, place.path)
    if unclear:
        residue.append(Residue("action", unclear, line))
    enabled, timed = _time(domain, entry)
    if timed:
        residue.append(Residue("object", timed, line))
    iif, oif = _interfaces(domain, entry, place.path)
    residue += [Residue("object", doubt, line) for doubt in dict.fromkeys((iif.doubt, oif.doubt)) if doubt]
    keys = KEYS[place.path]
    families = tuple(family for family in keys if _speaks_of(entry, family, keys[family]))
    if not families:
        families = tuple(keys)
        residue.append(Residue("match", "it names no addresses", line))
    services, isdb = _services(domain, entry)
    made = Draft(
        entry, f"{place.prefix}/{domain.name}#{entry.name}", seq, action, enabled, families, {}, {}, services,
        entry.word("service-negate") == "enable", iif, oif, residue, origin,
    )  # fmt: skip
    _sides(domain, made, keys, isdb)
    used = [*services.ways, *(way for held in (*made.src.values(), *made.dst.values()) for way in held.ways)]
    nested = [way for way in used if " > " in way or " without " in way]
    said = [word for key in ("name", "comments", "comment") for word in [" ".join(entry.words(key))] if word]
    made.origin = entries.commented(replace(origin, uid=entry.word("uuid")), said, nested)
    return made


def _action(entry: Entry, path: str) -> tuple[Action, str]:
    """What a policy does, and why that is not clear ("" = it is)."""
    said = entry.word("action", "accept" if "multicast" in path else "deny")
    if "acl" in path.split()[-1] and "action" not in entry.fields:
        return Action.DENY, ""
    if said == "deny" and entry.word("send-deny-packet") == "enable":
        return Action.REJECT, ""
    if said in ACTIONS:
        return ACTIONS[said], ""
    return Action.PERMIT, f"action {said} {entry.word('vpntunnel')}".strip()


def _strange(entry: Entry) -> list[str]:
    """What of a policy may limit it and is not modelled, or not known at all."""
    found = []
    for key, held in entry.fields.items():
        known = key in USED or key in POLICY or key in ACTS or key in TRANSLATES or key.startswith(ISDB)
        if known and key not in NARROWS:
            continue
        harmless = NARROWS.get(key)
        if harmless is None or (any(held.values) and not set(held.values) <= harmless):
            found.append(f"{key} {' '.join(held.values)}".strip())
    found += [line.text.strip() for line in entry.odd]
    found += [f"config {path}" for path in entry.tables]
    found += [f"it is edited twice, in lines {entry.first} and {line}" for line in entry.again]
    return found


def _others(entry: Entry, wanted: Mapping[str, frozenset[str]]) -> list[str]:
    return [
        f"{key} {' '.join(entry.words(key))}"
        for key, harmless in wanted.items()
        if set(entry.words(key)) - harmless - {""}
    ]


def _time(domain: Domain, entry: Entry) -> tuple[bool, str]:
    """Whether a policy is in force at every hour, and what of that is not known."""
    if entry.word("status") == "disable" or entry.word("policy-expiry") == "enable":
        return False, ""
    name = entry.word("schedule", ALWAYS)
    held = domain.schedules.get(name)
    if held is None:
        return True, "" if name == ALWAYS else f"schedule {name} is not defined"
    kind, said = held
    days = {word for words in said.words("day") for word in words.split()}
    whole = kind == "recurring" and days >= DAYS and said.word("start", "00:00") == said.word("end", "00:00")
    return whole or (kind == "recurring" and name == ALWAYS and "day" not in said.fields), ""


def _interfaces(domain: Domain, entry: Entry, path: str) -> tuple[Named, Named]:
    everywhere = Named(None)
    if "local-in" in path or "acl" in path.split()[-1]:
        words = entry.words("intf") or entry.words("interface")
        return domain.device.resolve(words, domain.name) if words else Named(None, "it names no interface"), everywhere
    found = []
    for key in ("srcintf", "dstintf"):
        words = entry.words(key)
        found.append(domain.device.resolve(words, domain.name) if words else Named(None, f"it names no {key}"))
    return found[0], found[1]


def _speaks_of(entry: Entry, family: Family, keys: tuple[str, str]) -> bool:
    service = "internet-service" if family == 4 else "internet-service6"
    by_service = any(entry.word(f"{service}{end}") == "enable" for end in ("", "-src"))
    return by_service or any(entry.words(key) for key in keys)


def _services(domain: Domain, entry: Entry) -> tuple[Services, bool]:
    """The services of a policy, and whether a list of the vendor stands for its destination and services."""
    names = entry.words("service")
    if any(entry.word(key) == "enable" for key in ("internet-service", "internet-service6")):
        said = [word for key in entry.fields if key.startswith(ISDB) and "-src" not in key for word in entry.words(key)]
        return Services(doubts=[f"services of a list of the vendor ({' '.join(dict.fromkeys(said))})"]), True
    if entry.fields.get("protocol") is not None:  # of multicast policies
        return _multicast(entry), False
    if not names:
        return Services(doubts=["it names no service"]), False
    return domain.services.union(names), False


def _multicast(entry: Entry) -> Services:
    number = entry.word("protocol", "0")
    ports = (entry.word("start-port", "1"), entry.word("end-port", "65535"))
    if not all(entries.is_number(word) for word in (number, *ports)) or int(number) > 255 or int(ports[1]) > 65535:
        return Services(doubts=[f"protocol {number} {ports[0]} to {ports[1]}"])
    proto = int(number)
    whole = not proto or proto not in {6, 17} or ports in {("1", "65535"), ("0", "65535")}
    dport = entries.ANY_PORT if whole else (int(ports[0]), int(ports[1]))
    one = Service((proto, proto) if proto else entries.ANY_PROTOCOL, entries.ANY_PORT, dport)
    return Services(sure={family: [one] for family in FAMILIES})


def _sides(domain: Domain, made: Draft, keys: Keys, isdb: bool) -> None:
    entry = made.entry
    for family in made.families:
        src_key, dst_key = keys[family]
        addresses = domain.addresses[family]
        targets = entry.words(dst_key)
        vips = [name for name in targets if name in domain.translated]
        made.vips += [name for name in vips if name not in made.vips]
        made.src[family] = _side(domain, made, family, src_key, addresses.union(entry.words(src_key)))
        if family in domain.multicast:
            addresses = domain.multicast[family]
        plain = [name for name in targets if name not in domain.translated]
        if isdb:
            made.dst[family] = known_addresses.unknown(family, "a list of the vendor is its destination")
        elif plain or not vips:
            made.dst[family] = _side(domain, made, family, dst_key, addresses.union(plain))


def _side(domain: Domain, made: Draft, family: Family, key: str, held: Known) -> Known:
    """One side with its negation; a list of the vendor may stand for the source."""
    entry, number = made.entry, "6" if family == 6 else ""
    if key.startswith("src") and entry.word(f"internet-service{number}-src") == "enable":
        return known_addresses.unknown(family, "a list of the vendor is its source")
    if not entry.words(key):
        return known_addresses.unknown(family, f"it names no {key}")
    plain = f"{key[:7]}-negate"
    own = f"{key}-negate" if key.endswith("6") else plain
    if own != plain and own not in entry.fields and entry.word(plain) == "enable":
        return known_addresses.unknown(family, f"whether {plain} is meant for IPv6 as well")
    return known_addresses.negated(family, held) if entry.word(own) == "enable" else held


def rules(draft: Draft, chain: str) -> list[Rule]:
    """The rules of a policy in a chain: what it matches for sure, then what it may match."""
    found: list[Rule] = []
    for family in draft.families:
        if family in draft.dst:
            src = known_addresses.side_of(family, draft.src[family])
            dst = known_addresses.side_of(family, draft.dst[family])
            services, doubts = draft.services_of(family)
            found += one_way(draft, chain, family, (src, dst), services, doubts, oif=draft.oif.names)
    return found


def one_way(
    draft: Draft, chain: str, family: Family, sides: tuple[entries.Side, entries.Side], services: Sequence[Service],
    doubts: Iterable[str], *, oif: frozenset[str] | None, residue: Sequence[Residue] = (),
) -> list[Rule]:  # fmt: skip
    """The rules of a policy between two sides, for one family; one that denies and is switched off stops nothing."""
    made = ListEntry(
        draft.action, *sides, {family: list(services)}, (family,), list(doubts),
        residue=[*draft.residue, *residue], enabled=draft.enabled,
    )  # fmt: skip
    if not draft.enabled and draft.entry.word("status") == "disable" and draft.action is not Action.PERMIT:
        made.matches_first = False
    named = entries.Named(draft.id, chain, draft.seq, draft.origin)
    return [replace(rule, iif=draft.iif.names, oif=oif) for rule in entries.rules_of(made, named)]


def implicit(named: entries.Named) -> list[Rule]:
    """The end of a list of policies: what none of them speaks of is denied."""
    return [entries.made(named, family, Action.DENY, (FULL[family],)) for family in FAMILIES]
