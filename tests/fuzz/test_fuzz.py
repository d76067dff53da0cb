"""A fixed share of `./run fuzz`: no damaged file crashes a reader or keeps it busy."""

from __future__ import annotations

import gc
import json
import subprocess
import sys

import pytest

from tests.fuzz.parsers import PARSERS, Parser
from tests.fuzz.session import Case, Stuck, Tally, ask, case, given_up_after

EACH = 60  # cases of each reader
PREFIXES = 40  # beginnings of each reader's files


@pytest.fixture(autouse=True, scope="module")
def nothing_of_others_is_counted() -> None:
    """What thousands of tests left in this process is not looked through for rubbish on a reader's account: that alone
    took the two seconds that a case has."""
    gc.collect()
    gc.freeze()


@pytest.mark.parametrize("place", range(len(PARSERS)), ids=[one.name for one in PARSERS])
def test_a_damaged_file_is_refused_in_words_or_every_line_accounted_for(place: int) -> None:
    tally = Tally()
    for number in range(EACH):
        ask(case("suite", number * len(PARSERS) + place), tally)
    for content in PARSERS[place].files[:PREFIXES]:
        step = max(1, len(content) // 8)
        for end in range(0, len(content) + 1, step):
            ask(Case(PARSERS[place], content[:end], f"the first {end} bytes"), tally)
    assert [(one.case.name, one.what) for one in (*tally.crashes, *tally.slow)] == []
    assert tally.executions >= EACH


# Each took two seconds or more: as many times its length. Found by `./run fuzz`, or beside what it found.
BASE = b"set interfaces ge-0/0/0 unit 0 family inet\n"
LONG = (
    ("fortios", b"config firewall policy\n    edit 1\n        set srcad" + b" " * 60_000 + b'"\nend\n'),
    ("fortios", b'config firewall address\nedit x\nset comment "\n' + (b"set type p" + b'{"a":{' * 9_000 + b"\n") * 36),
    ("junos", b'set system host-name "' + b'\\"' * 30_000 + b"\n"),
    ("junos", BASE + b"set security zones security-zone a interfaces ge-" + b"[" * 60_000 + b"\n"),
    ("junos", b"firewall {\na [ " + b"b " * 15_000 + b"] " + b"c " * 15_000 + b";\n}\n"),
    ("panos", b'set address a description "one\ntwo"' + b" \t" * 30_000 + b"\n"),
    ("rsyslog", b'*.* "' + b'\\"' * 30_000 + b"\n"),
    ("rsyslog", b'action("' + b'\\"action("' * 5_500 + b"\n"),
)


@pytest.mark.parametrize(("name", "content"), LONG, ids=range(len(LONG)))
def test_a_line_as_long_as_a_line_may_be_keeps_no_reader_busy(name: str, content: bytes) -> None:
    tally = Tally()
    reader = next(one for one in PARSERS if one.name == name)
    ask(Case(reader, content, name), tally)
    assert [(one.case.name, one.what) for one in (*tally.crashes, *tally.slow)] == []


def test_a_reader_that_crashes_or_hangs_is_noticed() -> None:
    def crash(content: bytes) -> None:
        raise IndexError(len(content))

    def hang(content: bytes) -> None:
        while True:
            len(content)

    tally = Tally()
    assert ask(Case(Parser("broken", crash, ()), b"abc", "broken"), tally)[0].what == "IndexError: 3"
    assert (tally.executions, len(tally.crashes), len(tally.slow)) == (1, 1, 0)
    with pytest.raises(Stuck), given_up_after(1):
        hang(b"")


def test_a_number_is_the_same_case_each_time() -> None:
    assert [case("s", 17).content, case("s", 17).name] == [case("s", 17).content, case("s", 17).name]
    assert case("s", 17).content != case("t", 17).content


def test_so_many_cases_of_one_reader_are_asked_from_a_number_on() -> None:
    words = [sys.executable, "-m", "tests.fuzz", "--cases", "3", "--first", "5", "--readers", "ip_addr"]
    said = json.loads(subprocess.run(words, capture_output=True, check=True, text=True).stdout)
    assert (said["executions"], said["each"]) == (3, {"ip_addr": 3})


def test_workers_share_the_cases_and_a_reader_nobody_knows_is_refused() -> None:
    words = [sys.executable, "-m", "tests.fuzz", "--cases", "5", "--readers", "ip_addr,ss"]
    said = json.loads(subprocess.run([*words, "--workers", "2"], capture_output=True, check=True, text=True).stdout)
    assert said == {"executions": 10, "crashes": 0, "slow": 0, "each": {"ip_addr": 5, "ss": 5}}
    refused = subprocess.run([*words[:-1], "ss,sss"], capture_output=True, check=False, text=True)
    assert refused.returncode == 2
    assert "no reader is called sss:" in refused.stderr


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("exports", b"/srv " + b"10.0.0.0/8 " * 5_000),
        ("exports", b"/srv " + b"10.0.0.0/8(rw) \\\n" * 5_000 + b"a\n"),
        ("exportfs", b"/srv " + b"(" * 60_000 + b")\n"),
        ("exportfs", b"/srv " + b"a" * 60_000 + b"\n"),
        ("testparm", b"\n" * 65_000 + b"[global]\n"),
        ("host", b"\n" * 200_000),
        ("host", b"[global]\n\thosts allow = " + b"9" * 6_000 + b".\n"),
        ("ipset", b"Name: a\nType: hash:ip\nHeader: family inet\nNumber of entries: \xc2\xb2\nMembers:\n"),
        ("ip_route", b'[{"dst": "default", "type": [1], "dev": "eth0"}, {"dst": "default", "nexthops": 5}]'),
        ("ss", b"tcp LISTEN 0 1 0.0.0.0:" + b"9" * 6_000 + b" 0.0.0.0:*\n"),
        ("fortios", b'config system interface\nedit "a"\nset ip 10.0.0.1 85.85.85.85\nnext\nend\n'),
        ("fortios", b'config system global\nset x "' + b'a" "b\n' * 20_000 + b'"\nend\n'),
        ("pf_config", b'<?xml version="1.0"?>\n<opnsense>\n' + b"\r" * 300 + b"<odd>\n</odd>\n</opnsense>\n"),
        ("panos", b"<config>\n<shared>\n" + b"\r" * 300 + b"<odd>\n<a/>\n</odd>\n</shared>\n</config>\n"),
        ("panos", b"set rulebase security rules a from any\nset address b [ c d ] x\n"),
    ],
    ids=[
        "clients",
        "continued",
        "brackets",
        "word",
        "blank lines",
        "blank host",
        "digits",
        "superscript",
        "types",
        "port",
        "mask with holes",
        "quotes",
        "returns of pf",
        "returns of PAN-OS",
        "list for a kind",
    ],
)
def test_what_was_slow_or_crashed_once_is_not_again(name: str, content: bytes) -> None:
    parser = next(one for one in PARSERS if one.name == name)
    assert ask(Case(parser, content, name), Tally()) == []
