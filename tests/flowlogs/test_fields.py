"""Lines taken apart by the column: whatever is in a file gives what the engine alone, or each line by itself, gives."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from evidence.flowlogs import aws_vpc, fields, grouping, table, unpacked
from evidence.flowlogs.engine import Engine
from evidence.flowlogs.shapes import Rolled
from evidence.rules import FormatError
from tests.flowlogs.logs import NOON, V2, aws, file, rolled, rows, silent

V5 = (
    f"{V2} vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region az-id flow-direction traffic-path"
)
ALL = (
    "sensor, family, src_hi, src_lo, dst_hi, dst_lo, proto, port, other, sure, accepted, hour, flows, replies, packets,"
    " bytes, first, last, hidden"
)
PLAIN = [aws(f"10.0.0.{n}", "10.0.1.1", 40000 + n, 443) for n in range(1, 21)]


class Watched:
    """How a file was read: by the column, and how many lines were handed on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches, self.given = 0, []  # type: ignore[var-annotated]
        read, hand_on = fields.Reader.batches, fields._Piece.hand_on

        def batches(reader: fields.Reader, *given: object) -> object:
            for batch in read(reader, *given):  # type: ignore[arg-type]
                self.batches += 1
                yield batch

        def handed(piece: fields._Piece, rest: object) -> int:
            self.given.append(hand_on(piece, rest))  # type: ignore[arg-type]
            return self.given[-1]

        monkeypatch.setattr(fields.Reader, "batches", batches)
        monkeypatch.setattr(fields._Piece, "hand_on", handed)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


def both(engine: Engine, path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Rolled | str, list[tuple]]:
    """What comes of a file by the column, after it was held against what comes of it without."""
    found = one(engine, path)
    with monkeypatch.context() as patch:
        patch.setattr(table, "BY_COLUMNS", {})
        assert one(engine, path) == found
    return found


def one(engine: Engine, path: Path) -> tuple[Rolled | str, list[tuple]]:
    try:
        made = rolled(engine, path, received=NOON + 3600)
    except FormatError as refused:
        return str(refused), []
    return replace(made, days={day: Path(name.name) for day, name in made.days.items()}), rows(engine, made, ALL)


def test_plain_lines_are_all_read_by_the_column(flow_engine: Engine, tmp_path: Path, watched: Watched) -> None:
    found = rolled(flow_engine, file(tmp_path, *PLAIN))
    assert (found.records, found.lines.consumed, watched.batches, watched.given) == (20, 20, 1, [0])
    assert not list(flow_engine.folder.glob("plain*"))  # the plain bytes were never on the disk


@pytest.mark.parametrize(
    ("line", "handed"),
    [
        (aws("2001:db8:aaaa:bbbb::1", "2001:db8::2", 40000, 443), 1),  # longer than two words
        (aws("fd00::1", "fd00::2", 40000, 443), 0),  # as short as an address of IPv4
        (aws("10.0.0.1", "10.0.1.1", 40000, 443, eni="eni-0123456789abcdef0"), 0),
        (aws("10.0.0.1", "10.0.1.1", 40000, 443, eni="subnet-0123456789abcdef0"), 0),  # three words to the last byte
        (aws("10.0.0.1", "10.0.1.1", 40000, 443, eni="subnet-0123456789abcdef01"), 1),
        (aws("10.0.0.1", "10.0.1.1", 40000, 443, eni="eni-ü"), 1),
        (aws("10.0.0.1", "10.0.1.1", 40000, 443, packets=10**6 - 1), 0),
        (aws("10.0.0.1", "10.0.1.1", 40000, 443, packets=12345678), 0),  # its bytes are ten digits
        (aws("10.0.0.1", "10.0.1.1", 40000, 443, packets=10**13), 0),  # fifteen and seventeen … of sixteen at most
        (aws("10.0.0.1", "10.0.1.1", 40000, 443, packets=10**14), 1),
        (aws("10.0.0.1", "10.0.1.1", 40000, 443, packets=10**17), 1),
        (aws("10.0.0.1", "10.0.1.1", 40000, 443, action="REJECT"), 0),
        (aws("10.0.0.1", "10.0.1.1", 40000, 443, action="ACCEPTED"), 1),
        (aws("10.0.0.1", "10.0.1.1", 0, 0, proto=1), 0),
        (silent("NODATA"), 1),
        (silent("SKIPDATA"), 1),
        (aws("10.0.0.1", "10.0.1.1", 65536, 443), 1),
        (aws("10.0.0.1", "10.0.1.1", 40000, 443, proto=256), 1),
        (aws("10.0.0.1", "10.0.1.1", 40000, 443, at=2**32 - 30), 1),
        (aws("10.0.0.1", "10.0.1.1", 40000, 443).replace(" 443 ", " 0443 "), 0),
        (aws("10.0.0.1", "10.0.1.1", 40000, 443).replace(" 443 ", " +443 "), 1),
        (aws("10.0.0.1", "10.0.1.1", 40000, 443).replace(" 443 ", " 4:3 "), 1),  # the sign behind the digits
        (aws("10.0.0.1", "10.0.1.1", 40000, 443).replace(" 443 ", " 4/3 "), 1),  # and the one before them
        (aws("10.0.0.1", "10.0.1.1", 40000, 443).replace(" 443 ", " 4³3 "), 1),
        (aws("10.0.0.1", "10.0.1.1", 40000, 443).replace(" 443 ", " - "), 1),
        (aws("10.0.0.1", "10.0.1.1", 40000, 443).replace(" 443 ", "  443 "), 1),
        (aws("10.0.0.1", "10.0.1.1", 40000, 443).replace(" 443 ", "\t443 "), 1),
        (aws("10.0.0.1", "10.0.1.1", 40000, 443).replace(" 443 ", "\0443 "), 1),
        (aws("10.0.0.1", "10.0.1.1", 40000, 443).replace(" 443 ", " 443\0 "), 1),
        (aws("10.0.0.1\0", "10.0.1.1", 40000, 443), 1),
        (aws("10.0.0.1", "10.0.1.1", 40000, 443) + " ", 1),
        (" " + aws("10.0.0.1", "10.0.1.1", 40000, 443), 1),
        (aws("10.0.0.1", "10.0.1.1", 40000, 443) + " more", 1),
        (aws("10.0.0.1", "10.0.1.1", 40000, 443).rsplit(" ", 1)[0], 1),
        (aws("10.0.0.1", "10.0.1.1", 40000, 443).replace("2 123456789012", "2 " + "1" * 50), 1),
        (aws("10.0.0.1", "10.0.1.1", 40000, 443).replace("2 123456789012", "2 -"), 0),
        (aws("10.0.0.256", "10.0.1.1", 40000, 443), 0),  # the addresses are looked at in the groups
        (aws("10.0.0.1", "fd00::1", 40000, 443), 0),
        (aws("10.0.0.1 OK", "10.0.1.1", 40000, 443), 1),
        (V2, 1),
        ("", 1),
        ("x", 1),
        ("\n\n\n", 4),
        ("9" * 70000, 1),
    ],
)  # fmt: skip
def test_a_line_gives_the_same_by_the_column_and_without(
    line: str, handed: int, flow_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file(tmp_path, *PLAIN[:7], line, *PLAIN[7:])
    found, seen = both(flow_engine, path, monkeypatch)
    assert isinstance(found, Rolled)
    assert seen
    watched = Watched(monkeypatch)
    one(flow_engine, path)
    assert watched.given == [handed]


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\n2 1234", "\n" + PLAIN[0], "\n" + PLAIN[0][:-1], " "])
@pytest.mark.parametrize("lines", [[], PLAIN[:1], PLAIN])
@pytest.mark.parametrize("header", [V2, ""])
def test_the_end_of_a_file_is_the_same(
    header: str, lines: list[str], end: str, flow_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    path.write_bytes(("\n".join([header, *lines] if header else lines) + end).encode())
    both(flow_engine, path, monkeypatch)


def drawn(chance: random.Random, columns: list[str], odd: float) -> str:
    """A line of these columns; in some, a field is what it should not be."""

    def address() -> str:
        if chance.random() < 0.1:
            return chance.choice(["fd00::1", "fd00::2", "2001:db8:1234:5678::abcd"])
        return f"10.{chance.randrange(3)}.{chance.randrange(256)}.{chance.randrange(256)}"

    row = {name: f"x-{chance.randrange(10 ** chance.randrange(1, 9))}" for name in columns}
    src, dst, start = address(), address(), NOON + chance.randrange(7200)
    if (":" in src) != (":" in dst):
        dst = src
    ends = {"srcaddr": src, "dstaddr": dst, "pkt-srcaddr": src, "pkt-dstaddr": dst}
    if chance.random() < 0.1:
        ends["pkt-srcaddr"] = "10.9.9.9" if ":" not in src else "fd00::9"
    row |= ends | {
        "srcport": str(chance.choice([443, 53, 40000, 65535, 0, chance.randrange(65536)])),
        "dstport": str(chance.choice([443, 22, 50000, chance.randrange(65536)])),
        "protocol": str(chance.choice([6, 6, 17, 1, 132, 255])), "packets": str(chance.randrange(10**4)),
        "bytes": str(chance.randrange(10 ** chance.randrange(1, 13))), "start": str(start),
        "end": str(start + chance.randrange(-3, 90)), "action": chance.choice(["ACCEPT", "ACCEPT", "REJECT"]),
        "log-status": "OK", "tcp-flags": str(chance.choice([0, 1, 2, 3, 18, 19])),
    }  # fmt: skip
    words = [row[name] for name in columns]
    if chance.random() < odd:
        place = chance.randrange(len(words))
        words[place] = chance.choice(["-", "", "65536", "x", "0" * 9 + "7", "10.0.0.1", "é", "9" * 21, "a b", "\x01"])
    return " ".join(words)


@pytest.mark.parametrize("number", range(40))
def test_files_from_a_seed_give_the_same_however_they_are_cut(
    number: int, flow_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small pieces and batches: lines lie across them, groups in several."""
    chance = random.Random(f"fields {number}")
    columns = (V5 if number % 2 else V2).split()
    if number % 4 > 1:
        chance.shuffle(columns)
    if number % 5 == 0:
        columns = [one for one in columns if one not in {"log-status", "bytes", "interface-id", "version"}]
    lines = [drawn(chance, columns, 0.03 * (number % 3)) for _ in range(300)]
    path = file(tmp_path, *lines, header=" ".join(columns), name="log.gz" if number % 2 else "log")
    monkeypatch.setattr(unpacked, "CHUNK", 2048 if number % 2 else 8192)
    monkeypatch.setattr(fields, "PIECE", 4096)
    monkeypatch.setattr(fields, "ROWS", 256)
    found, seen = both(flow_engine, path, monkeypatch)
    assert isinstance(found, Rolled)
    assert len(seen) > 100
    assert found.records > 250


def test_most_files_from_a_seed_are_read_by_the_column(
    flow_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watched: Watched
) -> None:
    """Else the test above says nothing of it."""
    monkeypatch.setattr(fields, "PIECE", 2**19)
    for columns in (V2, V5):
        chance = random.Random(columns)
        lines = [drawn(chance, columns.split(), 0) for _ in range(2000)]
        found = rolled(flow_engine, file(tmp_path, *lines, header=columns))
        assert found.records == 2000
    assert watched.batches == 2
    assert 0 < sum(watched.given) < 600  # the longer ones of IPv6


def test_where_most_lines_are_otherwise_the_engine_reads_them(
    flow_engine: Engine, tmp_path: Path, watched: Watched
) -> None:
    lines = [aws("2001:db8:aaaa:bbbb::1", "2001:db8:cccc:dddd::1", 40000 + n, 443) for n in range(50)]
    found = rolled(flow_engine, file(tmp_path, *lines, *PLAIN))
    assert (found.records, watched.batches, watched.given) == (70, 0, [50])


@pytest.mark.parametrize(
    "line",
    ["\r" + PLAIN[0][1:], PLAIN[0] + "\r", "\r", "\ufeff" + PLAIN[0], PLAIN[0].replace(" 443 ", "\r443 ")],
    ids=["in front", "behind", "alone", "a mark of UTF-8", "inside"],
)
@pytest.mark.parametrize("header", [V2, V2.partition(" ")[2].partition(" ")[2]])
def test_a_line_that_would_be_another_at_the_beginning_of_a_file_is_not_put_there(
    header: str, line: str, flow_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine passes over such bytes where a file begins: the line was taken for a whole one, and nothing said."""
    words = len(header.split())
    lines = [" ".join(one.split(" ")[-words:]) for one in PLAIN]
    odd = line.replace(" ".join(PLAIN[0].split(" ")[:-words]) + " ", "") if words < 14 else line
    found, _ = both(flow_engine, file(tmp_path, *lines[:5], odd, *lines[5:], header=header), monkeypatch)
    assert isinstance(found, Rolled)


def test_more_addresses_than_memory_holds_are_left_to_the_engine(
    flow_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watched: Watched
) -> None:
    monkeypatch.setattr(grouping, "MOST_TEXTS", 21)
    monkeypatch.setattr(fields, "texts", None)  # asked for 22 it would fail
    assert rolled(flow_engine, file(tmp_path, *PLAIN)).records == 20
    assert watched.batches == 1


def test_an_address_is_the_same_text_whether_its_line_was_handed_on(flow_engine: Engine, tmp_path: Path) -> None:
    """A pair of which one line is read by the column and another by the engine is one group."""
    lines = [PLAIN[0], PLAIN[0].replace(" 443 ", " 0000000000443 "), *PLAIN[1:]]
    found = rolled(flow_engine, file(tmp_path, *lines))
    assert rows(flow_engine, found, "flows, packets")[0] == (1, 10)
    assert rows(flow_engine, found, "max(flows), sum(flows), count(*)") == [(2, 21, 20)]


@pytest.mark.parametrize(
    "damage",
    [
        ("PRINTED", fields.PRINTED - fields.ONE),  # a blank is no end
        ("ABOVE_NINE", fields.NONE),  # letters are digits
        ("HUNDREDS", fields.MILLIONS),
        ("DASH", fields.NONE),
    ],
    ids=lambda one: one[0],
)
def test_a_wrong_constant_is_noticed(
    damage: tuple[str, object], flow_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fields, *damage)
    watched = Watched(monkeypatch)
    odd = [PLAIN[3].replace(" 443 ", " 4:3 "), aws("10.0.0.1", "10.0.1.1", 40000, 443, eni="-")]

    def held() -> None:
        for line in odd:
            both(flow_engine, file(tmp_path, *PLAIN, line), monkeypatch)
        assert watched.batches == len(odd)

    with pytest.raises(AssertionError):
        held()


def test_the_layout_follows_the_columns() -> None:
    found = aws_vpc.columns(f"{V5}\n".encode(), "log")
    assert found is not None
    named = {one.name for one in found.fields} - {""}
    assert named == {
        "sensor", "own_src", "own_dst", "sport", "dport", "proto", "packets", "bytes", "first", "last", "kind",
        "status", "flags", "src", "dst",
    }  # fmt: skip
    assert aws_vpc.columns(V2.encode(), "log") is None  # the first line has no end
    assert aws_vpc.columns(f"{V2}\r\n".encode(), "log") is None
