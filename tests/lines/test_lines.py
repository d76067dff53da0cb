"""A small share of `./run lines`, the reference where the answer is known, and that a wrong answer is noticed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from compliance.traffic.policy import Policy, Shadow
from evidence import rule_counts
from evidence.formats import entries
from tests.lines import compare as comparing
from tests.lines import junos, texts
from tests.lines.__main__ import main
from tests.lines.compare import Tally, compare
from tests.lines.drawn import made
from tests.lines.formulas import FIELDS, Bits, unreachable
from tests.lines.meanings import Reference

LISTS = 40
MOST_LEFT_OUT = 4  # those of which Eastwest says that it is not sure, or that they are too entangled
HEAD = "version 15.2\nhostname r1\nip access-list extended A\n"


def both(lists: int = LISTS, seed: str = "suite") -> Tally:
    tally = Tally()
    for number in range(lists):
        compare(f"{seed}/{number}", made(f"{seed}/{number}").text.encode(), tally, Bits())
    return tally


def of(text: str) -> tuple[set[int], set[int]]:
    """What the reference says of the one list of a text: unreachable lines, and those nothing matches."""
    bits = Bits()
    if junos.is_junos(text):
        (found,) = junos.filters(text, bits)
        meanings = found.of()
    else:
        read = texts.read(text)
        (held,) = read.lists.values()
        reference = Reference(read, bits)
        meanings = {line.number: reference.of(held, line) for line in held.lines}
    return unreachable(((number, one.may, one.surely) for number, one in meanings.items()), bits)


def test_eastwest_and_the_reference_agree_on_every_line() -> None:
    tally = both()
    assert tally.told == []
    assert sum(tally.left_out.values()) <= MOST_LEFT_OUT, tally.left_out
    assert tally.unreachable >= LISTS  # as many are planted
    assert tally.empty
    assert tally.shadowed > tally.unreachable // 2


def test_what_was_planted_is_unreachable() -> None:
    """Else the two might agree on nothing."""
    for number in range(LISTS):
        drawn = made(f"planted/{number}")
        hidden, empty = of(drawn.text)
        assert drawn.planted <= hidden | empty, f"planted/{number}"


@pytest.mark.parametrize(
    ("lines", "hidden"),
    [
        (["permit tcp any any", "permit tcp any any eq 80"], {5}),
        (["permit tcp any any eq 80", "permit tcp any any"], set()),
        (["permit tcp any any lt 80", "deny tcp any any gt 78", "permit tcp any any"], {6}),
        (["permit tcp any any lt 80", "deny tcp any any gt 80", "permit tcp any any"], set()),
        (["permit udp any neq 53 any", "permit udp any eq domain any", "deny 17 any any"], {6}),
        (["permit ip 10.0.0.0 0.0.0.254 any", "permit ip 10.0.0.1 0.0.0.254 any", "deny ip 10.0.0.0 0.0.0.255 any"],
         {6}),
        (["permit ip 10.0.0.0 0.0.0.254 any", "deny ip host 10.0.0.3 any"], set()),
        (["permit icmp any any", "permit 1 any any 8 0", "permit icmp any any echo"], {5, 6}),
        (["permit icmp any any echo", "permit icmp any any 8 0", "permit icmp any any 0"], {5}),
        (["permit tcp any any established", "permit tcp any any", "permit tcp any any established"], {6}),
        (["evaluate kept", "permit tcp any any established", "permit ip any any", "evaluate other"], {7}),
        (["permit ip any any dscp ef", "permit tcp any any eq 80"], set()),
        (["permit ip any any", "permit tcp any any eq 80 dscp ef", "permit tcp any any time-range night"], {5, 6}),
        (["20 permit ip any any", "10 permit tcp any any"], set()),
        (["10 permit tcp any any eq 22 80 443", "20 permit tcp any any eq 443"], {5}),
    ],
)
def test_the_reference_is_right_where_the_answer_is_known(lines: list[str], hidden: set[int]) -> None:
    text = HEAD + "".join(f" {line}\n" for line in lines) + "end\n"
    assert of(text)[0] == hidden
    tally = Tally()
    compare("known", text.encode(), tally, Bits())
    assert dict(+tally.left_out) == {}
    assert tally.told == []


def test_lists_of_ipv6_are_asked_as_well() -> None:
    entries_ = [
        "permit icmp any any nd-ns",
        "sequence 20 permit icmp any any 135",
        "permit ipv6 2001:db8::/33 any",
        "permit ipv6 2001:db8:8000::/33 any",
        "deny tcp 2001:db8::/32 any eq 22",
        "deny ipv6 2001:db8::/31 any",
    ]
    text = "version 15.2\nhostname r1\nipv6 access-list SIX\n" + "".join(f" {one}\n" for one in entries_) + "end\n"
    assert of(text)[0] == {5, 8}
    tally = Tally()
    compare("six", text.encode(), tally, Bits())
    assert (tally.lists, tally.unreachable, tally.told) == (1, 2, [])


@pytest.mark.parametrize(
    ("lines", "hidden"),
    [
        (["permit tcp any any established", "permit tcp any any ack", "permit tcp any any"], {5}),
        (["permit tcp any any syn", "permit tcp any any match-all +syn -ack", "permit tcp any any"], {5}),
        (["permit tcp any any ack", "permit tcp any any established", "permit tcp any any rst"], {6}),
        (["permit tcp any any match-all +syn -ack", "permit tcp any any syn", "permit tcp any any"], set()),
    ],
)
def test_of_flags_eastwest_says_too_little_and_never_too_much(lines: list[str], hidden: set[int]) -> None:
    text = HEAD + "".join(f" {line}\n" for line in lines) + "end\n"
    assert of(text)[0] == hidden
    tally = Tally()
    compare("flags", text.encode(), tally, Bits())
    assert tally.told == []
    assert dict(+tally.left_out) == {"not all is said: flags of TCP, compared by their words": 1}


JUNOS_LISTS = "policy-options { prefix-list OURS { 10.9.0.0/16; 2001:db8::/32; } }\n"
JUNOS_HEAD = f"{JUNOS_LISTS}firewall {{\n family inet {{\n  filter F {{\n"


def junos_text(terms: list[str]) -> str:
    said = "".join(f"term t{number} {{ {term} }}\n" for number, term in enumerate(terms))
    return f"{JUNOS_HEAD}{said}}} }} }}\n"


@pytest.mark.parametrize(
    ("terms", "hidden"),
    [
        (["from { protocol tcp; } then accept;", "from { protocol tcp; destination-port ssh; } then discard;"], {6}),
        (["from { protocol tcp; } then { count c; next term; }", "from { protocol 6; } then { log; accept; }"], set()),
        (["then accept;", "from { protocol tcp; } then { count c; next term; }"], {6}),
        (["from { protocol udp; } then { log; }", "from { protocol udp; source-port 53; } then discard;"], {6}),
        (
            ["from { source-address { 10.0.0.0/8; 10.1.0.0/16 except; 10.1.1.0/24; } } then accept;",
             "from { source-address 10.1.1.9/32; } then discard;", "from { source-address 10.1.2.9/32; } then discard;",
             "from { source-address { 10.2.0.0/16; 10.3.0.0/16; } } then discard;"],
            {6, 8},
        ),
        (["from { address 10.1.0.0/16; } then accept;", "from { destination-address 10.1.0.0/24; } then reject;"], {6}),
        (["from { source-prefix-list { OURS; } } then accept;", "from { source-address 10.9.9.9/32; } then discard;"],
         {6}),
        (["from { protocol tcp; port [ 22 80-90 ]; } then accept;", "from { protocol 6; source-port 85; } then log;"],
         {6}),
        (["from { protocol-except tcp; } then accept;", "from { protocol [ udp icmp ]; } then discard;",
          "from { protocol [ udp tcp ]; } then discard;"], {6}),
        (["from { protocol tcp; tcp-established; } then accept;", "from { protocol tcp; } then discard;"], set()),
        (["from { protocol tcp; tcp-initial; } then discard;", "from { protocol tcp; } then accept;"], set()),
        (["from { dscp ef; } then accept;", "from { dscp ef; protocol tcp; } then accept;"], set()),
        (["from { protocol icmp; icmp-type [ 0 8 ]; } then accept;",
          "from { protocol icmp; icmp-type echo-request; icmp-code 0; } then discard;"], {6}),
        (["inactive: then discard;", "then accept;"], None),
    ],
)  # fmt: skip
def test_filters_of_junos_are_asked_as_well(terms: list[str], hidden: set[int] | None) -> None:
    tally = Tally()
    compare("junos", junos_text(terms).encode(), tally, Bits())
    assert tally.told == []
    doubted = "flags of TCP" in " ".join(tally.left_out)
    assert (tally.lists, tally.unreachable) == ((0, 0) if hidden is None or doubted else (1, len(hidden)))
    if hidden is not None:
        assert of(junos_text(terms))[0] == hidden


def test_lines_with_set_say_the_same_as_braces() -> None:
    lines = [
        "set firewall family inet6 filter S term a from next-header tcp",
        "set firewall family inet6 filter S term b from source-address 2001:db8::/32",
        "set firewall family inet6 filter S term b from next-header tcp",
        "set firewall family inet6 filter S term a then accept",
        "set firewall family inet6 filter S term b then discard",
        "set firewall family inet6 filter S term c from destination-port [ 22 23 ]",
        "set firewall family inet6 filter S term c from next-header tcp",
        "deactivate firewall family inet6 filter S term a",
    ]
    assert of("\n".join(lines[:-1]))[0] == {2, 6}
    assert of("\n".join(lines))[0] == set()
    for text in ("\n".join(lines[:-1]), "\n".join(lines)):
        tally = Tally()
        compare("set", text.encode(), tally, Bits())
        assert (tally.lists, tally.told) == (1, [])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (junos_text(["from { destination-port 22; } then accept;"]), "ports of a protocol without ports"),
        (junos_text(["from { source-prefix-list { NONE; } } then accept;"]),
         "a list of prefixes that is not written out, or an exception"),
        (junos_text(["from { frobnicate 3; } then accept;"]), "the condition frobnicate"),
        (junos_text(["apply-groups G;"]), "groups that are applied within"),
        ("groups { G { firewall { family inet { filter F { term x { then accept; } } } } } }\napply-groups G;\n"
         + junos_text(["then accept;"]), "groups that hold parts of a firewall"),
    ],
)  # fmt: skip
def test_what_is_not_modelled_of_a_filter_is_left_out_by_name(text: str, why: str) -> None:
    tally = Tally()
    compare("left out", text.encode(), tally, Bits())
    assert (tally.lists, dict(+tally.left_out)) == (0, {why: 1})


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("permit tcp any any ttl lt 3 nonsense", "the word nonsense"),
        ("permit tcp host 2001:db8::zz any", "address 2001:db8::zz"),
        ("permit tcp any any eq unheard-of", "port unheard-of"),
        ("permit ip object-group NOWHERE any", "a group that is not defined"),
        ("frobnicate", "a line that begins with frobnicate"),
    ],
)
def test_what_the_reference_does_not_model_is_left_out_by_name(line: str, why: str) -> None:
    tally = Tally()
    compare("left out", f"{HEAD} permit ip any any\n {line}\nend\n".encode(), tally, Bits())
    assert (tally.lists, dict(+tally.left_out)) == (0, {why: 1})


def test_a_comparison_of_ports_is_as_wide_as_it_says() -> None:
    bits = Bits()
    others = sum(FIELDS.values()) - FIELDS["dport"]
    for low, high in ((0, 0), (0, 65535), (1, 79), (80, 65535), (65535, 65535), (65536, 70000)):
        found = bits.between("dport", low, high).sat_count_float(sum(FIELDS.values())) / 2**others
        assert found == max(0, min(high, 65535) - low + 1)


# --- Whether it would notice -------------------------------------------------------------------------------------


def _one_holder(box: object, cuts: list[object], budget: object) -> bool:
    """As if several earlier rules never covered one together."""
    return any(all(cut[n] <= box[n] and box[n + 1] <= cut[n + 1] for n in range(0, 10, 2)) for cut in cuts)  # type: ignore[index]


@pytest.mark.parametrize(
    ("where", "name", "wrong", "says"),
    [
        (rule_counts, "covered", _one_holder, "does not say so"),
        (rule_counts, "is_no_narrower", lambda earlier, later: True, "and it is not"),
        (rule_counts, "is_written", lambda rule: True, "and it is not"),
        (comparing, "never_reached", lambda chains: (), "does not say so"),
        (Policy, "shadow", lambda policy, number: Shadow(0), "Policy.shadow, and it is not"),
    ],
    ids=["a union is not seen", "states are not looked at", "the end of a list is counted", "nothing is found", "all"],
)
def test_a_wrong_answer_is_noticed(
    monkeypatch: pytest.MonkeyPatch, where: object, name: str, wrong: Callable[..., object], says: str
) -> None:
    monkeypatch.setattr(where, name, wrong)
    assert any(says in one for one in both(12).told)


def test_a_reader_that_takes_gt_for_at_least_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = entries.ports

    def wrong(operator: str, values: list[int]) -> list[tuple[int, int]]:
        return right("range", [values[0], 65535]) if operator == "gt" else right(operator, values)

    monkeypatch.setattr(entries, "ports", wrong)
    assert both(12).told


def test_a_list_of_which_a_line_is_lost_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "written", lambda chain: {3})
    assert "read by one alone" in both(1).told[0]


def test_the_command_reads_files_and_ends_with_a_sum(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, strange = tmp_path / "r1.cfg", tmp_path / "r2.cfg"
    rest = "ip access-list extended B\n frobnicate\nend\n"
    good.write_text(f"{HEAD} permit tcp any any\n permit tcp any any eq 80\n{rest}")
    strange.write_text("nothing that anybody knows\n")
    assert main([str(good), str(strange)]) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {key: said[key] for key in ("lists", "lines", "unreachable", "differences", "left_out")} == {
        "lists": 1, "lines": 2, "unreachable": 1, "differences": 0, "left_out": 2,
    }  # fmt: skip


def test_the_command_fails_on_a_difference(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(comparing, "never_reached", lambda chains: ())
    assert main(["--lists", "2"]) == 1
    assert "does not say so" in capsys.readouterr().err
