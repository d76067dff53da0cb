"""One small real configuration for each kind of verdict: what is said, with which rule, line and example."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from compliance.traffic.addresses import to_text
from compliance.traffic.boxes import box_of, contains
from compliance.traffic.residual import same_traffic
from evidence.formats.evaluate import decide
from evidence.rules import Certainty, FlowRecord, Verdict
from evidence.verdicts import ORDER, judge, roll_up
from tests.bench.estate import (
    CLOSED4,
    DAY,
    OPEN4,
    SERVER4,
    connection,
    host,
    judged,
    of,
    register,
    table,
    v6,
)

WEB_TO_DB = connection("CON-1", "web-01", "db-01", "tcp/5432")
DB_RULE = "-A INPUT -s 10.20.4.11/32 -p tcp -m tcp --dport 5432 -j ACCEPT\n"
WEB_OUT = "-A OUTPUT -d 10.20.8.1/32 -p tcp -m tcp --dport 5432 -j ACCEPT\n"
DB = host(v4=table(CLOSED4 + DB_RULE))
WEB = host(v4=table(CLOSED4 + WEB_OUT))


def test_implemented_is_said_at_every_required_point() -> None:
    found = judged(register(WEB_TO_DB), {"db-01": DB, "web-01": WEB})
    points = {(one.point, one.rule, one.certainty) for one in of(found, Verdict.implemented)}
    assert points == {
        ("db-01/INPUT", "iptables:filter/INPUT#1", Certainty.definite),
        ("web-01/OUTPUT", "iptables:filter/OUTPUT#1", Certainty.definite),
    }
    assert roll_up(found)["CON-1"] is Verdict.implemented
    assert not of(found, Verdict.permits_more)


def test_not_implemented_names_the_blocking_rule_and_a_packet() -> None:
    rules = CLOSED4 + DB_RULE.replace("5432", "5433")
    found = judged(register(WEB_TO_DB), {"db-01": host(v4=table(rules)), "web-01": WEB})
    (one,) = of(found, Verdict.not_implemented)
    assert (one.subject, one.point, one.rule) == ("CON-1", "db-01/INPUT", "iptables:filter/INPUT#policy")
    assert str(one.witness) == "10.20.4.11 → 10.20.8.1 tcp/5432"
    assert "line 3 of v4" in one.because
    assert roll_up(found)["CON-1"] is Verdict.not_implemented


def test_one_open_port_of_several_is_still_not_implemented() -> None:
    asked = register(connection("CON-1", "web-01", "db-01", "tcp/5432", "tcp/5433"))
    found = judged(asked, {"db-01": DB, "web-01": WEB})
    (one,) = of(found, Verdict.not_implemented, "db-01/INPUT")
    assert one.excess == (box_of(4, src=(0x0A14040B,) * 2, dst=(0x0A140801,) * 2, proto=6, dport=5433),)


def test_without_a_reading_nothing_is_implemented() -> None:
    asked = register(WEB_TO_DB)
    found = judged(asked, {"db-01": DB})
    (one,) = of(found, Verdict.not_verifiable)
    assert (one.point, one.because, one.certainty) == ("web-01/OUTPUT", "no evidence from web-01", Certainty.unproven)
    assert roll_up(found)["CON-1"] is Verdict.not_verifiable
    for reason in (Verdict.stale, Verdict.unreachable):
        again = judged(asked, {"db-01": DB}, absent={"web-01": reason})
        assert [one.point for one in of(again, reason)] == ["web-01/OUTPUT"]
        assert roll_up(again)["CON-1"] is reason


def test_an_unread_line_makes_the_point_unverifiable_and_is_named() -> None:
    rules = CLOSED4 + DB_RULE + "frobnicate\n"
    found = judged(register(WEB_TO_DB), {"db-01": host(v4=table(rules)), "web-01": WEB})
    assert not of(found, Verdict.implemented, "db-01/INPUT")
    said = of(found, Verdict.not_verifiable, "db-01/INPUT")
    assert {one.subject for one in said} == {"CON-1", "db-01"}
    assert all("line 7 of v4" in one.because for one in said)


def test_a_match_nobody_models_is_possible_and_never_implemented() -> None:
    rules = CLOSED4 + "-A INPUT -p tcp -m tcp --dport 5432 -m recent --name x --rcheck -j ACCEPT\n"
    found = judged(register(WEB_TO_DB), {"db-01": host(v4=table(rules)), "web-01": WEB})
    (one,) = of(found, Verdict.not_verifiable, "db-01/INPUT")
    assert one.rule == "iptables:filter/INPUT#1"
    assert "recent" in one.because
    (excess,) = of(found, Verdict.permits_more, "db-01/INPUT")
    assert excess.certainty is Certainty.possible


def test_an_approved_change_that_nobody_did_is_not_a_fault_of_the_rules() -> None:
    asked = register(WEB_TO_DB)
    waiting = replace(asked, entries=tuple(replace(one, implemented=False) for one in asked.entries))
    found = judged(waiting, {"db-01": host(v4=table(CLOSED4)), "web-01": WEB})
    assert [one.point for one in of(found, Verdict.approved_not_done)] == ["db-01/INPUT"]
    assert [one.point for one in of(found, Verdict.implemented)] == ["web-01/OUTPUT"]
    assert roll_up(found)["CON-1"] is Verdict.approved_not_done


def test_over_permissive_names_the_rule_once_with_all_it_lets_through() -> None:
    rules = CLOSED4 + DB_RULE + "-A INPUT -s 10.20.4.0/24 -p tcp -m tcp --dport 22 -j ACCEPT\n"
    found = judged(register(WEB_TO_DB), {"db-01": host(v4=table(rules)), "web-01": WEB})
    (one,) = of(found, Verdict.permits_more)
    assert (one.point, one.rule, one.certainty) == ("db-01/INPUT", "iptables:filter/INPUT#2", Certainty.definite)
    assert str(one.witness) == "10.20.4.11 → 10.20.8.1 tcp/22"
    assert one.subject == "iptables:filter/INPUT: 10.20.4.0/24 any tcp/22"
    assert "server to server, outside to server" in one.because
    whole = box_of(4, src=(0x0A140400, 0x0A1404FF), dst=(0x0A140801,) * 2, proto=6, dport=22)
    assert same_traffic([whole], one.excess)


def test_a_wider_rule_around_the_authorised_is_judged_by_what_is_left() -> None:
    rules = CLOSED4 + "-A INPUT -s 10.20.4.11/32 -p tcp -m tcp --dport 5432:5440 -j ACCEPT\n"
    found = judged(register(WEB_TO_DB), {"db-01": host(v4=table(rules)), "web-01": WEB})
    (one,) = of(found, Verdict.permits_more)
    assert str(one.witness) == "10.20.4.11 → 10.20.8.1 tcp/5433"
    assert {box[8:] for box in one.excess} == {(5433, 5440)}


def test_an_open_output_is_one_finding_a_host_and_says_what_contains_it() -> None:
    readings = {"db-01": DB, "web-01": host(v4=table(SERVER4)), "web-02": host(v4=table(CLOSED4))}
    found = judged(register(WEB_TO_DB), readings)
    (one,) = of(found, Verdict.permits_more)
    assert (one.point, one.subject) == ("web-01/OUTPUT", "OUTPUT open by policy")
    assert "2 other servers (2 pairs), contained by INPUT of web-02, db-01" in one.because
    assert not of(found, Verdict.unfiltered)
    assert roll_up(found)["CON-1"] is Verdict.implemented


def test_forward_is_judged_where_a_server_is_at_one_end_only() -> None:
    rules = CLOSED4 + "-A FORWARD -p tcp -m tcp --dport 443 -j ACCEPT\n"
    found = judged(register(), {"db-01": host(v4=table(rules))})
    (one,) = of(found, Verdict.permits_more)
    servers = {0x0A14040B, 0x0A14040C, 0x0A140801}
    assert one.point == "db-01/FORWARD"
    assert all(
        any(box[0] <= server <= box[1] for server in servers) or any(box[2] <= server <= box[3] for server in servers)
        for box in one.excess
    )
    away = box_of(4, src=(0xC0A80001,) * 2, dst=(0xC0A80002,) * 2, proto=6, dport=443)
    assert not any(contains(box, away) for box in one.excess)


def test_ipv6_open_beside_a_closed_ipv4_comes_out() -> None:
    servers = [{"name": "db-01", "addresses": ["10.20.8.1", "2001:db8::1"]}]
    found = judged(register(servers=servers, zones=[]), {"db-01": host(v4=table(CLOSED4), v6=v6(OPEN4))})
    (one,) = of(found, Verdict.permits_more, "db-01/INPUT")
    assert (one.family, one.certainty) == (6, Certainty.definite)
    absent = judged(register(servers=servers, zones=[]), {"db-01": host(v4=table(CLOSED4), v6="")})
    said = [one for one in of(absent, Verdict.not_verifiable, "db-01/INPUT") if one.family == 6]
    assert said
    assert "IPv6" in said[0].because


def test_unfiltered_counts_the_pairs_of_a_zone_and_proves_what_was_read() -> None:
    open_hosts = {name: host(v4=table(OPEN4)) for name in ("web-01", "web-02")}
    found = judged(register(), {**open_hosts, "db-01": host(v4=table(CLOSED4))})
    (one,) = of(found, Verdict.unfiltered)
    assert (one.subject, one.certainty) == ("zone app", Certainty.definite)
    assert "2 servers in app can reach each other on every port over IPv4: 2 pairs, 2 of them proven" in one.because
    unread = judged(register(), {"db-01": host(v4=table(CLOSED4))})
    (two,) = of(unread, Verdict.unfiltered)
    assert two.certainty is Certainty.possible
    assert "no evidence from" in two.because


def test_a_server_of_which_nothing_was_read_is_never_silent() -> None:
    closed = {name: host(v4=table(CLOSED4)) for name in ("web-02", "db-01")}
    (one,) = of(judged(register(), closed), Verdict.not_verifiable)
    assert (one.subject, one.point) == ("web-01", "web-01/INPUT")
    (two,) = of(judged(register(), closed, absent={"web-01": Verdict.stale}), Verdict.stale)
    assert two.subject == "web-01"
    sockets = host(ss="tcp LISTEN 0 128 127.0.0.1:25 0.0.0.0:*\n")
    (three,) = of(judged(register(), {**closed, "web-01": sockets}), Verdict.not_verifiable)
    assert three.because == "no packet filter of web-01 was read: what it lets through is not known"
    assert not of(judged(register(), {**closed, "web-01": host(v4=table(CLOSED4))}), Verdict.not_verifiable)


def test_nothing_is_unfiltered_where_one_side_denies() -> None:
    closed = {name: host(v4=table(SERVER4)) for name in ("web-01", "web-02", "db-01")}
    assert not of(judged(register(), closed), Verdict.unfiltered)


SHARE = {"id": "CON-9", "server": "db-01", "path": "/srv/app", "protocol": "nfs", "access": "ro", "clients": ["web-01"]}
NFS_RULE = "-A INPUT -s 10.20.4.11/32 -p tcp -m tcp --dport 2049 -j ACCEPT\n"
OPTIONS = "sync,wdelay,hide,no_subtree_check"


@pytest.mark.parametrize(
    ("client", "options", "reason"),
    [
        ("*", "sec=sys,ro,root_squash,no_all_squash", "everyone"),
        ("10.20.4.0/24", "sec=sys,ro,root_squash,no_all_squash", "fewer clients"),
        ("10.20.4.11", "sec=sys,rw,root_squash,no_all_squash", "rw where ro"),
        ("10.20.4.11", "sec=sys,ro,no_root_squash,no_all_squash", "no_root_squash"),
        ("@trusted", "sec=sys,ro,root_squash,no_all_squash", "@trusted"),
    ],
)
def test_a_share_that_goes_beyond_is_wider(client: str, options: str, reason: str) -> None:
    exported = f"/srv/app  {client}({OPTIONS},{options})\n"
    readings = {"db-01": host(v4=table(CLOSED4 + NFS_RULE), exportfs=exported)}
    found = judged(register(shares=(SHARE,)), readings)
    (one,) = of(found, Verdict.share_wider)
    assert (one.subject, one.point) == ("CON-9", "db-01/shares/nfs")
    assert reason in one.because
    assert one.certainty is (Certainty.possible if client.startswith("@") else Certainty.definite)
    assert roll_up(found)["CON-9"] is Verdict.share_wider


def test_a_share_as_authorised_is_implemented_and_joined_with_its_network_half() -> None:
    exported = f"/srv/app  10.20.4.11({OPTIONS},sec=krb5p,ro,root_squash,no_all_squash)\n"
    found = judged(register(shares=(SHARE,)), {"db-01": host(v4=table(CLOSED4 + NFS_RULE), exportfs=exported)})
    assert {one.point for one in of(found, Verdict.implemented)} == {"db-01/INPUT", "db-01/shares/nfs"}
    assert not of(found, Verdict.share_wider)
    nothing = judged(register(shares=(SHARE,)), {"db-01": host(v4=table(CLOSED4 + NFS_RULE))})
    assert "about its nfs shares" in of(nothing, Verdict.not_verifiable, "db-01/shares/nfs")[0].because
    gone = judged(register(shares=(SHARE,)), {"db-01": host(exportfs="/srv/other  10.20.4.11(sync,wdelay,hide,ro)\n")})
    assert of(gone, Verdict.not_implemented, "db-01/shares/nfs")
    (stray,) = of(gone, Verdict.share_wider)
    assert stray.subject == "nfs share /srv/other"
    assert "nobody authorised this share" in stray.because


def test_a_host_line_wins_over_a_network_line_for_the_same_path() -> None:
    lines = f"/srv/app  10.20.4.11({OPTIONS},ro,root_squash)\n/srv/app  10.20.4.0/24({OPTIONS},rw,root_squash)\n"
    writes = {**SHARE, "access": "rw"}
    found = judged(register(shares=(writes,)), {"db-01": host(exportfs=lines)})
    (one,) = of(found, Verdict.not_implemented, "db-01/shares/nfs")
    assert "(ro, sys, root_squash) and not (rw, sys, root_squash)" in one.because


def test_samba_guests_and_the_old_dialect_are_wider() -> None:
    share = {"id": "CON-8", "server": "db-01", "path": "app$", "protocol": "smb", "access": "rw", "clients": ["web-01"]}
    head = "# Global parameters\n[global]\n\thosts allow = 10.20.4.11\n{}\n"
    text = head + "[app$]\n\tpath = /srv/app\n\tread only = No\n{}\n"
    for overall, own, reason in (
        ("\tserver min protocol = NT1", "", "smb1"),
        ("", "\tguest ok = Yes", "guest"),
        ("", "\thosts allow = 10.20.4.11 10.20.4.12", ""),
    ):
        found = judged(register(shares=(share,)), {"db-01": host(testparm=text.format(overall, own))})
        assert [reason in one.because for one in of(found, Verdict.share_wider)] == ([True] if reason else [])
    (one,) = of(found, Verdict.implemented, "db-01/shares/smb")  # the global list keeps 10.20.4.12 out
    assert one.rule == "smb:app$#5"


def test_listeners_nobody_authorised_and_services_nobody_runs() -> None:
    sockets = (
        'tcp LISTEN 0 128 0.0.0.0:8080 0.0.0.0:* users:(("java",pid=1,fd=3))\n'
        'tcp LISTEN 0 128 127.0.0.1:25 0.0.0.0:* users:(("master",pid=1,fd=3))\n'
        'udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:* users:(("resolved",pid=1,fd=3))\n'
    )
    found = judged(register(WEB_TO_DB), {"db-01": host(v4=table(CLOSED4 + DB_RULE), ss=sockets), "web-01": WEB})
    (one,) = of(found, Verdict.listener_unauthorised)
    assert (one.subject, one.rule) == ("db-01 tcp/8080", "ss:tcp/8080#1")
    assert "java listens" in one.because
    assert "contained by INPUT" in one.because
    (two,) = of(found, Verdict.no_listener)
    assert (two.subject, two.point) == ("CON-1", "db-01/listeners")
    assert not of(judged(register(WEB_TO_DB), {"db-01": DB}), Verdict.no_listener)  # without ss nothing is said


def test_a_dual_stack_socket_serves_the_authorised_family() -> None:
    found = judged(register(WEB_TO_DB), {"db-01": host(ss="tcp LISTEN 0 128 *:5432 *:*\n")})
    assert not of(found, Verdict.listener_unauthorised)
    assert not of(found, Verdict.no_listener)


def test_what_changed_without_an_authorisation_is_found_both_ways() -> None:
    opened = host(v4=table(CLOSED4 + DB_RULE + "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n"))
    found = judged(register(WEB_TO_DB), {"db-01": opened}, before={"db-01": DB})
    (one,) = of(found, Verdict.changed_without_record)
    assert (one.rule, one.point) == ("iptables:filter/INPUT#2", "db-01/INPUT")
    assert one.witness is not None
    assert one.witness.dport == 22
    closed = judged(register(WEB_TO_DB), {"db-01": host(v4=table(CLOSED4))}, before={"db-01": DB})
    (two,) = of(closed, Verdict.changed_without_record)
    assert (two.subject, str(two.witness)) == ("CON-1", "10.20.4.11 → 10.20.8.1 tcp/5432")
    repaired = judged(register(WEB_TO_DB), {"db-01": DB}, before={"db-01": opened})
    assert not of(repaired, Verdict.changed_without_record)
    moved = host(v4=table(CLOSED4 + "-A INPUT -i lo -j ACCEPT\n" + DB_RULE))
    assert not of(judged(register(WEB_TO_DB), {"db-01": moved}, before={"db-01": DB}), Verdict.changed_without_record)


def test_an_authorised_change_is_no_unrecorded_one() -> None:
    found = judged(register(WEB_TO_DB), {"db-01": DB}, before={"db-01": host(v4=table(CLOSED4))})
    assert not of(found, Verdict.changed_without_record)


def test_single_addresses_inside_the_estate_must_be_registered() -> None:
    rules = CLOSED4 + "".join(
        f"-A INPUT -s {one} -j DROP\n" for one in ("10.20.4.99/32", "10.20.4.11/32", "192.0.2.1/32")
    )
    found = judged(register(), {"db-01": host(v4=table(rules))})
    (one,) = of(found, Verdict.unknown_server)
    assert (one.subject, one.point) == ("unregistered in zone app", "")
    assert [to_text(4, box[2]) for box in one.excess] == ["10.20.4.99"]
    assert "INPUT of db-01, iptables:filter/INPUT#1 (line 6 of v4)" in one.because


def test_usage_is_unknown_without_flows_and_never_hides_what_rules_prove() -> None:
    asked = register(WEB_TO_DB, shares=(SHARE,))
    found = judged(asked, {"db-01": DB, "web-01": WEB})
    assert [one.subject for one in of(found, Verdict.usage_unknown)] == ["CON-1"]
    assert roll_up(found)["CON-1"] is Verdict.implemented


def test_flows_outside_the_register_are_named() -> None:
    when = datetime(2026, 11, 20, tzinfo=UTC)
    base = FlowRecord("default", 0x0A14040B, 0x0A140801, 4, 6, 50000, 5432, True, 3, 300, when, when, 1.0)
    flows = [
        base,
        replace(base, dport=22),
        replace(base, dport=23, accepted=False),
        replace(base, space="other", dport=9),
    ]
    found = judge(register(WEB_TO_DB), {}, before=None, flows=flows, at=DAY)
    assert [one.subject for one in of(found, Verdict.used_outside)] == ["10.20.4.11 → 10.20.8.1 tcp/22"]
    assert [one.subject for one in of(found, Verdict.attempted)] == ["10.20.4.11 → 10.20.8.1 tcp/23"]
    assert not of(found, Verdict.usage_unknown)


def test_every_connection_and_point_is_judged_and_the_verdicts_sum_to_the_register() -> None:
    rows = [
        WEB_TO_DB,
        connection("CON-2", "web-02", "db-01", "tcp/5432", "icmp/8"),
        connection("CON-3", "203.0.113.0/24", "198.51.100.7", "tcp/443"),
        connection("CON-4", "any", "web-01", "tcp/443"),
    ]
    asked = register(*rows, shares=(SHARE,))
    for readings in ({}, {"db-01": DB}, {"db-01": DB, "web-01": WEB}):
        found = judged(asked, readings)
        about = Counter((one.subject, one.point, one.family) for one in found if one.verdict in ABOUT_POINTS)
        for entry in asked.entries:
            for name, point in entry.required or (("", ""),):
                assert about[entry.id, f"{name}/{point}" if name else "", entry.family] == 1
        ids = {one.id for one in asked.entries}
        rolled = {subject: verdict for subject, verdict in roll_up(found).items() if subject in ids}
        assert set(rolled) == ids
        assert rolled["CON-3"] is Verdict.not_verifiable
        assert Verdict.usage_unknown not in rolled.values()


ABOUT_POINTS = {
    Verdict.implemented, Verdict.not_implemented, Verdict.approved_not_done, Verdict.not_verifiable, Verdict.stale,
    Verdict.unreachable,
}  # fmt: skip


def test_an_overdue_review_is_said_beside_and_alters_nothing() -> None:
    rows = [WEB_TO_DB | {"review_by": "2026-11-20"}, connection("CON-2", "web-02", "db-01", "icmp/8")]
    rows[1] |= {"review_by": "2026-11-21"}  # on the day itself it is not overdue yet
    late = judged(register(*rows, shares=(SHARE | {"review_by": "2025-01-31"},)), {"db-01": DB, "web-01": WEB})
    assert [(one.subject, one.certainty) for one in of(late, Verdict.review_overdue)] == [
        ("CON-1", Certainty.definite),
        (SHARE["id"], Certainty.definite),
    ]
    in_time = judged(register(WEB_TO_DB, rows[1], shares=(SHARE,)), {"db-01": DB, "web-01": WEB})
    assert not of(in_time, Verdict.review_overdue)
    assert roll_up(late) == roll_up(in_time)
    assert roll_up(late)["CON-1"] is Verdict.implemented


def test_every_verdict_has_its_place_in_the_order() -> None:
    assert sorted(ORDER) == sorted(Verdict)


def test_examples_of_over_permissive_rules_are_let_through_by_the_rule_named() -> None:
    rules = CLOSED4 + DB_RULE + "-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT\n-A INPUT -p icmp -j ACCEPT\n"
    reading = host(v4=table(rules))
    for one in of(judged(register(WEB_TO_DB), {"db-01": reading}), Verdict.permits_more):
        assert one.witness is not None
        answer = decide(reading, one.point.partition("/")[2], one.witness)
        assert (answer.decision, answer.rule) == ("permit", one.rule)
