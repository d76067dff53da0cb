"""AWS VPC flow logs: columns by the header, every line in the account, and each kind of damage by its name."""

from __future__ import annotations

import gzip
from ipaddress import ip_address
from pathlib import Path

import pytest

from evidence.flowlogs.engine import Engine
from evidence.rules import FormatError, Lines
from tests.flowlogs.logs import NOON, V2, aws, file, rolled, rows, silent

A, B = int(ip_address("10.0.0.1")), int(ip_address("10.0.0.2"))
CALL = aws("10.0.0.1", "10.0.0.2", 40000, 5432)
ANSWER = aws("10.0.0.2", "10.0.0.1", 5432, 40000)


def test_call_and_answer_are_one_row_from_the_one_who_began(flow_engine: Engine, tmp_path: Path) -> None:
    found = rolled(flow_engine, file(tmp_path, CALL, ANSWER, aws("10.0.0.1", "10.0.0.2", 40001, 5432)))
    assert found.lines == Lines(4, 3, 1, 0)
    assert rows(flow_engine, found) == [(A, B, 5432, None, 90, True, 3)]
    assert rows(flow_engine, found, "replies, packets, bytes, first, last") == [(1, 30, 3000, NOON, NOON + 30)]


def test_columns_are_told_by_the_header_whatever_their_order(flow_engine: Engine, tmp_path: Path) -> None:
    plain = rolled(flow_engine, file(tmp_path, CALL, name="plain.log"))
    turned_header = " ".join(reversed(V2.split()))
    line = " ".join(reversed(CALL.split()))
    turned = rolled(flow_engine, file(tmp_path, line, name="turned.log", header=turned_header))
    assert rows(flow_engine, turned) == rows(flow_engine, plain) != []
    assert turned.alike == plain.alike


def test_fields_nobody_knows_are_named_and_the_rest_is_read(flow_engine: Engine, tmp_path: Path) -> None:
    found = rolled(flow_engine, file(tmp_path, f"{CALL} moon", header=f"{V2} phase-of-moon"))
    assert found.unknown == ("phase-of-moon",)
    assert rows(flow_engine, found) == [(A, B, 5432, None, 90, True, 1)]


def test_syn_flags_decide_who_began_against_the_ports(flow_engine: Engine, tmp_path: Path) -> None:
    header = f"{V2} tcp-flags"
    lines = (f"{aws('10.0.0.1', '10.0.0.2', 443, 50051)} 2", f"{aws('10.0.0.2', '10.0.0.1', 50051, 443)} 19")
    found = rolled(flow_engine, file(tmp_path, *lines, header=header))
    assert rows(flow_engine, found) == [(A, B, 50051, None, 100, True, 2)]


def test_two_ports_of_one_side_of_the_range_are_both_kept(flow_engine: Engine, tmp_path: Path) -> None:
    lines = (aws("10.0.0.1", "10.0.0.2", 40000, 50051), aws("10.0.0.1", "10.0.0.2", 123, 123))
    found = rolled(flow_engine, file(tmp_path, *lines))
    assert rows(flow_engine, found) == [(A, B, 123, 123, 50, True, 1), (A, B, 50051, 40000, 50, True, 1)]


def test_packet_addresses_are_taken_before_those_of_a_translator(flow_engine: Engine, tmp_path: Path) -> None:
    header = f"{V2} pkt-srcaddr pkt-dstaddr"
    line = f"{aws('10.0.0.9', '10.0.0.2', 40000, 443)} 10.0.0.1 10.0.0.2"
    found = rolled(flow_engine, file(tmp_path, line, header=header))
    assert rows(flow_engine, found) == [(A, B, 443, None, 90, True, 1)]
    assert [(gap.kind, gap.records) for gap in found.gaps] == [("hidden", 1)]


def test_ipv6_is_read_in_full(flow_engine: Engine, tmp_path: Path) -> None:
    found = rolled(flow_engine, file(tmp_path, aws("2001:db8::1", "2001:db8:0:1::ffff", 40000, 22)))
    high, low = divmod(int(ip_address("2001:db8:0:1::ffff")), 2**64)
    assert rows(flow_engine, found, "family, dst_hi, dst_lo, port") == [(6, high, low, 22)]


def test_what_the_log_says_of_itself_is_data(flow_engine: Engine, tmp_path: Path) -> None:
    found = rolled(flow_engine, file(tmp_path, CALL, silent("NODATA"), silent("SKIPDATA", at=NOON + 3600, eni="eni-b")))
    assert found.lines == Lines(4, 3, 1, 0)
    hour = NOON // 3600
    assert [(gap.kind, gap.sensor, gap.first_hour) for gap in found.gaps] == [
        ("nodata", "eni-a", hour), ("skipdata", "eni-b", hour + 1),
    ]  # fmt: skip


def test_rejects_are_apart(flow_engine: Engine, tmp_path: Path) -> None:
    found = rolled(flow_engine, file(tmp_path, CALL, aws("10.0.0.1", "10.0.0.2", 40001, 5432, action="REJECT")))
    assert [row[5] for row in rows(flow_engine, found)] == [False, True]


@pytest.mark.parametrize(("line", "reason"), [
    (CALL.removesuffix(" OK"), "13 fields where the header names 14"),
    (CALL.replace("10.0.0.1", "10.0.0.999"), "srcaddr '10.0.0.999' is no address"),
    (CALL.replace("10.0.0.1", "010.0.0.1"), "srcaddr '010.0.0.1' is no address"),
    (CALL.replace(" 5432 ", " 65536 "), "dstport '65536' is no number it can be"),
    (CALL.replace("ACCEPT", "ALLOW"), "action 'ALLOW' is neither ACCEPT nor REJECT"),
    (CALL.replace("10.0.0.1", "-"), "srcaddr is not said"),
    (CALL.replace(" OK", " FINE"), "log-status 'FINE' is not known"),
    (CALL.replace(" 6 ", " six "), "protocol 'six' is no number it can be"),
    ("\x00\xff", "1 fields where the header names 14"),
])  # fmt: skip
def test_a_line_nobody_understands_is_named_and_the_others_count(
    line: str, reason: str, flow_engine: Engine, tmp_path: Path
) -> None:
    found = rolled(flow_engine, file(tmp_path, CALL, line, ANSWER))
    assert found.lines == Lines(4, 2, 1, 1)
    assert [(one.line, one.reason) for one in found.unread] == [(3, reason)]
    assert rows(flow_engine, found) == [(A, B, 5432, None, 90, True, 2)]
    assert [gap.kind for gap in found.gaps] == ["unread"]


def test_a_header_in_the_middle_changes_what_the_columns_mean(flow_engine: Engine, tmp_path: Path) -> None:
    swapped = V2.replace("srcaddr dstaddr", "dstaddr srcaddr")
    second = CALL.replace("10.0.0.1 10.0.0.2", "10.0.0.2 10.0.0.1")
    found = rolled(flow_engine, file(tmp_path, CALL, swapped, second, "", V2, CALL))
    assert found.lines == Lines(7, 3, 4, 0)
    assert rows(flow_engine, found) == [(A, B, 5432, None, 90, True, 3)]


@pytest.mark.parametrize("prefix", ["", "2026-10-01T12:00:30.000Z "])
def test_cloudwatch_gives_version_2_without_a_header(prefix: str, flow_engine: Engine, tmp_path: Path) -> None:
    found = rolled(flow_engine, file(tmp_path, prefix + CALL, prefix + ANSWER, header=""))
    assert found.lines == Lines(2, 2, 0, 0)
    assert rows(flow_engine, found) == [(A, B, 5432, None, 90, True, 2)]


def test_carriage_returns_belong_to_the_line_ends(flow_engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "dos.log"
    path.write_bytes(f"{V2}\r\n{CALL}\r\n".encode())
    assert rolled(flow_engine, path).lines == Lines(2, 1, 1, 0)


def test_a_truncated_file_counts_to_its_last_whole_line_and_says_so(flow_engine: Engine, tmp_path: Path) -> None:
    pair = ("10.0.0.1", "10.0.0.2")
    lines = [aws(*pair, 40000 + at % 9000, 5432, at=NOON + at % 3000, packets=at % 97) for at in range(5000)]
    whole = file(tmp_path, *lines)
    packed = whole.read_bytes()
    whole.write_bytes(packed[: len(packed) // 2])
    found = rolled(flow_engine, whole)
    kinds = [gap.kind for gap in found.gaps]
    assert 1000 < found.records < 5000
    assert "cut" in kinds
    assert found.lines.unread <= 1
    assert all(one.reason == "the packed bytes end too early" for one in found.unread)


def test_a_last_line_without_its_end_may_be_cut_and_is_not_used(flow_engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "cut.log"
    path.write_text(f"{V2}\n{CALL}\n{ANSWER}", encoding="utf-8")
    found = rolled(flow_engine, path)
    assert found.lines == Lines(3, 1, 1, 1)
    assert [(one.line, one.reason) for one in found.unread] == [(3, "the line has no end")]


def test_members_of_one_gzip_file_are_one_log(flow_engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "two.gz"
    path.write_bytes(gzip.compress(f"{V2}\n{CALL}\n".encode()) + gzip.compress(f"{ANSWER}\n".encode()))
    assert rolled(flow_engine, path).lines == Lines(3, 2, 1, 0)


def test_the_same_records_are_alike_whatever_their_order_or_packing(flow_engine: Engine, tmp_path: Path) -> None:
    one = rolled(flow_engine, file(tmp_path, CALL, ANSWER))
    other = rolled(flow_engine, file(tmp_path, ANSWER, CALL, name="other.log"))
    more = rolled(flow_engine, file(tmp_path, ANSWER, CALL, CALL, name="more.log"))
    assert one.sha256 != other.sha256
    assert one.alike == other.alike != more.alike


def test_a_clock_that_is_wrong_is_said(flow_engine: Engine, tmp_path: Path) -> None:
    ahead = aws("10.0.0.1", "10.0.0.2", 40000, 5432, at=NOON + 49 * 86400)
    backwards = CALL.replace(str(NOON + 30), str(NOON - 90))
    found = rolled(flow_engine, file(tmp_path, CALL, ahead, backwards), received=NOON + 600)
    assert [(gap.kind, gap.records) for gap in found.gaps] == [("clock", 3)]
    assert "(1 of the latter)" in found.gaps[0].because
    assert len(found.days) == 2


def test_a_file_that_comes_late_is_no_wrong_clock_and_a_jump_within_it_is(flow_engine: Engine, tmp_path: Path) -> None:
    assert rolled(flow_engine, file(tmp_path, CALL), received=NOON + 200 * 86400).gaps == ()
    back = aws("10.0.0.1", "10.0.0.2", 40000, 5432, at=NOON - 30 * 86400)
    found = rolled(flow_engine, file(tmp_path, CALL, back), received=NOON + 200 * 86400)
    assert [(gap.kind, gap.first_hour, gap.records) for gap in found.gaps] == [("clock", NOON // 3600 - 720, 1)]


@pytest.mark.parametrize(("content", "said"), [
    (b"", "it is empty"),
    (b"hello world\n", "it is like none of the flow logs known"),
    (b"PK\x03\x04....", "only gzip is opened"),
    (b"version srcaddr dstaddr\n2 10.0.0.1 10.0.0.2\n", "its header does not name srcport"),
])  # fmt: skip
def test_what_is_no_flow_log_is_refused_with_what_to_do(
    content: bytes, said: str, flow_engine: Engine, tmp_path: Path
) -> None:
    path = tmp_path / "odd"
    path.write_bytes(content)
    with pytest.raises(FormatError) as caught:
        rolled(flow_engine, path)
    assert said in str(caught.value)
    assert caught.value.next_step


def parquet(engine: Engine, folder: Path, *lines: str) -> Path:
    """The lines as the service writes them in Parquet: underscores in the names, numbers as numbers."""
    text = file(folder, *lines, name="rows.log", header=V2.replace("-", "_"))
    path = folder / "log.parquet"
    said = f"read_csv('{text}', delim=' ', header=true, nullstr='-', all_varchar=true)"
    numbers = (
        "srcport::INTEGER AS srcport, dstport::INTEGER AS dstport, protocol::BIGINT AS protocol, start::BIGINT AS start"
    )
    engine.do(f"COPY (SELECT * REPLACE ({numbers}) FROM {said}) TO '{path}' (FORMAT parquet)")
    return path


def test_parquet_says_the_same_as_text(flow_engine: Engine, tmp_path: Path) -> None:
    lines = (CALL, ANSWER, silent("NODATA"), aws("10.0.0.1", "10.0.0.2", 40000, 22, action="REJECT"))
    text, other = (
        rolled(flow_engine, file(tmp_path, *lines)),
        rolled(flow_engine, parquet(flow_engine, tmp_path, *lines)),
    )
    assert other.lines == Lines(4, 4, 0, 0)
    assert rows(flow_engine, other) == rows(flow_engine, text) != []
    assert other.alike == text.alike
    assert other.gaps == text.gaps


def test_a_record_of_parquet_nobody_understands_is_named(flow_engine: Engine, tmp_path: Path) -> None:
    odd = (CALL.replace(" 5432 ", " 70000 "), CALL.replace("ACCEPT", "MAYBE"))
    found = rolled(flow_engine, parquet(flow_engine, tmp_path, CALL, *odd))
    assert found.lines == Lines(3, 1, 0, 2)
    assert [one.line for one in found.unread] == [2, 3]
    assert "dstport '70000'" in found.unread[0].reason


def test_parquet_that_is_cut_or_of_something_else_is_refused(flow_engine: Engine, tmp_path: Path) -> None:
    path = parquet(flow_engine, tmp_path, CALL)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(FormatError, match="cut short"):
        rolled(flow_engine, path)
    flow_engine.do(f"COPY (SELECT 1 AS moon) TO '{path}' (FORMAT parquet)")
    with pytest.raises(FormatError, match="does not name srcaddr"):
        rolled(flow_engine, path)


def test_icmp_has_no_type_in_this_log(flow_engine: Engine, tmp_path: Path) -> None:
    found = rolled(flow_engine, file(tmp_path, aws("10.0.0.1", "10.0.0.2", 0, 0, proto=1)))
    assert rows(flow_engine, found, "port, other, sure") == [(None, None, 50)]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (CALL.replace(" 5432 ", " - "), "dstport is not said"),
        (aws("10.0.0.1", "fd00::1", 40000, 443), "it mixes IPv4 and IPv6"),
    ],
)
def test_one_line_that_cannot_be_is_named_and_the_others_are_read(
    line: str, why: str, flow_engine: Engine, tmp_path: Path
) -> None:
    """The whole file was refused, with no more said than that records were left that are none."""
    found = rolled(flow_engine, file(tmp_path, CALL, line, ANSWER))
    assert [(one.line, one.reason) for one in found.unread] == [(3, why)]
    assert (found.lines, found.records) == (Lines(4, 2, 1, 1), 2)


@pytest.mark.parametrize("end", [NOON + 20 * 86_400, 2**32 - 1])
@pytest.mark.parametrize("received", [NOON + 600, None])
def test_an_end_that_lies_ahead_is_no_last_use(
    received: int | None, end: int, flow_engine: Engine, tmp_path: Path
) -> None:
    """It kept a connection that nobody uses in use until 2106, and no gap said so."""
    odd = CALL.replace(f" {NOON + 30} ", f" {end} ")
    found = rolled(flow_engine, file(tmp_path, odd, ANSWER), received=received)
    assert [(gap.kind, gap.records) for gap in found.gaps] == [("clock", 2)]  # of the group it stands in
    assert rows(flow_engine, found, "max(last)") == [(NOON // 3600 * 3600 + 3599,)]


@pytest.mark.parametrize("end", [NOON + 15 * 86_400, NOON + 3 * 3600, 2**32 - 1])
def test_one_line_cannot_say_of_days_that_nothing_was_seen(end: int, flow_engine: Engine, tmp_path: Path) -> None:
    """It made days of which nothing is known look watched."""
    line = silent("NODATA").replace(f" {NOON + 600} ", f" {end} ")
    found = rolled(flow_engine, file(tmp_path, CALL, line, silent("NODATA", eni="eni-b")))
    hour = NOON // 3600
    assert [(gap.kind, gap.sensor, gap.first_hour, gap.last_hour) for gap in found.gaps] == [
        ("clock", "eni-a", hour, hour), ("nodata", "eni-b", hour, hour),
    ]  # fmt: skip
