"""IPv6 as real hosts have it: every interface has a link-local address beside its global one."""

from __future__ import annotations

from datetime import date

from compliance.register import wanted
from evidence.host import read_host
from evidence.rules import Artefact, Verdict
from evidence.verdicts import judge

REGISTER = {
    "servers": [
        {"name": "web", "addresses": ["2001:db8::11"]},
        {"name": "db", "addresses": ["2001:db8::21"]},
    ],
    "connections": [{"id": "CON-1", "source": "web", "destination": "db", "services": ["tcp/5432"]}],
}
ADDRESSES = b"""[{"ifname":"eth0","addr_info":[{"family":"inet6","local":"2001:db8::21","prefixlen":64},
{"family":"inet6","local":"fe80::5054:ff:fe12:3456","prefixlen":64}]}]"""


def dump(rule: str) -> str:
    return f"*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT DROP [0:0]\n{rule}COMMIT\n"


def judged(rule: str) -> list[tuple[str, str]]:
    four = Artefact("iptables-save", dump("").encode(), "iptables-save")
    six = Artefact("ip6tables-save", dump(rule).encode(), "ip6tables-save")
    reading = read_host([four, six, Artefact("ip-addr.json", ADDRESSES, "ip -j addr")])
    said = judge(wanted(REGISTER), {"db": reading}, before=None, flows=None, at=date(2026, 11, 21))
    return [(one.verdict.value, one.point) for one in said]


def test_a_rule_without_a_destination_is_not_wider_for_the_hosts_own_link_local_address() -> None:
    said = judged("-A INPUT -s 2001:db8::11/128 -p tcp -m tcp --dport 5432 -j ACCEPT\n")
    assert ("implemented", "db/INPUT") in said
    assert Verdict.permits_more.value not in {verdict for verdict, _ in said}


def test_a_wider_source_is_wider_all_the_same() -> None:
    said = judged("-A INPUT -s 2001:db8::/64 -p tcp -m tcp --dport 5432 -j ACCEPT\n")
    assert ("permits_more", "db/INPUT") in said
