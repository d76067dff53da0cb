"""Proposed narrower terms of Junos: typed behind the configuration and read again, they permit what is authorised."""

from __future__ import annotations

import pytest

from compliance.traffic.boxes import FULL, Box, box_of, intersect_all
from compliance.traffic.residual import same_traffic
from evidence.formats.evaluate import Evaluator
from evidence.host import read_host
from evidence.narrower import commands
from evidence.rules import Artefact

TERMS = {
    "wide": ("then accept",),
    "ports": ("from protocol tcp", "from destination-port 1-9000", "from tcp-initial", "then count c", "then accept"),
    "list": ("from source-prefix-list CLERKS", "from protocol [ tcp udp ]", "then accept"),
    "sides": ("from address 10.0.0.0/24", "from protocol udp", "from port 53", "then accept"),
}
REGISTER: list[Box] = [
    box_of(4, src=(0x0A000008, 0x0A00000F), dst=0x0A010001, proto=6, dport=443),
    box_of(4, src=0x0A000020, dst=(0x0A010000, 0x0A0100FF), proto=17, dport=(53, 54)),
]


def text(*said: str) -> str:
    begin = "set firewall family inet filter F term"
    lines = ["set policy-options prefix-list CLERKS 10.0.0.0/24", f"{begin} before from protocol esp"]
    lines += [f"{begin} before then discard", *(f"{begin} t {words}" for words in said), f"{begin} last then discard"]
    return "\n".join([*lines, ""])


def permitted(config: str) -> list[Box]:
    reading = read_host([Artefact("f", config.encode())])
    assert not reading.unread
    pieces = list(Evaluator(reading, "F").pieces(4, FULL[4]))
    assert [piece for piece in pieces if piece.decision == "unproven"] == []
    return [piece.box for piece in pieces if piece.decision == "permit"]


@pytest.mark.parametrize("name", sorted(TERMS))
def test_what_is_typed_permits_what_is_authorised_of_the_term(name: str) -> None:
    config = text(*TERMS[name])
    reading = read_host([Artefact("f", config.encode())])
    parts = [rule for chain in reading.chains for rule in chain.rules if rule.id == "junos:filter/F#t"]
    typed = commands(parts, [(4, box) for box in REGISTER])
    assert typed
    wanted = intersect_all(permitted(config), REGISTER)
    assert wanted
    assert same_traffic(permitted(config + "\n".join([*typed, ""])), wanted)
    assert not any("from tcp-initial" in line for line in typed)  # what a box does not say stays as it is


def test_nothing_is_proposed_where_a_part_is_in_doubt_or_a_range_is_no_prefix() -> None:
    reading = read_host([Artefact("f", text("from destination-port 22", "then accept").encode())])
    parts = [rule for chain in reading.chains for rule in chain.rules if rule.id == "junos:filter/F#t"]
    assert commands(parts, [(4, REGISTER[0])]) == []
    reading = read_host([Artefact("f", text("then accept").encode())])
    parts = [rule for chain in reading.chains for rule in chain.rules if rule.id == "junos:filter/F#t"]
    assert commands(parts, [(4, box_of(4, src=(0x0A000001, 0x0A000003), proto=6))]) == []
