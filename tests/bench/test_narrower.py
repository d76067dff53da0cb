"""Proposed narrower rules: read again by their own format they permit what is authorised of the rule, no more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.traffic.boxes import FAMILIES, Box, Family, box_of, intersect_all
from compliance.traffic.residual import same_traffic
from compliance.traffic.shares import Residue
from evidence.formats import iptables, nftables
from evidence.narrower import commands
from evidence.rules import Artefact, Rule
from tests.oracle.namespace import Namespace, missing

NETWORK: dict[Family, int] = {4: 0x0A000000, 6: 0xFD00 << 112}
MATCHES = ("-s 10.0.0.0/27 -p tcp", "-p tcp -m tcp --dport 1:9000", "-d 10.0.0.8/29", "-i eth0")
CLOSED = ":INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT DROP [0:0]\n"


def rules_of(*lines: str) -> list[Rule]:
    text = f"*filter\n{CLOSED}" + "".join(f"{line}\n" for line in lines) + "COMMIT\n"
    reading = iptables.read([Artefact("rules.v4", text.encode())])
    assert not reading.unread
    return [rule for chain in reading.chains for rule in chain.rules if not rule.id.endswith("#policy")]


def typed(lines: list[str]) -> list[Rule]:
    """What the commands append, as if typed into an empty chain."""
    return rules_of(*("-A INPUT " + line.split(maxsplit=4)[4] for line in lines))


@st.composite
def registers(draw: st.DrawFn) -> list[Box]:
    span = st.tuples(st.integers(0, 40), st.integers(0, 7)).map(
        lambda one: (NETWORK[4] + one[0], NETWORK[4] + sum(one))
    )
    ports = st.sampled_from([(0, 65535), (443, 443), (8000, 8010), (22, 22)])
    proto = st.sampled_from([6, 17])
    return [
        box_of(4, src=draw(span), dst=draw(span), proto=draw(proto), dport=draw(ports))
        for _ in range(draw(st.integers(1, 4)))
    ]


@settings(max_examples=80)
@given(
    registers(), st.sampled_from(["-s 10.0.0.0/27 -p tcp", "-p tcp -m tcp --dport 1:9000", "-d 10.0.0.8/29", "-i eth0"])
)
def test_what_is_proposed_is_what_is_authorised_of_the_rule(register: list[Box], matched: str) -> None:
    (rule,) = rules_of(f"-A INPUT {matched} -j ACCEPT")
    lines = commands([rule], [(4, box) for box in register])
    wanted = intersect_all(rule.boxes, register)
    if not wanted:
        assert not lines
        return
    made = typed(lines)
    assert same_traffic([box for one in made for box in one.boxes], wanted)
    assert {one.iif for one in made} == {rule.iif}


def test_the_commands_replace_the_rule_and_follow_it() -> None:
    _, rule = rules_of("-A INPUT -p udp -j ACCEPT", '-A INPUT -p tcp -m comment --comment "CHG-7 all of it" -j ACCEPT')
    one = box_of(4, src=(NETWORK[4] + 1, NETWORK[4] + 1), proto=6, dport=443)
    two = box_of(4, src=(NETWORK[4] + 2, NETWORK[4] + 4), proto=6, dport=(1, 9))
    assert commands([rule], [(4, one), (4, two)]) == [
        "iptables -R INPUT 2 -s 10.0.0.1 -p tcp --dport 443 -m comment --comment 'CHG-7 all of it' -j ACCEPT",
        "iptables -I INPUT 3 -m iprange --src-range 10.0.0.2-10.0.0.4 -p tcp --dport 1:9 -m comment --comment "
        "'CHG-7 all of it' -j ACCEPT",
    ]


def test_nothing_is_proposed_where_something_is_not_known() -> None:
    (rule,) = rules_of("-A INPUT -p tcp -j ACCEPT")
    wanted: list[tuple[Family, Box]] = [(4, box_of(4, proto=6, dport=443))]
    assert commands([rule], wanted)
    assert not commands([replace(rule, residue=(Residue("match", "-m recent", 3),))], wanted)
    assert not commands([rule], [])
    assert not commands([rule], [(6, box_of(6, proto=6))])
    many: list[tuple[Family, Box]] = [(4, box_of(4, proto=6, dport=2 * port)) for port in range(9)]
    assert not commands([rule], many)


@pytest.mark.kernel
def test_nft_itself_takes_what_is_proposed_for_it(tmp_path: Path) -> None:
    why = missing()
    if why:
        pytest.skip(why)
    head = "type filter hook input priority 0; policy drop;"
    ruleset = f'table inet f {{ chain in {{ {head} iifname "eth*" tcp dport 1-9000 accept; }}; }}'
    (tmp_path / "in.nft").write_text(ruleset)
    register: list[tuple[Family, Box]] = [
        (4, box_of(4, src=(NETWORK[4] + 1, NETWORK[4] + 3), dst=(NETWORK[4], NETWORK[4] + 7), proto=6, dport=443)),
        (6, box_of(6, src=(NETWORK[6], NETWORK[6] + 15), proto=6, dport=(8000, 8010))),
    ]
    with Namespace() as inside:
        inside.run("nft -f in.nft\nnft -j list ruleset > before", tmp_path)
        before = nft_rules(tmp_path / "before")
        lines = commands(before, register)
        assert len(lines) == 2
        inside.run("\n".join([*lines, "nft -j list ruleset > after"]), tmp_path)
    after = nft_rules(tmp_path / "after")
    for family in FAMILIES:
        wanted = intersect_all(
            [box for rule in before if rule.family == family for box in rule.boxes],
            [box for one, box in register if one == family],
        )
        assert same_traffic([box for rule in after if rule.family == family for box in rule.boxes], wanted)
    assert {rule.iif for rule in after} == {frozenset({"eth+"})}


def nft_rules(path: Path) -> list[Rule]:
    """The accepting rules of a dump."""
    reading = nftables.read([Artefact(path.name, path.read_bytes())])
    return [rule for chain in reading.chains for rule in chain.rules if not rule.id.endswith("#policy")]
