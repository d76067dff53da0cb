"""`eastwest` as a person and a pipeline use it: shapes, exit statuses, refusals; standard output is only the JSON."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence import cli
from tests.bench.estate import CLOSED4, CLOSED6, OPEN4, table, v6

RULES = table(
    CLOSED4
    + "-A INPUT -s 10.20.4.11/32 -p tcp -m tcp --dport 5432 -j ACCEPT\n"
    + "-A FORWARD -s 10.20.4.0/24 -p tcp -m tcp --dport 443 -j WEB\n"
    + "-A WEB -d 10.20.8.1/32 -j ACCEPT\n"
).replace(":OUTPUT DROP [0:0]\n", ":OUTPUT DROP [0:0]\n:WEB - [0:0]\n")
REGISTER = """
servers:
  - {name: web-01, addresses: [10.20.4.11], zone: app}
  - {name: db-01, addresses: [10.20.8.1], zone: data}
connections:
  - {id: CON-1, source: web-01, destination: db-01, services: [tcp/5432]}
"""
HEADER = "src,dst,proto,sport,dport,in,out\n"
Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Writes the files given by name, runs the command in their folder; gives status, parsed JSON, messages."""

    def _run(*arguments: str, **files: str | bytes) -> tuple[int, Any, str]:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            (tmp_path / name).write_bytes(data)
        monkeypatch.chdir(tmp_path)
        status = cli.main([*arguments, "--json"])
        printed = capsys.readouterr()
        return status, json.loads(printed.out), printed.err

    return _run


def test_read_accounts_for_every_line_and_names_the_unread(run: Run) -> None:
    status, data, _ = run("read", "v4", "sockets", v4=RULES, sockets="tcp LISTEN 0 1 0.0.0.0:22 0.0.0.0:*\n")
    assert status == 0
    first, second = data["files"]
    assert (first["name"], first["format"], first["coverage"]) == ("v4", "iptables-save", 1.0)
    lines = first["lines"]
    assert lines["total"] == RULES.count("\n") == lines["consumed"] + lines["ignored"] + lines["unread"]
    points = {one["name"]: (one["rules"], one["default"]) for one in first["points"]}
    assert points == {"INPUT": (1, "deny"), "FORWARD": (2, "deny"), "OUTPUT": (0, "deny")}
    assert second["points"] == [{"name": "listeners", "rules": 1, "default": "deny"}]
    status, data, _ = run("read", "v4", v4=RULES.replace("-A WEB -d", "frob -d"))
    assert status == 3
    (unread,) = data["files"][0]["unread"]
    assert unread["line"] == 9
    assert unread["text"].startswith("frob")
    assert unread["reason"]
    assert data["files"][0]["coverage"] < 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x7fELF\x00\x00\x01", "not text"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (RULES[: len(RULES) // 2].encode(), "cut off"),
        (b"config firewall policy\n", "not read"),
        (b"", "empty"),
    ],
)
def test_what_is_no_dump_is_refused_with_what_and_why(run: Run, content: bytes, why: str) -> None:
    for arguments in (("read", "f"), ("packet", "--rules", "f", "--packets", "p"), ("diff", "f", "f")):
        status, _, messages = run(*arguments, f=content, p=HEADER)
        assert status == 2
        assert why in messages
    status, _, messages = run("read", "nowhere")
    assert status == 2
    assert "nowhere cannot be read" in messages


def test_refused_comes_before_unread(run: Run) -> None:
    status, data, _ = run("read", "a", "b", a=RULES.replace("-A WEB -d", "frob -d"), b=b"\x00")
    assert status == 2
    assert [one["name"] for one in data["files"]] == ["a"]
    assert len(data["refused"]) == 1


def test_packet_gives_one_answer_a_row_in_order(run: Run) -> None:
    rows = (
        "10.20.4.11,10.20.8.1,tcp,50000,443,,\n"
        "10.20.4.11,10.20.8.2,tcp,50000,443,,\n"
        "10.20.4.11,10.20.8.1,6,50000,,,\n"
        "2001:db8::1,2001:db8::2,tcp,50000,443,,\n"
        "10.20.4.11,10.20.8.1,icmp,8,0,eth0,eth1\n"
    )
    given = {"v4": RULES, "p": HEADER + rows}
    status, data, _ = run("packet", "--rules", "v4", "--point", "forward", "--packets", "p", **given)
    assert (status, data["point"]) == (3, "FORWARD")
    assert [one["decision"] for one in data["decisions"]] == ["permit", "deny", "unproven", "unproven", "deny"]
    first, second = data["decisions"][:2]
    assert (first["rule"], first["file"], first["line"]) == ("iptables:filter/WEB#1", "v4", 9)
    assert first["path"] == ["iptables:filter/FORWARD#1"]
    assert second["rule"] == "iptables:filter/FORWARD#policy"
    status, data, _ = run("packet", "--rules", "v4", "v6", "--packets", "p", v6=CLOSED6, v4=RULES, p=HEADER + rows)
    assert [one["decision"] for one in data["decisions"]] == ["permit", "deny", "unproven", "deny", "deny"]


def test_packet_chooses_the_point_that_has_rules(run: Run) -> None:
    only_input = RULES.replace("-A FORWARD", "-A INPUT")
    given = {"v4": only_input, "v6": CLOSED6, "p": HEADER + "10.20.4.11,10.20.8.1,tcp,50000,5432,,\n"}
    status, data, _ = run("packet", "--rules", "v4", "v6", "--packets", "p", **given)
    assert (status, data["point"], data["decisions"][0]["decision"]) == (0, "INPUT", "permit")
    status, data, messages = run("packet", "--rules", "v4", "v6", "--packets", "p", **{**given, "v4": RULES})
    assert data["point"] == "FORWARD"
    assert "--point INPUT" in messages
    assert run("packet", "--rules", "v4", "--point", "SIDEWAYS", "--packets", "p", **given)[0] == 2


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ("10.0.0.1,10.0.0.2,tcp,1,2,,\n10.0.0.1,2001:db8::1,tcp,1,2,,\n", "row 2: 10.0.0.1 and 2001:db8::1 are of two"),
        ("10.0.0.1,10.0.0.2,icmpv6,128,0,,\n", "row 1: icmpv6 does not exist in IPv4"),
        ("10.0.0.1,10.0.0.2,tcp,1,65536,,\n", "row 1: dport '65536'"),
        ("10.0.0.1,10.0.0.2,256,1,1,,\n", "row 1: '256' is not a protocol"),
        ("10.0.0.1,10.0.0.2,tcp,1\n", "row 1: it has 4 values and not 7"),
        ("host,10.0.0.2,tcp,1,1,,\n", "row 1: 'host' is not an IPv4 or IPv6 address"),
    ],
)
def test_a_bad_row_is_refused_by_its_number(run: Run, rows: str, named: str) -> None:
    status, data, messages = run("packet", "--rules", "v4", "--packets", "p", v4=RULES, p=HEADER + rows)
    assert status == 2
    assert named in messages
    assert "decisions" not in data
    assert run("packet", "--rules", "v4", "--packets", "p", v4=RULES, p="src,dst\n")[0] == 2


def test_check_is_clean_only_when_everything_is_as_authorised(run: Run) -> None:
    closed = RULES.replace("-A FORWARD -s 10.20.4.0/24 -p tcp -m tcp --dport 443 -j WEB\n", "")
    asked = ("check", "--rules", "v4", "v6", "--register", "r", "--host", "db-01", "--point", "INPUT")
    status, data, _ = run(*asked, v4=closed, v6=CLOSED6, r=REGISTER)
    assert status == 0
    (one,) = data["verdicts"]
    assert (one["verdict"], one["certainty"], one["point"]) == ("implemented", "definite", "INPUT")
    assert (one["connection"], one["rule"], one["file"], one["line"]) == ("CON-1", "iptables:filter/INPUT#1", "v4", 7)
    assert data["summary"]["connections"] == {"implemented": 1}
    status, data, _ = run(*asked, v4=closed.replace("5432", "22"), v6=CLOSED6, r=REGISTER)
    assert status == 1
    blocked, wide = data["verdicts"]
    assert blocked["counter_example"] == {
        "src": "10.20.4.11", "dst": "10.20.8.1", "proto": "tcp", "sport": 49152, "dport": 5432, "in": "", "out": "",
    }  # fmt: skip
    assert (blocked["verdict"], blocked["proposal"]) == ("not_implemented", "permit 10.20.4.11 → 10.20.8.1 tcp/5432")
    assert (wide["verdict"], wide["connection"]) == ("permits_more", "")


def test_check_says_a_review_that_is_overdue_where_its_connection_is_judged(run: Run) -> None:
    closed = RULES.replace("-A FORWARD -s 10.20.4.0/24 -p tcp -m tcp --dport 443 -j WEB\n", "")
    asked = ("check", "--rules", "v4", "v6", "--register", "r", "--point", "INPUT")
    late = REGISTER.replace("[tcp/5432]", "[tcp/5432], review_by: 2020-01-31")
    status, data, _ = run(*asked, "--host", "db-01", v4=closed, v6=CLOSED6, r=late)
    assert status == 1
    assert [(one["verdict"], one["connection"]) for one in data["verdicts"]] == [
        ("implemented", "CON-1"),
        ("review_overdue", "CON-1"),
    ]
    assert "31 January 2020" in data["verdicts"][1]["because"]
    assert data["verdicts"][1]["proposal"].startswith("recertify it")
    assert data["summary"]["connections"] == {"implemented": 1}
    no_rules = closed.replace("-A INPUT -s 10.20.4.11/32 -p tcp -m tcp --dport 5432 -j ACCEPT\n", "")
    status, data, _ = run(*asked, "--host", "web-01", v4=no_rules, v6=CLOSED6, r=late)
    assert (status, data["verdicts"], data["summary"]["not_judged"]) == (0, [], 1), "it is said where it is judged"


def test_check_proves_nothing_from_what_was_not_given(run: Run) -> None:
    asked = ("check", "--rules", "v4", "--register", "r", "--host", "db-01", "--point", "INPUT")
    status, data, _ = run(*asked, v4=RULES, r=REGISTER)
    assert status == 3  # IPv6 was not given
    assert [one["verdict"] for one in data["verdicts"]] == ["implemented", "not_verifiable"]
    status, data, _ = run(*asked, v4=RULES, v6=CLOSED6, r=REGISTER.replace("10.20.8.1]", '10.20.8.1, "2001:db8::1"]'))
    assert status == 3
    open6 = ("check", "--rules", "v4", "v6", "--register", "r", "--host", "db-01", "--point", "INPUT")
    status, data, _ = run(*open6, v6=v6(OPEN4), v4=RULES, r=REGISTER.replace("10.20.8.1]", '10.20.8.1, "2001:db8::1"]'))
    assert status == 1
    assert data["verdicts"][-1]["family"] == 6


def test_check_of_a_firewall_judges_every_connection_at_forward(run: Run) -> None:
    register = REGISTER.replace("tcp/5432", "tcp/443")
    status, data, _ = run("check", "--rules", "v4", "v6", "--register", "r", v4=RULES, v6=CLOSED6, r=register)
    assert status == 1  # the rule is wider than the connection
    found = {one["verdict"]: one for one in data["verdicts"]}
    assert found["implemented"]["connection"] == "CON-1"
    assert found["permits_more"]["proposal"].splitlines() == [
        "narrow the rule to 10.20.4.11 → 10.20.8.1 tcp/443",
        "iptables -R WEB 1 -s 10.20.4.11 -d 10.20.8.1 -p tcp --dport 443 -j ACCEPT",
    ]
    assert run("check", "--rules", "v4", "--register", "r", "--point", "INPUT")[0] == 2


def test_check_refuses_a_register_with_bad_rows_and_unknown_hosts(run: Run) -> None:
    bad = REGISTER.replace("destination: db-01", "destination: db-O1")
    status, _, messages = run("check", "--rules", "v4", "--register", "r", "--host", "db-01", v4=RULES, r=bad)
    assert status == 2
    assert "CON-1" in messages
    status, _, messages = run("check", "--rules", "v4", "--register", "r", "--host", "db-1", v4=RULES, r=REGISTER)
    assert status == 2
    assert "Did you mean db-01?" in messages


def test_diff_tells_traffic_from_text(run: Run) -> None:
    wider = RULES.replace("--dport 5432 -j", "--dport 5432:5433 -j")
    status, data, _ = run("diff", "old", "new", old=RULES, new=wider)
    assert status == 1
    (one,) = data["permitted"]
    assert one["box"] == {"point": "INPUT", "family": 4, "src": "10.20.4.11", "dst": "any", "service": "tcp/5433"}
    assert one["rules"][0] == "iptables:filter/INPUT#1"
    assert (data["denied"], data["text_only"]) == ([], [])
    status, data, _ = run("diff", "old", "new", old=RULES, new=RULES.replace("-p tcp -m tcp", "-p tcp"))
    assert status == 0
    assert (data["permitted"], data["denied"]) == ([], [])
    assert len(data["text_only"]) == 2
    assert run("diff", "old", "old", old=RULES)[:2] == (
        0,
        {"permitted": [], "denied": [], "unproven": [], "text_only": []},
    )


def test_verify_says_when_a_file_is_no_pack(run: Run) -> None:
    status, data, messages = run("verify", "p.zip", **{"p.zip": b"nothing"})
    assert status == 2
    assert data["ok"] is False
    assert "p.zip" in messages


def test_wrong_use_is_two_and_help_is_nought(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["read"]) == 2
    assert cli.main(["frobnicate"]) == 2
    assert cli.main(["--help"]) == 0
    assert "Exit status" in capsys.readouterr().out


def test_it_starts_quickly_and_without_django() -> None:
    code = "import sys, evidence.cli; print(sorted(n for n in sys.modules if n.split('.')[0] in {'django', 'yaml'}))"
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert time.perf_counter() - started < 2  # a loaded machine; alone it takes a twentieth of a second
    code = "import sys, evidence.commands.check; print([n for n in sys.modules if n.startswith('django')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_packets_as_other_systems_write_them(run: Run) -> None:
    written = "\r\n".join(
        [
            "\ufeffsrc,dst,proto,sport,dport",
            "",
            "10.20.4.11,10.20.8.1,tcp,50000,443",
            '"10.20.4.11",10.20.8.2 ,6,1,443',
            "",
        ]
    )
    status, data, _ = run("packet", "--rules", "v4", "--point", "forward", "--packets", "p", v4=RULES, p=written)
    assert status == 0
    assert [one["decision"] for one in data["decisions"]] == ["permit", "deny"]
    for columns, why in (
        ("src,dst,proto,dport", "there is no column sport"),
        ("src,dst,proto,sport,dport,zone", "nobody knows 'zone'"),
        ("src,dst,proto,sport,dport,dport", "comes twice"),
    ):
        status, _, messages = run("packet", "--rules", "v4", "--packets", "p", v4=RULES, p=f"{columns}\n")
        assert status == 2
        assert why in messages
    assert "is not CSV: line 2" in run("packet", "--rules", "v4", "--packets", "p", v4=RULES, p=HEADER + '"a')[2]


def test_packet_in_words_names_rule_place_path_and_doubt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    doubtful = RULES.replace("-A WEB -d 10.20.8.1/32", "-A WEB -d 10.20.8.1/32 -m recent --rcheck --name x")
    doubtful = doubtful.replace("-A WEB", "-A WEB -d 10.20.8.7/32 -j ACCEPT\n-A WEB", 1)
    (tmp_path / "v4").write_text(doubtful)
    (tmp_path / "p").write_text(HEADER + "10.20.4.11,10.20.8.7,tcp,1,443,,\n10.20.4.11,10.20.8.1,tcp,1,443,,\n")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["packet", "--rules", "v4", "--point", "FORWARD", "--packets", "p"]) == 3
    first, second = capsys.readouterr().out.splitlines()
    jump = "by way of iptables:filter/FORWARD#1 (v4 line 8)"
    assert first.startswith(f"1: permit iptables:filter/WEB#1 (v4 line 9) {jump}: permitted by")
    assert second.startswith(f"2: unproven iptables:filter/WEB#2 (v4 line 10) {jump}: ")
    assert "recent" in second
