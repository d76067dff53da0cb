"""Golden dumps: each case of tests/corpus/<format>/<case>/ names its trap and what must come out of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from compliance.traffic import addresses, services
from compliance.traffic.witness import Witness
from evidence.formats.evaluate import decide
from evidence.host import read_host
from evidence.rules import Artefact, FormatError, Reading
from tests.bench.dumps import CORPUS, READ_HERE

CASES = sorted(path.parent for name in READ_HERE for path in (CORPUS / name).glob("*/expected.json"))


def ident(path: Path) -> str:
    return f"{path.parent.name}-{path.name}"


def artefacts(case: Path) -> list[Artefact]:
    """The files of a case, the one called config first: all dumps of one host."""
    files = sorted(path for path in case.iterdir() if path.name != "expected.json")
    return [Artefact(path.name, path.read_bytes()) for path in sorted(files, key=lambda path: path.name != "config")]


def packet(text: str) -> tuple[str, Witness]:
    """`INPUT SRC DST PROTO SPORT DPORT [IN [OUT]]`."""
    point, src, dst, proto, sport, dport, *interfaces = text.split()
    family, source = addresses.parse_host(src)
    iif, oif = (*interfaces, None, None)[:2]
    target, number = addresses.parse_host(dst)[1], services.protocol_number(proto)
    return point, Witness(family, source, target, number, int(sport), int(dport), iif, oif)


@pytest.mark.parametrize("case", CASES, ids=ident)
def test_case(case: Path) -> None:
    expected = json.loads((case / "expected.json").read_text())
    if "refused" in expected:
        with pytest.raises(FormatError) as refused:
            read_host(artefacts(case))
        assert expected["refused"] in str(refused.value)
        return
    reading = read_host(artefacts(case))
    assert lines(reading) == expected["lines"]
    assert_unread(reading, expected["unread"])
    assert_facts(reading, expected)
    assert [answer(reading, one) for one in expected["decisions"]] == expected["decisions"]


def lines(reading: Reading) -> list[int]:
    counts = [(one.total, one.consumed, one.ignored, one.unread) for one in reading.lines.values()]
    return [sum(column) for column in zip(*counts, strict=True)]


def assert_unread(reading: Reading, expected: list[Any]) -> None:
    found: dict[tuple[int, str], list[str]] = {}
    for one in reading.unread:
        found.setdefault((one.line, one.reason), []).append(one.point)
    assert [[line, points] for (line, _), points in found.items()] == [[line, points] for line, _, points in expected]
    for (_, reason), (_, part, _) in zip(found, expected, strict=True):
        assert part in reason


def assert_facts(reading: Reading, expected: dict[str, Any]) -> None:
    """What only some cases state: comments and lines of rules, addresses, routes."""
    rules = {rule.id: rule for chain in reading.chains for rule in chain.rules}
    for name, comment in expected.get("comments", {}).items():
        assert rules[name].origin.comment == comment
    for name, span in expected.get("origins", {}).items():
        assert [rules[name].origin.first, rules[name].origin.last] == span
    if "addresses" in expected:
        held = {
            name: [f"{addresses.to_text(family, value)}/{length}" for family, value, length in entries]
            for name, entries in reading.addresses.items()
        }
        assert held == expected["addresses"]
    if "neighbours" in expected:
        met = [
            f"{addresses.to_text(one.family, one.address)} {one.interface} {one.mac or '-'}{' by hand' * one.by_hand}"
            for one in reading.neighbours
        ]
        assert met == expected["neighbours"]
    if "routes" in expected:
        said = [
            f"{one.family} {addresses.say(one.family, one.low, one.high)} {one.interface} {one.table} {one.metric}"
            for one in reading.routes
        ]
        assert said == expected["routes"]


def answer(reading: Reading, wanted: dict[str, str]) -> dict[str, str]:
    """The decision in the shape of the expectation: the rule is compared where the case names one."""
    point, probe = packet(wanted["packet"])
    found = decide(reading, point, probe)
    said = {"packet": wanted["packet"], "decision": found.decision}
    return {**said, "rule": found.rule} if "rule" in wanted else said


def test_every_case_names_its_trap() -> None:
    assert len(CASES) >= 30
    assert [ident(case) for case in CASES if not json.loads((case / "expected.json").read_text()).get("trap")] == []
