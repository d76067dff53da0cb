"""The parser child and the reading on its way out of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.traffic.shares import Share
from evidence import reading_json
from evidence.host import read_host
from evidence.parse import COMMAND, POOL, read_in_child
from evidence.ready import MOST
from evidence.rules import AddressSet, Artefact, Chain, FormatError, Lines, Listener, Point, Reading, Route, Unread
from tests.bench.dumps import CORPUS

TRANSLATION = (CORPUS / "iptables" / "translation" / "config").read_bytes()
SAVE = Artefact("rules.v4", TRANSLATION, "iptables-save", datetime(2026, 6, 1, 2, 0, tzinfo=UTC))
NFT = Artefact("rules.json", (CORPUS / "nftables" / "verdict-maps" / "config").read_bytes())


def test_the_child_reads_what_the_parent_would() -> None:
    assert read_in_child([SAVE, NFT]) == read_host([SAVE, NFT])


def test_a_refusal_of_the_child_arrives_whole() -> None:
    with pytest.raises(FormatError) as here:
        read_host([Artefact("x", b"hello\n")])
    with pytest.raises(FormatError) as there:
        read_in_child([Artefact("x", b"hello\n")])
    assert (there.value.what, there.value.why, there.value.next_step) == (
        here.value.what, here.value.why, here.value.next_step,
    )  # fmt: skip


def large(rules: int) -> Artefact:
    """A dump of many rules."""
    rule = "-A INPUT -s 10.0.0.0/8 ! -d 10.1.0.0/16 -p tcp -m multiport --dports 1,3,5,7,9,11,13,15 -j ACCEPT\n"
    return Artefact("large", f"*filter\n:INPUT DROP [0:0]\n{rule * rules}COMMIT\n".encode())


@pytest.mark.parametrize(
    ("limits", "word"),
    [
        ({"memory": 160 * 2**20}, "MiB of memory"),
        ({"cpu_s": 1}, "processor time"),
        ({"wall_s": 0.4}, "longer than 0.4 seconds"),
    ],
)
def test_a_child_beyond_its_limits_is_a_sentence(limits: dict[str, Any], word: str) -> None:
    with pytest.raises(FormatError, match=word):
        read_in_child([large(40_000)], **limits)


COUNT = st.integers(0, 70000)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
st.register_type_strategy(str, TEXT)
st.register_type_strategy(Lines, st.tuples(COUNT, COUNT, COUNT).map(lambda parts: Lines(sum(parts), *parts)))
PARTS: dict[type, st.SearchStrategy[Any]] = {
    kind: st.lists(st.from_type(kind), max_size=2).map(tuple)
    for kind in (Chain, Share, Listener, Point, Unread, Route, AddressSet)
}
READINGS = st.builds(
    Reading, format=TEXT, points=PARTS[Point], chains=PARTS[Chain], shares=PARTS[Share],
    listeners=PARTS[Listener], unread=PARTS[Unread], routes=PARTS[Route],
    addresses=st.dictionaries(TEXT, st.just(((4, 1, 32), (6, 2**127, 64))), max_size=2),
    lines=st.dictionaries(TEXT, st.from_type(Lines), max_size=2),
    families=st.frozensets(st.sampled_from([4, 6])), sets=PARTS[AddressSet],
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(READINGS)
def test_a_reading_survives_json(reading: Reading) -> None:
    assert reading_json.load(reading_json.dump(reading)) == reading


def test_what_no_database_keeps_becomes_its_escape() -> None:
    unread = Unread("a\0b", 1, "\ud800", "café \U0001f600", "")
    reading = Reading("x", unread=(unread,))
    assert reading_json.load(reading_json.dump(reading)).unread[0] == replace(unread, name="a\\x00b", text="\\ud800")


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"version":1}', b'{"version":1,"reading":[]}', b"[" * 100_000])
def test_what_is_no_stored_reading_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError, match="stored reading"):
        reading_json.load(data)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=3))
def test_a_damaged_stored_reading_is_refused_or_another_reading(place: int, junk: bytes) -> None:
    data = reading_json.dump(read_host([SAVE]))
    at = place % len(data)
    with suppress(FormatError):
        assert isinstance(reading_json.load(data[:at] + junk + data[at + 1 :]), Reading)


def test_the_process_that_stands_ready_reads_none_itself_and_is_begun_anew_when_it_is_gone() -> None:
    POOL.end_all()
    first = read_in_child([SAVE, NFT])
    [ready] = POOL.waiting
    with pytest.raises(FormatError):
        read_in_child([Artefact("x", b"hello\n")])
    with pytest.raises(FormatError, match="MiB of memory"):
        read_in_child([large(40_000)], memory=160 * 2**20)
    assert read_in_child([SAVE, NFT]) == first
    assert POOL.waiting == [ready], "what went wrong ended its own fork"
    os.killpg(ready.process.pid, signal.SIGKILL)
    assert read_in_child([SAVE, NFT]) == first
    with pytest.raises(FormatError, match="longer than"):
        read_in_child([large(40_000)], wall_s=0.3)
    assert read_in_child([SAVE, NFT]) == first, "one that was stopped is no longer asked"


def test_hosts_are_read_side_by_side_each_by_its_own_process() -> None:
    with ThreadPoolExecutor(6) as several:
        found = list(several.map(lambda _: read_in_child([SAVE, NFT]), range(12)))
    assert found == [read_host([SAVE, NFT])] * 12
    assert len(POOL.waiting) <= MOST


def test_the_reader_forks_only_while_it_has_no_thread() -> None:
    """What it loads before the first host leaves none; where a format of others does, it begins again without."""
    said = "import os; from evidence import parse as it; it._warm(); print(len(os.listdir('/proc/self/task')))"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
    warm = read_in_child([SAVE])
    POOL.end_all()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(POOL, "command", (*COMMAND, "cold"))
        assert read_in_child([SAVE]) == warm
    POOL.end_all()
