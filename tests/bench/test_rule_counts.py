"""Rules of a point as written: tied, untied, any to any, never reached; read from real dumps."""

from __future__ import annotations

import pytest

from compliance.register import wanted
from evidence.formats import iptables
from evidence.host import merge, read_host
from evidence.rule_counts import Counts, Ties, counted, never_reached
from evidence.rules import Artefact, FormatError
from tests.bench.dumps import CORPUS

REGISTER = {
    "servers": [
        {"name": "app-01", "addresses": ["10.20.20.31", "2001:db8::31"]},
        {"name": "db-01", "addresses": ["10.20.30.31", "2001:db8::41"]},
    ],
    "connections": [{"id": "CON-7", "source": "app-01", "destination": "db-01", "services": ["tcp/5432"]}],
}
HEAD = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
"""


def of(rules: list[str], point: str = "INPUT", *, chains: str = "", table: str = "") -> Counts:
    text = "\n".join([f"{HEAD}{chains}".rstrip("\n"), *rules, "COMMIT", table])
    reading = merge([iptables.read([Artefact("iptables-save.txt", text.encode())])])
    entries = [one for one in wanted(REGISTER).entries if ("db-01", point) in one.required or point == "FORWARD"]
    return counted(reading, next(one for one in reading.points if one.name == point), Ties(entries))


def ids(rules: object) -> list[str]:
    assert isinstance(rules, tuple)
    return [rule.id.rpartition("/")[2] for rule in rules]


def test_what_is_tied_and_what_is_not() -> None:
    said = of(
        [
            "-A INPUT -i lo -j ACCEPT",
            "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            "-A INPUT -s 10.20.20.31/32 -p tcp -m tcp --dport 5432 -j ACCEPT",
            "-A INPUT -s 10.99.0.1/32 -p tcp -m tcp --dport 22 -j ACCEPT",
            '-A INPUT -s 10.99.0.2/32 -p tcp -m tcp --dport 22 -m comment --comment "see CON-7" -j ACCEPT',
            '-A INPUT -s 10.99.0.3/32 -p tcp -m tcp --dport 22 -m comment --comment "see CON-70" -j ACCEPT',
            "-A INPUT -s 10.99.0.4/32 -j DROP",
            "-A INPUT -j LOG",
        ]
    )
    assert ids(said.tied) == ["INPUT#3", "INPUT#5"]
    assert ids(said.untied) == ["INPUT#4", "INPUT#6"]
    assert (said.any_any, said.shadowed, said.disabled) == ((), (), 0)


@pytest.mark.parametrize(
    ("rules", "chains", "any_any"),
    [
        (["-A INPUT -j ACCEPT"], "", ["INPUT#1"]),
        (["-A INPUT -i eth0 -j ACCEPT"], "", ["INPUT#1"]),
        (["-A INPUT -s 10.0.0.0/8 -j ACCEPT", "-A INPUT -p tcp -j ACCEPT"], "", []),
        (["-A INPUT -j ours", "-A ours -j ACCEPT"], ":ours - [0:0]\n", ["ours#1"]),
        (["-A INPUT -s 10.0.0.1/32 -j ours", "-A ours -j ACCEPT"], ":ours - [0:0]\n", []),
        (["-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT"], "", []),
    ],
)
def test_any_to_any_is_what_names_nothing_and_is_come_to_by_everything(
    rules: list[str], chains: str, any_any: list[str]
) -> None:
    assert ids(of(rules, chains=chains).any_any) == any_any


@pytest.mark.parametrize(
    ("rules", "shadowed"),
    [
        (["-A INPUT -s 10.0.0.0/8 -j DROP", "-A INPUT -s 10.1.0.0/16 -p tcp -j ACCEPT"], ["INPUT#2"]),
        (["-A INPUT -s 10.0.0.0/9 -j DROP", "-A INPUT -s 10.128.0.0/9 -j DROP", "-A INPUT -s 10.0.0.0/8 -j ACCEPT"],
         ["INPUT#3"]),
        (["-A INPUT -s 10.1.0.0/16 -p tcp -j ACCEPT", "-A INPUT -s 10.0.0.0/8 -j DROP"], []),
        (["-A INPUT -i eth0 -s 10.0.0.0/8 -j DROP", "-A INPUT -s 10.1.0.0/16 -j ACCEPT"], []),
        (["-A INPUT -i eth0 -s 10.0.0.0/8 -j DROP", "-A INPUT -i eth0 -s 10.1.0.0/16 -j ACCEPT"], ["INPUT#2"]),
        (["-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT", "-A INPUT -p tcp -j ACCEPT"], []),
        (["-A INPUT -s 10.0.0.0/8 -j LOG", "-A INPUT -s 10.1.0.0/16 -j ACCEPT"], []),
        (["-A INPUT -s 10.0.0.0/8 -m recent --name x --rcheck -j DROP", "-A INPUT -s 10.1.0.0/16 -j ACCEPT"], []),
    ],
    ids=["wider before", "two before", "narrower before", "one interface", "same interface", "state", "log", "unsure"],
)  # fmt: skip
def test_a_rule_is_shadowed_only_when_earlier_ones_surely_decide_all_of_it(
    rules: list[str], shadowed: list[str]
) -> None:
    assert ids(of(rules).shadowed) == shadowed


def test_what_another_table_accepts_is_not_let_in_by_it() -> None:
    said = of([], table="*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -s 10.0.0.0/8 -j ACCEPT\nCOMMIT\n")
    assert (said.tied, said.untied) == ((), ())


@pytest.mark.parametrize("format", ["ios", "asa", "junos", "panos", "xr", "nxos"])
def test_what_nobody_wrote_is_not_counted_as_never_reached(format: str) -> None:
    """What a device does by itself stands among its rules and is often decided before."""
    ends, named = 0, set[str]()
    for case in sorted(path.parent for path in (CORPUS / format).glob("*/config")):
        try:
            reading = read_host([Artefact("config", (case / "config").read_bytes())])
        except FormatError:
            continue
        rules = never_reached(reading.chains) or ()
        named |= {rule.id for rule in rules}
        every = [rule.id for chain in reading.chains for rule in chain.rules]
        ends += sum("#implicit" in one or ":default/" in one for one in every)
    assert ends
    assert [one for one in named if "#implicit" in one or ":default/" in one or "zone-default" in one] == []
