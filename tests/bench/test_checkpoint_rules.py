"""Rules of Check Point drawn as values, written as its management answers, and asked beside a reading of their own."""

from __future__ import annotations

import json
from ipaddress import ip_address, ip_network
from random import Random
from typing import Any, NamedTuple

from compliance.traffic.boxes import Family
from compliance.traffic.witness import Witness
from evidence.formats.evaluate import Evaluator
from evidence.gates import settled
from evidence.host import read_host
from evidence.rules import Artefact

HOSTS = {
    "one": "10.1.0.7", "net": "10.2.4.0/22", "part": "10.2.4.0/25", "span": "10.3.0.5-10.3.1.9", "six": "2001:db8::/64",
}  # fmt: skip
GROUPS = {"both": ("one", "net"), "all of it": ("both", "span", "six")}
EXCLUDING = {"net but part": ("net", "part"), "all but net": ("all of it", "net")}
SERVICES = {"web": ("tcp", "80"), "high": ("tcp", ">1023"), "low": ("udp", "<1024"), "names": ("udp", "53")}
SERVICE_GROUPS = {"some": ("web", "names")}
PLACES = (*HOSTS, *GROUPS, *EXCLUDING)
PACKETS = 40


class Rule(NamedTuple):
    sides: tuple[tuple[str, ...], tuple[str, ...]]
    services: tuple[str, ...]
    negated: tuple[bool, bool, bool]
    action: str  # Accept, Drop, or the name of an inline layer
    enabled: bool


def drawn(dice: Random, *, inner: bool) -> list[Rule]:
    found = []
    for _ in range(dice.randint(1, 8)):
        action = dice.choice(("Accept", "Accept", "Drop", "Reject", *(["Inner"] if inner else [])))
        cells = (_names(dice, PLACES), _names(dice, PLACES), _names(dice, (*SERVICES, *SERVICE_GROUPS)))
        negated = [dice.random() < 0.2 and cell != ("Any",) for cell in cells]
        enabled = action in {"Accept", "Inner"} or dice.random() < 0.8
        found.append(Rule((cells[0], cells[1]), cells[2], (negated[0], negated[1], negated[2]), action, enabled))
    return found


def _names(dice: Random, known: tuple[str, ...]) -> tuple[str, ...]:
    return ("Any",) if dice.random() < 0.35 else tuple(dice.sample(known, dice.randint(1, 2)))


def answer(name: str, rules: list[Rule]) -> dict[str, Any]:
    listed = [
        {
            "uid": f"{name}-{number}", "type": "access-rule", "rule-number": number, "source": list(rule.sides[0]),
            "destination": list(rule.sides[1]), "service": list(rule.services), "source-negate": rule.negated[0],
            "destination-negate": rule.negated[1], "service-negate": rule.negated[2], "enabled": rule.enabled,
            "action": "Inner Layer" if rule.action == "Inner" else rule.action,
            **({"inline-layer": "Inner"} if rule.action == "Inner" else {}),
        }
        for number, rule in enumerate(rules, start=1)
    ]  # fmt: skip
    layer = {"uid": name, "name": name, "type": "access-layer", "implicit-cleanup-action": "drop"}
    return {"uid": name, "name": name, "from": 1, "to": len(rules), "total": len(rules), "rulebase": listed,
            "objects-dictionary": [layer, *objects()]}  # fmt: skip


def objects() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"uid": "Any", "name": "Any", "type": "CpmiAnyObject"}]
    for name, text in HOSTS.items():
        one: dict[str, Any] = {"uid": name, "name": name}
        if "-" in text:
            low, high = text.split("-")
            one |= {"type": "address-range", "ipv4-address-first": low, "ipv4-address-last": high}
        elif "/" in text:
            version = ip_network(text).version
            one |= {"type": "network", f"subnet{version}": text.split("/")[0]}
            one[f"mask-length{version}"] = int(text.split("/")[1])
        else:
            one |= {"type": "host", "ipv4-address": text}
        found.append(one)
    for name, members in (GROUPS | SERVICE_GROUPS).items():
        found.append({"uid": name, "name": name, "type": "group" if name in GROUPS else "service-group",
                      "members": list(members)})  # fmt: skip
    for name, (include, out) in EXCLUDING.items():
        found.append({"uid": name, "name": name, "type": "group-with-exclusion", "include": include, "except": out})
    for name, (proto, port) in SERVICES.items():
        found.append({"uid": name, "name": name, "type": f"service-{proto}", "port": port})
    return found


class Packet(NamedTuple):
    src: str
    dst: str
    proto: str
    dport: int

    def witness(self) -> Witness:
        src, dst = ip_address(self.src), ip_address(self.dst)
        family: Family = 4 if src.version == 4 else 6
        return Witness(family, int(src), int(dst), {"tcp": 6, "udp": 17}[self.proto], 40000, self.dport, None, None)


def _inside(name: str, address: str) -> bool:
    if name == "Any":
        return True
    if name in GROUPS:
        return any(_inside(one, address) for one in GROUPS[name])
    if name in EXCLUDING:
        return _inside(EXCLUDING[name][0], address) and not _inside(EXCLUDING[name][1], address)
    value, text = ip_address(address), HOSTS[name]
    if "-" in text:
        low, high = (ip_address(part) for part in text.split("-"))
        return value.version == 4 and int(low) <= int(value) <= int(high)
    return value in ip_network(text)


def _serves(name: str, packet: Packet) -> bool:
    if name == "Any":
        return True
    if name in SERVICE_GROUPS:
        return any(_serves(one, packet) for one in SERVICE_GROUPS[name])
    proto, port = SERVICES[name]
    if proto != packet.proto:
        return False
    sign, number = port[0], int(port.lstrip("<>"))
    return packet.dport > number if sign == ">" else packet.dport < number if sign == "<" else packet.dport == number


def decided(rules: list[Rule], inner: list[Rule], packet: Packet) -> str:
    for rule in rules:
        met = [any(_inside(name, packet.src) for name in rule.sides[0]),
               any(_inside(name, packet.dst) for name in rule.sides[1]),
               any(_serves(name, packet) for name in rule.services)]  # fmt: skip
        if rule.enabled and all(one != negated for one, negated in zip(met, rule.negated, strict=True)):
            return decided(inner, [], packet) if rule.action == "Inner" else rule.action
    return "Drop"


def test_every_packet_is_decided_by_the_first_rule_that_matches() -> None:
    addresses = ("10.1.0.7", "10.2.4.1", "10.2.4.129", "10.2.7.9", "10.3.0.4", "10.3.1.9", "10.9.0.1")
    asked = permitted = 0
    for number in range(40):
        dice = Random(f"checkpoint/{number}")
        inner, rules = drawn(dice, inner=False), drawn(dice, inner=True)
        answers = [answer("Network", rules), answer("Inner", inner)]
        files = [Artefact(f"{place}.json", json.dumps(one, indent=1).encode()) for place, one in enumerate(answers)]
        reading = read_host(files)
        assert reading.unread == ()
        evaluator = Evaluator(reading, "Network")
        for _ in range(PACKETS):
            pool = ("2001:db8::1", "2001:db8:1::1") if dice.random() < 0.2 else addresses
            packet = Packet(dice.choice(pool), dice.choice(pool), dice.choice(("tcp", "udp")),
                            dice.choice((53, 80, 1023, 1024, 9000)))  # fmt: skip
            wanted = decided(rules, inner, packet)
            got = evaluator.decide(packet.witness())
            assert got.decision == ("permit" if wanted == "Accept" else "deny"), (number, packet, wanted, got)
            asked, permitted = asked + 1, permitted + (wanted == "Accept")
    assert asked == 40 * PACKETS
    assert permitted > asked // 5


def test_counters_stand_beside_the_rules_and_never_make_two_readings_differ() -> None:
    value = answer("Network", [Rule((("Any",), ("Any",)), ("Any",), (False, False, False), "Accept", True)])
    plain = Artefact("a.json", json.dumps(value).encode())
    value["rulebase"][0]["hits"] = {"value": 12, "percentage": "3%", "last-date": {"iso-8601": "2026-11-01T10:00+0000"}}
    counted = Artefact("a.json", json.dumps(value).encode())
    value["rulebase"][0]["hits"]["value"] = 13
    later = Artefact("a.json", json.dumps(value).encode())
    readings = [read_host([one]) for one in (plain, counted, later)]
    rules = [[rule for chain in one.chains for rule in chain.rules] for one in readings]
    assert [rule.origin.text for rule in rules[0]] == [rule.origin.text for rule in rules[1]]
    [told] = [one for one in readings[1].statements if one.about == "hits"]
    assert (told.subject, told.value) == ("checkpoint:Network#1", "12 hits, last 2026-11-01T10:00+0000")
    assert settled(counted.content) == settled(later.content)
