"""What firewalls write to a log server: who began, what was let through, the real ends; and what is not understood."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from evidence.flowlogs.engine import Engine
from evidence.flowlogs.firewall_log import sniff
from evidence.rules import FormatError, Lines
from tests.flowlogs.logs import NOON, rolled, rows

A, B = int(ip_address("10.1.0.3")), int(ip_address("10.2.0.9"))
SEEN = "src_lo, dst_lo, proto, port, other, sure, accepted, first, last, packets, bytes, sensor"
HEAD = "<166>Oct  1 2026 12:00:00 fw1 : %ASA-6-"
FGT = (
    'date=2026-10-01 time=23:00:00 devname="FGT-1" devid="FG1" eventtime=1790856000123456789 tz="+1100"'
    ' logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" srcip=10.1.0.3 srcport=40000'
    ' srcintf="port1" dstip={dst} dstport=443 dstintf="port2" policyid=2 sessionid=77 proto=6 action="{action}"'
    ' service="HTTPS" trandisp="{nat}" {more}duration=30 sentbyte=1000 rcvdbyte=500 sentpkt=7 rcvdpkt=5'
)
PAN = (
    "1,2026/10/01 12:00:30,0018,TRAFFIC,{kind},2305,2026/10/01 12:00:30,10.1.0.3,{dst},0.0.0.0,{nat},r 1,,,ssl,vsys1,"
    "trust,dmz,ethernet1/1,ethernet1/2,default,2026/10/01"
    " 12:00:30,{session},1,40000,443,0,{natport},0x1c,tcp,{action},1500,"
    "1000,500,12,2026/10/01 12:00:00,30,any,,1,0x0,,,,7,5,aged-out,0,0,0,0,,PA-1,from-policy"
)
SRX = (
    "<14>1 2026-10-01T12:00:30.000Z srx-1 RT_FLOW - RT_FLOW_SESSION_{kind} [junos@2636.1.1.1.2.26 {more}"
    'source-address="10.1.0.3" source-port="40000" destination-address="{dst}" destination-port="443"'
    ' nat-source-address="10.1.0.3" nat-source-port="40000" nat-destination-address="10.2.0.9"'
    ' nat-destination-port="443" protocol-id="6" policy-name="p1" session-id-32="5"'
    ' packets-from-client="7" bytes-from-client="1000" packets-from-server="5" bytes-from-server="500"'
    ' elapsed-time="30"]'
)
DENY = (
    "<14>1 2026-10-01T12:00:00Z srx-1 RT_FLOW - RT_FLOW_SESSION_DENY [junos@2636.1.1.1.2.26"
    ' source-address="10.1.0.3" source-port="40000" destination-address="10.2.0.9" destination-port="443"'
    ' protocol-id="6" icmp-type="0" policy-name="no"]'
)
LET, KEPT = True, False
NOWHERE = "0.0.0.0"  # noqa: S104  what stands where nothing was translated
WHOLE = (NOON, NOON + 30, 12, 1500)  # first, last, packets, bytes
ONE = (NOON, NOON, 1, 0)


def put(folder: Path, *lines: str) -> Path:
    path = folder / "syslog"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("line", "row"),
    [
        (f"{HEAD}302013: Built inbound TCP connection 9 for dmz:10.1.0.3/40000 (10.1.0.3/40000) to in:10.2.0.9/443"
         " (203.0.113.9/443)", (LET, ONE, "fw1")),
        (f"{HEAD}302013: Built outbound TCP connection 9 for out:10.2.0.9/443 (203.0.113.9/443)(LOCAL\\eve) to"
         " in:10.1.0.3/40000 (198.51.100.1/1024)", (LET, ONE, "fw1")),
        ("Oct  1 12:00:00 fw1 %FTD-6-302014: Teardown TCP connection 9 for dmz:10.1.0.3/40000 to in:10.2.0.9/443"
         " duration 0:00:30 bytes 1500 TCP FINs", (LET, (NOON, NOON, 1, 1500), "fw1", 90)),
        ('Oct 01 2026 12:00:00: %ASA-4-106023: Deny tcp src dmz:10.1.0.3/40000 dst in:10.2.0.9/443 by access-group "A"'
         " [0x0, 0x0]", (KEPT, ONE, "")),
        (f"{HEAD}106100: access-list A permitted tcp dmz/10.1.0.3(40000) -> in/10.2.0.9(443) hit-cnt 1 first hit"
         " [0x1, 0x0]", (LET, ONE, "fw1")),
        (f"{HEAD}106100: access-list A denied tcp dmz/10.1.0.3(40000)(LOCAL\\eve) -> in/10.2.0.9(443) hit-cnt 12"
         " 300-second interval", (KEPT, (NOON, NOON, 12, 0), "fw1")),
        ("Oct  1 12:00:00 fw1 %ASA-2-106001: Inbound TCP connection denied from 10.1.0.3/40000 to"
         " 10.2.0.9/443 flags SYN"
         "  on interface dmz", (KEPT, ONE, "fw1")),
        ("Oct  1 12:00:01 r1 77: *Oct  1 11:59:00.123 AEST: %SEC-6-IPACCESSLOGP: list 101 denied tcp 10.1.0.3(40000) ->"
         " 10.2.0.9(443), 3 packets", (KEPT, (NOON + 1, NOON + 1, 3, 0), "r1", 90)),
        ("Oct  1 12:00:00 r1 %SEC-6-IPACCESSLOGP: list IN permitted tcp 10.1.0.3(40000) (Gi0/0 0000.0000.0001) ->"
         " 10.2.0.9(443), 1 packet", (LET, ONE, "r1", 90)),
        (FGT.format(dst="10.2.0.9", action="close", nat="noop", more=""), (LET, (NOON - 30, NOON, 12, 1500), "FGT-1")),
        (FGT.format(dst="10.2.0.9", action="deny", nat="noop", more=""), (KEPT, (NOON - 30, NOON, 12, 1500), "FGT-1")),
        (FGT.format(dst="203.0.113.9", action="accept", nat="dnat", more='tranip=10.2.0.9 tranport=443 '),
         (LET, (NOON - 30, NOON, 12, 1500), "FGT-1")),
        (FGT.format(dst="10.2.0.9", action="timeout", nat="snat", more='transip=198.51.100.1 transport=9 '),
         (LET, (NOON - 30, NOON, 12, 1500), "FGT-1")),
        ("Oct  1 12:00:31 PA-1 " + PAN.format(kind="end", dst="10.2.0.9", nat=NOWHERE, natport=0, session=5,
                                              action="allow"), (LET, WHOLE, "PA-1")),
        (PAN.format(kind="drop", dst="10.2.0.9", nat=NOWHERE, natport=0, session=5, action="reset-both"),
         (KEPT, WHOLE, "PA-1")),
        (PAN.format(kind="start", dst="203.0.113.9", nat="10.2.0.9", natport=443, session=5, action="allow"),
         (LET, WHOLE, "PA-1")),
        (SRX.format(kind="CLOSE", dst="10.2.0.9", more='reason="TCP FIN" '), (LET, WHOLE, "srx-1")),
        (SRX.format(kind="CLOSE", dst="203.0.113.9", more=""), (LET, WHOLE, "srx-1")),
        (DENY, (KEPT, ONE, "srx-1")),
        ("Oct  1 12:00:00 pf1 filterlog[33]:"
         " 5,,,1000000103,em0,match,block,in,4,0x0,,64,1,0,DF,6,tcp,60,10.1.0.3,10.2.0.9,"
         "40000,443,0,S,12,,64240,,mss", (KEPT, (NOON, NOON, 1, 60), "pf1")),
        ("<134>1 2026-10-01T12:00:00+00:00 pf1 filterlog 33 - [meta sequenceId=\"1\"]"
         " 5,,,02f4,em0,match,pass,out,4,0x0,,"
         "64,1,0,DF,6,tcp,60,10.1.0.3,10.2.0.9,40000,443,0,S,12,,64240,,mss", (LET, (NOON, NOON, 1, 60), "pf1")),
    ],
)  # fmt: skip
def test_each_firewall_says_who_spoke_with_whom_and_whether_it_let_them(
    line: str, row: tuple, flow_engine: Engine, tmp_path: Path
) -> None:
    accepted, counted, sensor, *sure = row
    found = rolled(flow_engine, put(tmp_path, line, "Oct  1 12:00:02 fw1 sshd[1]: hello"), received=NOON + 600)
    assert found.format == "firewall-log"
    assert (found.lines, found.unread) == (Lines(2, 1, 1, 0), ())
    expected = (A, B, 6, 443, None, *(sure or [100]), accepted, *counted, sensor)
    assert rows(flow_engine, found, SEEN) == [expected]


@pytest.mark.parametrize(
    ("line", "ends", "seen"),
    [
        (f"{HEAD}302020: Built inbound ICMP connection for faddr 10.1.0.3/7 gaddr 203.0.113.9/0 laddr 10.2.0.9/0 type 8"
         " code 0", ("10.1.0.3", "10.2.0.9"), (1, 0, 8)),
        (f"{HEAD}302020: Built outbound ICMP connection for faddr 10.2.0.9/0 gaddr 203.0.113.9/7 laddr 10.1.0.3/7",
         ("10.1.0.3", "10.2.0.9"), (1, 0, 8)),
        (f"{HEAD}106023: Deny icmp src dmz:10.1.0.3 dst in:10.2.0.9 (type 13, code 0) by access-group \"A\"",
         ("10.1.0.3", "10.2.0.9"), (1, 0, 13)),
        (f"{HEAD}106023: Deny protocol 47 src dmz:10.1.0.3 dst in:10.2.0.9 by access-group \"A\"",
         ("10.1.0.3", "10.2.0.9"), (47, None, None)),
        (f"{HEAD}302015: Built inbound UDP connection 4 for dmz:2001:db8::1/40000 (2001:db8::1/40000) to in:fd00::2/53"
         " (fd00::2/53)", ("2001:db8::1", "fd00::2"), (17, 53, None)),
        ("Oct  1 12:00:00 fw1 %ASA-2-106006: Deny inbound UDP from 2001:db8::1/40000 to fd00::2/53 on interface dmz",
         ("2001:db8::1", "fd00::2"), (17, 53, None)),
        ("Oct  1 12:00:00 r1 %SEC-6-IPACCESSLOGDP: list 101 denied icmp 10.1.0.3 -> 10.2.0.9 (8/0), 1 packet",
         ("10.1.0.3", "10.2.0.9"), (1, 0, 8)),
        ("Oct  1 12:00:00 r1 %SEC-6-IPACCESSLOGNP: list 101 denied 47 10.1.0.3 -> 10.2.0.9, 5 packets",
         ("10.1.0.3", "10.2.0.9"), (47, None, None)),
        ("Oct  1 12:00:00 pf1 filterlog:"
         " 5,,,1,em0,match,block,in,6,0x00,0x0,64,udp,17,48,2001:db8::1,fd00::2,40000,53,28",
         ("2001:db8::1", "fd00::2"), (17, 53, None)),
    ],
)  # fmt: skip
def test_other_protocols_and_ipv6(
    line: str, ends: tuple[str, str], seen: tuple, flow_engine: Engine, tmp_path: Path
) -> None:
    found = rolled(flow_engine, put(tmp_path, line), received=NOON + 600)
    source, target = (int(ip_address(one)) & (2**64 - 1) for one in ends)
    assert rows(flow_engine, found, "src_lo, dst_lo, proto, port, other") == [(source, target, *seen)]


def test_a_session_is_counted_once_where_its_beginning_and_end_are_logged(flow_engine: Engine, tmp_path: Path) -> None:
    lines = [
        f"{HEAD}302013: Built inbound TCP connection 9 for dmz:10.1.0.3/40000 (10.1.0.3/40000) to"
         f" in:10.2.0.9/443 (x/1)",
        f"{HEAD}302014: Teardown TCP connection 9 for dmz:10.1.0.3/40000 to in:10.2.0.9/443 duration"
         f" 0:00:30 bytes 15 RST",
        PAN.format(kind="start", dst="10.2.0.9", nat=NOWHERE, natport=0, session=5, action="allow"),
        PAN.format(kind="end", dst="10.2.0.9", nat=NOWHERE, natport=0, session=5, action="allow"),
        SRX.format(kind="CREATE", dst="10.2.0.9", more=""),
        SRX.format(kind="CLOSE", dst="10.2.0.9", more=""),
        FGT.format(dst="10.2.0.9", action="start", nat="noop", more=""),
        FGT.format(dst="10.2.0.9", action="close", nat="noop", more=""),
    ]  # fmt: skip
    found = rolled(flow_engine, put(tmp_path, *lines), received=NOON + 600)
    assert found.lines == Lines(8, 4, 4, 0)
    assert sorted(rows(flow_engine, found, "sensor, flows")) == [("FGT-1", 1), ("PA-1", 1), ("fw1", 1), ("srx-1", 1)]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (f"{HEAD}302013: Built sideways TCP connection", "not written as this one is"),
        ("%ASA-6-302013: Built inbound TCP connection 9 for a:10.1.0.3/1 (10.1.0.3/1) to b:10.2.0.9/2"
         " (x/2)", "no time"),
        (f"{HEAD}302013: Built inbound TCP connection 9 for a:10.1.0.3/99999 (x/1) to b:10.2.0.9/2 (x/2)", "port"),
        (f'{HEAD}106023: Deny foo src a:10.1.0.3/1 dst b:10.2.0.9/2 by access-group "A"', "foo is no protocol"),
        (FGT.format(dst="10.2.0.9", action="pondered", nat="noop", more=""), "action 'pondered' is not known"),
        (FGT.format(dst="elsewhere", action="close", nat="noop", more=""), "'elsewhere' is no address"),
        (PAN.format(kind="end", dst="10.2.0.9", nat=NOWHERE, natport=0, session=5, action="shrug"), "'shrug'"),
        ("Oct  1 12:00:00 r1 %SEC-6-IPACCESSLOGS: list 1 denied 10.1.0.3 3 packets", "names no destination"),
        ("1,2026/10/01 12:00:30,0018,TRAFFIC,end," + "9" * 140_000, "its fields cannot be told apart"),
        ("1,2026/10/01 12:00:30,0018,TRAFFIC,end,2305,cut", "7 fields where a traffic log has more"),
        ("Oct  1 12:00:00 srx RT_FLOW: RT_FLOW_SESSION_CREATE: session created 10.1.0.3/1->10.2.0.9/2", "structured"),
        ("Oct  1 12:00:00 pf1 filterlog[3]: 5,,,1,em0,match,block,in,4,0x0,,64,1,0,DF,6,tcp", "it ends too early"),
        ("Oct  1 12:00:00 pf1 filterlog[3]: 5,,,1,em0", "it has not the fields of a packet"),
    ],
)  # fmt: skip
def test_a_line_with_a_mark_that_is_not_understood_is_named(
    line: str, why: str, flow_engine: Engine, tmp_path: Path
) -> None:
    good = f"{HEAD}302013: Built inbound TCP connection 1 for dmz:10.1.0.3/40000 (x/1) to in:10.2.0.9/443 (x/1)"
    found = rolled(flow_engine, put(tmp_path, good, line, "Oct  1 12:00:02 fw1 %ASA-5-111008: User 'x' executed"),
                   received=NOON + 600)  # fmt: skip
    assert found.lines == Lines(3, 1, 1, 1)
    assert why in found.unread[0].reason
    assert found.unread[0].line == 2


def test_a_file_of_many_devices_is_one_log_with_a_sensor_for_each(flow_engine: Engine, tmp_path: Path) -> None:
    packet = "IN=eth0 OUT= SRC=10.1.0.3 DST=10.2.0.9 LEN=60 PROTO=TCP SPT=40000 DPT=22 WINDOW=1 SYN URGP=0"
    lines = [DENY, FGT.format(dst="10.2.0.9", action="close", nat="noop", more=""),
             f"Oct  1 12:00:00 db-01 kernel: nft-accept: {packet}"]  # fmt: skip
    found = rolled(flow_engine, put(tmp_path, *lines), received=NOON + 600)
    assert sorted(rows(flow_engine, found, "sensor, accepted")) == [("FGT-1", True), ("db-01", True), ("srx-1", False)]


def test_a_log_of_something_else_is_not_taken_for_one(flow_engine: Engine, tmp_path: Path) -> None:
    assert sniff(b"Oct  1 12:00:00 db-01 sshd[7]: Accepted publickey\n", "auth.log") == 0
    with pytest.raises(FormatError, match="is not read"):
        rolled(flow_engine, put(tmp_path, "Oct  1 12:00:00 db-01 sshd[7]: Accepted publickey"))
