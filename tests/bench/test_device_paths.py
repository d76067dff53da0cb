"""A router between two networks in what is said of connections and of pairs: blocked where, not known, and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from compliance.register import wanted
from evidence.formats import asa, ios, iptables, junos
from evidence.judgement import Judgement
from evidence.paths import ANYWHERE, Said, Standing, stood
from evidence.rules import Artefact, Reading
from evidence.verdicts import Verdict, judge, roll_up
from tests.evidence.device_site import ANSWERS, router
from tests.evidence.site import save

REGISTER: dict[str, Any] = {
    "servers": [
        {"name": "app-01", "addresses": ["10.20.20.31"], "zone": "app"},
        {"name": "db-01", "addresses": ["10.20.30.31"], "zone": "data"},
        {"name": "far-01", "addresses": ["10.77.0.9"], "zone": "far"},
    ],
    "zones": [
        {"name": "app", "prefixes": ["10.20.20.0/24"]},
        {"name": "data", "prefixes": ["10.20.30.0/24"]},
        {"name": "far", "prefixes": ["10.77.0.0/16"]},
    ],
    "connections": [{"id": "CON-1", "source": "app-01", "destination": "db-01", "services": ["tcp/5432"]}],
}
CLOSED = " deny tcp any any eq 5432\n permit ip any any\n"
EVERYTHING = " permit ip any any\n"
OPEN = {"app_in": EVERYTHING, "data_in": EVERYTHING}


def read(text: str) -> Reading:
    """One router."""
    return ios.read([Artefact("core.cfg", text.encode())])


def host(*rules: str, policy: str = "DROP") -> Reading:
    """A Linux host."""
    text = save(*rules).replace(" DROP ", f" {policy} ")
    six = save(tool="ip6tables-save").replace(" DROP ", f" {policy} ")
    return iptables.read([Artefact("v4", text.encode()), Artefact("v6", six.encode())])


HOSTS = {
    "app-01": host("-A OUTPUT -d 10.20.30.31/32 -p tcp -m tcp --dport 5432 -j ACCEPT"),
    "db-01": host("-A INPUT -s 10.20.20.31/32 -p tcp -m tcp --dport 5432 -j ACCEPT"),
}


def said(
    devices: dict[str, Reading], *, register: dict[str, Any] = REGISTER, hosts: dict[str, Reading] = HOSTS,
    paths: Sequence[Said] = (), gone: Sequence[Standing] = (),
) -> tuple[Judgement, ...]:  # fmt: skip
    """What is said with these devices read."""
    readings = {**hosts, **devices}
    return judge(wanted(register), readings, before=None, flows=None, at=date.today(), said=paths, stood=gone)


def of(judgements: Sequence[Judgement], point: str, subject: str = "CON-1") -> Judgement:
    """What is said of the connection at one point."""
    return next(one for one in judgements if (one.subject, one.point) == (subject, point))


def test_what_passes_a_router_that_lets_it_through_there_and_back_is_implemented_at_each_point() -> None:
    found = said({"core": read(router())})
    mine = {one.point: one.verdict for one in found if one.subject == "CON-1" and one.verdict != "usage_unknown"}
    assert mine == dict.fromkeys(
        ("app-01/OUTPUT", "db-01/INPUT", "core/FORWARD", "core/RETURN"), Verdict.implemented
    )  # fmt: skip


def test_what_a_router_stops_is_not_implemented_and_the_rule_is_named() -> None:
    found = said({"core": read(router(app_in=CLOSED))})
    one = of(found, "core/FORWARD")
    assert (one.verdict, one.certainty, one.rule) == ("not_implemented", "definite", "ios:acl/APP-IN#10")
    assert "is stopped between its ends by ios:acl/APP-IN#10" in one.because
    assert roll_up(found)["CON-1"] is Verdict.not_implemented


def test_a_list_that_is_not_attached_stops_nothing() -> None:
    found = said({"core": read(router(app_in=CLOSED, app_lists=""))})
    assert of(found, "core/FORWARD").verdict is Verdict.implemented
    out = said({"core": read(router(app_in=CLOSED, app_lists=" ip access-group APP-IN out\n"))})
    assert of(out, "core/FORWARD").verdict is Verdict.implemented  # it judges what goes to the application


@pytest.mark.parametrize(
    ("data_in", "verdict"),
    [
        (ANSWERS, "implemented"),
        (" permit ip any any\n", "implemented"),
        (" permit tcp any eq 5432 any\n", "implemented"),
        (" permit udp any any\n", "not_implemented"),
        (" permit tcp any any eq 5432\n", "not_implemented"),  # the port of the question is not that of the answer
        (" permit tcp any eq 5432 any range 1024 40000\n", "not_implemented"),
        (" permit tcp any any established\n", "implemented"),
        (" permit tcp any any ack\n", "implemented"),
        (" permit tcp any any match-any +ack +rst\n", "implemented"),
        (" permit tcp any any match-all +syn -ack\n", "not_implemented"),  # no answer is like that
        (" deny tcp any any match-all +syn -ack\n permit ip any any\n", "implemented"),
        (" permit tcp any any syn\n", "not_verifiable"),  # the first answer has it, and no other
        (" deny tcp any any syn\n permit ip any any\n", "not_verifiable"),
        (" permit tcp any any fin\n", "not_verifiable"),
        (" deny tcp any any fin\n permit ip any any\n", "not_verifiable"),
    ],
)
def test_the_answer_must_find_its_way_back_through_lists_without_state(data_in: str, verdict: str) -> None:
    found = said({"core": read(router(data_in=data_in))})
    assert of(found, "core/FORWARD").verdict is Verdict.implemented
    one = of(found, "core/RETURN")
    assert one.verdict == verdict
    assert ("the answer to" in one.because) is (verdict == "not_implemented")


def test_what_lets_answers_in_by_memory_is_not_known_and_never_taken_for_missing() -> None:
    text = router(data_in=" permit udp any any\n", app_lists=" ip access-group APP-IN in\n ip inspect FW in\n")
    one = of(said({"core": read(text)}), "core/RETURN")
    assert (one.verdict, one.certainty) == ("not_verifiable", "unproven")
    assert "ip inspect at GigabitEthernet0/1" in one.because


FIREWALL = """ASA Version 9.8(2)
interface GigabitEthernet0/1
 nameif app
 security-level 50
 ip address 10.20.20.1 255.255.255.0
interface GigabitEthernet0/2
 nameif data
 security-level 80
 ip address 10.20.30.1 255.255.255.0
{lists}: end
"""


def test_a_firewall_that_keeps_state_is_asked_for_the_first_packet_alone() -> None:
    lists = "access-list IN extended permit tcp host 10.20.20.31 host 10.20.30.31 eq 5432\n"
    lists += "access-group IN in interface app\n"
    wall = asa.read([Artefact("asa.cfg", FIREWALL.format(lists=lists).encode())])
    found = said({"wall": wall})
    assert of(found, "wall/FORWARD").verdict is Verdict.implemented
    assert not [one for one in found if one.point == "wall/RETURN"]
    closed = asa.read([Artefact("asa.cfg", FIREWALL.format(lists="").encode())])
    assert of(said({"wall": closed}), "wall/FORWARD").rule == "asa:default/security-level#app"


def test_of_two_routers_one_that_stops_it_is_named_and_decides_nothing_alone() -> None:
    pair = {"core": read(router()), "spare": read(router(app_in=CLOSED))}
    one = of(said(pair), "spare/FORWARD")
    assert (one.verdict, one.certainty) == ("not_verifiable", "unproven")
    assert one.because.startswith("path unknown: ")
    assert "it may pass core instead" in one.because
    both = {"core": read(router(app_in=CLOSED)), "spare": read(router(app_in=CLOSED))}
    assert {of(said(both), f"{name}/FORWARD").verdict for name in both} == {Verdict.not_implemented}


FAR_CON = {"id": "CON-1", "source": "far-01", "destination": "db-01", "services": ["tcp/5432"]}
FAR = {**REGISTER, "connections": [FAR_CON]}


def test_a_router_in_front_of_one_end_alone_makes_the_path_unknown_until_somebody_says_it() -> None:
    shut = {"core": read(router(data_lists=" ip access-group DATA-IN out\n", data_in=ANSWERS))}
    one = of(said(shut, register=FAR), "core/FORWARD")
    assert (one.verdict, one.because[:12]) == ("not_verifiable", "path unknown")
    assert "stands in the network of one end alone" in one.because
    by_hand = said(shut, register=FAR, paths=[Said("far", "data", ("core",))])
    assert of(by_hand, "core/FORWARD").verdict is Verdict.not_implemented
    other_way = said(shut, register=FAR, paths=[Said("data", "far", ("core",)), Said(ANYWHERE, "data", ("core",))])
    assert of(other_way, "core/FORWARD").verdict is Verdict.not_verifiable


def test_a_device_said_by_hand_and_not_read_proves_nothing() -> None:
    found = said({"core": read(router())}, paths=[Said("app", "data", ("wall-02",))])
    assert of(found, "wall-02/FORWARD").verdict is Verdict.not_verifiable
    assert not [one for one in found if one.point == "core/FORWARD" and one.subject == "CON-1"]


def test_a_device_that_is_silent_today_still_stands_where_it_stood() -> None:
    found = said({}, gone=[stood("core", ["10.20.20.0/24", "10.20.30.0/24"])])
    assert of(found, "core/FORWARD").verdict is Verdict.not_verifiable


# --- pairs with nothing between them --------------------------------------------------------------------------------

WIDE = {"app-01": host(policy="ACCEPT"), "db-01": host(policy="ACCEPT")}


def open_pairs(devices: dict[str, Reading], hosts: dict[str, Reading] = WIDE, **more: Any) -> set[str]:
    """The places between which pairs are open."""
    return {one.point for one in said(devices, hosts=hosts, **more) if one.verdict is Verdict.unfiltered}


def test_a_router_that_denies_something_stands_between_two_servers_and_one_that_denies_nothing_does_not() -> None:
    between = "zone app and zone data"
    assert between in open_pairs({})
    assert between in open_pairs({"core": read(router(**OPEN))})
    there_only = open_pairs({"core": read(router(data_in=EVERYTHING))})
    assert between in there_only  # from data to app nothing is denied
    assert between not in open_pairs({"core": read(router())})


def test_a_list_that_hangs_nowhere_or_the_other_way_is_nothing_between_them() -> None:
    between = "zone app and zone data"
    assert between in open_pairs({"core": read(router(app_lists="", data_lists=""))})
    assert between in open_pairs({"core": read(router(data_lists=""))})
    one_way = {"core": read(router(app_lists=" ip access-group APP-IN out\n", data_lists=""))}
    assert between in open_pairs(one_way)


def test_a_pair_behind_a_router_that_may_be_passed_by_is_open_and_not_proven() -> None:
    pair = {"core": read(router()), "spare": read(router(**OPEN))}
    assert "zone app and zone data" in open_pairs(pair)
    assert "zone app and zone data" not in open_pairs({"core": read(router()), "spare": read(router())})


def test_two_servers_in_one_network_reach_each_other_without_the_router() -> None:
    near = {"name": "near-01", "addresses": ["10.20.20.77"], "zone": "app"}
    register = {
        **REGISTER, "servers": [*REGISTER["servers"], near],
        "connections": [{"id": "CON-1", "source": "app-01", "destination": "near-01", "services": ["tcp/5432"]}],
    }  # fmt: skip
    hosts = {"app-01": host(policy="ACCEPT"), "near-01": host(policy="ACCEPT")}
    found = said({"core": read(router(app_in=" deny ip any any\n"))}, register=register, hosts=hosts)
    assert "zone app" in {one.point for one in found if one.verdict is Verdict.unfiltered}
    assert "core" not in " ".join(one.point for one in found if one.subject == "CON-1")


def test_a_router_in_front_of_one_end_alone_is_nothing_between_them() -> None:
    hosts = {"far-01": host(policy="ACCEPT"), "db-01": host(policy="ACCEPT")}
    shut = {"core": read(router(data_in=" deny ip any any\n"))}
    assert "zone data and zone far" in open_pairs(shut, hosts)
    by_hand = [Said("far", "data", ("core",)), Said("data", "far", ("core",))]
    assert "zone data and zone far" in open_pairs(shut, hosts, paths=by_hand)  # which of its lists judges is not known


def test_hosts_nobody_read_are_spoken_of_where_a_router_filters_them() -> None:
    found = said({"core": read(router())}, hosts={})
    assert "zone app and zone data" not in {one.point for one in found if one.verdict is Verdict.unfiltered}
    assert {one.subject for one in found if one.verdict is Verdict.not_verifiable} >= {"CON-1"}


# --- what goes beyond -----------------------------------------------------------------------------------------------


def excess_at(found: Sequence[Judgement], point: str) -> str:
    """The sentences on what a point lets through beyond the authorised."""
    return " ".join(one.because for one in found if one.verdict is Verdict.permits_more and one.point == point)


def test_a_finding_says_what_contains_it_before_and_behind() -> None:
    rule = "-A INPUT -s 10.20.20.0/24 -p tcp -m tcp --dport 22 -j ACCEPT"
    hosts = {**HOSTS, "db-01": host(rule)}
    shut, half = read(router()), read(router(app_in=" deny tcp host 10.20.20.9 any\n permit ip any any\n"))
    assert excess_at(said({"core": shut}, hosts=hosts), "db-01/INPUT").endswith(
        "; contained by core, but for what core may send"
    )
    assert excess_at(said({"core": half}, hosts=hosts), "db-01/INPUT").endswith("; core stops some of it")
    assert "core" not in excess_at(said({"core": read(router(**OPEN))}, hosts=hosts), "db-01/INPUT")
    wide = read(router(app_in=" permit tcp any host 10.20.30.31 eq 22\n"))
    assert "contained by INPUT of db-01" in excess_at(said({"core": wide}), "core/FORWARD")
    assert "open end to end to db-01" in excess_at(said({"core": wide}, hosts=hosts), "core/FORWARD")


MX = """system {{ host-name mx; }}
interfaces {{
    ge-0/0/0 {{ unit 0 {{ family inet {{ address 10.20.20.1/24; }} }} }}
    ge-0/0/1 {{ unit 0 {{ family inet {{ filter {{ input BACK; }} address 10.20.30.1/24; }} }} }}
}}
firewall {{ family inet {{ filter BACK {{
    term one {{ from {{ protocol tcp; {asked} }} then {does}; }}
    term rest {{ then {others}; }}
}} }} }}
"""


@pytest.mark.parametrize(
    ("asked", "does", "others", "verdict"),
    [
        ("tcp-established;", "accept", "discard", "implemented"),
        ('tcp-flags "(ack | rst)";', "accept", "discard", "implemented"),
        ("tcp-initial;", "discard", "accept", "implemented"),  # no new connections from there, and answers go through
        ('tcp-flags "(syn & !ack)";', "discard", "accept", "implemented"),
        ("tcp-initial;", "accept", "discard", "not_implemented"),
        ('tcp-flags "syn";', "discard", "accept", "not_verifiable"),
        ('tcp-flags "syn";', "accept", "discard", "not_verifiable"),
        ('tcp-flags "fin";', "discard", "accept", "not_verifiable"),
        ("destination-port 22;", "discard", "accept", "implemented"),
    ],
)
def test_what_a_filter_of_junos_asks_of_flags_is_asked_of_the_answer(
    asked: str, does: str, others: str, verdict: str
) -> None:
    text = MX.format(asked=asked, does=does, others=others)
    found = said({"mx": junos.read([Artefact("mx.conf", text.encode())])})
    assert of(found, "mx/FORWARD").verdict is Verdict.implemented
    assert of(found, "mx/RETURN").verdict == verdict
