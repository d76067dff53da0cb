"""Our answers against a second opinion on the same dump: permits inside its upper closure, denies outside its lower.

`tests/bench/closures.py` has a parser and an interpreter of its own. Whoever has real dumps runs it over them too.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence import cli
from evidence.formats.evaluate import Evaluator
from evidence.host import read_host
from evidence.regions import changed
from evidence.rules import Artefact, FormatError, Reading
from tests.bench import closures, firewall_dumps

POINTS = ("INPUT", "FORWARD", "OUTPUT")


def read(text: str | bytes, name: str = "iptables-save") -> Reading:
    """The reading of one dump, as a host's."""
    return read_host([Artefact(name, text if isinstance(text, bytes) else text.encode())])


def compare(text: str, count: int, seed: int = 1) -> Counter[str]:
    """Holds our answers for corner packets of every point against both closures; gives how often we said what."""
    table, reading = closures.parse(text, 4), read(text)
    alone = "*nat" not in text  # what the filter table says is the whole answer
    said: Counter[str] = Counter()
    for point in POINTS:
        evaluator = Evaluator(reading, point)
        upper, lower = closures.Closure(table, upper=True), closures.Closure(table, upper=False)
        for packet in closures.corner_packets(table, point, count, seed):
            values = (packet.src, packet.dst, packet.proto, packet.sport, packet.dport)
            ours = evaluator.answer(4, values, packet.iif or None, packet.oif or None)
            may, must = upper.accepts(point, packet), lower.accepts(point, packet)
            about = f"{point} {packet}: {ours}, upper {may}, lower {must}"
            assert may or ours.decision != "permit", about
            assert not must or ours.decision != "deny", about
            assert may != must or ours.decision != "unproven" or not alone, f"decided by the rules: {about}"
            said[ours.decision] += 1
    return said


@pytest.mark.parametrize("name", firewall_dumps.DUMPS)
def test_definite_answers_lie_within_the_closures(name: str) -> None:
    text = firewall_dumps.DUMPS[name]
    assert not read(text).unread
    said = compare(text, 1500)
    assert min(said["permit"], said["deny"]) > 150, said


def test_a_wrong_answer_would_be_noticed() -> None:
    """The negative control: a dump in which one rule says the opposite is told from the true one."""
    text = firewall_dumps.CAMPUS
    turned = text.replace("--dports 53,123,1000:2000 -j ACCEPT", "--dports 53,123,1000:2000 -j DROP")
    assert turned != text
    table, evaluator = closures.parse(text, 4), Evaluator(read(turned), "FORWARD")
    lower = closures.Closure(table, upper=False)
    wrong = 0
    for packet in closures.corner_packets(table, "FORWARD", 3000, 1):
        values = (packet.src, packet.dst, packet.proto, packet.sport, packet.dport)
        ours = evaluator.answer(4, values, packet.iif, packet.oif)
        wrong += ours.decision == "deny" and lower.accepts("FORWARD", packet)
    assert wrong


MATCHES = st.sampled_from(
    ["", "-s 192.0.2.0/28", "! -s 192.0.2.4/30", "-d 198.51.100.8/29", "-i eth0", "! -i eth+", "-o eth1", "-p tcp",
     "-p tcp -m tcp --dport 22", "-p tcp -m tcp ! --sport 1:1023", "-p udp -m multiport --dports 53,100:200",
     "-p tcp -m multiport ! --ports 22,80", "-p icmp -m icmp --icmp-type 8", "! -p udp", "-m limit --limit 1/s",
     "-s 192.0.2.0/29 -m recent --rcheck --name x --rsource", "-m state --state NEW", "-m state --state INVALID",
     "-m conntrack ! --ctstate NEW", "-p tcp -m tcp --tcp-flags SYN,ACK SYN", "-m mark --mark 0x1/0x1",
     "-p tcp -m string --string \"a -j DROP\" --algo bm", "-m set --match-set nobody src"]
)  # fmt: skip
TARGETS = st.sampled_from(
    ["-j ACCEPT", "-j ACCEPT", "-j DROP", "-j REJECT", "-j RETURN", "-j LOG --log-prefix \"-j ACCEPT\"", "", "-j one",
     "-g one", "-j two", "-g two", "-j three", "-j NFQUEUE --queue-num 1", "-j MARK --set-xmark 0x1/0x1"]
)  # fmt: skip
ORDER = ("INPUT", "FORWARD", "OUTPUT", "one", "two", "three")


@st.composite
def rulesets(draw: st.DrawFn) -> str:
    """A filter table whose chains call later ones only."""
    lines = []
    for place, chain in enumerate(ORDER):
        for _ in range(draw(st.integers(0, 5))):
            target = draw(TARGETS)
            if target.startswith(("-j", "-g")) and target.split()[1] in ORDER[: place + 1]:
                target = "-j RETURN"
            lines.append(" ".join(f"-A {chain} {draw(MATCHES)} {target}".split(" ")))
    policies = "".join(f":{base} {draw(st.sampled_from(['ACCEPT', 'DROP']))} [0:0]\n" for base in POINTS)
    users = "".join(f":{name} - [0:0]\n" for name in ORDER[3:])
    return f"*filter\n{policies}{users}" + "".join(f"{line}\n" for line in lines) + "COMMIT\n"


@settings(max_examples=150, deadline=None)
@given(rulesets(), st.integers(0, 1000))
def test_random_rules_stay_within_the_closures(text: str, seed: int) -> None:
    compare(text, 25, seed)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(firewall_dumps.DUMPS)), st.data())
def test_damaged_dumps_are_refused_or_add_up(name: str, data: st.DataObject) -> None:
    lines = firewall_dumps.DUMPS[name].splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at, other = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        cut = data.draw(st.integers(0, 40))
        lines[at] = data.draw(
            st.sampled_from([lines[at][:cut], lines[other], lines[at][cut:] + lines[other][:cut], ""])
        )
    try:
        reading = read("\n".join(lines) + "\n")
    except FormatError:
        return
    (count,) = reading.lines.values()
    assert count.total == len(lines)
    assert count.unread <= len(reading.unread)
    for point in POINTS:
        answer = Evaluator(reading, point).answer(4, (0xC0000207, 0xC6336402, 6, 40000, 22), None, None)
        assert answer.decision != "permit" or not any(one.point in {"", point} for one in reading.unread)


def chained(count: int, rules: str) -> str:
    """A filter table of many chains, each with the rules given for its number and the next one's."""
    names = "".join(f":c{number} - [0:0]\n" for number in range(count + 1))
    body = "".join(rules.format(at=number, after=number + 1) for number in range(count))
    policies = ":INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"
    return f"*filter\n{policies}{names}-A FORWARD -j c0\n{body}COMMIT\n"


@pytest.mark.parametrize(
    ("text", "decision", "word"),
    [
        (chained(20_000, "-A c{at} -j c{after}\n"), "unproven", "call one another"),
        (chained(60, "-A c{at} -m limit --limit 1/s -j c{after}\n-A c{at} -j c{after}\n"), "unproven", "too many"),
        (chained(50, "-A c{at} -j c{after}\n").replace("c49 -j c50", "c49 -j c3"), "unproven", "back to itself"),
        (chained(5_000, "-A c0 -o tap{at} -j c{after}\n-A c{after} -p tcp -j ACCEPT\n"), "deny", "default"),
    ],
    ids=["20,000 chains deep", "each chain called twice", "a circle", "5,000 interfaces"],
)
def test_chains_without_end_are_answered_soon(text: str, decision: str, word: str) -> None:
    answer = Evaluator(read(text), "FORWARD").answer(4, (1, 0x0A000001, 6, 40000, 22), "eth0", "eth1")
    assert (answer.decision, word in answer.because) == (decision, True), answer.because


def diff(tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str) -> dict[str, list[dict[str, Any]]]:
    """What `eastwest diff` prints of two dumps."""
    paths = [tmp_path / "old", tmp_path / "new"]
    for path, text in zip(paths, (old, new), strict=True):
        path.write_text(text)
    cli.main(["diff", *map(str, paths), "--json"])
    found: dict[str, list[dict[str, Any]]] = json.loads(capsys.readouterr().out)
    return found


def lines_named(found: dict[str, list[dict[str, Any]]]) -> set[tuple[str, str]]:
    """(file, text) of every rule that a diff names in a row about traffic."""
    rows = [row for kind in ("permitted", "denied", "unproven") for row in found[kind]]
    return {(line["file"].rpartition("/")[2], line["text"]) for row in rows for line in row["lines"]}


RULE = "-A filter_96 -s 203.0.113.0/24 -d 192.0.2.9/32 -p tcp -m tcp --dport 4711 -j ACCEPT"
BEFORE = "-A filter_96 -s 198.51.100.0/24"
SERVICES = "--dports 53,123,1000:2000"
Diff = Callable[[str, str], dict[str, list[dict[str, Any]]]]


@pytest.fixture
def compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Diff:
    return lambda old, new: diff(tmp_path, capsys, old, new)


def test_diff_names_exactly_the_rule_that_came_or_went(compared: Diff) -> None:
    with_rule = firewall_dumps.CAMPUS.replace(BEFORE, f"{RULE}\n{BEFORE}")
    for old, new, side in ((firewall_dumps.CAMPUS, with_rule, "new"), (with_rule, firewall_dumps.CAMPUS, "old")):
        found = compared(old, new)
        assert lines_named(found) == {(side, RULE)}
        rows = [row for kind in ("permitted", "denied", "unproven") for row in found[kind]]
        assert {rule for row in rows for rule in row["rules"]} == {"iptables-legacy:filter/filter_96#1"}
        assert found["text_only"] == []


def test_diff_names_an_edited_rule_once(compared: Diff) -> None:
    edited = firewall_dumps.CAMPUS.replace(SERVICES, SERVICES + ",4000")
    found = compared(firewall_dumps.CAMPUS, edited)
    assert {text.partition("--dports ")[2] for _, text in lines_named(found)} == {"53,123,1000:2000,4000 -j ACCEPT"}
    assert found["text_only"] == []


def test_counters_dates_and_places_are_no_change_and_comments_are_text(compared: Diff) -> None:
    old = firewall_dumps.CAMPUS
    later = old.replace("[0:0]", "[17:4200]").replace("20 10:00", "21 10:00").replace("\n-A ", "\n[3:180] -A ")
    nothing: dict[str, list[Any]] = {"permitted": [], "denied": [], "unproven": [], "text_only": []}
    assert compared(old, later) == nothing
    first, second = "-A NOTFROMHERE -s 192.0.2.0/24 -j LOG_DROP\n", "-A mac_96 -j LOG_DROP\n"
    assert compared(old, old.replace(first, "").replace(second, second + first)) == nothing
    noted = compared(old, old.replace(f"{SERVICES} -j", f'{SERVICES} -m comment --comment "CHG-9" -j'))
    assert [row["rule"] for row in noted.pop("text_only")] == ["iptables-legacy:filter/filter_96#2"]
    assert not any(noted.values())


def test_a_renamed_chain_reads_otherwise_and_decides_alike(compared: Diff) -> None:
    renamed = firewall_dumps.CAMPUS.replace("NOTFROMHERE", "FOREIGN")
    found = compared(firewall_dumps.CAMPUS, renamed)
    assert all(row["old"].replace("NOTFROMHERE", "FOREIGN") == row["new"] for row in found.pop("text_only"))
    assert not any(found.values())


def test_diff_of_a_renamed_chain_is_text_only_however_many_rules_stand_behind_it(compared: Diff) -> None:
    denies = "".join(
        f"-A INPUT -s 10.{one // 200}.{one % 200}.0/25 -p tcp -m tcp --dport {1000 + one} -j DROP\n"
        for one in range(1_000)
    )
    chain = "-A {0} -i eth1 -p tcp -m recent --update --name x -j ACCEPT\n-A {0} -p tcp -m tcp --dport 22 -j DROP\n"
    text = "*filter\n:INPUT ACCEPT [0:0]\n:{0} - [0:0]\n-A INPUT -s 10.0.0.0/8 -j {0}\n" + denies + chain + "COMMIT\n"
    found = compared(text.format("admin"), text.format("administration"))
    assert found.pop("text_only"), "the renamed rules are named"
    then, now = (read_host([Artefact("save", text.format(name).encode())]) for name in ("admin", "administration"))
    assert list(changed(then, now, "INPUT", 4)) == [], "no traffic is looked at for a name"
    assert not any(found.values())
    opened = text.format("administration").replace("--dport 22", "--dport 23")
    assert compared(text.format("admin"), opened)["unproven"], "a change beside the new name is seen"


def test_a_jump_to_another_chain_is_no_new_name(compared: Diff) -> None:
    chains = "-A a -p tcp -m tcp --dport 22 -j ACCEPT\n-A b -p tcp -m tcp --dport 23 -j ACCEPT\n"
    old = f"*filter\n:INPUT DROP [0:0]\n:a - [0:0]\n:b - [0:0]\n-A INPUT -s 10.0.0.0/8 -j a\n{chains}COMMIT\n"
    found = compared(old, old.replace("/8 -j a", "/8 -j b"))
    assert [row["box"]["service"] for row in found["permitted"]] == ["tcp/23"]
    assert [row["box"]["service"] for row in found["denied"]] == ["tcp/22"]
