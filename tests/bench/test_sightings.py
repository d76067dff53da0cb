"""Addresses nobody registered: whoever names them, they are said once a place, and their traffic is judged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compliance.register import wanted
from compliance.traffic.addresses import parse_host, to_text
from evidence.formats import ip_addr, ip_neigh
from evidence.host import merge
from evidence.judgement import Judgement
from evidence.rules import Artefact, Reading, Verdict
from evidence.sightings import Kind, Sighting
from evidence.verdicts import judge
from tests.bench.estate import CLOSED4, DAY, host, judged, of, register, table, v6

SOCKET = 'tcp LISTEN 0 128 10.20.4.77:443 0.0.0.0:* users:(("nginx",pid=1,fd=6))\n'
SHARE = "/srv/hr  10.20.4.77(ro,sync,wdelay,hide,no_subtree_check,sec=sys,secure,root_squash,no_all_squash)\n"
CLOSED = host(v4=table(CLOSED4))


def unknown(*hosts: Reading, **more: object) -> list[Judgement]:
    """What is unknown to these hosts, the first of them db-01."""
    readings = dict(zip(("db-01", "web-01"), hosts, strict=False))
    found = judge(register(), readings, before=None, flows=None, at=DAY, **more)  # type: ignore[arg-type]
    return of(found, Verdict.unknown_server)


def members(found: list[Judgement]) -> dict[str, list[str]]:
    """Subject → its addresses."""
    return {one.subject: [to_text(one.family, box[2]) for box in one.excess] for one in found}


def met(*addresses: str, state: str = "REACHABLE") -> Reading:
    """A neighbour table of db-01, beside closed rules."""
    rows = ",".join(
        f'{{"dst":"{one}","dev":"eth0","lladdr":"02:00:00:00:00:01","state":["{state}"]}}' for one in addresses
    )
    return merge([CLOSED, ip_neigh.read([Artefact("neigh", f"[{rows}]".encode())])])


def test_many_addresses_of_a_zone_are_one_finding_with_its_members() -> None:
    rules = CLOSED4 + "".join(f"-A INPUT -s 10.20.4.{last}/32 -j DROP\n" for last in range(90, 130))
    (one,) = unknown(host(v4=table(rules + "-A INPUT -s 10.20.8.7/32 -j DROP\n")))[:1]
    found = members(unknown(host(v4=table(rules + "-A INPUT -s 10.20.8.7/32 -j DROP\n"))))
    assert set(found) == {"unregistered in zone app", "unregistered in zone data"}
    assert len(found["unregistered in zone app"]) == 40
    assert found["unregistered in zone data"] == ["10.20.8.7"]
    assert one.because.startswith("40 addresses of zone app are no registered server's: 10.20.4.90 (named by INPUT")
    assert one.because.endswith("and 37 more")


@pytest.mark.parametrize(
    ("reading", "where"),
    [
        (host(v4=table(CLOSED4 + "-A OUTPUT -d 10.20.4.77 -j ACCEPT\n")), "OUTPUT of db-01, iptables:filter/OUTPUT#1"),
        (met("10.20.4.77"), "met on eth0 of db-01"),
        (met("10.20.4.77", state="PERMANENT"), "entered by hand on eth0 of db-01"),
        (
            merge([ip_addr.read([Artefact("addr", b'[{"ifname":"eth1","addr_info":[{"family":"inet",'
                                  b'"local":"10.20.4.77","prefixlen":24}]}]')])]),
            "interface eth1 of db-01",
        ),
        (host(ss=SOCKET), "nginx of db-01 (line 1 of ss)"),
        (host(exportfs=SHARE), "the clients of /srv/hr on db-01 (line 1 of exportfs)"),
    ],
)  # fmt: skip
def test_whoever_names_it_is_named(reading: Reading, where: str) -> None:
    (one,) = unknown(reading)
    assert members([one]) == {"unregistered in zone app": ["10.20.4.77"]}
    assert f"10.20.4.77 (named by {where}" in one.because


def test_nobody_is_seen_where_nobody_answered_or_nobody_can_be() -> None:
    assert unknown(met("10.20.4.77", state="FAILED")) == []
    assert unknown(met("10.20.4.11", "fe80::7", "224.0.0.22", "10.20.4.255", "10.20.4.0")) == []
    assert unknown(met("192.0.2.77")) == []  # no network of the estate


def test_what_of_a_neighbour_table_is_not_understood_is_said() -> None:
    reading = merge([CLOSED, ip_neigh.read([Artefact("neigh", b'[{"dst":"10.20.4.77","state":["STALE"]}]')])])
    found = judged(register(), {"db-01": reading})
    assert [one.because for one in of(found, Verdict.not_verifiable, "db-01/neighbours")] == [
        "1 entry of the neighbour table could not be read, so whom db-01 met is not known in full: line 1 of neigh "
        "(a neighbour is not readable: it names no interface, or its link address is odd)"
    ]
    assert not of(found, Verdict.not_verifiable, "db-01/INPUT")


def test_both_families_of_a_zone_are_one_subject_with_the_same_words() -> None:
    asked = wanted(
        {
            "servers": [{"name": "db-01", "addresses": ["10.20.8.1", "2001:db8:8::1"]}],
            "zones": [{"name": "data", "prefixes": ["10.20.8.0/24", "2001:db8:8::/64"]}],
        },
        at=DAY,
    )
    rules = host(
        v4=table(CLOSED4 + "-A INPUT -s 10.20.8.9/32 -j DROP\n"),
        v6=v6(CLOSED4 + "-A INPUT -s 2001:db8:8::9/128 -j DROP\n"),
    )
    found = of(judged(asked, {"db-01": rules}), Verdict.unknown_server)
    assert [one.family for one in found] == [4, 6]
    assert len({(one.subject, one.because) for one in found}) == 1
    assert "2 addresses of zone data" in found[0].because


def test_a_server_outside_every_zone_brings_its_own_network_into_scope() -> None:
    asked = wanted(
        {
            "servers": [
                {"name": "db-01", "addresses": ["10.20.8.1"]},
                {"name": "far-01", "addresses": ["172.16.5.130"]},
            ],
            "zones": [{"name": "data", "prefixes": ["10.20.8.0/24"]}],
        },
        at=DAY,
    )
    rules = host(v4=table(CLOSED4 + "".join(f"-A INPUT -s 172.16.5.{last}/32 -j DROP\n" for last in (7, 135))))
    plain = of(judged(asked, {"db-01": rules}), Verdict.unknown_server)
    assert members(plain) == {"unregistered in network 172.16.5.0/24": ["172.16.5.7", "172.16.5.135"]}
    own = b'[{"ifname":"eth0","addr_info":[{"family":"inet","local":"172.16.5.130","prefixlen":25}]}]'
    far = merge([CLOSED, ip_addr.read([Artefact("addr", own)])])
    narrower = of(judged(asked, {"db-01": rules, "far-01": far}), Verdict.unknown_server)
    assert members(narrower) == {"unregistered in network 172.16.5.128/25": ["172.16.5.135"]}


INVENTORY = Sighting(Kind.INVENTORY, "CMDB", *parse_host("10.20.4.77"), "line 7 of cmdb.csv", "old-web")


def test_an_inventory_counts_like_a_host_that_names_it() -> None:
    (one,) = unknown(CLOSED, also=[INVENTORY])
    assert "10.20.4.77 (named by line 7 of cmdb.csv)" in one.because


def test_what_need_not_be_registered_is_no_finding_and_is_judged_all_the_same() -> None:
    rule = "-A FORWARD -s 10.20.4.77/32 -d 198.51.100.9/32 -p tcp -m tcp --dport 25 -j ACCEPT\n"
    firewall = host(v4=table(CLOSED4 + rule))
    for excused in ((), (parse_host("10.20.4.77"),)):
        found = judge(register(), {"db-01": firewall}, before=None, flows=None, at=DAY, excused=excused)
        (wider,) = of(found, Verdict.permits_more, "db-01/FORWARD")
        assert str(wider.witness) == "10.20.4.77 → 198.51.100.9 tcp/25"
        assert "server to outside" in wider.because
        assert len(of(found, Verdict.unknown_server)) == (0 if excused else 1)
    outside = replace(INVENTORY, value=parse_host("192.0.2.77")[1])
    stranger = rule.replace("10.20.4.77", "192.0.2.77")
    (quiet,) = [judge(register(), {"db-01": host(v4=table(CLOSED4 + stranger))}, before=None, flows=None, at=DAY,
                      also=[outside])]  # fmt: skip
    assert not of(quiet, Verdict.permits_more, "db-01/FORWARD")  # neither end is in a network of the estate
