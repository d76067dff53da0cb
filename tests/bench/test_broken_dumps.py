"""Cut, damaged and hostile dumps: a sentence for people or an account of every line, never a crash, never a guess."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.traffic.boxes import FULL
from evidence.formats import iptables, nftables
from evidence.formats.cursor import LINE_CAP
from evidence.formats.evaluate import Evaluator
from evidence.formats.table import FORMATS, detect
from evidence.host import merge, read_host
from evidence.rules import Artefact, FormatError, Reading
from tests.bench.dumps import CORPUS, READ_HERE

CONFIGS = [path.read_bytes() for name in READ_HERE for path in sorted((CORPUS / name).glob("*/config"))]
WHOLE_SAVE = (CORPUS / "iptables" / "residue" / "config").read_bytes()
TWO_TABLES = (CORPUS / "iptables" / "both-families" / "config").read_bytes()
WHOLE_NFT = (CORPUS / "nftables" / "verdict-maps" / "config").read_bytes()


def attempt(content: bytes, name: str = "dump") -> Reading | None:
    """The reading, or None where it was refused in words."""
    try:
        return read_host([Artefact(name, content)])
    except FormatError as refused:
        said = (refused.what, refused.why, refused.next_step)
    assert all(said)
    return None


@pytest.mark.parametrize("content", [WHOLE_NFT, *(path.read_bytes() for path in CORPUS.glob("ip_*/*/config"))])
def test_every_prefix_of_json_is_refused(content: bytes) -> None:
    whole = content.rstrip()
    assert [end for end in range(len(whole)) if attempt(whole[:end]) is not None] == []


def test_every_prefix_of_a_save_is_refused_up_to_its_closing_comment() -> None:
    """Right behind a COMMIT it may be a file that somebody edited: read, but no point of it is verifiable."""
    closing = WHOLE_SAVE.index(b"# Completed on ") + len(b"# Completed on ")
    committed = WHOLE_SAVE.index(b"COMMIT\n") + len(b"COMMIT\n")
    accepted = [end for end in range(len(WHOLE_SAVE)) if attempt(WHOLE_SAVE[:end]) is not None]
    assert [end for end in accepted if end < closing - 1] == [committed]  # a blank less still shows the comment
    edited = attempt(WHOLE_SAVE[:committed])
    assert edited is not None
    assert all(point.unread for point in edited.points)
    with pytest.raises(FormatError, match="cut off"):
        read_host([Artefact("dump", WHOLE_SAVE[:committed], "iptables-save")])


def test_a_dump_cut_between_two_families_never_decides_the_missing_one() -> None:
    for end in range(len(TWO_TABLES)):
        reading = attempt(TWO_TABLES[:end])
        if reading is None or 6 in reading.families:
            continue
        found = Evaluator(reading, "INPUT").pieces(6, FULL[6])
        assert {piece.decision for piece in found} == {"unproven"}


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"\x1f\x8b\x08\x00binary", "gzip"),
        (b"*filter\n:INPUT ACCEPT\n\0COMMIT\n", "byte"),
        (WHOLE_SAVE.decode().encode("utf-16"), "byte"),
        (b"*filter\n-A INPUT " + b"x" * (LINE_CAP + 1) + b"\nCOMMIT\n", "longer than"),
        (b'{"nftables": [{"rule": ' + b"[" * 200_000 + b"]" * 200_000 + b"}]}", "nested"),
        (b'{"nftables": [{"metainfo": {}, "metainfo": {}}]}', "twice"),
        (b'{"nftables": [{"metainfo": NaN}]}', "NaN"),
        (b'{"nftables": [{"metainfo": ' + b"9" * 5000 + b"}]}", "digits"),
        (b'{"nftables": []} {"nftables": []}', "follows"),
        (b"hello world\n", "nothing this version knows"),
    ],
)
def test_what_is_no_dump_is_refused_with_its_reason(content: bytes, word: str) -> None:
    with pytest.raises(FormatError, match=word):
        read_host([Artefact("dump", content)])


def test_an_empty_output_counts_only_with_its_command() -> None:
    reading = read_host([Artefact("a", b"", "iptables-save -c"), Artefact("b", b"", "ip6tables-save -c")])
    assert reading.families == {4, 6}
    assert {piece.rule for piece in Evaluator(reading, "INPUT").pieces(4, FULL[4])} == {"open:INPUT/4#policy"}
    legacy = read_host([Artefact("a", b"", "iptables-save"), Artefact("b", b"", "ip6tables-legacy-save")])
    assert {piece.decision for piece in Evaluator(legacy, "INPUT").pieces(6, FULL[6])} == {"unproven"}


def test_a_dump_of_one_table_proves_nothing() -> None:
    reading = read_host([Artefact("a", WHOLE_SAVE, "iptables-save -t filter")])
    assert {piece.decision for piece in Evaluator(reading, "INPUT").pieces(4, FULL[4])} == {"unproven"}


def test_no_firewall_dump_gives_no_points() -> None:
    reading = read_host([Artefact("addr", (CORPUS / "ip_addr" / "plain" / "config").read_bytes())])
    assert reading.points == ()
    assert merge([]).points == ()


def test_two_artefacts_of_one_name_stay_apart() -> None:
    reading = read_host([Artefact("dump", WHOLE_SAVE), Artefact("dump", WHOLE_NFT)])
    assert set(reading.lines) == {"dump", "dump (2)"}
    assert sum(lines.total for lines in reading.lines.values()) == 13 + 12


def test_bytes_that_are_no_utf8_are_trusted_in_free_text_only() -> None:
    text = WHOLE_SAVE.replace(b"-j FANCY", b'-m comment --comment "B\xfcro" -j FANCY')
    reading = attempt(text)
    assert reading is not None
    assert reading.unread == ()
    named = attempt(WHOLE_SAVE.replace(b"-j FANCY", b"-j FANC\xfc"))
    assert named is not None
    assert [one.reason for one in named.unread] == ["it holds bytes that are no UTF-8"]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_never_crash(content: bytes) -> None:
    attempt(content)
    for module in FORMATS:
        with suppress(FormatError):
            reading = module.read([Artefact("dump", content)])
            assert reading.lines["dump"].unread <= len(reading.unread)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(CONFIGS), st.data())
def test_damaged_dumps_never_crash(content: bytes, data: st.DataObject) -> None:
    """Something is cut out of the middle of a dump, something else is put in."""
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 40)))
    attempt(content[:start] + data.draw(st.binary(max_size=20)) + content[end:])


WORDS = st.sampled_from(
    ["-s", "-d", "!", "-p", "tcp", "udp", "icmp", "-m", "multiport", "--dports", "--dport", "22,80:90", "10.0.0.0/8",
     "-j", "ACCEPT", "DNAT", "--to-destination", "10.0.0.1:80-", "--ctstate", "NEW", "-i", "eth+", "--tcp-flags", "SYN",
     "--icmp-type", "8/0", '"', '\\"', "-g", "--comment", "-f", "-c", "1", "--dport=22", "-", "--", "0:", "::/0"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(WORDS, max_size=12))
def test_a_rule_of_any_words_is_read_or_unread(words: list[str]) -> None:
    text = f"*filter\n:INPUT DROP [0:0]\n-A INPUT {' '.join(words)}\nCOMMIT\n"
    reading = iptables.read([Artefact("dump", text.encode())])
    lines = reading.lines["dump"]
    assert (lines.total, lines.ignored) == (4, 1)
    assert lines.unread == len({one.line for one in reading.unread}) == 3 - lines.consumed


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 70000) | st.sampled_from(["@set", "*", "tcp", "10.0.0.1", "eth0"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["match", "op", "left", "right", "payload", "meta", "key", "set", "concat", "range", "prefix",
                         "vmap", "data", "jump", "target", "accept", "&", "|", "ct", "elem", "val", "xt", "dnat"]),
        inner, max_size=3,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(JUNK, max_size=4), JUNK)
def test_a_rule_of_any_json_is_read_or_unread(statements: list[object], element: object) -> None:
    objects = [
        {"table": {"family": "inet", "name": "f"}},
        {"set": {"family": "inet", "name": "set", "table": "f", "elem": [element]}},
        {"chain": {"family": "inet", "table": "f", "name": "in", "type": "filter", "hook": "input", "prio": 0}},
        {"rule": {"family": "inet", "table": "f", "chain": "in", "handle": 2, "expr": statements}},
    ]
    reading = nftables.read([Artefact("dump", json.dumps({"nftables": objects}).encode())])
    assert reading.lines["dump"].consumed + reading.lines["dump"].unread == 4


def test_the_table_knows_its_own() -> None:
    for name, module in (("iptables", iptables), ("nftables", nftables)):
        content = (CORPUS / name / "first-packet-and-mask" / "config") if name == "nftables" else None
        sample = content.read_bytes() if content else WHOLE_SAVE
        assert detect(Artefact("dump", sample)) is module
