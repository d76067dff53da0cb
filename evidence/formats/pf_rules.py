"""The rules of pfSense and OPNsense in config.xml: sides, services, aliases, and the order in which pf asks them.

pf goes through all rules and the last that matches decides, unless one that matches is `quick`: that decides at once.
So the quick ones come first in their order, then the others from the last to the first. Floating rules stand before
those of groups of interfaces, and these before those of single interfaces, which are always quick.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from compliance.traffic import intervals
from compliance.traffic.boxes import FAMILIES, ICMP, PORT_TOP, PROTO_TOP, Family
from compliance.traffic.intervals import Interval
from compliance.traffic.shares import Origin, Residue
from evidence.formats import entries, known_addresses, names
from evidence.formats.entries import ANY_PORT, Entry, Named, Service
from evidence.formats.known_addresses import Known, certain, everybody, unknown
from evidence.formats.pf_known import QUIET
from evidence.formats.pf_xml import Element
from evidence.rules import Action, Rule

ACTIONS = {"pass": Action.PERMIT, "block": Action.DENY, "reject": Action.REJECT, "match": Action.CONTINUE}
FAMILIES_OF: Mapping[str, tuple[Family, ...]] = {"inet": (4,), "inet6": (6,), "inet46": (4, 6), "": (4,)}
PROTOCOLS = {**names.PROTOCOLS, "icmp6": 58, "carp": 112, "pfsync": 240, "igmp": 2, "ipv6": 41}
ICMP_TYPES: Mapping[Family, Mapping[str, int]] = {
    4: {"echorep": 0, "unreach": 3, "squench": 4, "redir": 5, "althost": 6, "echoreq": 8, "routeradv": 9,
        "routersol": 10, "timex": 11, "paramprob": 12, "timereq": 13, "timerep": 14, "inforeq": 15, "inforep": 16,
        "maskreq": 17, "maskrep": 18, "trace": 30, "dataconv": 31},
    6: {"unreach": 1, "toobig": 2, "timex": 3, "paramprob": 4, "echoreq": 128, "echorep": 129, "groupqry": 130,
        "listqry": 130, "grouprep": 131, "listenrep": 131, "groupterm": 132, "listendone": 132, "routersol": 133,
        "routeradv": 134, "neighbrsol": 135, "neighbradv": 136, "redir": 137, "routrrenum": 138},
}  # fmt: skip
FETCHED = frozenset({"url", "url_ports", "urltable", "urltable_ports", "urljson", "geoip", "mac", "asn", "external",
                     "dynipv6host", "internal", "authgroup", "openvpngroup"})  # fmt: skip
SIDE = frozenset({"any", "network", "address", "port", "not"})
EMPTY = frozenset({"", "0", "none", "any"})
DEEPEST = 32  # aliases in one another
NEW_FLAGS = ({"syn"}, {"syn", "ack"})


@dataclass(slots=True)
class Alias:
    """A name for addresses or ports: what it lists."""

    name: str
    kind: str
    words: list[str]
    line: int


@dataclass(slots=True)
class Estate:
    """What names in rules stand for. `networks`, `own`: of each interface by family; `groups`: of interfaces."""

    aliases: dict[str, Alias] = field(default_factory=dict)
    networks: dict[str, list[tuple[Family, Interval]]] = field(default_factory=dict)
    own: dict[str, list[tuple[Family, Interval]]] = field(default_factory=dict)
    given: set[str] = field(default_factory=set)  # interfaces of which somebody else chooses an address
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    twice: set[str] = field(default_factory=set)

    def addresses(self, word: str, family: Family, above: tuple[str, ...] = ()) -> Known:
        """The addresses of one family that a word means."""
        if word == "any":
            return everybody(family)
        if word == "(self)":
            held = [span for spans in self.own.values() for one, span in spans if one == family]
            return self._doubted(certain(held), family, self.given)
        name = word.removesuffix("ip")
        if word in self.networks or (name != word and name in self.networks):
            table = self.networks if word in self.networks else self.own
            held = [span for one, span in table[word if table is self.networks else name] if one == family]
            return self._doubted(certain(held), family, self.given & {word, name})
        if word in self.aliases:
            return self._alias(self.aliases[word], family, above)
        try:
            return _literal(word, family)
        except ValueError:
            way = " > ".join((*above, word))
            what = "is a name that is looked up" if "." in word else "is not defined"
            return unknown(family, f"{way} {what}")

    @staticmethod
    def _doubted(held: Known, family: Family, given: Iterable[str]) -> Known:
        for name in sorted(given):
            held.add(unknown(family, f"the address of {name} is given by somebody else"))
        return held

    def _alias(self, alias: Alias, family: Family, above: tuple[str, ...]) -> Known:
        if alias.name in above or len(above) >= DEEPEST:
            return unknown(family, f"{' > '.join((*above, alias.name))} leads back to itself")
        if alias.kind in FETCHED:
            return unknown(family, f"{alias.name} is a list that is fetched ({alias.kind})")
        found, out = Known(), Known()
        for word in alias.words:
            inner = self.addresses(word.removeprefix("!"), family, (*above, alias.name))
            (out if word.startswith("!") else found).add(inner)
        found.without(out)
        if not alias.words:
            found.add(unknown(family, f"{alias.name} is empty"))
        if alias.name in self.twice:
            found.add(unknown(family, f"{alias.name} is defined twice"))
        return found

    def ports(self, word: str, above: tuple[str, ...] = ()) -> tuple[list[Interval], list[str]]:
        """The ports a word means, and what of them is not known."""
        if word in {"", "any"}:
            return [ANY_PORT], []
        alias = self.aliases.get(word)
        if alias is None:
            try:
                return [_port_range(word)], []
            except ValueError:
                return [], [f"{' > '.join((*above, word))} is no known port"]
        if alias.name in above or alias.kind in FETCHED or alias.name in self.twice or len(above) >= DEEPEST:
            return [], [f"what {' > '.join((*above, word))} holds is not known"]
        found: list[Interval] = []
        doubts: list[str] = []
        for one in alias.words:
            held, more = self.ports(one, (*above, word))
            found, doubts = [*found, *held], [*doubts, *more]
        return intervals.merge(found), doubts


def _literal(word: str, family: Family) -> Known:
    """An address, a prefix or a range of the family; of the other one nobody. Raises ValueError."""
    low, dash, high = word.partition("-")
    side = entries.between(low, high) if dash else entries.prefix(word) if "/" in word else entries.host(word)
    return certain(side.ranges.get(family, []))


def _port_range(word: str) -> Interval:
    low, _, high = word.replace(":", "-").partition("-")
    first = names.number(low, names.PORTS, PORT_TOP)
    last = names.number(high, names.PORTS, PORT_TOP) if high else first
    if first > last:
        raise ValueError(f"{word} is no range of ports")
    return first, last


@dataclass(slots=True)
class Draft:
    """A rule as read."""

    id: str
    place: int
    action: Action
    quick: bool
    direction: str
    level: int  # 0 floating, 1 of a group of interfaces, 2 of an interface
    interfaces: frozenset[str] | None
    families: tuple[Family, ...]
    src: dict[Family, Known]
    dst: dict[Family, Known]
    services: dict[Family, list[Service]]
    doubts: list[str]
    residue: list[Residue]
    enabled: bool
    origin: Origin


def truth(element: Element, tag: str) -> bool:
    """Whether a switch is on: an element without text, or any text but a negation."""
    held = element.child(tag)
    return held is not None and held.text.strip().lower() not in {"0", "no", "off", "false"}


def read(element: Element, estate: Estate, number: int, prefix: str, origin: Origin, *, mvc: bool) -> Draft:
    """What a rule says. Whatever of it is not known is a doubt."""
    line = element.first
    residue = [Residue("match", text, line) for text in _strange(element)]
    kind = element.says("action" if mvc else "type", "pass")
    action = ACTIONS.get(kind, Action.PERMIT)
    if kind not in ACTIONS:
        residue.append(Residue("action", f"type {kind}", line))
    said = [one.strip() for one in element.says("interface").split(",") if one.strip() and one.strip() != "any"]
    floating = truth(element, "floating") or (mvc and len(said) != 1)
    wanted, unnamed = _interfaces(said, estate)
    residue += [Residue("object", text, line) for text in unnamed]
    if truth(element, "interfacenot"):
        residue.append(Residue("match", f"every interface but {', '.join(said)}", line))
        wanted = None
    ip = element.says("ipprotocol")
    families = FAMILIES_OF.get(ip, FAMILIES)
    if ip not in FAMILIES_OF:
        residue.append(Residue("match", f"ipprotocol {ip}", line))
    sides = [_side(element, tag, estate, families, mvc=mvc) for tag in ("source", "destination")]
    services, doubts = _services(element, families, sides[0].ports, sides[1].ports)
    doubts += [doubt for side in sides for doubt in side.doubts]
    enabled = element.says("enabled", "1") != "0" if mvc else not truth(element, "disabled")
    if element.says("sched"):
        enabled = False
    comment = element.says("description" if mvc else "descr")
    uid = element.uuid or element.says("tracker")
    level = 0 if floating else 1 if any(one in estate.groups for one in said) else 2
    quick = truth(element, "quick") or (not floating and element.says("quick") != "0")
    direction = element.says("direction") or ("any" if floating and not mvc else "in")
    return Draft(
        f"{prefix}#{number}", number, action, quick, direction, level, wanted, families, sides[0].held, sides[1].held,
        services, doubts, residue, enabled, replace(origin, uid=uid, comment=comment),
    )  # fmt: skip


@dataclass(slots=True)
class SideRead:
    """One side of a rule: its addresses by family and its ports."""

    held: dict[Family, Known]
    ports: list[Interval]
    doubts: list[str]


def _side(element: Element, tag: str, estate: Estate, families: Sequence[Family], *, mvc: bool) -> SideRead:
    """The source or destination of a rule."""
    if mvc:
        words = [one.strip() for one in element.says(f"{tag}_net", "any").split(",") if one.strip()] or ["any"]
        port, no = element.says(f"{tag}_port"), truth(element, f"{tag}_not")
        strange: list[str] = []
    else:
        held = element.child(tag) or Element(tag, element.first, element.first)
        found = held.says("network") or held.says("address")
        words = [found] if found else ["any"]
        port, no = held.says("port"), truth(held, "not")
        strange = [one.tag for one in held.inner if one.tag not in SIDE]
        if not held.inner:
            strange.append(f"no {tag} is given")
    known: dict[Family, Known] = {}
    for family in families:
        made = Known()
        for word in words:
            made.add(estate.addresses(word, family))
        for text in strange:
            made.add(unknown(family, f"it is not known what `{text}` means"))
        known[family] = known_addresses.negated(family, made) if no else made
    ports, doubts = estate.ports(port)
    return SideRead(known, ports, doubts)


def _interfaces(said: Sequence[str], estate: Estate) -> tuple[frozenset[str] | None, list[str]]:
    if not said:
        return None, []
    found: set[str] = set()
    for one in said:
        found.update(estate.groups.get(one, (one,)))
    return frozenset(found), []


def _services(
    element: Element, families: Sequence[Family], source: list[Interval], target: list[Interval]
) -> tuple[dict[Family, list[Service]], list[str]]:
    word = element.says("protocol", "any").lower() or "any"
    if word in {"icmp", "icmp6", "ipv6-icmp", "icmpv6"}:
        return _icmp(element, families, word)
    if word == "any":
        return {family: [Service()] for family in families}, []
    numbers = [PROTOCOLS[one] if one in PROTOCOLS else _number(one) for one in word.split("/")]
    if any(one is None for one in numbers):
        return {family: [] for family in families}, [f"protocol {word}"]
    made = [
        Service((number, number), low, high)
        for number in numbers if number is not None
        for low in (source if number in {6, 17, 132} else [ANY_PORT])
        for high in (target if number in {6, 17, 132} else [ANY_PORT])
    ]  # fmt: skip
    return {family: list(made) for family in families}, []


def _number(word: str) -> int | None:
    return int(word) if entries.is_number(word) and int(word) <= PROTO_TOP else None


def _icmp(
    element: Element, families: Sequence[Family], word: str
) -> tuple[dict[Family, list[Service]], list[str]]:  # fmt: skip
    """ICMP of each family; `icmp` in a rule of both means each family's own."""
    types = [one.strip() for one in (element.says("icmptype") or element.says("icmp6type")).split(",") if one.strip()]
    found: dict[Family, list[Service]] = {}
    doubts: list[str] = []
    for family in families:
        if word != "icmp" and family == 4:
            found[family] = [Service((ICMP[6], ICMP[6]))]
            continue
        made: list[Service] = []
        for one in types if types and "any" not in types else [""]:
            number = ICMP_TYPES[family].get(one, _number(one) if one else None)
            if one and number is None:
                if not any(one in table for table in ICMP_TYPES.values()):
                    doubts.append(f"ICMP type {one}")
                continue
            made.append(entries.icmp_of(number, None, family))
        found[family] = made
    return found, doubts


def _strange(element: Element) -> list[str]:
    """What of a rule may limit it and is not modelled, or not known at all."""
    found = []
    for one in element.inner:
        text = one.text.strip()
        if one.tag in {"tcpflags1", "tcpflags2"} or one.tag in QUIET or one.tag == "sched":
            continue
        if text.lower() not in EMPTY or one.inner:
            found.append(f"{one.tag} {text}".strip())
    flags = [set(element.says(tag).split(",")) - {""} for tag in ("tcpflags1", "tcpflags2")]
    if any(flags) and (flags[0], flags[1]) != NEW_FLAGS and not truth(element, "tcpflags_any"):
        found.append(f"tcpflags {element.says('tcpflags1')} of {element.says('tcpflags2')}")
    return found


def ordered(drafts: Iterable[Draft], direction: str) -> Iterator[Draft]:
    """The rules of one direction so that the first that matches decides."""
    mine = sorted(
        (one for one in drafts if one.direction in {direction, "any"}), key=lambda one: (one.level, one.place)
    )  # fmt: skip
    yield from (one for one in mine if one.quick)
    yield from reversed([one for one in mine if not one.quick])


def rules(draft: Draft, chain: str, seq: int, *, outgoing: bool, residue: Sequence[Residue] = ()) -> list[Rule]:
    """The rules of a draft in a chain."""
    found: list[Rule] = []
    for family in draft.families:
        sides = [known_addresses.side_of(family, held[family]) for held in (draft.src, draft.dst)]
        made = Entry(
            draft.action, sides[0], sides[1], {family: draft.services.get(family, [])}, (family,), list(draft.doubts),
            residue=[*draft.residue, *residue], enabled=draft.enabled,
        )  # fmt: skip
        if not draft.enabled and draft.action is not Action.PERMIT:
            made.matches_first = False  # what is switched off stops nothing
        for rule in entries.rules_of(made, Named(draft.id, chain, seq, draft.origin)):
            limits = (None, draft.interfaces) if outgoing else (draft.interfaces, None)
            found.append(replace(rule, iif=limits[0], oif=limits[1]))
    return found
