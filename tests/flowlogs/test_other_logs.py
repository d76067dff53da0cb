"""nfdump, Azure, Zeek, conntrack and netfilter logs: what each says is what is kept, and each damage has its name."""

from __future__ import annotations

import json
from ipaddress import ip_address
from pathlib import Path

import pytest

from evidence.flowlogs.engine import Engine
from evidence.rules import FormatError, Lines
from tests.flowlogs.logs import NOON, rolled, rows

A, B = int(ip_address("10.0.0.1")), int(ip_address("10.0.0.2"))
SAID = "2026-10-01T12:00:00.123"
NF = {
    "type": "FLOW", "export_sysid": 1, "first": SAID, "last": "2026-10-01T12:00:09.5",
    "received": "2026-10-01T12:00:30.0", "in_packets": 5, "in_bytes": 300, "proto": 6, "tcp_flags": "...AP.SF",
    "src_port": 40000, "dst_port": 5432,
    "fwd_status": 0, "src4_addr": "10.0.0.1", "dst4_addr": "10.0.0.2", "sampled": 0,
}  # fmt: skip
ZEEK_FIELDS = [
    "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration", "orig_bytes",
    "resp_bytes", "conn_state", "history", "orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes",
]  # fmt: skip
FLOW = (
    '<flow><meta direction="original"><layer3 protonum="2" protoname="ipv4"><src>10.0.0.1</src>'
    "<dst>{dst}</dst></layer3>"
    '<layer4 protonum="6" protoname="tcp"><sport>40000</sport><dport>{dport}</dport></layer4></meta>'
    '<meta direction="reply"><layer3 protonum="2" protoname="ipv4"><src>10.0.0.2</src>'
    "<dst>10.0.0.1</dst></layer3>"
    '<layer4 protonum="6" protoname="tcp"><sport>5432</sport><dport>40000</dport></layer4></meta>'
    '<meta direction="independent"><state>ESTABLISHED</state><id>7</id><assured/></meta></flow>'
)


def put(folder: Path, text: str, name: str = "log") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def zeek(**other: str) -> str:
    said = {
        "ts": f"{NOON}.5", "uid": "C1", "id.orig_h": "10.0.0.1", "id.orig_p": "40000", "id.resp_h": "10.0.0.2",
        "id.resp_p": "5432", "proto": "tcp", "duration": "2.5", "conn_state": "SF", "history": "ShADadFf",
        "orig_pkts": "3", "orig_ip_bytes": "180", "resp_pkts": "2", "resp_ip_bytes": "120", **other,
    }  # fmt: skip
    return "\t".join(said.get(name, "-") for name in ZEEK_FIELDS)


def test_nfdump_objects_of_an_array_or_one_a_line_are_the_same(flow_engine: Engine, tmp_path: Path) -> None:
    both = [NF, {**NF, "src4_addr": "10.0.0.2", "dst4_addr": "10.0.0.1", "src_port": 5432, "dst_port": 40000}]
    array = rolled(flow_engine, put(tmp_path, json.dumps(both, indent=1), "array.json"))
    lined = rolled(flow_engine, put(tmp_path, "".join(f"{json.dumps(one)}\n" for one in both), "lines.json"))
    assert array.lines == lined.lines == Lines(2, 2, 0, 0)
    assert array.alike == lined.alike
    assert rows(flow_engine, array) == [(A, B, 5432, None, 90, True, 2)]
    assert rows(flow_engine, array, "first, last, packets") == [(NOON, NOON + 9, 10)]


@pytest.mark.parametrize(("change", "expected"), [
    ({"fwd_status": 128}, (5432, None, 90, False)),
    ({"tcp_flags": "......S."}, (5432, None, 100, False)),
    ({"tcp_flags": "...A.R.."}, (5432, None, 90, False)),
    ({"tcp_flags": "...A...."}, (5432, None, 90, True)),
    ({"proto": 1, "icmp_type": 8, "icmp_code": 0}, (0, 8, 100, True)),
])  # fmt: skip
def test_nfdump_says_what_was_dropped_and_who_began(
    change: dict, expected: tuple, flow_engine: Engine, tmp_path: Path
) -> None:
    found = rolled(flow_engine, put(tmp_path, json.dumps([{**NF, **change}])))
    assert rows(flow_engine, found, "port, other, sure, accepted") == [expected]


def test_an_echo_reply_is_the_answer_of_the_one_who_was_asked(flow_engine: Engine, tmp_path: Path) -> None:
    found = rolled(flow_engine, put(tmp_path, json.dumps([{**NF, "proto": 1, "icmp_type": 0, "icmp_code": 0}])))
    assert rows(flow_engine, found, "src_lo, dst_lo, other, port") == [(B, A, 8, 0)]


def test_what_icmp_says_of_another_packet_is_no_flow_of_its_own(flow_engine: Engine, tmp_path: Path) -> None:
    found = rolled(flow_engine, put(tmp_path, json.dumps([NF, {**NF, "proto": 1, "icmp_type": 3, "icmp_code": 3}])))
    assert found.lines == Lines(2, 1, 1, 0)


def test_an_answer_without_flows_is_a_file_of_none(flow_engine: Engine, tmp_path: Path) -> None:
    assert rolled(flow_engine, put(tmp_path, "[\nNo matching flows\n]\n")).records == 0


def test_a_wrapped_uptime_is_told_by_the_receipt_and_sampling_is_a_gap(flow_engine: Engine, tmp_path: Path) -> None:
    wrapped = {**NF, "first": "2026-08-12T18:57:12.0", "last": "2026-08-12T18:57:13.0"}
    found = rolled(flow_engine, put(tmp_path, json.dumps([wrapped, {**NF, "sampling": 100}])))
    assert [(gap.kind, gap.records) for gap in found.gaps] == [("clock", 1), ("sampling", 1)]
    assert rows(flow_engine, found, "hour") == [(NOON // 3600,)]


def test_an_array_that_ends_too_early_says_after_which_object(flow_engine: Engine, tmp_path: Path) -> None:
    text = json.dumps([NF, NF, NF])
    found = rolled(flow_engine, put(tmp_path, text[: len(text) * 5 // 6]))
    assert found.lines == Lines(3, 2, 0, 1)
    assert [(one.line, one.reason) for one in found.unread] == [
        (3, "it is not whole, or not JSON; nothing after it was read")
    ]


@pytest.mark.parametrize(("change", "reason"), [
    ({"src4_addr": "10.0.0.300"}, "'10.0.0.300' is no address"),
    ({"dst_port": None}, "it does not say its ports"),
    ({"src_port": 70000}, "its port is none"),
    ({"first": "yesterday"}, "it is not written as such records are"),
    ({"src4_addr": None}, "it names no two addresses"),
    ({"dst4_addr": "2001:db8::1"}, "it mixes IPv4 and IPv6"),
])  # fmt: skip
def test_a_damaged_object_is_named_and_the_next_one_counts(
    change: dict, reason: str, flow_engine: Engine, tmp_path: Path
) -> None:
    found = rolled(flow_engine, put(tmp_path, json.dumps([NF, {**NF, **change}, NF])))
    assert found.lines == Lines(3, 2, 0, 1)
    assert [one.line for one in found.unread] == [2]
    assert reason in found.unread[0].reason


def nsg(*tuples: str) -> dict:
    flows = [{"rule": "UserRule_db", "flows": [{"mac": "000D3AF87856", "flowTuples": list(tuples)}]}]
    return {"category": "NetworkSecurityGroupFlowEvent", "properties": {"Version": 2, "flows": flows}}


def vnet(*tuples: str) -> dict:
    groups = [{"rule": "UserRule_db", "flowTuples": list(tuples)}]
    flows = {"flows": [{"aclID": "a", "flowGroups": groups}]}
    return {"category": "FlowLogFlowEvent", "macAddress": "000D3AF87856", "flowRecords": flows}


def test_azure_of_both_kinds_with_who_began_and_what_was_denied(flow_engine: Engine, tmp_path: Path) -> None:
    ends = "10.0.0.1,10.0.0.2"
    group = nsg(
        f"{NOON},{ends},40000,5432,T,I,A,B,,,,",
        f"{NOON},{ends},40000,5432,T,I,A,E,3,180,2,120",
        f"{NOON},{ends},40001,22,T,I,D,B,,,,",
    )
    network = vnet(f"{NOON}123,{ends},40000,5432,6,I,B,NX,1,60,1,60", f"{NOON}123,{ends},40000,5432,6,I,Z,NX")
    found = rolled(flow_engine, put(tmp_path, json.dumps({"records": [group, network]}, indent=1)))
    assert found.lines == Lines(5, 4, 0, 1)
    assert rows(flow_engine, found) == [(A, B, 22, None, 100, False, 1), (A, B, 5432, None, 100, True, 3)]
    assert "the decision 'Z' is not known" in found.unread[0].reason


def test_an_append_blob_fetched_before_its_end_is_read_to_its_last_record(flow_engine: Engine, tmp_path: Path) -> None:
    one = vnet(f"{NOON}123,10.0.0.1,10.0.0.2,40000,5432,6,I,B,NX,1,60,1,60")
    text = json.dumps({"records": [one, one]})
    found = rolled(flow_engine, put(tmp_path, text[:-40]))
    assert found.lines == Lines(2, 1, 0, 1)


def test_zeek_by_its_fields_and_as_json(flow_engine: Engine, tmp_path: Path) -> None:
    head = ["#separator \\x09", "#fields\t" + "\t".join(ZEEK_FIELDS)]
    lines = [*head, zeek(), zeek(conn_state="S0"), zeek(history="^hd"), zeek(conn_state="SFX"), "#close\t2026"]
    found = rolled(flow_engine, put(tmp_path, "".join(f"{line}\n" for line in lines)))
    assert found.lines == Lines(7, 3, 3, 1)
    assert rows(flow_engine, found, "sure, accepted, flows, last") == [
        (90, True, 1, NOON + 3), (100, False, 1, NOON + 3), (100, True, 1, NOON + 3),
    ]  # fmt: skip
    one = {"ts": NOON, "id.orig_h": "fe00::1", "id.orig_p": 128, "id.resp_h": "fe00::2", "id.resp_p": 0,
           "proto": "icmp",
           "conn_state": "OTH"}  # fmt: skip
    told = rolled(flow_engine, put(tmp_path, json.dumps(one) + "\n", "conn.json"))
    assert rows(flow_engine, told, "family, proto, port, other, sure") == [(6, 58, 0, 128, 100)]


def test_conntrack_knows_who_began_and_what_stands_behind_a_translation(flow_engine: Engine, tmp_path: Path) -> None:
    text = "\n".join([
        '<?xml version="1.0" encoding="utf-8"?>', "<conntrack>", FLOW.format(dst="10.0.0.2", dport=5432),
        FLOW.format(dst="192.0.2.9", dport=15432), "<flow>broken</flow>",
        FLOW.format(dst="10.0.0.2", dport=5432).replace("<assured/>", ""), "</conntrack>", "",
    ])  # fmt: skip
    found = rolled(flow_engine, put(tmp_path, text), received=NOON)
    assert found.lines == Lines(7, 3, 3, 1)
    assert rows(flow_engine, found) == [(A, B, 5432, None, 100, False, 1), (A, B, 5432, None, 100, True, 2)]
    assert [gap.kind for gap in found.gaps if gap.kind == "hidden"] == ["hidden"]
    with pytest.raises(FormatError, match="no time of its own"):
        rolled(flow_engine, put(tmp_path, text))


def test_netfilter_lines_prove_what_their_prefix_says(flow_engine: Engine, tmp_path: Path) -> None:
    packet = "IN=eth0 OUT= MAC=00 SRC=10.0.0.1 DST=10.0.0.2 LEN=60 PROTO=TCP SPT=40000 DPT=22 WINDOW=1 SYN URGP=0"
    ping = "IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=84 PROTO=ICMP TYPE=8 CODE=0 ID=1 SEQ=1"
    text = "".join(f"{line}\n" for line in (
        f"2026-10-01T22:00:00.5+10:00 db-01 kernel: [UFW BLOCK] {packet}",
        f"Oct  1 12:00:00 db-01 kernel: [ 12.3] nft-accept: {packet}",
        f"Oct  1 12:00:00 db-01 kernel: seen: {packet}",
        "Oct  1 12:00:00 db-01 sshd[7]: Accepted publickey",
        f"Oct  1 12:00:00 db-01 kernel: DROP {ping}",
    ))  # fmt: skip
    found = rolled(flow_engine, put(tmp_path, text), received=NOON + 60)
    assert found.lines == Lines(5, 3, 1, 1)
    assert "does not say whether the packet was accepted or dropped" in found.unread[0].reason
    assert rows(flow_engine, found, "proto, port, other, sure, accepted, hour, sensor") == [
        (1, 0, 8, 100, False, NOON // 3600, "db-01"), (6, 22, None, 100, False, NOON // 3600, "db-01"),
        (6, 22, None, 100, True, NOON // 3600, "db-01"),
    ]  # fmt: skip
