"""The kernel and the evaluator are asked the same: a fixed share of what `./run oracle` does for minutes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compliance.traffic.boxes import PORT_TOP, Box
from compliance.traffic.witness import Witness
from evidence.formats.evaluate import Decision
from evidence.host import read_host
from evidence.rules import Action, Reading, Rule
from tests.house.source import TOP
from tests.oracle import compare, layout, rulesets, vocabulary
from tests.oracle.__main__ import MOST_UNPROVEN, main
from tests.oracle.claims import claims
from tests.oracle.compare import Disagreement, Tally
from tests.oracle.kernel import host
from tests.oracle.namespace import missing
from tests.oracle.packets import Asked
from tests.oracle.session import rounds
from tests.oracle.smaller import smallest

pytestmark = [pytest.mark.kernel, pytest.mark.slow]
SEED = "suite"


@pytest.fixture(autouse=True)
def _a_kernel_to_ask() -> None:
    why = missing()
    if why:
        pytest.skip(why)


def test_a_fixed_share_agrees_with_the_kernel() -> None:
    tally = Tally()
    for one in rounds(SEED, range(34), packets=40):
        assert not one.trouble
        tally.add(one.tally)
    assert [str(one) for one in tally.disagreements] == []
    asked = tally.verdicts + tally.unproven
    assert asked > 6_500
    assert tally.v6 > 0.4 * asked
    assert tally.unproven < MOST_UNPROVEN * asked
    # Neither "everything passes" nor "nothing passes" could have answered this.
    assert 0.15 * asked < tally.permitted < 0.85 * asked


def _with_rules(change: Callable[[Rule], Rule]) -> Callable[[Reading], Reading]:
    def misread(reading: Reading) -> Reading:
        chains = [replace(one, rules=tuple(change(rule) for rule in one.rules)) for one in reading.chains]
        return replace(reading, chains=tuple(chains))

    return misread


def _goto_returns(rule: Rule) -> Rule:
    return replace(rule, action=Action.JUMP) if rule.action is Action.GOTO else rule


def _return_goes_on(rule: Rule) -> Rule:
    return replace(rule, action=Action.CONTINUE) if rule.action is Action.RETURN else rule


def _one_port_more(rule: Rule) -> Rule:
    return replace(rule, boxes=tuple(_wider(box) for box in rule.boxes))


def _wider(box: Box) -> Box:
    return (*box[:9], min(PORT_TOP, box[9] + 1))


def _no_interfaces(rule: Rule) -> Rule:
    return replace(rule, iif=None, oif=None)


def _established_is_new(rule: Rule) -> Rule:
    return replace(rule, states=None)


def _legacy_is_not_seen(reading: Reading) -> Reading:
    kept = tuple(one for one in reading.chains if not (one.hook and "legacy" in one.name))
    names = {one.name for one in kept}
    points = tuple(replace(one, stages=tuple(name for name in one.stages if name in names)) for one in reading.points)
    return replace(reading, chains=kept, points=points)


CONTROLS: dict[str, Callable[[Reading], Reading]] = {
    "goto is a jump": _with_rules(_goto_returns),
    "return goes on": _with_rules(_return_goes_on),
    "ports are off by one": _with_rules(_one_port_more),
    "interfaces do not matter": _with_rules(_no_interfaces),
    "states do not matter": _with_rules(_established_is_new),
    "legacy tables are not seen": _legacy_is_not_seen,
}


@pytest.mark.parametrize("name", CONTROLS)
def test_a_broken_reading_is_found_out(name: str) -> None:
    """The negative control: an oracle that a wrong evaluator passes would prove nothing."""
    found = (one for one in rounds(SEED, range(160), packets=40, misread=CONTROLS[name]) if one.tally.disagreements)
    first = next(found, None)
    assert first is not None, "the kernel and a broken evaluator agreed on everything"
    text = "\n".join(first.lines(SEED))
    assert f"--seed {SEED} --only {first.number}" in text
    assert "the kernel " in text


def test_examples_of_verdicts_do_what_is_said(tmp_path: Path) -> None:
    """`eastwest check` on random rules and a random register: its examples are sent to the kernel."""
    drawn = layout.drawn(Random("claims/host"))
    tally, said = Tally(), list[bool]()
    with host(drawn, tmp_path) as kernel:
        for number in range(7):
            dice = Random(f"claims/{number}")
            words = vocabulary.drawn(dice, drawn)
            rules = rulesets.small(dice, words)
            kernel.load(rules)
            found = list(claims(dice, drawn, words, read_host(kernel.dumps(sets=False))))
            said.extend(one.passes for one in found)
            assert [str(one) for one in compare.claimed(kernel, found, rules, tally)] == []
    assert tally.claims == len(said)
    assert said.count(True) > 5
    assert said.count(False) > 0


def test_rules_are_made_smaller_until_only_what_matters_is_left(tmp_path: Path) -> None:
    drawn = layout.drawn(Random("smaller/host"))
    source, own = drawn.networks[4][0][0] + 9, drawn.own(4)[0]
    packet = Witness(4, source, own, 6, 40000, 22, drawn.links[0].name)
    lines = ["*filter", ":INPUT ACCEPT [0:0]", ":WEB - [0:0]", "-A INPUT -p udp -j ACCEPT", "-A INPUT -j WEB"]
    lines += ["-A WEB -p tcp --dport 80 -j ACCEPT", "-A WEB -p tcp --dport 22 -j DROP", "COMMIT", ""]
    rules = rulesets.Ruleset({"iptables-nft": "\n".join(lines)}, "table ip t {\n\tchain c {\n\t}\n}\n")
    ours = Decision("deny", "", None, (), "")
    with host(drawn, tmp_path) as kernel:
        found = smallest(kernel, Disagreement("INPUT", Asked(packet, packet), False, ours, rules))
    assert found.native == ""
    kept = [line for line in found.saved["iptables-nft"].splitlines() if line.startswith("-A")]
    assert kept == ["-A INPUT -j WEB", "-A WEB -p tcp --dport 22 -j DROP"]


def test_small_rules_agree_and_shrink(tmp_path: Path) -> None:
    """The same by hypothesis, which makes a counter-example as small as it can."""
    drawn = layout.drawn(Random("small/host"))
    with host(drawn, tmp_path) as kernel:

        @settings(
            max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True
        )
        @given(st.randoms(use_true_random=False))
        def agrees(dice: Random) -> None:
            words = vocabulary.drawn(dice, drawn)
            rules = rulesets.small(dice, words)
            tally = compare.one_ruleset(kernel, Random("packets"), 12, rules=rules, share_with_claims=0)
            assert [f"{one}\n{one.rules}" for one in tally.disagreements] == []

        agrees()


def test_the_command_ends_with_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "0", "1", "--seed", SEED]) == 0
    said = capsys.readouterr()
    assert said.out.startswith('{"verdicts": ')
    assert '"disagreements": 0, "unproven": ' in said.out
    assert "2 sets of rules, 0 of them without an answer" in said.err


def test_without_the_right_it_says_so_and_refuses() -> None:
    powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", sys.executable, "-B", "-m", "tests.oracle"]
    done = subprocess.run(powerless, cwd=TOP, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "The kernel cannot be asked here: a network namespace needs root or CAP_NET_ADMIN.\n"
