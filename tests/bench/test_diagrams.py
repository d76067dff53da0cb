"""The evaluator and the algebra against decision diagrams, over the whole IPv4 space and not a tiny one."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.traffic.boxes import FULL, PORT_TOP, Box
from compliance.traffic.difference import beyond
from compliance.traffic.residual import disjoint, residual
from evidence.formats.evaluate import pieces
from evidence.host import read_host
from evidence.rules import Action, Artefact, Chain, Reading, Rule
from tests.oracle import layout, vocabulary
from tests.oracle.iptables_rules import Writer
from tests.traffic.robdd import EVERYTHING, NOTHING, Diagrams

ANSWERS = ("permit", "deny")
NEW_ICMP = (8, 13, 15, 17)  # RFC 792 and 950: the questions
ZONES = {"office": "10.20.0.0/16", "servers": "10.30.0.0/20", "backup": "10.40.8.0/22", "partner": "203.0.113.64/26"}
SERVICES = ("tcp --dport 22", "tcp --dport 443", "tcp --dport 5432:5440", "udp --dport 53", "udp --dport 137:139")


class Naive:
    """Follows every packet at once through the chains, with diagrams for the sets."""

    def __init__(self, reading: Reading, point: str, iif: str, oif: str) -> None:
        self.diagrams = Diagrams()
        self._chains = {chain.name: chain for chain in reading.chains}
        self._stages = next(one.stages for one in reading.points if one.name == point)
        self._at = (iif, oif)
        self._matched: dict[int, int] = {}

    def passing(self) -> int:
        """The packets that every stage lets on."""
        left = self.diagrams.real()
        for name in self._stages:
            chain = self._chains[name]
            accepted, ended = self._chain(chain, left, blind=chain.hook == "prerouting")
            left = self.diagrams.either(accepted, ended if chain.default is Action.PERMIT else NOTHING)
        return left

    def _chain(self, chain: Chain, coming: int, *, blind: bool) -> tuple[int, int]:
        """(accepted, those that leave at the end or by a return); the others are dropped."""
        sets, accepted, back = self.diagrams, NOTHING, NOTHING
        for rule in chain.rules:
            if rule.id.endswith("#policy") or not self._sees(rule, blind=blind):
                continue
            hit = sets.both(coming, self._match(rule))
            if hit == NOTHING or rule.action is Action.CONTINUE:
                continue
            coming = sets.without(coming, hit)
            if rule.action is Action.PERMIT:
                accepted = sets.either(accepted, hit)
            elif rule.action is Action.RETURN:
                back = sets.either(back, hit)
            elif rule.action in {Action.JUMP, Action.GOTO}:
                inside, ended = self._chain(self._chains[rule.target], hit, blind=blind)
                accepted = sets.either(accepted, inside)
                if rule.action is Action.JUMP:
                    coming = sets.either(coming, ended)
                else:
                    back = sets.either(back, ended)
        return accepted, sets.either(back, coming)

    def _sees(self, rule: Rule, *, blind: bool) -> bool:
        iif, oif = self._at
        return rule.family == 4 and _named(rule.iif, iif) and _named(rule.oif, "" if blind else oif)

    def _match(self, rule: Rule) -> int:
        if id(rule) not in self._matched:
            found = self.diagrams.union([self.diagrams.box(box) for box in rule.boxes])
            self._matched[id(rule)] = self.diagrams.both(found, self._born(rule.states))
        return self._matched[id(rule)]

    def _born(self, states: frozenset[str] | None) -> int:
        if states is None:
            return EVERYTHING
        sets = self.diagrams
        icmp = sets.between(2, 1, 1)
        asks = sets.union([sets.between(3, kind, kind) for kind in NEW_ICMP])
        invalid = sets.without(icmp, asks)
        found = sets.without(EVERYTHING, invalid) if "NEW" in states else NOTHING
        return sets.either(found, invalid) if "INVALID" in states else found


def _named(limit: frozenset[str] | None, name: str) -> bool:
    if limit is None:
        return True
    kept = [one for one in limit if not one.startswith("!")]
    if any(_is(one[1:], name) for one in limit if one.startswith("!")):
        return False
    return not kept or any(_is(one, name) for one in kept)


def _is(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("+") else name == pattern


def _agree(text: str, point: str, iif: str, oif: str) -> int:
    """Both ways, compared; the number of pieces."""
    reading = read_host([Artefact("rules.v4", text.encode(), "iptables-save")])
    assert reading.unread == ()
    found = pieces(reading, point, 4, FULL[4], iif=iif, oif=oif)
    naive = Naive(reading, point, iif, oif)
    passing, sets = naive.passing(), naive.diagrams
    expected = {"permit": passing, "deny": sets.without(sets.real(), passing)}
    ours = {
        answer: sets.both(sets.real(), sets.union([sets.box(piece.box) for piece in found if piece.decision == answer]))
        for answer in ANSWERS
    }
    assert ours == expected
    assert {piece.decision for piece in found} <= set(ANSWERS)
    return len(found)


def _estate(dice: Random) -> str:
    """A firewall as people write them: a chain for each pair of zones, services in it, a few hosts shut out first."""
    pairs = [(one, other) for one in ZONES for other in ZONES if one != other]
    lines = ["*filter", ":INPUT ACCEPT [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]"]
    lines += [f":{one}-{other} - [0:0]" for one, other in pairs]
    lines += ["-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"]
    lines += ["-A FORWARD -m conntrack --ctstate INVALID -j DROP"]
    lines += ["-A FORWARD -s 10.20.66.0/24 -d 10.30.0.0/20 -j DROP"]
    lines += [f"-A FORWARD -s {ZONES[one]} -d {ZONES[other]} -j {one}-{other}" for one, other in pairs]
    lines += ["-A FORWARD -p icmp --icmp-type 8 -j ACCEPT"]
    for one, other in pairs:
        base = ZONES[other].rpartition(".")[0]
        for _ in range(dice.randint(6, 12)):
            target = f"{base}.{dice.randint(65, 120)}"
            action = dice.choice(("ACCEPT", "ACCEPT", "DROP", "RETURN"))
            lines.append(f"-A {one}-{other} -d {target} -p {dice.choice(SERVICES)} -j {action}")
    return "\n".join([*lines, "COMMIT", ""])


def test_a_firewall_of_a_hundred_rules() -> None:
    text = _estate(Random(11))
    assert text.count("\n-A ") > 100
    assert _agree(text, "FORWARD", "eth0", "eth1") > 100


@pytest.mark.parametrize("number", range(12))
def test_random_tables_with_calls_and_returns(number: int) -> None:
    dice = Random(f"diagrams/{number}")
    words = vocabulary.drawn(dice, layout.drawn(dice))
    text = Writer(dice, words, 4, doubt=0).save_text(("raw", "mangle", "filter"))
    point = ("INPUT", "FORWARD", "OUTPUT")[number % 3]
    iif = "" if point == "OUTPUT" else words.links[0]
    oif = "" if point == "INPUT" else words.links[-1]
    _agree(text, point, iif, oif)


@st.composite
def large_boxes(draw: st.DrawFn) -> Box:
    """Boxes of the whole space whose bounds meet often."""
    ends: list[int] = []
    for top in (2**32 - 1, 2**32 - 1, 255, PORT_TOP, PORT_TOP):
        near = st.sampled_from((0, 1, top // 3, top // 2, top // 2 + 1, top - 1, top))
        ends.extend(sorted((draw(near), draw(near))))
    return (ends[0], ends[1], ends[2], ends[3], ends[4], ends[5], ends[6], ends[7], ends[8], ends[9])


@settings(max_examples=60, deadline=None)
@given(large_boxes(), st.lists(large_boxes(), max_size=12), st.lists(large_boxes(), max_size=12))
def test_the_algebra_is_that_of_sets(box: Box, a: list[Box], b: list[Box]) -> None:
    sets = Diagrams()

    def drawn(found: list[Box]) -> int:
        return sets.both(sets.real(), sets.union([sets.box(one) for one in found]))

    assert drawn(list(residual(box, a))) == sets.without(drawn([box]), drawn(a))
    assert drawn(disjoint(a)) == drawn(a)
    assert drawn(list(beyond(a, b))) == sets.without(drawn(a), drawn(b))
