"""Small files that unfold into enormous ones: refused in seconds of processor time, in words; the worker goes on."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import resource
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from compliance.register import RegisterError
from compliance.register_file import read_text
from evidence.gates import complaints
from evidence.models import Snapshot, Source
from evidence.rules import Artefact
from tests.evidence.site import APP, allow_in, put, read, save, source_of
from tests.factories import servers
from tests.people import People, everybody

DEEP = 200_000
BOUND = 2  # seconds of processor time; the longest of them takes one, unfolded each takes minutes
RULES = save(*(allow_in(APP, str(port)) for port in range(5400, 5430))).encode()


def zipped(content: bytes) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("iptables-save.txt", content)
    return whole.getvalue()


# Made when they are needed: each process of a long run loads this file
BOMBS = {
    "gzip": lambda: gzip.compress(b"\0" * 2**28, 9),
    "bzip2": lambda: bz2.compress(b"\0" * 2**28),
    "xz": lambda: lzma.compress(b"\0" * 2**26),
    "zip": lambda: zipped(b"\0" * 2**26),
    "gzip in gzip": lambda: gzip.compress(gzip.compress(b"\0" * 2**26)),
    "deep JSON": lambda: b'{"nftables": [{"rule": ' + b"[" * DEEP + b"]" * DEEP + b"}]}",
    "deep JSON objects": lambda: b'{"nftables": ' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}",
    "deep XML": lambda: b"<?xml version='1.0'?>" + b"<a>" * DEEP + b"</a>" * DEEP,
    "deep XML of conntrack": lambda: b"<conntrack>" + b"<flow>" * DEEP + b"</flow>" * DEEP + b"</conntrack>\n",
    "entities": lambda: b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "' + b"x" * 50_000 + b'">]><conntrack>'
    + b"&b;" * 50_000 + b"</conntrack>",
    "YAML": lambda: b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n".encode() for n in range(8)
    ),
    "a number without end": lambda: b'{"nftables": [' + b"9" * 2_000_000 + b"]}",
    "one line": lambda: b"-A INPUT " + b"x" * 20_000_000,
    "complaints without end": lambda: b"Permission denied: " * 1_000_000,
}  # fmt: skip


def seconds(work: Callable[[], object]) -> float:
    """Processor time of this process and of its children."""

    def used() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.process_time() + children.ru_utime + children.ru_stime

    before = used()
    work()
    return used() - before


@pytest.fixture
def people(db: None) -> People:
    return everybody()


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_and_what_stood_stands(people: People, tmp_path: Path, name: str) -> None:
    folder = put(tmp_path, *(allow_in(APP, str(port)) for port in range(5400, 5430)))
    source: Source = source_of(servers(people)["pay-db-01"], folder, people)
    assert read(source, people).state == "ok"
    good = source.last_good
    (folder / "nft.json").write_bytes(BOMBS[name]())

    def refuse() -> None:
        row = read(source, people)
        assert row.state == "failed", row.what
        assert row.what.endswith(".")
        assert len(row.what) < 500
        assert row.next_step

    assert seconds(refuse) < BOUND
    assert (source.last_good, Snapshot.objects.count()) == (good, 1)
    (folder / "nft.json").unlink()
    assert read(source, people).state == "unchanged"  # the worker is there, and so is the host


@pytest.mark.parametrize("name", ["YAML", "gzip", "deep JSON", "deep XML"])
def test_a_register_that_is_a_bomb_is_refused(name: str) -> None:
    def refuse() -> None:
        with pytest.raises(RegisterError):
            read_text(BOMBS[name]())

    assert seconds(refuse) < BOUND


def test_looking_for_complaints_takes_as_long_as_the_file_is() -> None:
    """Twice as much takes about twice as long, whatever stands in it."""
    for line in (
        b"Permission denied: ",
        b"a: b: c: d: e: Permission denied ",
        b"x" * 300 + b"not found ",
        b"lines 1-2",
    ):
        small, large = (Artefact("x", line * (size // len(line))) for size in (10**6, 8 * 10**6))
        list(complaints([small]))
        ratio = seconds(lambda: list(complaints([large]))) / max(seconds(lambda: list(complaints([small]))), 0.01)  # noqa: B023
        assert ratio < 30, line
