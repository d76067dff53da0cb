"""Both answers to the same configuration, line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from compliance.traffic.boxes import FAMILIES
from compliance.traffic.policy import Policy
from evidence.formats.cisco_entry import ANSWERS
from evidence.formats.table import detect
from evidence.rule_counts import ENDS, never_reached
from evidence.rules import Action, Artefact, Chain, Reading
from tests.lines import junos, texts
from tests.lines.formulas import Bits, unreachable
from tests.lines.meanings import LeftOut, Meaning, Reference


@dataclass(slots=True)
class Tally:
    """What was compared. `left_out`: why a list was not, and how many; `told`: each difference in words."""

    lists: int = 0
    lines: int = 0
    unreachable: int = 0
    empty: int = 0
    shadowed: int = 0
    longest: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)

    def said(self) -> dict[str, object]:
        """For the last line of the command."""
        return {
            "lists": self.lists, "lines": self.lines, "unreachable": self.unreachable,
            "empty": self.empty, "shadowed": self.shadowed, "differences": len(self.told),
            "left_out": sum(self.left_out.values()), "why": dict(sorted(self.left_out.items())),
        }  # fmt: skip


def compare(name: str, content: bytes, tally: Tally, bits: Bits) -> None:
    """Every list of one configuration. Raises FormatError where Eastwest does not read it."""
    artefact = Artefact(name, content)
    reading = detect(artefact).read([artefact])
    plain = content.decode("utf-8", "replace")
    if junos.is_junos(plain):
        for one in junos.filters(plain, bits):
            where = f"{name}: {'IPv6 ' if one.family == 6 else ''}filter {one.name}"
            _list(where, one.chain, one.of, reading, tally, bits)
        return
    text = texts.read(plain)
    tally.left_out["not of IP, or IPv6 of an old ASA"] += len(text.others)
    reference = Reference(text, bits)
    for held in text.lists.values():
        if held.lines or held.problem:
            where = f"{name}: {'IPv6 ' if held.family == 6 else ''}list {held.name}"
            called = f"{'ipv6-' if held.family == 6 else ''}acl/{held.name}"
            _list(where, called, partial(_of_cisco, held, reference), reading, tally, bits)


def _of_cisco(held: texts.Listing, reference: Reference) -> dict[int, Meaning]:
    if held.problem:
        raise LeftOut(held.problem)
    return {line.number: reference.of(held, line) for line in held.lines}


def _list(
    where: str, called: str, of: Callable[[], dict[int, Meaning]], reading: Reading, tally: Tally, bits: Bits
) -> None:
    """One list. `called`: as its chain is; `of`: what the reference says of each line that stands in it."""
    try:
        meanings = of()
    except LeftOut as problem:
        tally.left_out[str(problem)] += 1
        return
    chain = next((one for one in reading.chains if one.name.partition(":")[2] == called), None)
    mine = written(chain) if chain is not None else set()
    lost = meanings.keys() ^ mine
    if lost & {line for one in reading.unread for line in (one.line,)}:
        tally.left_out["a line that Eastwest says it cannot read"] += 1
        return
    if chain is None or lost:
        tally.told.append(f"{where}: lines {sorted(lost)} are read by one alone")
        return
    found = never_reached([chain])
    if found is None:
        tally.left_out["too long or too entangled, says Eastwest"] += 1
        return
    hidden, empty = unreachable(((number, one.may, one.surely) for number, one in meanings.items()), bits)
    hidden -= {number for number, one in meanings.items() if not one.judged}
    mine = {rule.origin.first for rule in found}
    doubts = _doubts(chain, meanings)
    if doubts:  # it may call fewer unreachable than are, and says why: but never one that is not
        tally.left_out[f"not all is said: {doubts[0]}"] += 1
        _tell(where, "never_reached", mine - hidden, set(), tally)
        return
    tally.lists += 1
    tally.lines += len(meanings)
    tally.longest = max(tally.longest, len(meanings))
    tally.unreachable += len(hidden)
    tally.empty += len(empty)
    _tell(where, "never_reached", mine, hidden, tally)
    _policy(where, chain, hidden, tally)


def written(chain: Chain) -> set[int]:
    """The lines of the file that the rules of a chain come from; what nobody wrote comes from none."""
    return {rule.origin.first for rule in chain.rules if "#implicit" not in rule.id}


def _doubts(chain: Chain, meanings: Mapping[int, Meaning]) -> list[str]:
    """What Eastwest is not sure of in lines that the reference is sure of, and where it looks at words alone."""
    words = ["flags of TCP, compared by their words" for rule in chain.rules if rule.states not in {None, ANSWERS}]
    return words + [
        residue.text.partition(": ")[0].rstrip("0123456789. ")
        for rule in chain.rules
        for residue in rule.residue
        if (line := meanings.get(rule.origin.first)) is not None and line.judged and line.surely == line.may
    ]


def _tell(where: str, who: str, mine: set[int], theirs: set[int], tally: Tally) -> None:
    for line in sorted(mine - theirs):
        tally.told.append(f"{where}, line {line}: unreachable says {who}, and it is not")
    for line in sorted(theirs - mine):
        tally.told.append(f"{where}, line {line}: unreachable, and {who} does not say so")


def _policy(where: str, chain: Chain, hidden: set[int], tally: Tally) -> None:
    """The same of `Policy.shadow`, of the lines that are boxes and nothing else: those of every family and box."""
    rules = [rule for rule in chain.rules if "#implicit" not in rule.id and rule.enabled]
    plain = [rule for rule in rules if rule.boxes and rule.states is None and not rule.residue and rule.action in ENDS]
    judged = {rule.origin.first for rule in plain} - {rule.origin.first for rule in rules if rule not in plain}
    reached = set[int]()
    for family in FAMILIES:
        listed = [(rule, box) for rule in plain if rule.family == family for box in rule.boxes]
        policy = Policy((box, rule.action is Action.PERMIT) for rule, box in listed)
        reached |= {rule.origin.first for place, (rule, _) in enumerate(listed) if policy.shadow(place) is None}
    tally.shadowed += len(judged - reached)
    _tell(where, "Policy.shadow", judged - reached, hidden & judged, tally)


def all_of(files: Sequence[tuple[str, bytes]]) -> Tally:
    """The configurations one after the other, each with bits of its own."""
    tally = Tally()
    for name, content in files:
        compare(name, content, tally, Bits())
    return tally
