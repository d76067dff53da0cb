"""Rules of PAN-OS drawn as values, written down as XML and as `set` lines, and asked beside a reading of their own.

Which zones a packet is between, what an object holds, which translation it meets and which rule comes first is worked
out here by other means than the reader uses: names, `ipaddress` and loops.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address, ip_network
from random import Random
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

import pytest

from compliance.traffic.boxes import FULL, Family, box_of
from compliance.traffic.residual import same_traffic
from compliance.traffic.witness import Witness
from evidence.formats.evaluate import Evaluator
from evidence.formats.panos_rules import LISTS
from evidence.host import read_host
from evidence.narrower import commands
from evidence.rules import Artefact

NETWORKS = {
    "ethernet1/1": ("A", ("10.1.0.1/16", "2001:db8:1::1/64")),
    "ethernet1/2": ("the b zone", ("10.2.0.1/16", "2001:db8:2::1/64")),
    "ethernet1/3": ("C", ("10.3.0.1/16", "2001:db8:3::1/64")),
    "ae1.30": ("C", ("10.4.0.1/16", "2001:db8:4::1/64")),
}
ZONES = ("A", "the b zone", "C")
OBJECTS = {
    "one host": "10.1.0.7", "net": "10.2.4.0/22", "span": "10.3.0.5-10.3.1.9", "holes": "10.4.0.0/0.0.3.5",
    "six": "2001:db8:2::/64", "public": "10.1.255.7", "other public": "10.1.255.8", "inside": "10.2.4.9",
    "deep": "10.4.0.4",
}  # fmt: skip
GROUPS = {"both": ("one host", "net"), "all of it": ("both", "span", "six")}
SERVICES = {"web": ("tcp", "80,8000-8010", ""), "name": ("udp", "53", ""), "from low": ("tcp", "443", "1-1023")}
SERVICE_GROUPS = {"many services": ("web", "name")}
PACKETS = 50


class Rule(NamedTuple):
    name: str
    kind: str
    zones: tuple[tuple[str, ...], tuple[str, ...]]
    sides: tuple[tuple[str, ...], tuple[str, ...]]
    negated: tuple[bool, bool]
    services: tuple[str, ...]
    action: str
    disabled: bool


class Nat(NamedTuple):
    name: str
    zones: tuple[tuple[str, ...], tuple[str, ...]]
    target: str
    becomes: str


def drawn(dice: Random) -> tuple[list[Rule], list[Nat]]:
    rules = []
    for number in range(dice.randint(1, 10)):
        sides = (_names(dice, (*OBJECTS, *GROUPS)), _names(dice, (*OBJECTS, *GROUPS)))
        negated = (dice.random() < 0.15 and sides[0] != ("any",), dice.random() < 0.15 and sides[1] != ("any",))
        action = dice.choice(("allow", "allow", "deny", "drop", "reset-both"))
        disabled = action != "allow" and dice.random() < 0.2
        rules.append(
            Rule(f"rule {number}", dice.choice(("universal", "universal", "intrazone", "interzone")),
                 (_names(dice, ZONES), _names(dice, ZONES)), sides, negated,
                 _names(dice, (*SERVICES, *SERVICE_GROUPS)), action, disabled)
        )  # fmt: skip
    translated = [
        Nat(f"nat {number}", (_names(dice, ZONES), _names(dice, ZONES)), dice.choice(("public", "other public")),
            dice.choice(("", "inside", "deep")))
        for number in range(dice.choice((0, 0, 1, 3)))
    ]  # fmt: skip
    return rules, translated


def _names(dice: Random, known: tuple[str, ...]) -> tuple[str, ...]:
    return ("any",) if dice.random() < 0.35 else tuple(dice.sample(known, dice.randint(1, 2)))


def _inside(name: str, address: str) -> bool:
    if name == "any":
        return True
    if name in GROUPS:
        return any(_inside(one, address) for one in GROUPS[name])
    value, text = ip_address(address), OBJECTS[name]
    if name == "holes":
        base, free = (int(ip_address(part)) for part in text.split("/"))
        return value.version == 4 and (int(value) ^ base) & ~free & 0xFFFFFFFF == 0
    if "-" in text:
        low, high = (ip_address(part) for part in text.split("-"))
        return value.version == 4 and int(low) <= int(value) <= int(high)
    network = ip_network(text)
    return value.version == network.version and value in network


def _serves(name: str, packet: Packet) -> bool:
    if name == "any":
        return True
    if name in SERVICE_GROUPS:
        return any(_serves(one, packet) for one in SERVICE_GROUPS[name])
    proto, ports, sources = SERVICES[name]
    return proto == packet.proto and _port(ports, packet.dport) and (not sources or _port(sources, packet.sport))


def _port(text: str, port: int) -> bool:
    for part in text.split(","):
        low, _, high = part.partition("-")
        if int(low) <= port <= int(high or low):
            return True
    return False


class Packet(NamedTuple):
    src: str
    dst: str
    proto: str
    sport: int
    dport: int
    iif: str
    oif: str

    def witness(self) -> Witness:
        src, dst = ip_address(self.src), ip_address(self.dst)
        number = {"tcp": 6, "udp": 17, "icmp": 1, "esp": 50}[self.proto]
        family: Family = 4 if src.version == 4 else 6
        return Witness(family, int(src), int(dst), number, self.sport, self.dport, self.iif, self.oif)


def decided(rules: list[Rule], translated: list[Nat], packet: Packet) -> str:
    come, go = NETWORKS[packet.iif][0], NETWORKS[packet.oif][0]
    for nat in translated:
        if (
            ip_address(packet.dst).version == 4
            and _any(nat.zones[0], come) and _any(nat.zones[1], go) and _inside(nat.target, packet.dst)
        ):  # fmt: skip
            go = {"": go, "inside": "the b zone", "deep": "C"}[nat.becomes]
            break
    for rule in rules:
        zoned = {
            "universal": _any(rule.zones[0], come) and _any(rule.zones[1], go),
            "intrazone": _any(rule.zones[0], come) and come == go,
            "interzone": _any(rule.zones[0], come) and _any(rule.zones[1], go) and come != go,
        }[rule.kind]
        met = [
            any(_inside(name, address) for name in names) != negated
            for names, negated, address in zip(rule.sides, rule.negated, (packet.src, packet.dst), strict=True)
        ]
        if zoned and all(met) and any(_serves(one, packet) for one in rule.services) and not rule.disabled:
            return "permit" if rule.action == "allow" else "deny"
    return "permit" if come == go else "deny"


def _any(names: tuple[str, ...], zone: str) -> bool:
    return names == ("any",) or zone in names


def packets(dice: Random) -> list[Packet]:
    found = []
    for _ in range(PACKETS):
        six = dice.random() < 0.2
        iif, oif = dice.choice(tuple(NETWORKS)), dice.choice(tuple(NETWORKS))
        ends = [_address(dice, one, six=six) for one in (iif, oif)]
        if not six and dice.random() < 0.3:
            oif, ends[1] = "ethernet1/1", dice.choice(("10.1.255.7", "10.1.255.8"))
        proto = dice.choice(("tcp", "tcp", "udp", "esp"))
        sport, dport = (
            (dice.choice((80, 1000, 50000)), dice.choice((53, 80, 443, 8005, 9))) if proto != "esp" else (0, 0)
        )
        found.append(Packet(ends[0], ends[1], proto, sport, dport, iif, oif))
    return found


def _address(dice: Random, interface: str, *, six: bool) -> str:
    text = NETWORKS[interface][1][six]
    network = ip_network(text, strict=False)
    if six:
        return str(network[dice.randint(2, 9)])
    return str(network[dice.choice((4, 5, 7, 0x101, 0x109, 0x204, 0x409, 0x7FF))])


Tree = tuple[str, list["Tree"]] | tuple[str, str]


def _config(rules: list[Rule], translated: list[Nat]) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """The configuration as (path, values): the path's entries begin with `=`, values end with their kind."""
    found: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
    for name, (_, held) in NETWORKS.items():
        medium = ("ethernet", f"={name}") if name.startswith("eth") else ("aggregate-ethernet", "=ae1")
        deeper = ("layer3",) if name.startswith("eth") else ("layer3", "units", f"={name}")
        found.append((("network", "interface", *medium, *deeper, "ip", f"={held[0]}"), ()))
        found.append((("network", "interface", *medium, *deeper, "ipv6", "address", f"={held[1]}"), ()))
    for zone in ZONES:
        members = tuple(name for name, (its, _) in NETWORKS.items() if its == zone)
        found.append((("zone", f"={zone}", "network", "layer3"), members))
    for name, text in OBJECTS.items():
        kind = "ip-wildcard" if name == "holes" else "ip-range" if "-" in text else "ip-netmask"
        found.append((("address", f"={name}", kind), (f"~{text}",)))
    for name, members in GROUPS.items():
        found.append((("address-group", f"={name}", "static"), members))
    for name, (proto, ports, sources) in SERVICES.items():
        found.append((("service", f"={name}", "protocol", proto, "port"), (f"~{ports}",)))
        found += [(("service", f"={name}", "protocol", proto, "source-port"), (f"~{sources}",))] if sources else []
    for name, members in SERVICE_GROUPS.items():
        found.append((("service-group", f"={name}", "members"), members))
    for nat in translated:
        at = ("rulebase", "nat", "rules", f"={nat.name}")
        lists = {"to": nat.zones[1], "from": nat.zones[0], "source": ("any",), "destination": (nat.target,)}
        found += [((*at, word), values) for word, values in lists.items()]
        found.append(((*at, "service"), ("~any",)))
        if nat.becomes:
            found.append(((*at, "destination-translation", "translated-address"), (f"~{nat.becomes}",)))
    for rule in rules:
        at = ("rulebase", "security", "rules", f"={rule.name}")
        lists = {"to": rule.zones[1], "from": rule.zones[0], "source": rule.sides[0], "destination": rule.sides[1],
                 "service": rule.services, "application": ("any",), "source-user": ("any",)}  # fmt: skip
        found += [((*at, word), values) for word, values in lists.items()]
        words = {"action": rule.action, "rule-type": rule.kind, "disabled": "yes" if rule.disabled else "no",
                 "negate-source": "yes" if rule.negated[0] else "no",
                 "negate-destination": "yes" if rule.negated[1] else "no"}  # fmt: skip
        found += [((*at, word), (f"~{value}",)) for word, value in words.items()]
    return found


def as_set(rules: list[Rule], translated: list[Nat]) -> str:
    lines = []
    for path, values in _config(rules, translated):
        said = [_quoted(one.removeprefix("=")) for one in path]
        names = [_quoted(one.removeprefix("~")) for one in values]
        lines.append(" ".join(["set", *said, *(names if len(names) < 2 else ["[", *names, "]"])]))
    return "\n".join([*lines, ""])


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text else text


def as_xml(rules: list[Rule], translated: list[Nat]) -> str:
    root: dict[str, object] = {}
    for path, values in _config(rules, translated):
        at = root
        device = path[0] == "network"
        for word in ("devices", "=localhost.localdomain", *(() if device else ("vsys", "=vsys1")), *path):
            at = at.setdefault(word, {})  # type: ignore[assignment]
        for value in values:
            at[value if value.startswith("~") else f"+{value}"] = {}
    return f'<?xml version="1.0"?>\n<config version="10.1.0" urldb="paloaltonetworks">\n{_xml(root, 1)}</config>\n'


def _xml(node: dict[str, object], depth: int) -> str:
    lines = []
    for word, inner in node.items():
        blank = "  " * depth
        if word.startswith("+"):
            lines.append(f"{blank}<member>{escape(word[1:])}</member>\n")
        elif word.startswith("~"):
            lines.append(f"{blank}{escape(word[1:])}\n")
        elif word.startswith("="):
            lines.append(f"{blank}<entry name={quoteattr(word[1:])}>\n{_xml(inner, depth + 1)}{blank}</entry>\n")  # type: ignore[arg-type]
        else:
            lines.append(f"{blank}<{word}>\n{_xml(inner, depth + 1)}{blank}</{word}>\n")  # type: ignore[arg-type]
    return "".join(lines)


@pytest.mark.parametrize("write", [as_xml, as_set], ids=["xml", "set"])
def test_every_packet_is_decided_by_the_first_rule_between_its_zones(
    write: Callable[[list[Rule], list[Nat]], str],
) -> None:
    asked = permitted = 0
    for number in range(30):
        dice = Random(f"panos/{number}")
        rules, translated = drawn(dice)
        text = write(rules, translated)
        reading = read_host([Artefact("firewall", text.encode())])
        assert reading.unread == ()
        evaluator = Evaluator(reading, "FORWARD")
        for packet in packets(dice):
            wanted = decided(rules, translated, packet)
            got = evaluator.decide(packet.witness())
            assert got.decision == wanted, (number, packet, got, text)
            asked, permitted = asked + 1, permitted + (wanted == "permit")
    assert asked == 30 * PACKETS
    assert permitted > asked // 5


def test_a_narrower_rule_in_its_own_words_lets_through_what_is_kept_and_nothing_else() -> None:
    """What is proposed is put in the place of the rule's own lists, and the whole is read again."""
    head = [
        "set zone A network layer3 ethernet1/1", 'set zone "the b zone" network layer3 ethernet1/2',
        'set rulebase security rules "wide one" from A', 'set rulebase security rules "wide one" to "the b zone"',
        'set rulebase security rules "wide one" application any', 'set rulebase security rules "wide one" action allow',
    ]  # fmt: skip
    wide = [f'set rulebase security rules "wide one" {word} any' for word in ("source", "destination", "service")]
    reading = read_host([Artefact("firewall", "\n".join([*head, *wide, ""]).encode())])
    parts = [
        rule for chain in reading.chains for rule in chain.rules if rule.id == "panos:vsys1/security#wide one"
    ]  # fmt: skip
    kept = [
        box_of(4, src=(0x0A010007, 0x0A010007), dst=(0x0A020400, 0x0A0207FF), proto=6, dport=(443, 443)),
        box_of(4, src=(0x0A010007, 0x0A010007), dst=(0x0A020400, 0x0A0207FF), proto=17, dport=(1000, 2000)),
        box_of(4, src=(0x0A010001, 0x0A010005), dst=(0x0A020001, 0x0A020001), proto=6, sport=(1, 1023)),
    ]
    proposed = commands(parts, [(4, box) for box in kept])
    assert proposed
    copied = [line.replace('"wide one"', '"wide one 2"') for line in head[2:]]
    told = [line for line in proposed if line.startswith("set ")]
    assert [line.split()[0] for line in proposed if not line.startswith("set ")] == [
        *["delete"] * 3, "copy", *["delete"] * 3, "move",
    ]  # fmt: skip
    narrow = read_host([Artefact("firewall", "\n".join([*head, *copied, *told, ""]).encode())])
    assert narrow.unread == ()
    pieces = Evaluator(narrow, "FORWARD").pieces(4, FULL[4], iif="A", oif="the b zone")
    assert same_traffic([piece.box for piece in pieces if piece.decision == "permit"], kept)
    assert {piece.decision for piece in pieces} == {"permit", "deny"}


def test_what_has_no_words_of_its_own_is_not_proposed() -> None:
    text = "\n".join(f"set rulebase security rules r {one} any" for one in ("from", "to", *LISTS[2:]))
    reading = read_host([Artefact("firewall", f"{text}\nset rulebase security rules r action allow\n".encode())])
    parts = [rule for chain in reading.chains for rule in chain.rules if rule.id == "panos:vsys1/security#r"]
    assert commands(parts, [(4, box_of(4, proto=47))]) == []
    assert commands([replace(one, id="panos:panorama/pre#r") for one in parts], [(4, box_of(4, proto=6))]) == []
