"""A second opinion on the filter table of a dump: what it may accept, and what it certainly accepts.

In the manner of Iptables_Semantics (Diekmann et al.): a match that is not one of a few primitives is unknown. The
upper closure reads it as true where a rule accepts and as false where a rule drops; the lower closure the other way
round. It follows single packets, the first of a new connection, with a parser and an interpreter of its own that
share nothing with `evidence`: what both get wrong, they get wrong independently.
"""

from __future__ import annotations

import ipaddress
import random
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

GOES_ON = {
    "LOG", "NFLOG", "ULOG", "MARK", "CONNMARK", "SET", "TCPMSS", "TRACE", "AUDIT", "CLASSIFY", "CHECKSUM", "SECMARK",
    "CONNSECMARK", "DSCP", "TOS", "TEE", "IDLETIMER", "LED", "RATEEST", "HMARK", "ECN", "TCPOPTSTRIP", "CT", "NOTRACK",
}  # fmt: skip
PROTOCOLS = {
    "icmp": 1, "igmp": 2, "ipencap": 4, "tcp": 6, "udp": 17, "dccp": 33, "gre": 47, "esp": 50, "ah": 51,
    "ipv6-icmp": 58, "icmpv6": 58, "ospf": 89, "vrrp": 112, "sctp": 132, "udplite": 136,
}  # fmt: skip
EXTENSIONS = {0, 43, 44, 51, 60, 135, 139, 140}  # IPv6 headers that stand before the protocol
WITH_PORTS = {6, 17, 33, 132, 136}
FLAGS = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32, "ALL": 63, "NONE": 0}
MOST_JUMPS, DEEPEST = 4000, 200  # what one packet may take before the chains are taken to run in a circle


class Packet(NamedTuple):
    """The first packet of a connection; ICMP has its type as sport and its code as dport."""

    version: int
    src: int
    dst: int
    proto: int
    sport: int
    dport: int
    iif: str
    oif: str


Test = Callable[[Packet], bool | None]  # None: not known


@dataclass
class Rule:
    """One `-A` line: all tests must hold; where it goes then, by jump or (`goes`) for good."""

    text: str
    tests: list[Test] = field(default_factory=list)
    corners: list[tuple[str, int | str]] = field(default_factory=list)
    target: str = ""
    goes: bool = False

    def holds(self, packet: Packet) -> bool | None:
        """Whether it matches; None when that hangs on a test nobody can answer."""
        known: bool | None = True
        for test in self.tests:
            found = test(packet)
            if found is False:
                return False
            known = known if found else None
        return known


@dataclass
class Filter:
    """The filter table of one dump."""

    version: int
    policies: dict[str, str] = field(default_factory=dict)
    chains: dict[str, list[Rule]] = field(default_factory=dict)


class Circle(Exception):
    """The chains lead back to themselves."""


def parse(text: str, version: int) -> Filter:
    """The filter table of an iptables-save dump (ip6tables-save: version 6)."""
    found, table = Filter(version), ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif table != "filter":
            continue
        elif line.startswith(":"):
            name, policy, *_ = line[1:].split()
            found.chains[name] = []
            if policy != "-":
                found.policies[name] = policy
        elif line.startswith(("-A", "[")):
            words = shlex.split(line)
            words = words[1:] if words[0].startswith("[") else words
            found.chains[words[1]].append(_rule(words[2:], version, line))
    return found


def _rule(words: list[str], version: int, line: str) -> Rule:
    """Options one by one; whatever is not known here is a test that nobody can answer."""
    rule, at, negated, proto = Rule(line), 0, False, _proto_of(words)
    while at < len(words):
        word = words[at]
        value = words[at + 1] if at + 1 < len(words) else ""
        if word == "!":
            negated, at = True, at + 1
            continue
        if word in {"-j", "-g"}:
            rule.target, rule.goes = value, word == "-g"
            break
        if word == "--tcp-flags":
            rule.tests.append(_flags(value, words[at + 2], negated))
            at += 3
        elif word == "--syn":
            rule.tests.append(_sure(not negated))
            at += 1
        elif word == "-m":
            at += 2
            continue
        else:
            rule.tests.append(_test(word, value, negated, proto, version, rule))
            at += 2 if word == "--comment" else 1
            while at < len(words) and not words[at].startswith("-") and words[at] != "!":
                at += 1
        negated = False
    return rule


def _proto_of(words: list[str]) -> int:
    if "-p" not in words[:-1] or words[words.index("-p") - 1] == "!":
        return -1
    name = words[words.index("-p") + 1]
    return PROTOCOLS.get(name, int(name) if name.isdigit() else -1)


def _test(word: str, value: str, negated: bool, proto: int, version: int, rule: Rule) -> Test:
    if word in {"-s", "-d"}:
        return _address(word == "-s", value, negated, version, rule)
    if word in {"-i", "-o"}:
        rule.corners.append(("iif" if word == "-i" else "oif", value.removesuffix("+") + ("7" if "+" in value else "")))
        return _interface(word == "-i", value, negated)
    if word == "-p":
        return _protocol(value, negated, version, rule)
    if word in {"--sport", "--dport", "--sports", "--dports", "--ports"} and proto in WITH_PORTS:
        return _ports(word, value, negated, rule)
    if word in {"--state", "--ctstate"} and not {"SNAT", "DNAT"} & set(value.split(",")):
        return _sure(("NEW" in value.split(",")) != negated)
    if word == "--comment":
        return _sure(True)
    if word in {"--icmp-type", "--icmpv6-type"} and value.replace("/", "", 1).isdigit() and value != "255":
        return _icmp(value, negated, rule)
    return _unknown


def _sure(answer: bool) -> Test:
    return lambda packet: answer


def _unknown(packet: Packet) -> bool | None:
    return None


def _address(source: bool, value: str, negated: bool, version: int, rule: Rule) -> Test:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return _unknown
    low, high = int(network.network_address), int(network.broadcast_address)
    if network.version != version:
        return _unknown
    rule.corners += [("src" if source else "dst", end) for end in (low, high)]
    return lambda packet: (low <= (packet.src if source else packet.dst) <= high) != negated


def _interface(incoming: bool, value: str, negated: bool) -> Test:
    def test(packet: Packet) -> bool:
        name = packet.iif if incoming else packet.oif
        return (name.startswith(value[:-1]) if value.endswith("+") else name == value) != negated

    return test


def _protocol(value: str, negated: bool, version: int, rule: Rule) -> Test:
    number = PROTOCOLS.get(value, int(value) if value.isdigit() else -1)
    if number < 0 or (version == 6 and number in EXTENSIONS):
        return _unknown
    rule.corners.append(("proto", number))
    return lambda packet: (packet.proto == number) != negated


def _ports(word: str, value: str, negated: bool, rule: Rule) -> Test:
    spans: list[tuple[int, int]] = []
    for part in value.split(","):
        low, colon, high = part.partition(":")
        spans.append((int(low or 0), int(high or 65535) if colon else int(low)))
    sides = ("sport", "dport") if word == "--ports" else ("sport",) if "--s" in word else ("dport",)
    rule.corners += [(side, end) for side in sides for span in spans for end in span]

    def test(packet: Packet) -> bool:
        ports = [packet.sport if side == "sport" else packet.dport for side in sides]
        return any(low <= port <= high for low, high in spans for port in ports) != negated

    return test


def _icmp(value: str, negated: bool, rule: Rule) -> Test:
    kind, _, code = value.partition("/")
    rule.corners += [("sport", int(kind)), ("dport", int(code or 0))]
    return lambda packet: (packet.sport == int(kind) and (not code or packet.dport == int(code))) != negated


def _flags(mask: str, wanted: str, negated: bool) -> Test:
    bits = sum(FLAGS.get(name, 64) for name in mask.split(","))
    value = sum(FLAGS.get(name, 64) for name in wanted.split(","))
    if bits & 64:
        return _unknown
    return _sure((FLAGS["SYN"] & bits == value) != negated)


class Closure:
    """The upper closure (`may_accept`) or the lower one of a filter table."""

    def __init__(self, table: Filter, *, upper: bool) -> None:
        self._table, self._upper, self._jumps, self._depth = table, upper, 0, 0

    def accepts(self, chain: str, packet: Packet) -> bool:
        """Whether the closure of a base chain holds the packet. Raises Circle."""
        self._jumps = self._depth = 0
        decided = self._walk(chain, packet, certain=True)
        return self._table.policies[chain] == "ACCEPT" if decided is None else decided

    def _walk(self, chain: str, packet: Packet, *, certain: bool) -> bool | None:
        """True accepted, False dropped, None fallen off the end. `certain`: the packet does come by."""
        self._jumps += 1
        self._depth += 1
        if self._jumps > MOST_JUMPS or self._depth > DEEPEST:
            raise Circle
        decided = self._rules(chain, packet, certain=certain)
        self._depth -= 1
        return decided

    def _rules(self, chain: str, packet: Packet, *, certain: bool) -> bool | None:
        for rule in self._table.chains[chain]:
            holds = rule.holds(packet)
            if holds is False:
                continue
            sure = certain and holds is True
            if rule.target == "RETURN":
                if holds:
                    return None
                certain = False
                continue
            decided = self._act(rule, packet, sure=sure)
            if decided is not None:
                return decided
            if rule.goes:
                if holds:
                    return None
                certain = False
        return None

    def _act(self, rule: Rule, packet: Packet, *, sure: bool) -> bool | None:
        if rule.target in self._table.chains:
            return self._walk(rule.target, packet, certain=sure)
        if not rule.target or rule.target in GOES_ON:
            return None
        if rule.target == "ACCEPT":
            return True if sure or self._upper else None
        if rule.target in {"DROP", "REJECT"}:
            return False if sure or not self._upper else None
        return self._upper  # an effect nobody knows: it may accept, it may drop


def corner_packets(table: Filter, chain: str, count: int, seed: int) -> Iterator[Packet]:
    """Packets at and just beyond the ends of what single rules match on the way from a base chain to them."""
    chooser = random.Random(seed)
    callers: dict[str, list[tuple[str, Rule]]] = {}
    for name, rules in table.chains.items():
        for rule in rules:
            callers.setdefault(rule.target, []).append((name, rule))
    every = [(name, rule) for name, rules in table.chains.items() for rule in rules]
    top = 2 ** (32 if table.version == 4 else 128) - 1
    limits = {"src": top, "dst": top, "sport": 65535, "dport": 65535}
    for _ in range(count):
        values: dict[str, int | str] = {
            "src": chooser.randrange(top), "dst": chooser.randrange(top), "proto": chooser.choice([6, 17, 6, 1, 47]),
            "sport": 40000, "dport": chooser.choice([22, 80, 9999]), "iif": "eth9", "oif": "eth9",
        }  # fmt: skip
        way = _way_to(chooser.choice(every), callers, chooser) if every else []
        for rule in [*([chooser.choice(every)[1]] if every else []), *way]:
            for name, value in rule.corners:
                if name not in values or name in {"proto", "iif", "oif"} or chooser.random() < 0.7:
                    values[name] = value
                if isinstance(value, int) and name in limits and chooser.random() < 0.1:
                    values[name] = min(max(value + chooser.choice([-1, 1]), 0), limits[name])
        yield _packet(table.version, values, chain)


def _way_to(place: tuple[str, Rule], callers: dict[str, list[tuple[str, Rule]]], chooser: random.Random) -> list[Rule]:
    """The rules that lead to a rule, from a base chain on; it comes last."""
    name, rule = place
    way = [rule]
    while name in callers and len(way) < 20:
        name, rule = chooser.choice(callers[name])
        way.insert(0, rule)
    return way


def _packet(version: int, values: dict[str, int | str], chain: str) -> Packet:
    proto = int(values["proto"])
    icmp = 1 if version == 4 else 58
    sport, dport = int(values["sport"]), int(values["dport"])
    if proto == icmp:  # only what opens a connection: an echo request
        sport, dport = (8, 0) if version == 4 else (128, 0)
    elif proto not in WITH_PORTS:
        sport = dport = 0
    iif, oif = str(values["iif"]), str(values["oif"])
    return Packet(
        version, int(values["src"]), int(values["dst"]), proto, sport, dport,
        "" if chain == "OUTPUT" else iif, "" if chain == "INPUT" else oif,
    )  # fmt: skip
