"""What is proposed for a Cisco list, read back by the reader: the authorised part of the entry, and nothing else."""

from __future__ import annotations

import re

import pytest

from compliance.traffic.boxes import Box, Family, box_of
from evidence.formats import asa, ios
from evidence.narrower import commands
from evidence.rules import Artefact, Rule

APP, DB = (0x0A14141F, 0x0A14141F), (0x0A141E00, 0x0A141EFF)
WANTED: list[tuple[Family, Box]] = [
    (4, box_of(4, src=APP, dst=DB, proto=6, dport=5432)),
    (4, box_of(4, src=APP, dst=DB, proto=17, dport=(5000, 5010))),
    (4, box_of(4, dst=DB, proto=1, sport=8)),
]


def parts(rules: list[Rule], rule: str) -> list[Rule]:
    """The parts of a rule."""
    return [one for one in rules if one.id == rule]


def ios_list(*lines: str, head: str = "ip access-list extended IN") -> list[Rule]:
    """The rules of a list."""
    text = "\n".join([head, *lines, ""])
    return [rule for chain in ios.read([Artefact("a", text.encode())]).chains for rule in chain.rules]


def boxes(rules: list[Rule]) -> set[Box]:
    """What the entries permit."""
    return {box for rule in rules if rule.action == "permit" for box in rule.boxes}


def test_an_entry_of_ios_is_replaced_in_its_place_by_its_authorised_part() -> None:
    typed = commands(parts(ios_list(" permit ip any any"), "ios:acl/IN#10"), WANTED)
    assert typed[:3] == ["configure terminal", "ip access-list extended IN", " no 10"]
    assert typed[3] == " 10 permit tcp host 10.20.20.31 10.20.30.0 0.0.0.255 eq 5432"
    assert boxes(ios_list(*typed[3:-1])) == {box for _, box in WANTED}


def test_several_lines_are_not_proposed_where_their_numbers_may_be_taken() -> None:
    assert commands(parts(ios_list(" 15 permit ip any any"), "ios:acl/IN#15"), WANTED) == []
    one = commands(parts(ios_list(" 15 permit ip any any"), "ios:acl/IN#15"), WANTED[:1])
    assert one[3].startswith(" 15 permit tcp")


@pytest.mark.parametrize("line", [" permit 10.0.0.0 0.255.255.255", " permit any", " permit host 10.20.20.31"])
def test_a_list_of_sources_alone_cannot_say_it(line: str) -> None:
    rules = ios_list(line, head="ip access-list standard IN")
    assert commands(parts(rules, "ios:acl/IN#10"), WANTED) == []


def test_an_entry_of_an_asa_is_put_in_front_and_the_old_one_goes() -> None:
    old = "access-list IN extended permit ip any4 any4"
    rules = [rule for chain in asa.read([Artefact("a", f"{old}\n".encode())]).chains for rule in chain.rules]
    typed = commands([one for one in rules if one.id == "asa:acl/IN#1"], WANTED)
    assert typed[-2] == f"no {old}"
    assert typed[1] == "access-list IN line 1 extended permit tcp host 10.20.20.31 10.20.30.0 255.255.255.0 eq 5432"
    again = "\n".join(re.sub(r" line \d+ ", " ", line) for line in typed[1:-2])
    read = [rule for chain in asa.read([Artefact("a", f"{again}\n".encode())]).chains for rule in chain.rules]
    assert boxes([one for one in read if "implicit" not in one.id]) == {box for _, box in WANTED}


def test_what_an_entry_may_match_besides_is_never_narrowed() -> None:
    rules = ios_list(" permit tcp any any time-range NIGHT")
    assert commands(parts(rules, "ios:acl/IN#10"), WANTED) == []
    assert commands(parts(ios_list(" permit ip any object-group GONE"), "ios:acl/IN#10"), WANTED) == []
