"""What the first packet of a flow is to connection tracking, as the kernel oracle found it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compliance.traffic.boxes import FAMILIES, FULL, Family, box_of, overlaps
from compliance.traffic.residual import same_traffic
from compliance.traffic.witness import Witness
from evidence.formats.evaluate import decide
from evidence.formats.first_packet import BORN, INVALID, NEW, UNTRACKED, parts_in
from evidence.host import read_host
from evidence.rules import Artefact, Reading

EVERY_STATE = frozenset({NEW, INVALID, UNTRACKED, "ESTABLISHED", "RELATED"})
OWN = 0x0A000005


def iptables(*rules: str) -> Reading:
    """INPUT with these rules; what they do not say is dropped."""
    text = "*filter\n:INPUT DROP [0:0]\n" + "".join(f"-A INPUT {rule}\n" for rule in rules) + "COMMIT\n"
    return read_host([Artefact("rules.v4", text.encode(), "iptables-save")])


def nft(*rules: list[Any]) -> Reading:
    """The same in nft's JSON."""
    about = {"family": "inet", "table": "t", "chain": "in"}
    listed: list[dict[str, Any]] = [{"table": {"family": "inet", "name": "t", "handle": 1}}]
    base = {"name": "in", "handle": 2, "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}
    listed.append({"chain": {"family": "inet", "table": "t", **base}})
    listed.extend({"rule": {**about, "handle": 3 + number, "expr": rule}} for number, rule in enumerate(rules))
    return read_host([Artefact("nft.json", json.dumps({"nftables": listed}).encode(), "nft -j list ruleset")])


def test_before_routing_no_packet_has_an_interface_to_go_out_by() -> None:
    """A chain called from PREROUTING and from FORWARD: `-o` matches in the second place only."""
    rules = "*mangle\n:PREROUTING ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:LAN - [0:0]\n"
    rules += "-A PREROUTING {} -j LAN\n-A FORWARD {} -j LAN\n-A LAN -o eth1 -j DROP\nCOMMIT\n"
    answers = []
    for before, after in (("", "-p sctp"), ("-p sctp", "")):
        text = rules.format(before, after) + "*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n"
        reading = read_host([Artefact("rules.v4", text.encode(), "iptables-save")])
        packet = Witness(4, 0x0A000001, 0x0A000101, 6, 40000, 443, "eth0", "eth1")
        answers.append(decide(reading, "FORWARD", packet).decision)
    assert answers == ["permit", "deny"]


# A rule that needs connection tracking: without one the kernel may not ask a chain that translates at all.
TRACKS = {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "established"}}


def test_a_chain_that_translates_is_asked_about_new_connections_only() -> None:
    """Its policy stops a new connection and lets an ICMP error pass, which has none."""
    about = {"family": "inet", "table": "t", "name": "nat", "handle": 2}
    base = {"type": "nat", "hook": "input", "prio": 100, "policy": "drop"}
    listed: list[dict[str, Any]] = [
        {"table": {"family": "inet", "name": "t", "handle": 1}},
        {"chain": {**about, **base}},
        {"chain": {"family": "inet", "table": "t", "name": "waking", "handle": 3}},
        {"rule": {"family": "inet", "table": "t", "chain": "waking", "handle": 4, "expr": [TRACKS, {"accept": None}]}},
    ]
    reading = read_host([Artefact("nft.json", json.dumps({"nftables": listed}).encode(), "nft -j list ruleset")])
    assert [decision(reading, 6, 40000), decision(reading, 1, 8), decision(reading, 1, 3)] == ["deny", "deny", "permit"]
    assert [decision(reading, 58, kind, 6) for kind in (128, 1, 135)] == ["deny", "permit", "permit"]


def decision(reading: Reading, proto: int, kind: int, family: Family = 4) -> str:
    """What INPUT says about one packet; `kind` is the ICMP type or the source port."""
    src, dst = (0x08080808, OWN) if family == 4 else (0x2A02 << 112, 0x20010DB8 << 96 | 5)
    return decide(reading, "INPUT", Witness(family, src, dst, proto, kind, 0, "eth0")).decision


@pytest.mark.parametrize("family", FAMILIES)
def test_every_packet_is_born_in_one_state(family: Family) -> None:
    whole = FULL[family]
    parts = [list(parts_in(whole, family, frozenset({state}))) for state in (NEW, INVALID, UNTRACKED)]
    boxes = [box for part in parts for box in part]
    assert same_traffic(boxes, [whole])
    assert not any(overlaps(one, other) for number, one in enumerate(boxes) for other in boxes[:number])
    assert list(parts_in(whole, family, None)) == list(parts_in(whole, family, EVERY_STATE)) == [whole]
    assert list(parts_in(whole, family, frozenset({"ESTABLISHED", "RELATED"}))) == []
    web = box_of(family, proto=6, dport=443)
    assert list(parts_in(web, family, frozenset({NEW}))) == [web]
    assert list(parts_in(web, family, frozenset({INVALID}))) == []
    assert sum(high - low + 1 for ranges in BORN[family].values() for low, high in ranges) == 256


@pytest.mark.parametrize(("kind", "let_in"), [(8, True), (13, True), (0, False), (3, False), (11, False), (200, False)])
def test_an_icmp_answer_or_error_without_its_question_is_invalid_never_new(kind: int, let_in: bool) -> None:
    assert decision(iptables("-m conntrack --ctstate NEW -j ACCEPT"), 1, kind) == ("permit" if let_in else "deny")
    dropped = iptables("-m conntrack --ctstate INVALID -j DROP", "-j ACCEPT")
    assert decision(dropped, 1, kind) == ("permit" if let_in else "deny")


def test_neighbour_discovery_is_untracked() -> None:
    new = nft([{"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "new"}}, {"accept": None}])
    untracked = nft([{"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "untracked"}}, {"accept": None}])
    assert [decision(new, 58, kind, 6) for kind in (128, 135, 1)] == ["permit", "deny", "deny"]
    assert [decision(untracked, 58, kind, 6) for kind in (128, 135, 1)] == ["deny", "permit", "deny"]


def test_what_has_no_connection_has_no_direction() -> None:
    match = {"match": {"op": "==", "left": {"ct": {"key": "direction"}}, "right": "original"}}
    other = {"match": {"op": "!=", "left": {"ct": {"key": "direction"}}, "right": "reply"}}
    readings = [iptables("-m conntrack --ctdir ORIGINAL -j ACCEPT")]
    readings += [nft([one, {"accept": None}]) for one in (match, other)]
    for reading in readings:
        assert [decision(reading, 1, kind) for kind in (8, 3)] == ["permit", "deny"]
        assert decision(reading, 6, 40000) == "permit"
    assert decision(iptables("-m conntrack --ctdir REPLY -j ACCEPT"), 6, 40000) == "deny"


@pytest.mark.parametrize(
    "match",
    [
        {"op": "in", "left": {"payload": {"protocol": "tcp", "field": "flags"}}, "right": "syn"},
        {"op": "!", "left": {"payload": {"protocol": "tcp", "field": "flags"}}, "right": ["fin", "rst"]},
        {
            "op": "==",
            "left": {"&": [{"payload": {"protocol": "tcp", "field": "flags"}}, ["syn", "ack"]]},
            "right": "syn",
        },
    ],
    ids=["in", "none of", "masked"],
)
def test_tcp_flags_in_nft_match_tcp_only(match: dict[str, Any]) -> None:
    reading = nft([{"match": match}, {"accept": None}])
    assert [decision(reading, proto, 40000) for proto in (6, 17, 89)] == ["permit", "deny", "deny"]


@pytest.mark.parametrize(
    ("answer", "stopped"),
    [("icmp", [(4, 6), (4, 17)]), ("icmpv6", [(6, 6), (6, 17)])],
)
def test_a_reject_in_nft_is_for_what_its_answer_is_for(answer: str, stopped: list[tuple[Family, int]]) -> None:
    """nft prints `meta nfproto ipv6 sctp dport 5 reject` without the family: only the answer tells it."""
    detail = {"type": answer} | ({"expr": "port-unreachable"} if answer != "tcp reset" else {})
    reading = nft([{"reject": detail}], [{"accept": None}])
    asked = [(family, proto) for family in FAMILIES for proto in (6, 17)]
    assert [one for one in asked if decision(reading, one[1], 40000, one[0]) == "deny"] == stopped


def test_a_tcp_reset_of_both_families_may_be_for_one_only() -> None:
    """nft 1.0.6 prints `meta nfproto ipv4 reject with tcp reset` as `meta l4proto tcp reject with tcp reset`."""
    reset: dict[str, Any] = {"reject": {"type": "tcp reset"}}
    both, source = nft([reset], [{"accept": None}]), {"payload": {"protocol": "ip", "field": "saddr"}}
    match = {"match": {"op": "==", "left": source, "right": {"prefix": {"addr": "8.0.0.0", "len": 8}}}}
    for family in FAMILIES:
        assert [decision(both, proto, 40000, family) for proto in (6, 17)] == ["unproven", "permit"]
        assert decision(nft([reset]), 6, 40000, family) == "deny"  # the policy stops what the rule may not
    assert [decision(nft([match, reset], [{"accept": None}]), 6, 40000, family) for family in FAMILIES] == [
        "deny",
        "permit",
    ]
