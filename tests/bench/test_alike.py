"""One pair of interfaces that answers for all alike: the same is decided as when each is asked."""

from __future__ import annotations

import json
from itertools import product
from random import Random

import pytest

from compliance.traffic import addresses
from compliance.traffic.boxes import FULL, Box, Family, limited
from compliance.traffic.index import Index
from evidence.formats import alike
from evidence.formats.alike import Alike
from evidence.formats.evaluate import Evaluator
from evidence.formats.slices import Names
from evidence.host import read_host
from evidence.rules import Artefact, Reading

LINKS = tuple(f"eth{number}" for number in range(5))
CHAINS = {
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}


def dump(dice: Random) -> str:
    """Rules that ask for interfaces in every way, some in chains behind a jump, some that translate."""
    text = ""
    for table, hooks in CHAINS.items():
        policy = dice.choice(("ACCEPT", "DROP")) if table == "filter" else "ACCEPT"
        text += f"*{table}\n" + "".join(f":{name} {policy} [0:0]\n" for name in hooks) + ":c - [0:0]\n"
        for name in (*hooks, "c"):
            text += "".join(f"-A {name} {_rule(dice, table, name)}\n" for _ in range(dice.randint(0, 5)))
        text += "COMMIT\n"
    return text


def _rule(dice: Random, table: str, chain: str) -> str:
    words = []
    for option, side in (("-i", {"PREROUTING", "INPUT", "FORWARD"}), ("-o", {"FORWARD", "OUTPUT", "POSTROUTING"})):
        if chain in side | {"c"} and dice.random() < 0.5:
            words.append(f"{dice.choice(('', '! '))}{option} {dice.choice((*LINKS, 'eth+', 'wg0'))}")
    if dice.random() < 0.6:
        words.append(f"-s 10.{dice.randrange(4)}.0.0/16")
    if dice.random() < 0.4:
        words.append(f"-d 10.{dice.randrange(4)}.{dice.randrange(2)}.0/24")
    if dice.random() < 0.4:
        words.append(f"-p tcp -m tcp --dport {dice.choice((22, 80))}")
    if dice.random() < 0.1:
        words.append("-m limit --limit 1/sec")
    targets = ["ACCEPT", "RETURN", *(["c"] if chain != "c" else []), *(["DROP"] if table != "nat" else [])]
    if table == "nat" and chain == "POSTROUTING" and dice.random() < 0.5:
        return " ".join([*words, "-j SNAT --to-source 10.3.0.9"])
    if table == "nat" and chain == "PREROUTING" and dice.random() < 0.3:
        return " ".join([*words, "-j DNAT --to-destination 10.2.1.9"])
    return " ".join([*words, f"-j {dice.choice(targets)}"])


PORTS = "*mangle\n:PREROUTING ACCEPT [0:0]\n:c - [0:0]\n{mangle}COMMIT\n*nat\n:PREROUTING ACCEPT [0:0]\n{nat}COMMIT\n"
OPEN = "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -i eth9 -o eth8 -j ACCEPT\n{filter}COMMIT\n"


def answers(text: str, dst: str, *, oif: str | None = None) -> set[str]:
    """What is decided at FORWARD of all that goes to an address, by whatever interface it comes in."""
    reading = read_host([Artefact("rules.v4", text.encode(), "iptables-legacy-save")])
    value = addresses.parse_host(dst)[1]
    box = limited(limited(FULL[4], 2, value, value), 4, 6, 6)  # ICMP errors are not translated
    return {piece.decision for piece in Evaluator(reading, "FORWARD").pieces(4, box, oif=oif)}


def tables(mangle: str = "", nat: str = "", filter_: str = "") -> str:
    """iptables-save of a host on which only these rules stop anything."""
    return PORTS.format(mangle=mangle, nat=nat) + OPEN.format(filter=filter_)


def test_an_interface_that_a_rule_tells_apart_is_asked_for_itself() -> None:
    text = tables(filter_="-A FORWARD -d 10.2.0.0/16 -o eth1 -j DROP\n")
    assert [answers(text, dst) for dst in ("10.2.0.9", "10.3.0.9")] == [{"unproven"}, {"permit"}]


def test_before_routing_an_outgoing_interface_is_none_and_so_not_the_excluded_one() -> None:
    text = tables(mangle="-A PREROUTING -j c\n-A c -i eth1 ! -o eth0 -j DROP\n")
    assert answers(text, "10.2.0.9", oif="eth0") == {"unproven"}


def test_what_gets_another_destination_meets_the_rules_of_that_one() -> None:
    nat = "-A PREROUTING -d 10.2.0.9/32 -j DNAT --to-destination 10.9.0.1\n"
    text = tables(nat=nat, filter_="-A FORWARD -i wan1 -d 10.9.0.1/32 -j DROP\n")
    assert [answers(text, dst) for dst in ("10.2.0.9", "10.2.0.8")] == [{"unproven"}, {"permit"}]


def test_what_gets_another_source_meets_the_rules_of_that_one() -> None:
    about = {"family": "ip", "table": "t"}
    base = {"hook": "postrouting", "policy": "accept"}
    after = [
        _is({"payload": {"protocol": "ip", "field": "saddr"}}, "10.3.0.9"),
        _is({"meta": {"key": "iifname"}}, "wan1"),
    ]
    listed = [
        {"table": {"family": "ip", "name": "t", "handle": 1}},
        {"chain": {**about, "name": "nat", "handle": 2, "type": "nat", "prio": 100, **base}},
        {"chain": {**about, "name": "late", "handle": 3, "type": "filter", "prio": 200, **base}},
        {"rule": {**about, "chain": "nat", "handle": 4, "expr": [{"snat": {"addr": "10.3.0.9"}}]}},
        {"rule": {**about, "chain": "late", "handle": 5, "expr": [*after, {"drop": None}]}},
    ]
    reading = read_host([Artefact("nft.json", json.dumps({"nftables": listed}).encode(), "nft -j list ruleset")])
    low = addresses.parse_host("10.1.0.9")[1]
    box = limited(limited(FULL[4], 0, low, low), 4, 6, 6)
    found = {piece.decision for piece in Evaluator(reading, "FORWARD").pieces(4, box, oif="eth0")}
    assert found == {"unproven"}


def _is(left: dict[str, object], value: str) -> dict[str, object]:
    return {"match": {"op": "==", "left": left, "right": value}}


def each(self: Alike, box: Box, come: Names, go: Names) -> list[tuple[str, str]]:
    return list(product(come, go))


def decided(reading: Reading, point: str, box: Box) -> list[tuple[Box, str]]:
    """The parts of a box, each with what is decided."""
    return [(piece.box, piece.decision) for piece in Evaluator(reading, point).pieces(4, box)]


def test_one_pair_of_interfaces_answers_for_all_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    dice, asked, differing = Random("alike"), 0, 0
    family: Family = 4
    for _ in range(12):
        reading = read_host([Artefact("rules.v4", dump(dice).encode(), "iptables-legacy-save")])
        for point in ("INPUT", "FORWARD", "OUTPUT"):
            low = (10 << 24) + (dice.randrange(4) << 16)
            box = (low, low + dice.choice((0, 255, 65535)), *FULL[family][2:])
            grouped = decided(reading, point, box)
            with monkeypatch.context() as changed:
                changed.setattr(alike.Alike, "pairs", each)
                one_by_one = decided(reading, point, box)
            index = Index(part for part, _ in one_by_one)
            for part, decision in grouped:
                for number in index.numbers(part):
                    assert decision == one_by_one[number][1], (part, one_by_one[number])
                    asked += 1
                    differing += decision != "permit"
    assert asked > 300
    assert 0.1 * asked < differing < 0.9 * asked
