"""One set of rules, all the way: loaded, dumped, read, evaluated, and asked of the kernel packet by packet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from compliance.traffic.witness import Witness
from evidence.formats.evaluate import Decision, Evaluator
from evidence.host import read_host
from evidence.rules import Reading
from tests.oracle import packets, rulesets, vocabulary
from tests.oracle.claims import Claim, claims
from tests.oracle.kernel import Kernel
from tests.oracle.packets import POINTS, Asked
from tests.oracle.rulesets import Ruleset

SHARE_WITH_CLAIMS = 0.03  # sets of rules for which a register is judged as well
ASKED_TWICE = 10  # every tenth packet is asked about as a region, too
TRIES = 3  # a packet of which the two do not say the same is sent again, alone


def as_read(reading: Reading) -> Reading:
    """The reading as it is. A control puts a wrong one in its place."""
    return reading


@dataclass(frozen=True, slots=True)
class Disagreement:
    """The kernel and we do not say the same of one packet."""

    point: str
    packet: Asked
    passed: bool
    ours: Decision
    rules: Ruleset

    def __str__(self) -> str:
        sent, asked = self.packet
        blank = "" if asked == sent else " (asked without its interfaces)"
        kernel = "lets it through" if self.passed else "stops it"
        return (
            f"{self.point} {sent} sport {sent.sport} dport {sent.dport} in {sent.iif} out {sent.oif}{blank}: "
            f"the kernel {kernel}; we say {self.ours.decision} by {self.ours.rule} "
            f"{list(self.ours.path)} `{self.ours.origin.text if self.ours.origin else ''}`: {self.ours.because}"
        )


@dataclass(slots=True)
class Tally:
    """What was compared. `verdicts`: packets that both the kernel and we decided; `unproven`: we did not.

    `claims`: those of the verdicts that are examples of `eastwest check`. `withdrawn`: the kernel differed, and alone
    it did not.
    """

    verdicts: int = 0
    v6: int = 0
    permitted: int = 0
    unproven: int = 0
    rulesets: int = 0
    claims: int = 0
    withdrawn: int = 0
    disagreements: list[Disagreement] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Count another one in."""
        self.verdicts += other.verdicts
        self.v6 += other.v6
        self.permitted += other.permitted
        self.unproven += other.unproven
        self.rulesets += other.rulesets
        self.claims += other.claims
        self.withdrawn += other.withdrawn
        self.disagreements.extend(other.disagreements)


def one_ruleset(
    kernel: Kernel,
    dice: Random,
    count: int,
    *,
    rules: Ruleset | None = None,
    misread: Callable[[Reading], Reading] = as_read,
    share_with_claims: float = SHARE_WITH_CLAIMS,
) -> Tally:
    """Random rules (or those given) and `count` packets for each point and family. Raises ToolRefused, Lost."""
    words = vocabulary.drawn(dice, kernel.layout)
    if rules is None:
        rules = rulesets.drawn(dice, words)
    kernel.load(rules)
    reading = misread(read_host(kernel.dumps(sets=bool(rules.sets))))
    evaluators = {point: Evaluator(reading, point) for point in POINTS}
    tally = Tally(rulesets=1)
    for point, asked in packets.drawn(dice, kernel.layout, words, evaluators, reading, count).items():
        tally.disagreements.extend(compared(kernel, evaluators[point], point, asked, rules, tally))
    if dice.random() < share_with_claims:
        tally.disagreements.extend(claimed(kernel, claims(dice, kernel.layout, words, reading), rules, tally))
    return tally


def compared(
    kernel: Kernel, evaluator: Evaluator, point: str, asked: Sequence[Asked], rules: Ruleset, tally: Tally
) -> Iterator[Disagreement]:
    """Ask both sides about every packet; gives where they differ and counts in `tally`. Raises Lost."""
    came = kernel.passes(point, [one.sent for one in asked])
    for place, (one, passed) in enumerate(zip(asked, came, strict=True)):
        ours = evaluator.decide(one.asked)
        if place % ASKED_TWICE == 0 and (other := as_a_region(evaluator, one.asked)) != ours.decision:
            because = f"as a region it is {other}, as a packet {ours.decision}: {ours.because}"
            yield Disagreement(point, one, passed, replace(ours, because=because), rules)
        if ours.decision == "unproven":
            tally.unproven += 1
            continue
        tally.verdicts += 1
        tally.v6 += one.sent.family == 6
        tally.permitted += passed
        if (ours.decision == "permit") != passed:
            if _again(kernel, point, one.sent) == passed:
                yield Disagreement(point, one, passed, ours, rules)
            else:
                tally.withdrawn += 1


def as_a_region(evaluator: Evaluator, packet: Witness) -> str:
    """The decision of the evaluator's other door: regions, of which the packet is a small one."""
    found = evaluator.pieces(packet.family, packet.box(), iif=packet.iif, oif=packet.oif)
    return found[0].decision if found else "unproven"


def claimed(kernel: Kernel, said: Iterable[Claim], rules: Ruleset, tally: Tally) -> Iterator[Disagreement]:
    """Send the examples of `eastwest check`; gives those that do not do what is said. Raises Lost."""
    for one in said:
        passed = kernel.passes(one.point, [one.packet])[0]
        tally.verdicts += 1
        tally.v6 += one.packet.family == 6
        tally.permitted += passed
        tally.claims += 1
        if one.passes != passed and _again(kernel, one.point, one.packet) == passed:
            because = f"{one.judgement.verdict} of {one.judgement.subject}: {one.judgement.because}"
            ours = Decision("permit" if one.passes else "deny", one.judgement.rule, None, (), because)
            yield Disagreement(one.point, Asked(one.packet, one.packet), passed, ours, rules)


def _again(kernel: Kernel, point: str, packet: Witness) -> bool:
    """Whether the packet comes through when it is sent alone, once of a few times at least.

    What was stopped may have been lost on the way. What came through may have been no first packet of a flow: an
    answer (ICMP, from and to one address) whose question was in the same batch. Alone it is what we are asked about.
    """
    return any(kernel.passes(point, [packet])[0] for _ in range(TRIES))
