"""Filters and policies of Junos, drawn as values, written in both forms, and asked packet by packet.

What a term or policy matches is worked out here value by value, by other means than the reader uses.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

import pytest

from compliance.traffic.addresses import to_text
from compliance.traffic.witness import Witness
from evidence.formats.evaluate import Evaluator
from evidence.host import read_host
from evidence.rules import Artefact

PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "esp": 50}
PACKETS = 40
LISTS: dict[str, tuple[tuple[int, int], ...]] = {
    "ONE": ((0x0A000100, 24), (0x0A000205, 32)),
    "TWO": ((0x0A000000, 22),),
}


class Listed(NamedTuple):
    """One address of a condition: a prefix, or all those of a list; excepted or not."""

    value: int
    length: int
    name: str
    except_: bool


class Term(NamedTuple):
    """A term as values. `ports`: low and high for source, destination and either; `end`: "" says nothing."""

    end: str
    proto: str
    src: tuple[Listed, ...]
    dst: tuple[Listed, ...]
    ports: dict[str, tuple[tuple[int, int], ...]]
    answers: bool
    inactive: bool


def drawn(dice: Random) -> list[Term]:
    found = []
    for _ in range(dice.randint(1, 10)):
        proto = dice.choice(("", *PROTOCOLS))
        ported = proto in {"tcp", "udp"}
        ports = {
            key: tuple(_span(dice) for _ in range(dice.randint(1, 3)))
            for key in ("source-port", "destination-port", "port")
            if ported and dice.random() < 0.35
        }
        end = dice.choice(("accept", "accept", "discard", "reject", "", "next term"))
        answers = proto == "tcp" and dice.random() < 0.1
        found.append(Term(end, proto, _side(dice), _side(dice), ports, answers, dice.random() < 0.1))
    return found


def _side(dice: Random) -> tuple[Listed, ...]:
    if dice.random() < 0.4:
        return ()
    found = [_place(dice, except_=False)]
    for _ in range(dice.randint(0, 3)):
        one = _place(dice, except_=dice.random() < 0.4)
        taken = {each for listed in found for each in _prefixes(listed)}
        if not taken & set(_prefixes(one)):  # the same prefix in both ways is refused by the device
            found.append(one)
    return tuple(found)


def _place(dice: Random, *, except_: bool) -> Listed:
    if dice.random() < 0.2:
        return Listed(0, 0, dice.choice(tuple(LISTS)), except_)
    length = dice.choice((0, 8, 16, 22, 24, 29, 32))
    value = 0x0A000000 | dice.getrandbits(3) << 8 | dice.getrandbits(3)
    return Listed(value >> (32 - length) << (32 - length), length, "", except_)


def _prefixes(listed: Listed) -> tuple[tuple[int, int], ...]:
    return LISTS[listed.name] if listed.name else ((listed.value, listed.length),)


def _span(dice: Random) -> tuple[int, int]:
    low = dice.choice((1, 22, 80, 443, 65530))
    return low, dice.choice((low, low, low + 3))


def matches(term: Term, packet: Witness) -> bool:
    return (
        not term.answers
        and (not term.proto or PROTOCOLS[term.proto] == packet.proto)
        and _inside(term.src, packet.src)
        and _inside(term.dst, packet.dst)
        and all(_at(key, spans, packet) for key, spans in term.ports.items())
    )


def _inside(side: tuple[Listed, ...], value: int) -> bool:
    """The longest prefix that holds it says whether."""
    held = [(length, not one.except_) for one in side for start, length in _prefixes(one)
            if value >> (32 - length) == start >> (32 - length)]  # fmt: skip
    return not side or (bool(held) and max(held)[1])


def _at(key: str, spans: tuple[tuple[int, int], ...], packet: Witness) -> bool:
    asked = {"source-port": (packet.sport,), "destination-port": (packet.dport,), "port": (packet.sport, packet.dport)}
    return any(low <= port <= high for port in asked[key] for low, high in spans)


def decided(terms: list[Term], packet: Witness) -> str:
    for term in terms:
        if not term.inactive and term.end != "next term" and matches(term, packet):
            return "permit" if term.end in {"accept", ""} else "deny"
    return "deny"


def commands(terms: list[Term]) -> list[str]:
    """The filter in the set form."""
    lines = [
        f"set policy-options prefix-list {name} {to_text(4, value)}/{length}"
        for name, held in LISTS.items()
        for value, length in held
    ]
    for number, term in enumerate(terms):
        begin = f"set firewall family inet filter F term t{number}"
        lines.append(f"{begin} then count c{number}")
        lines += [f"{begin} {words}" for words in _conditions(term)]
        lines += [f"{begin} then {term.end}"] if term.end else []
    lines += [f"deactivate firewall family inet filter F term t{at}" for at, one in enumerate(terms) if one.inactive]
    return lines


def _conditions(term: Term) -> list[str]:
    words = [f"from protocol {term.proto}"] if term.proto else []
    for side, listed in (("source", term.src), ("destination", term.dst)):
        for one in listed:
            what = f"prefix-list {one.name}" if one.name else f"address {to_text(4, one.value)}/{one.length}"
            words.append(f"from {side}-{what}{' except' if one.except_ else ''}")
    for key, spans in term.ports.items():
        words += [f"from {key} {low}" if low == high else f"from {key} {low}-{high}" for low, high in spans]
    return [*words, *(["from tcp-established"] if term.answers else [])]


def braces(terms: list[Term]) -> list[str]:
    """The filter with braces."""
    lines = ["policy-options {"]
    for name, held in LISTS.items():
        lines += [f"prefix-list {name} {{", *(f"{to_text(4, value)}/{length};" for value, length in held), "}"]
    lines += ["}", "firewall {", "family inet {", "filter F {"]
    for number, term in enumerate(terms):
        lines += [f"{'inactive: ' if term.inactive else ''}term t{number} {{", "from {"]
        if term.proto:
            lines.append(f"protocol {term.proto};")
        for side, listed in (("source", term.src), ("destination", term.dst)):
            for kind in ("address", "prefix-list"):
                held_ = [one for one in listed if bool(one.name) == (kind == "prefix-list")]
                texts = [one.name or f"{to_text(4, one.value)}/{one.length}" for one in held_]
                rows = [f"\t{text}{' except' * one.except_};" for text, one in zip(texts, held_, strict=True)]
                lines += [f"{side}-{kind} {{", *rows, "}"] if rows else []
        for key, spans in term.ports.items():
            lines.append(f"{key} [ {' '.join(f'{low}-{high}' for low, high in spans)} ];")
        lines += ["tcp-established;"] if term.answers else []
        lines += ["}", f"then {{ count c{number}; {term.end + ';' if term.end else ''} }}", "}"]
    return [*lines, "}", "}", "}"]


def packets(dice: Random, terms: list[Term]) -> list[Witness]:
    """Near the addresses and ports of the terms, and others."""
    found = []
    for _ in range(PACKETS):
        near = dice.choice(terms)
        number = PROTOCOLS[near.proto] if near.proto else dice.choice((1, 6, 17, 47))
        ports = [dice.choice((1, 4, 21, 22, 25, 26, 80, 443, 65533, 65534)) if number in {6, 17} else 0 for _ in "ab"]
        found.append(Witness(4, _of(dice, near.src), _of(dice, near.dst), number, ports[0], ports[1], None, None))
    return found


def _of(dice: Random, side: tuple[Listed, ...]) -> int:
    value, length = dice.choice(_prefixes(dice.choice(side))) if side else (0x0A000000, 20)
    inside = value | dice.getrandbits(32 - length) if length < 32 else value
    return inside ^ (1 << dice.randrange(12)) if dice.random() < 0.3 else inside


@pytest.mark.parametrize("write", [commands, braces], ids=["set", "braces"])
def test_every_packet_is_decided_by_the_first_term_that_ends(write: object) -> None:
    assert callable(write)
    asked = permitted = 0
    for number in range(90):
        dice = Random(f"filters/{number}")
        terms = drawn(dice)
        text = "\n".join([*write(terms), ""])
        reading = read_host([Artefact("filter", text.encode())])
        assert reading.unread == ()
        evaluator = Evaluator(reading, "F")
        for packet in packets(dice, terms):
            found, wanted = evaluator.decide(packet), decided(terms, packet)
            if found.decision == "unproven":  # an inactive term is dormant: it may hold again
                other = decided([one._replace(inactive=False) for one in terms], packet)
                assert other != wanted, (number, packet, text)
                continue
            assert found.decision == wanted, (number, packet, text)
            asked, permitted = asked + 1, permitted + (wanted == "permit")
    assert asked > 80 * PACKETS
    assert permitted > asked // 5


def test_both_forms_are_one_reading() -> None:
    for number in range(30):
        terms = drawn(Random(f"forms/{number}"))
        read = [read_host([Artefact("f", "\n".join([*write(terms), ""]).encode())]) for write in (commands, braces)]
        boxes = [
            [(rule.id, rule.action, rule.boxes, rule.enabled) for chain in one.chains for rule in chain.rules]
            for one in read
        ]
        assert boxes[0] == boxes[1]


BASE = """set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/24
set interfaces ge-0/0/0 unit 0 family inet filter input F
set firewall family inet filter F term a then accept
"""


@pytest.mark.parametrize(
    ("more", "unread"),
    [
        # `delete` takes the last word away: what is left of the path has no line of its own
        ("set firewall family inet filter F odd thing\ndelete firewall family inet filter F odd thing\n", {4}),
        ("set groups G system services ssh\nset apply-groups G set firewall\n", {5}),
        ("set groups G system services ssh\nset apply-groups [ G H ]\n", {5}),
    ],
)
def test_what_nobody_understood_is_named_with_its_line(more: str, unread: set[int]) -> None:
    reading = read_host([Artefact("config", (BASE + more).encode())])
    (lines,) = reading.lines.values()
    assert lines.unread == len(unread)
    assert {one.line for one in reading.unread} == unread
