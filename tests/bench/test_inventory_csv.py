"""Lists of other people's inventories: every line is accounted for, and a bad one costs itself alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.traffic.addresses import to_text
from evidence.inventory_csv import Columns, Listing, read
from evidence.rules import FormatError


def said(listing: Listing) -> list[tuple[int, str, list[str]]]:
    """(line, name, addresses) of every entry."""
    return [(one.line, one.name, [to_text(*each) for each in one.addresses]) for one in listing.entries]


def counts(listing: Listing) -> tuple[int, int, int, int]:
    """Total, consumed, ignored, unread."""
    lines = listing.lines
    return lines.total, lines.consumed, lines.ignored, lines.unread


def test_a_cmdb_with_good_and_bad_lines() -> None:
    text = (
        "Name;IP Address;Status\n"
        "web-01;10.20.4.11;In use\n"
        "\n"
        "web-02;10.20.4.12, 2001:db8::12;Retired\n"
        "web-03;10.20.4.300;In use\n"
        "web-04;10.20.4.14 and a half;In use\n"
        ";;\n"
        ";;In use\n"
        "web-05;10.20.4.15;In use;what is this\n"
        "file-01;10.20.4.16/24;\n"
    )
    listing = read("cmdb.csv", text.encode())
    assert listing.columns == Columns("Name", ("IP Address",), "Status")
    assert said(listing) == [
        (2, "web-01", ["10.20.4.11"]),
        (4, "web-02", ["10.20.4.12", "2001:db8::12"]),
        (5, "web-03", []),
        (6, "web-04", ["10.20.4.14"]),
        (10, "file-01", ["10.20.4.16"]),
    ]
    assert [(one.line, one.problem) for one in listing.problems] == [
        (5, "10.20.4.300 is no address"),
        (6, "and, a, half are no addresses"),
        (8, "it names nobody: neither a name nor an address"),
        (9, "it has 4 cells, and the header names 3"),
    ]
    assert counts(listing) == (10, 4, 2, 4)
    assert listing.entries[1].status == "Retired"


def test_an_open_quotation_mark_costs_its_own_line_only() -> None:
    rows = "".join(f'"vm-{n:02}",10.20.4.{n}\n' for n in range(3, 40))
    listing = read("vms.csv", f'name,ip\n"vm-01",10.20.4.1\n"vm-02,10.20.4.2\n{rows}'.encode())
    assert [(one.line, one.text) for one in listing.problems] == [(3, '"vm-02,10.20.4.2')]
    assert len(listing.entries) == 38
    inches = read("disks.csv", b'name,ip\n5" disk,10.20.4.1\n7" disk,10.20.4.2\n')
    assert [one[1] for one in said(inches)] == ['5" disk', '7" disk']


def test_a_row_over_several_lines_is_one_row() -> None:
    listing = read("ad.csv", b'name,note,ip\n"a","first\nsecond",10.20.4.1\n"b","",10.20.4.2\n')
    assert said(listing) == [(2, "a", ["10.20.4.1"]), (4, "b", ["10.20.4.2"])]
    assert counts(listing) == (4, 4, 0, 0)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_what_powershell_and_excel_write(encoding: str) -> None:
    text = (
        "#TYPE Selected.Microsoft.ActiveDirectory.Management.ADComputer\r\n"
        '"Name","DNSHostName","IPv4Address","IPv6Address","Enabled"\r\n'
        '"DC01","dc01.büro.example","10.20.4.5","fe80::5%3","True"\r\n"BÜRO-7","old.example","","","False"\r\n'
    )
    listing = read("computers.csv", text.encode(encoding))
    assert said(listing) == [(3, "DC01", ["10.20.4.5", "fe80::5"]), (4, "BÜRO-7", [])]
    assert counts(listing) == (4, 3, 1, 0)


def test_columns_that_a_person_named() -> None:
    text = b"Gerat,Netz\nweb-01,10.20.4.11\n"
    with pytest.raises(FormatError, match="they are: Gerat, Netz"):
        read("list.csv", text)
    assert said(read("list.csv", text, Columns("Gerat", ("Netz",)))) == [(2, "web-01", ["10.20.4.11"])]
    with pytest.raises(FormatError, match="it has no column Nets"):
        read("list.csv", text, Columns("Gerat", ("Nets",)))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"name,ip\n", "names nobody"),
        (b"PK\x03\x04rest", "no CSV"),
        (b"name,ip\n\0", "no CSV"),
        (b"name,ip\n" + b"a,10.0.0.1\n" * 200_001, "too many lines"),
        (b"x" * (20 * 2**20 + 1), "too large"),
    ],
    ids=["empty", "no rows", "xlsx", "zero", "many", "large"],
)
def test_what_is_no_list_is_refused_in_words(content: bytes, why: str) -> None:
    with pytest.raises(FormatError, match=why) as refused:
        read("cmdb.csv", content)
    assert refused.value.next_step


@given(st.text(alphabet='ab,;"\n\r\t 01.:\u00e9#', max_size=300))
def test_every_line_is_accounted_for(text: str) -> None:
    content = f"name,ip\nx,10.0.0.1\n{text}".encode()
    listing = read("any.csv", content)
    total, consumed, ignored, unread = counts(listing)
    assert total == consumed + ignored + unread
    assert unread == 0 or listing.problems
    assert listing.entries[0].name == "x"
