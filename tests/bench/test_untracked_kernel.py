"""Packets that a rule takes out of connection tracking, and translations that may not come about, asked of the kernel.

Needs root (or CAP_NET_ADMIN) and /dev/net/tun; without them the tests say so and are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from compliance.traffic import addresses
from compliance.traffic.witness import Witness
from evidence.formats.evaluate import Evaluator
from evidence.host import read_host
from tests.oracle.compare import as_a_region
from tests.oracle.kernel import Kernel, host
from tests.oracle.layout import Layout, Link
from tests.oracle.namespace import missing
from tests.oracle.rulesets import Ruleset

pytestmark = pytest.mark.kernel
TAKEN, LEFT, TO, MOVED = "203.0.113.9", "203.0.114.9", "10.1.0.5", "10.1.0.6"


def _ip(text: str) -> int:
    return addresses.parse_host(text)[1]


LAYOUT = Layout(
    links=(
        Link("wan0", ((4, _ip("198.51.100.1"), 24), (6, _ip("2001:db8:1::1"), 64))),
        Link("lan0", ((4, _ip("10.1.0.1"), 24), (6, _ip("2001:db8:2::1"), 64))),
    ),
    routes={4: ((0, _ip("255.255.255.255"), "wan0"),), 6: ((0, (1 << 128) - 1, "wan0"),)},
)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A router between two networks."""
    absent = missing()
    if absent:
        pytest.skip(absent)
    with host(LAYOUT, Path(tmp_path_factory.mktemp("host"))) as made:
        yield made


def _tables(**rules: str) -> Ruleset:
    """Rules of FORWARD or PREROUTING by table; what FORWARD does not say is dropped unless it ends in an accept."""
    chains = {"raw": "PREROUTING OUTPUT", "nat": "PREROUTING INPUT OUTPUT POSTROUTING", "filter": "FORWARD"}
    text = ""
    for table, names in chains.items():
        policy = "DROP" if table == "filter" else "ACCEPT"
        heads = "".join(f":{name} {policy} [0:0]\n" for name in names.split())
        text += f"*{table}\n{heads}{rules.get(table, '')}COMMIT\n" if table in rules else ""
    return Ruleset({"iptables-nft": text})


def _tcp(src: str, dst: str = TO) -> Witness:
    return Witness(4, _ip(src), _ip(dst), 6, 40000, 80, "wan0", "lan0")


def _echo_reply(src: str) -> Witness:
    return Witness(4, _ip(src), _ip(TO), 1, 0, 0, "wan0", "lan0")


def _asked(kernel: Kernel, rules: Ruleset, packets: list[Witness]) -> list[tuple[str, bool]]:
    """What we say of each packet at FORWARD and whether the kernel lets it through, which never contradict."""
    kernel.load(rules)
    evaluator = Evaluator(read_host(kernel.dumps(sets=False)), "FORWARD")
    found = [
        (evaluator.decide(packet).decision, passed)
        for packet, passed in zip(packets, kernel.passes("FORWARD", packets), strict=True)
    ]
    for packet, (said, passed) in zip(packets, found, strict=True):
        assert said in {"unproven", "permit" if passed else "deny"}, (str(packet), said, passed)
        assert as_a_region(evaluator, packet) == said
    return found


NOTRACK = f"-A PREROUTING -s {TAKEN}/32 -j CT --notrack\n"


def test_an_answer_without_its_question_is_not_invalid_either_once_it_is_taken_out(kernel: Kernel) -> None:
    rules = _tables(raw=NOTRACK, filter="-A FORWARD -m conntrack --ctstate INVALID -j DROP\n-A FORWARD -j ACCEPT\n")
    found = _asked(kernel, rules, [_echo_reply(TAKEN), _echo_reply(LEFT), _tcp(TAKEN), _tcp(LEFT)])
    assert found == [("unproven", True), ("deny", False), ("permit", True), ("permit", True)]


def test_what_is_taken_out_is_not_translated(kernel: Kernel) -> None:
    nat = f"-A PREROUTING -d {TO}/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination {MOVED}\n"
    rules = _tables(raw=NOTRACK, nat=nat, filter=f"-A FORWARD -d {MOVED}/32 -j ACCEPT\n")
    assert _asked(kernel, rules, [_tcp(TAKEN), _tcp(LEFT)]) == [("unproven", False), ("permit", True)]


def test_a_rule_before_a_translation_that_may_accept_may_keep_it_away(kernel: Kernel) -> None:
    nat = f"-A PREROUTING -s {TAKEN}/32 -m length --length 20:1500 -j ACCEPT\n"
    nat += f"-A PREROUTING -d {TO}/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination {MOVED}\n"
    rules = _tables(nat=nat, filter=f"-A FORWARD -d {MOVED}/32 -j ACCEPT\n")
    assert _asked(kernel, rules, [_tcp(TAKEN), _tcp(LEFT)]) == [("unproven", False), ("permit", True)]


def test_before_tracking_a_packet_is_invalid_until_it_is_taken_out(kernel: Kernel) -> None:
    raw = NOTRACK + f"-A PREROUTING -d {TO}/32 -m conntrack --ctstate INVALID -j DROP\n"
    rules = _tables(raw=raw, filter="-A FORWARD -j ACCEPT\n")
    assert _asked(kernel, rules, [_tcp(TAKEN), _tcp(LEFT)]) == [("unproven", True), ("deny", False)]
    raw = NOTRACK + f"-A PREROUTING -d {TO}/32 -m conntrack --ctstate UNTRACKED -j DROP\n"
    rules = _tables(raw=raw, filter="-A FORWARD -j ACCEPT\n")
    assert _asked(kernel, rules, [_tcp(TAKEN), _tcp(LEFT)]) == [("unproven", False), ("permit", True)]


def test_behind_tracking_only_what_has_no_connection_is_taken_out(kernel: Kernel) -> None:
    text = f"""table inet t {{
        chain late {{ type filter hook prerouting priority -50; ip saddr {TAKEN} notrack; }}
        chain on {{ type filter hook forward priority 0; policy drop; ct state invalid drop
            ct state new accept; meta l4proto icmp accept; }}
    }}"""
    found = _asked(kernel, Ruleset(native=text), [_echo_reply(TAKEN), _echo_reply(LEFT), _tcp(TAKEN), _tcp(LEFT)])
    assert found == [("unproven", True), ("deny", False), ("permit", True), ("permit", True)]


def test_the_policy_of_a_chain_that_translates_is_not_for_what_is_taken_out(kernel: Kernel) -> None:
    text = f"""table ip t {{
        chain early {{ type filter hook prerouting priority -300; ip saddr {TAKEN} notrack; }}
        chain nat {{ type nat hook prerouting priority -100; policy drop; ct state established accept; }}
    }}"""
    found = _asked(kernel, Ruleset(native=text), [_tcp(TAKEN), _tcp(LEFT)])
    assert found == [("unproven", True), ("unproven", False)]
